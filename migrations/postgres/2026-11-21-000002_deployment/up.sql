-- What every instance has to agree on: one row, made by the first one that serves.
CREATE TABLE deployment (
    one BOOLEAN PRIMARY KEY CHECK (one),
    currency TEXT NOT NULL
);
