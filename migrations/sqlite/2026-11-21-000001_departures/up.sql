-- Who leaves a line before their turn is numbered in the order of leaving, so that one can read on
-- from where one was.
ALTER TABLE lines ADD COLUMN departed INTEGER NOT NULL DEFAULT 0 CHECK (departed >= 0);
-- With it, how many wait is a sum of three numbers.
ALTER TABLE gates ADD COLUMN admitted INTEGER NOT NULL DEFAULT 0 CHECK (admitted >= 0);
ALTER TABLE queue_tokens ADD COLUMN departure INTEGER;

UPDATE queue_tokens AS t SET departure = gone.departure
FROM (
    SELECT schedule_id, token_id,
        row_number() OVER (PARTITION BY schedule_id ORDER BY ended_at, number) AS departure
    FROM queue_tokens WHERE state = 'left' AND activated_at IS NULL) AS gone
WHERE t.schedule_id = gone.schedule_id AND t.token_id = gone.token_id;

UPDATE lines AS l SET departed = gone.many
FROM (SELECT schedule_id, count(departure) AS many FROM queue_tokens GROUP BY schedule_id) AS gone
WHERE l.schedule_id = gone.schedule_id;

UPDATE gates AS g SET admitted = entered.many
FROM (SELECT schedule_id, count(activated_at) AS many FROM queue_tokens GROUP BY schedule_id) AS entered
WHERE g.schedule_id = entered.schedule_id;

CREATE UNIQUE INDEX queue_tokens_departures ON queue_tokens (schedule_id, departure)
    WHERE departure IS NOT NULL;
