-- One performance for the reference, all fans inside: {fans} fans from number {first_fan}, {seats}
-- seats. Each fan's wallet was charged with the price of one seat.
INSERT INTO concerts VALUES ('{schedule}', 'Reference', 'pgbench', now());
INSERT INTO schedules (schedule_id, concert_id, date, starts_at, booking_opens_at, booking_closes_at, created_at)
    VALUES ('{schedule}', '{schedule}', '2099-06-01', '2099-06-01 10:00Z', '2020-01-01', '2099-06-01 10:00Z', now());
INSERT INTO seat_blocks (schedule_id, ordinal, rows, seats_per_row, price) VALUES ('{schedule}', 0, 1, {seats}, 50000);
INSERT INTO lines VALUES ('{schedule}', {fans});
INSERT INTO gates VALUES ('{schedule}', 1000000, 1000000, 3600, false, {fans}, NULL);
INSERT INTO seats (schedule_id, number, status, version)
    SELECT '{schedule}', number, 'available', 0 FROM generate_series(1, {seats}) number;
CREATE TEMPORARY TABLE fans AS
    SELECT place, lpad((place - 1 + {first_fan})::text, 32, '0')::uuid AS id FROM generate_series(1, {fans}) place;
INSERT INTO users SELECT id, 'Fan ' || place, now() FROM fans;
INSERT INTO wallets (user_id, wallet_id, balance, entries, created_at) SELECT id, id, 50000, 1, now() FROM fans;
INSERT INTO wallet_entries (user_id, number, entry_id, kind, amount, balance_after, created_at)
    SELECT id, 1, gen_random_uuid(), 'charge', 50000, 50000, now() FROM fans;
INSERT INTO queue_tokens (schedule_id, token_id, user_id, number, state, issued_at, activated_at, claimed_at,
        session_seconds, lapses_at, admitted_under)
    SELECT '{schedule}', id, id, place, 'active', now(), now(), now(), 3600, now() + interval '1 hour', 1000000
    FROM fans;
DROP TABLE fans;
