-- Fans who wait in a line that nobody has joined yet: {fans}, with ids that are numbers from 1 on,
-- written as UUIDs.
INSERT INTO users SELECT lpad(place::text, 32, '0')::uuid, 'Fan ' || place, now() FROM generate_series(1, {fans}) place;
INSERT INTO queue_tokens (schedule_id, token_id, user_id, number, state, issued_at, session_seconds, lapses_at)
    SELECT '{schedule}', lpad(place::text, 32, '0')::uuid, lpad(place::text, 32, '0')::uuid, place, 'waiting', now(), 0,
        '2099-06-01 10:00Z'
    FROM generate_series(1, {fans}) place;
UPDATE lines SET issued = {fans} WHERE schedule_id = '{schedule}';
CREATE SEQUENCE numbers;
