-- Who does the work that is done once for all instances: one row, taken and renewed by the server's clock.
-- The epoch grows whenever somebody takes it.
CREATE TABLE leadership (
    one BOOLEAN PRIMARY KEY CHECK (one),
    holder UUID,
    epoch BIGINT NOT NULL CHECK (epoch >= 0),
    until TIMESTAMPTZ NOT NULL
);

INSERT INTO leadership (one, holder, epoch, until) VALUES (true, NULL, 0, 'epoch');
