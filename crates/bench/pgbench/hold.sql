-- One hold as a careful engineer writes it by hand: the fan's token, what the fan has already, the
-- seat; the clock, once all is locked; the three writes.
--
-- Everything derives from the number `n`, which no two transactions share: each client counts
-- through a stretch of its own. Ids are such numbers, written as UUIDs.
\set i :i + 1
\set n :first + :client_id * :stride + :i
\set fan :n / :seats_per_fan
\set seat :n - :first + 1
BEGIN;
SELECT user_id, state, claimed_at, session_seconds, lapses_at
    FROM queue_tokens
    WHERE schedule_id = :schedule AND token_id = lpad(:fan::text, 32, '0')::uuid FOR UPDATE;
SELECT seat_numbers, state, held_until
    FROM reservations
    WHERE schedule_id = :schedule AND user_id = lpad(:fan::text, 32, '0')::uuid
        AND state IN ('held', 'confirmed');
SELECT status, held_until, version
    FROM seats
    WHERE schedule_id = :schedule AND number = :seat FOR UPDATE;
SELECT clock_timestamp() AS now \gset
UPDATE seats
    SET status = 'held', reservation_id = lpad(:n::text, 32, '0')::uuid,
        user_id = lpad(:fan::text, 32, '0')::uuid,
        held_until = :now::timestamptz + interval '1 hour', version = version + 1
    WHERE schedule_id = :schedule AND number = :seat;
INSERT INTO reservations (schedule_id, reservation_id, user_id, token_id, seat_numbers, total_price,
        state, held_at, held_until)
    VALUES (:schedule, lpad(:n::text, 32, '0')::uuid, lpad(:fan::text, 32, '0')::uuid,
        lpad(:fan::text, 32, '0')::uuid, ARRAY[:seat::integer], 50000,
        'held', :now::timestamptz, :now::timestamptz + interval '1 hour');
UPDATE queue_tokens SET lapses_at = :now::timestamptz + interval '1 hour'
    WHERE schedule_id = :schedule AND token_id = lpad(:fan::text, 32, '0')::uuid;
COMMIT;
