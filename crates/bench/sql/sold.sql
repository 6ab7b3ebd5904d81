-- One sold-out performance, as the service would have left it: {fans} fans, each of whom bought four of
-- the {seats} seats. Ids are numbers from {first} on, written as UUIDs.
INSERT INTO concerts VALUES ('{schedule}', 'Sold out', 'Olympic Hall, Seoul', now());
INSERT INTO schedules (schedule_id, concert_id, date, starts_at, booking_opens_at, booking_closes_at, created_at)
    VALUES ('{schedule}', '{schedule}', '2099-06-01', '2099-06-01 10:00Z', '2020-01-01', '2099-06-01 10:00Z', now());
INSERT INTO seat_blocks (schedule_id, ordinal, rows, seats_per_row, price) VALUES ('{schedule}', 0, 1, {seats}, 50000);
INSERT INTO lines VALUES ('{schedule}', {fans});
INSERT INTO gates VALUES ('{schedule}', 1000000, 1000000, 3600, false, {fans}, NULL);
CREATE TEMPORARY TABLE fans AS
    SELECT place, lpad((place - 1 + {first})::text, 32, '0')::uuid AS id,
        ARRAY[4 * place - 3, 4 * place - 2, 4 * place - 1, 4 * place] AS seat_numbers
    FROM generate_series(1, {fans}) place;
INSERT INTO seats (schedule_id, number, status, reservation_id, user_id, version)
    SELECT '{schedule}', unnest(seat_numbers), 'sold', id, id, 2 FROM fans;
INSERT INTO users SELECT id, 'Fan ' || place, now() FROM fans;
INSERT INTO wallets (user_id, wallet_id, balance, entries, created_at) SELECT id, id, 0, 2, now() FROM fans;
INSERT INTO wallet_entries (user_id, number, entry_id, kind, amount, balance_after, reservation_id, created_at)
    SELECT id, 1, gen_random_uuid(), 'charge', 200000, 200000, NULL, now() FROM fans
    UNION ALL
    SELECT id, 2, gen_random_uuid(), 'payment', -200000, 0, id, now() FROM fans;
INSERT INTO queue_tokens (schedule_id, token_id, user_id, number, state, issued_at, activated_at, claimed_at,
        session_seconds, lapses_at, ended_at, admitted_under)
    SELECT '{schedule}', id, id, place, 'completed', now(), now(), now(), 3600, now() + interval '1 hour', now(), 1000000
    FROM fans;
INSERT INTO reservations (schedule_id, reservation_id, user_id, token_id, seat_numbers, total_price, state, held_at,
        held_until, ended_at)
    SELECT '{schedule}', id, id, id, seat_numbers, 200000, 'confirmed', now(), now() + interval '1 hour', now() FROM fans;
INSERT INTO payments (user_id, payment_id, schedule_id, reservation_id, status, amount, seat_numbers, created_at, paid_at)
    SELECT id, id, '{schedule}', id, 'succeeded', 200000, seat_numbers, now(), now() FROM fans;
DROP TABLE fans;
