-- The token alone, in a transaction of its own. The number is from a sequence, for which nobody waits:
-- who has the lower one may be there later, so that no line could be let in by it.
\set i :i + 1
\set n :first + :client_id * :stride + :i
INSERT INTO queue_tokens (schedule_id, token_id, user_id, number, state, issued_at, session_seconds, lapses_at)
    VALUES (:schedule, lpad(:n::text, 32, '0')::uuid, lpad(:n::text, 32, '0')::uuid, nextval('numbers'), 'waiting',
        clock_timestamp(), 0, '2099-06-01 10:00Z');
