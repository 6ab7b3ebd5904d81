-- Three families of tables. Catalog: small, the same everywhere (reference tables when the
-- database is sharded). Schedule family: sharded by schedule_id. User family: sharded by user_id.
-- Every key of a family begins with its sharding column, and no foreign key crosses families.

-- Catalog ---------------------------------------------------------------------------------------

CREATE TABLE concerts (
    concert_id UUID PRIMARY KEY,
    title TEXT NOT NULL,
    venue TEXT NOT NULL,
    created_at TIMESTAMPTZ NOT NULL
);

CREATE TABLE schedules (
    schedule_id UUID PRIMARY KEY,
    concert_id UUID NOT NULL REFERENCES concerts,
    date DATE NOT NULL,
    starts_at TIMESTAMPTZ NOT NULL,
    booking_opens_at TIMESTAMPTZ NOT NULL,
    booking_closes_at TIMESTAMPTZ NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    UNIQUE (concert_id, starts_at)
);

-- Admission looks at performances that have not closed yet, and at no others.
CREATE INDEX schedules_by_close ON schedules (booking_closes_at);

-- Where the seats lie: blocks in order, numbered through from 1. Prices in minor units.
CREATE TABLE seat_blocks (
    schedule_id UUID NOT NULL REFERENCES schedules,
    ordinal INTEGER NOT NULL,
    section TEXT,
    rows INTEGER NOT NULL CHECK (rows > 0),
    seats_per_row INTEGER NOT NULL CHECK (seats_per_row > 0),
    price BIGINT NOT NULL CHECK (price > 0),
    PRIMARY KEY (schedule_id, ordinal)
);

CREATE TABLE operator_keys (
    key_id UUID PRIMARY KEY,
    name TEXT NOT NULL,
    hash BYTEA NOT NULL UNIQUE,
    scopes TEXT[] NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    revoked_at TIMESTAMPTZ
);

-- Schedule family -------------------------------------------------------------------------------

-- The end of the line, where numbers are given out: its row lock is what orders fans.
CREATE TABLE lines (
    schedule_id UUID PRIMARY KEY,
    issued BIGINT NOT NULL CHECK (issued >= 0)
);

-- The front of the line: apart from its end, so that joining never waits for admission.
CREATE TABLE gates (
    schedule_id UUID PRIMARY KEY,
    max_active INTEGER NOT NULL CHECK (max_active > 0),
    admissions_per_minute INTEGER NOT NULL CHECK (admissions_per_minute > 0),
    session_seconds INTEGER NOT NULL CHECK (session_seconds > 0),
    paused BOOLEAN NOT NULL,
    admitted_number BIGINT NOT NULL,
    next_slot_at TIMESTAMPTZ
);

CREATE TABLE queue_tokens (
    schedule_id UUID NOT NULL,
    token_id UUID NOT NULL,
    user_id UUID NOT NULL,
    number BIGINT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('waiting', 'active', 'completed', 'expired', 'left')),
    issued_at TIMESTAMPTZ NOT NULL,
    activated_at TIMESTAMPTZ,
    claimed_at TIMESTAMPTZ,
    session_seconds INTEGER NOT NULL,
    lapses_at TIMESTAMPTZ NOT NULL,
    ended_at TIMESTAMPTZ,
    admitted_under INTEGER,
    PRIMARY KEY (schedule_id, token_id)
);

CREATE UNIQUE INDEX queue_tokens_by_number ON queue_tokens (schedule_id, number);
CREATE UNIQUE INDEX queue_tokens_live ON queue_tokens (schedule_id, user_id)
    WHERE state IN ('waiting', 'active');
CREATE INDEX queue_tokens_waiting ON queue_tokens (schedule_id, number) WHERE state = 'waiting';
CREATE INDEX queue_tokens_active ON queue_tokens (schedule_id, lapses_at) WHERE state = 'active';
-- For the sweep, over all performances.
CREATE INDEX queue_tokens_lapsing ON queue_tokens (lapses_at) WHERE state IN ('waiting', 'active');
CREATE INDEX queue_tokens_admissions ON queue_tokens (schedule_id, activated_at)
    WHERE activated_at IS NOT NULL;
-- Those who left before their turn: what a position must not count.
CREATE INDEX queue_tokens_gone ON queue_tokens (schedule_id, number)
    WHERE state IN ('expired', 'left') AND activated_at IS NULL;

-- Only what changes; where a seat lies is in seat_blocks. No second index, and room on the page,
-- so that an update stays on its page.
CREATE TABLE seats (
    schedule_id UUID NOT NULL,
    number INTEGER NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('available', 'held', 'sold')),
    reservation_id UUID,
    user_id UUID,
    held_until TIMESTAMPTZ,
    version BIGINT NOT NULL,
    PRIMARY KEY (schedule_id, number),
    CHECK ((status = 'available') = (reservation_id IS NULL)),
    CHECK ((status = 'available') = (user_id IS NULL)),
    CHECK ((status = 'held') = (held_until IS NOT NULL))
) WITH (fillfactor = 50);

CREATE TABLE reservations (
    schedule_id UUID NOT NULL,
    reservation_id UUID NOT NULL,
    user_id UUID NOT NULL,
    token_id UUID NOT NULL,
    seat_numbers INTEGER[] NOT NULL,
    total_price BIGINT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('held', 'confirmed', 'expired', 'released')),
    held_at TIMESTAMPTZ NOT NULL,
    held_until TIMESTAMPTZ NOT NULL,
    ended_at TIMESTAMPTZ,
    request_key UUID,
    PRIMARY KEY (schedule_id, reservation_id)
) WITH (fillfactor = 80);

CREATE INDEX reservations_by_id ON reservations (reservation_id);
CREATE INDEX reservations_by_user ON reservations (schedule_id, user_id);
CREATE INDEX reservations_held ON reservations (held_until) WHERE state = 'held';

-- User family -----------------------------------------------------------------------------------

CREATE TABLE users (
    user_id UUID PRIMARY KEY,
    name TEXT NOT NULL,
    created_at TIMESTAMPTZ NOT NULL
);

CREATE TABLE wallets (
    user_id UUID PRIMARY KEY,
    wallet_id UUID NOT NULL,
    balance BIGINT NOT NULL CHECK (balance >= 0),
    entries BIGINT NOT NULL,
    created_at TIMESTAMPTZ NOT NULL
) WITH (fillfactor = 70);

CREATE INDEX wallets_by_id ON wallets (wallet_id);

CREATE TABLE wallet_entries (
    user_id UUID NOT NULL,
    number BIGINT NOT NULL,
    entry_id UUID NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('charge', 'payment')),
    amount BIGINT NOT NULL,
    balance_after BIGINT NOT NULL CHECK (balance_after >= 0),
    reservation_id UUID,
    request_key UUID,
    created_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (user_id, number)
);

CREATE TABLE payments (
    user_id UUID NOT NULL,
    payment_id UUID NOT NULL,
    schedule_id UUID NOT NULL,
    reservation_id UUID NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('succeeded', 'failed')),
    amount BIGINT NOT NULL CHECK (amount > 0),
    payment_method TEXT,
    seat_numbers INTEGER[] NOT NULL,
    request_key UUID,
    created_at TIMESTAMPTZ NOT NULL,
    paid_at TIMESTAMPTZ,
    PRIMARY KEY (user_id, payment_id)
);

CREATE UNIQUE INDEX payments_succeeded_once ON payments (user_id, reservation_id)
    WHERE status = 'succeeded';
CREATE INDEX payments_by_schedule ON payments (schedule_id);

-- Either family: the scope is the schedule for booking calls, the caller for all others -----------

CREATE TABLE idempotency_records (
    scope UUID NOT NULL,
    request_key UUID NOT NULL,
    fingerprint UUID NOT NULL,
    -- The verdict once there is one (JSON); until then a provider is being asked.
    outcome TEXT,
    reference UUID,
    attempts INTEGER,
    lease_until TIMESTAMPTZ,
    expires_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (scope, request_key),
    CHECK ((outcome IS NULL) = (reference IS NOT NULL AND attempts IS NOT NULL AND lease_until IS NOT NULL))
);

CREATE INDEX idempotency_records_by_expiry ON idempotency_records (expires_at);
