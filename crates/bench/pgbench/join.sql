-- One place in line as one writes it by hand: the next number from the line's row, which orders all
-- who come; the token; commit.
--
-- Ids derive from the number `n`, which no two transactions share: each client counts through a
-- stretch of its own. They are such numbers, written as UUIDs.
\set i :i + 1
\set n :first + :client_id * :stride + :i
BEGIN;
UPDATE lines SET issued = issued + 1 WHERE schedule_id = :schedule RETURNING issued AS number \gset
INSERT INTO queue_tokens (schedule_id, token_id, user_id, number, state, issued_at, session_seconds, lapses_at)
    VALUES (:schedule, lpad(:n::text, 32, '0')::uuid, lpad(:n::text, 32, '0')::uuid, :number, 'waiting',
        clock_timestamp(), 0, '2099-06-01 10:00Z');
COMMIT;
