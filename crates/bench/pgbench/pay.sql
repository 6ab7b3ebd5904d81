-- The payment of the hold made just before, in the same manner: token, reservation, seat and wallet;
-- the clock; the six writes. Each wallet was charged once, with the price of one seat.
BEGIN;
SELECT user_id, state, claimed_at, session_seconds, lapses_at
    FROM queue_tokens
    WHERE schedule_id = :schedule AND token_id = lpad(:fan::text, 32, '0')::uuid FOR UPDATE;
SELECT user_id, token_id, seat_numbers, total_price, state, held_until
    FROM reservations
    WHERE schedule_id = :schedule AND reservation_id = lpad(:n::text, 32, '0')::uuid FOR UPDATE;
SELECT status, reservation_id, held_until, version
    FROM seats
    WHERE schedule_id = :schedule AND number = :seat FOR UPDATE;
SELECT wallet_id, balance, entries
    FROM wallets
    WHERE user_id = lpad(:fan::text, 32, '0')::uuid FOR UPDATE;
SELECT clock_timestamp() AS now \gset
UPDATE wallets SET balance = balance - 50000, entries = entries + 1
    WHERE user_id = lpad(:fan::text, 32, '0')::uuid;
INSERT INTO wallet_entries (user_id, number, entry_id, kind, amount, balance_after, reservation_id,
        created_at)
    VALUES (lpad(:fan::text, 32, '0')::uuid, 2, lpad(:n::text, 32, '0')::uuid, 'payment', -50000, 0,
        lpad(:n::text, 32, '0')::uuid, :now::timestamptz);
UPDATE seats SET status = 'sold', held_until = NULL, version = version + 1
    WHERE schedule_id = :schedule AND number = :seat;
UPDATE reservations SET state = 'confirmed', ended_at = :now::timestamptz
    WHERE schedule_id = :schedule AND reservation_id = lpad(:n::text, 32, '0')::uuid;
INSERT INTO payments (user_id, payment_id, schedule_id, reservation_id, status, amount, seat_numbers,
        created_at, paid_at)
    VALUES (lpad(:fan::text, 32, '0')::uuid, lpad(:n::text, 32, '0')::uuid, :schedule,
        lpad(:n::text, 32, '0')::uuid, 'succeeded', 50000, ARRAY[:seat::integer],
        :now::timestamptz, :now::timestamptz);
UPDATE queue_tokens SET state = 'completed', ended_at = :now::timestamptz
    WHERE schedule_id = :schedule AND token_id = lpad(:fan::text, 32, '0')::uuid;
COMMIT;
