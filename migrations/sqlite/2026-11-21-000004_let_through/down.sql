DROP INDEX queue_tokens_gone;
CREATE INDEX queue_tokens_gone ON queue_tokens (schedule_id, number)
    WHERE state IN ('expired', 'left') AND activated_at IS NULL;
