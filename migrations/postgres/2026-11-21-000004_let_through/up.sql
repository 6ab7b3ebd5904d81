-- Who is let in out of turn leaves the line as those do who give up waiting, and is numbered with them: a position
-- must not count who has a departure, whatever became of them.
DROP INDEX queue_tokens_gone;
CREATE INDEX queue_tokens_gone ON queue_tokens (schedule_id, number) WHERE departure IS NOT NULL;
