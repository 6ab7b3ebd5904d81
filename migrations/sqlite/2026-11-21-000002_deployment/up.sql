-- What every start has to agree on: one row, made by the first.
CREATE TABLE deployment (
    one INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
    currency TEXT NOT NULL
) STRICT;
