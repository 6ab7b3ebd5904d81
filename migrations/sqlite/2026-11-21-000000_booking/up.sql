-- The same tables and columns as in migrations/postgres. Ids are 16-byte BLOBs, moments are whole
-- microseconds since 1970 in UTC, amounts are minor units, seat numbers and scopes are JSON arrays.

-- Catalog ---------------------------------------------------------------------------------------

CREATE TABLE concerts (
    concert_id BLOB NOT NULL PRIMARY KEY,
    title TEXT NOT NULL,
    venue TEXT NOT NULL,
    created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE schedules (
    schedule_id BLOB NOT NULL PRIMARY KEY,
    concert_id BLOB NOT NULL REFERENCES concerts,
    -- YYYY-MM-DD at the venue.
    date TEXT NOT NULL,
    starts_at INTEGER NOT NULL,
    booking_opens_at INTEGER NOT NULL,
    booking_closes_at INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    UNIQUE (concert_id, starts_at)
) STRICT, WITHOUT ROWID;

-- Admission looks at performances that have not closed yet, and at no others.
CREATE INDEX schedules_by_close ON schedules (booking_closes_at);

-- Where the seats lie: blocks in order, numbered through from 1.
CREATE TABLE seat_blocks (
    schedule_id BLOB NOT NULL REFERENCES schedules,
    ordinal INTEGER NOT NULL,
    section TEXT,
    rows INTEGER NOT NULL CHECK (rows > 0),
    seats_per_row INTEGER NOT NULL CHECK (seats_per_row > 0),
    price INTEGER NOT NULL CHECK (price > 0),
    PRIMARY KEY (schedule_id, ordinal)
) STRICT, WITHOUT ROWID;

CREATE TABLE operator_keys (
    key_id BLOB NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    hash BLOB NOT NULL UNIQUE,
    scopes TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    revoked_at INTEGER
) STRICT, WITHOUT ROWID;

-- Schedule family -------------------------------------------------------------------------------

-- The end of the line, where numbers are given out.
CREATE TABLE lines (
    schedule_id BLOB NOT NULL PRIMARY KEY,
    issued INTEGER NOT NULL CHECK (issued >= 0)
) STRICT, WITHOUT ROWID;

-- The front of the line.
CREATE TABLE gates (
    schedule_id BLOB NOT NULL PRIMARY KEY,
    max_active INTEGER NOT NULL CHECK (max_active > 0),
    admissions_per_minute INTEGER NOT NULL CHECK (admissions_per_minute > 0),
    session_seconds INTEGER NOT NULL CHECK (session_seconds > 0),
    paused INTEGER NOT NULL CHECK (paused IN (0, 1)),
    admitted_number INTEGER NOT NULL,
    next_slot_at INTEGER
) STRICT, WITHOUT ROWID;

CREATE TABLE queue_tokens (
    schedule_id BLOB NOT NULL,
    token_id BLOB NOT NULL,
    user_id BLOB NOT NULL,
    number INTEGER NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('waiting', 'active', 'completed', 'expired', 'left')),
    issued_at INTEGER NOT NULL,
    activated_at INTEGER,
    claimed_at INTEGER,
    session_seconds INTEGER NOT NULL,
    lapses_at INTEGER NOT NULL,
    ended_at INTEGER,
    admitted_under INTEGER,
    PRIMARY KEY (schedule_id, token_id)
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX queue_tokens_by_number ON queue_tokens (schedule_id, number);
CREATE UNIQUE INDEX queue_tokens_live ON queue_tokens (schedule_id, user_id)
    WHERE state IN ('waiting', 'active');
CREATE INDEX queue_tokens_active ON queue_tokens (schedule_id, lapses_at) WHERE state = 'active';
-- For the sweep, over all performances. Who waits is found by number, behind the gate's mark.
CREATE INDEX queue_tokens_lapsing ON queue_tokens (lapses_at) WHERE state IN ('waiting', 'active');
CREATE INDEX queue_tokens_admissions ON queue_tokens (schedule_id, activated_at)
    WHERE activated_at IS NOT NULL;
-- Those who left before their turn: what a position must not count.
CREATE INDEX queue_tokens_gone ON queue_tokens (schedule_id, number)
    WHERE state IN ('expired', 'left') AND activated_at IS NULL;

-- Only what changes; where a seat lies is in seat_blocks.
CREATE TABLE seats (
    schedule_id BLOB NOT NULL,
    number INTEGER NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('available', 'held', 'sold')),
    reservation_id BLOB,
    user_id BLOB,
    held_until INTEGER,
    version INTEGER NOT NULL,
    PRIMARY KEY (schedule_id, number),
    CHECK ((status = 'available') = (reservation_id IS NULL)),
    CHECK ((status = 'available') = (user_id IS NULL)),
    CHECK ((status = 'held') = (held_until IS NOT NULL))
) STRICT, WITHOUT ROWID;

CREATE TABLE reservations (
    schedule_id BLOB NOT NULL,
    reservation_id BLOB NOT NULL,
    user_id BLOB NOT NULL,
    token_id BLOB NOT NULL,
    seat_numbers TEXT NOT NULL,
    total_price INTEGER NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('held', 'confirmed', 'expired', 'released')),
    held_at INTEGER NOT NULL,
    held_until INTEGER NOT NULL,
    ended_at INTEGER,
    request_key BLOB,
    PRIMARY KEY (schedule_id, reservation_id)
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX reservations_by_id ON reservations (reservation_id);
CREATE INDEX reservations_by_user ON reservations (schedule_id, user_id);
CREATE INDEX reservations_held ON reservations (held_until) WHERE state = 'held';

-- User family -----------------------------------------------------------------------------------

CREATE TABLE users (
    user_id BLOB NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE wallets (
    user_id BLOB NOT NULL PRIMARY KEY,
    wallet_id BLOB NOT NULL,
    balance INTEGER NOT NULL CHECK (balance >= 0),
    entries INTEGER NOT NULL,
    created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX wallets_by_id ON wallets (wallet_id);

CREATE TABLE wallet_entries (
    user_id BLOB NOT NULL,
    number INTEGER NOT NULL,
    entry_id BLOB NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('charge', 'payment')),
    amount INTEGER NOT NULL,
    balance_after INTEGER NOT NULL CHECK (balance_after >= 0),
    reservation_id BLOB,
    request_key BLOB,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (user_id, number)
) STRICT, WITHOUT ROWID;

CREATE TABLE payments (
    user_id BLOB NOT NULL,
    payment_id BLOB NOT NULL,
    schedule_id BLOB NOT NULL,
    reservation_id BLOB NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('succeeded', 'failed')),
    amount INTEGER NOT NULL CHECK (amount > 0),
    payment_method TEXT,
    seat_numbers TEXT NOT NULL,
    request_key BLOB,
    created_at INTEGER NOT NULL,
    paid_at INTEGER,
    PRIMARY KEY (user_id, payment_id)
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX payments_succeeded_once ON payments (user_id, reservation_id)
    WHERE status = 'succeeded';
CREATE INDEX payments_by_schedule ON payments (schedule_id);

-- Either family: the scope is the schedule for booking calls, the caller for all others -----------

CREATE TABLE idempotency_records (
    scope BLOB NOT NULL,
    request_key BLOB NOT NULL,
    fingerprint BLOB NOT NULL,
    -- The verdict once there is one (JSON); until then a provider is being asked.
    outcome TEXT,
    reference BLOB,
    attempts INTEGER,
    lease_until INTEGER,
    expires_at INTEGER NOT NULL,
    PRIMARY KEY (scope, request_key),
    CHECK ((outcome IS NULL) = (reference IS NOT NULL AND attempts IS NOT NULL AND lease_until IS NOT NULL))
) STRICT;

CREATE INDEX idempotency_records_by_expiry ON idempotency_records (expires_at);
