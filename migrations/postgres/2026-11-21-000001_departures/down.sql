DROP INDEX queue_tokens_departures;
ALTER TABLE queue_tokens DROP COLUMN departure;
ALTER TABLE gates DROP COLUMN admitted;
ALTER TABLE lines DROP COLUMN departed;
