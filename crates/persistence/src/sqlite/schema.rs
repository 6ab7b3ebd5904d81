//! The tables of `migrations/sqlite`, as diesel sees them.

diesel::table! {
    concerts (concert_id) {
        concert_id -> Binary,
        title -> Text,
        venue -> Text,
        created_at -> BigInt,
    }
}

diesel::table! {
    schedules (schedule_id) {
        schedule_id -> Binary,
        concert_id -> Binary,
        date -> Text,
        starts_at -> BigInt,
        booking_opens_at -> BigInt,
        booking_closes_at -> BigInt,
        created_at -> BigInt,
    }
}

diesel::table! {
    seat_blocks (schedule_id, ordinal) {
        schedule_id -> Binary,
        ordinal -> BigInt,
        section -> Nullable<Text>,
        rows -> BigInt,
        seats_per_row -> BigInt,
        price -> BigInt,
    }
}

diesel::table! {
    operator_keys (key_id) {
        key_id -> Binary,
        name -> Text,
        hash -> Binary,
        scopes -> Text,
        created_at -> BigInt,
        revoked_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    lines (schedule_id) {
        schedule_id -> Binary,
        issued -> BigInt,
        departed -> BigInt,
    }
}

diesel::table! {
    gates (schedule_id) {
        schedule_id -> Binary,
        max_active -> BigInt,
        admissions_per_minute -> BigInt,
        session_seconds -> BigInt,
        paused -> Bool,
        admitted_number -> BigInt,
        next_slot_at -> Nullable<BigInt>,
        admitted -> BigInt,
    }
}

diesel::table! {
    queue_tokens (schedule_id, token_id) {
        schedule_id -> Binary,
        token_id -> Binary,
        user_id -> Binary,
        number -> BigInt,
        state -> Text,
        issued_at -> BigInt,
        activated_at -> Nullable<BigInt>,
        claimed_at -> Nullable<BigInt>,
        session_seconds -> BigInt,
        lapses_at -> BigInt,
        ended_at -> Nullable<BigInt>,
        admitted_under -> Nullable<BigInt>,
        departure -> Nullable<BigInt>,
    }
}

diesel::table! {
    seats (schedule_id, number) {
        schedule_id -> Binary,
        number -> BigInt,
        status -> Text,
        reservation_id -> Nullable<Binary>,
        user_id -> Nullable<Binary>,
        held_until -> Nullable<BigInt>,
        version -> BigInt,
    }
}

diesel::table! {
    reservations (schedule_id, reservation_id) {
        schedule_id -> Binary,
        reservation_id -> Binary,
        user_id -> Binary,
        token_id -> Binary,
        seat_numbers -> Text,
        total_price -> BigInt,
        state -> Text,
        held_at -> BigInt,
        held_until -> BigInt,
        ended_at -> Nullable<BigInt>,
        request_key -> Nullable<Binary>,
    }
}

diesel::table! {
    users (user_id) {
        user_id -> Binary,
        name -> Text,
        created_at -> BigInt,
    }
}

diesel::table! {
    wallets (user_id) {
        user_id -> Binary,
        wallet_id -> Binary,
        balance -> BigInt,
        entries -> BigInt,
        created_at -> BigInt,
    }
}

diesel::table! {
    wallet_entries (user_id, number) {
        user_id -> Binary,
        number -> BigInt,
        entry_id -> Binary,
        kind -> Text,
        amount -> BigInt,
        balance_after -> BigInt,
        reservation_id -> Nullable<Binary>,
        request_key -> Nullable<Binary>,
        created_at -> BigInt,
    }
}

diesel::table! {
    payments (user_id, payment_id) {
        user_id -> Binary,
        payment_id -> Binary,
        schedule_id -> Binary,
        reservation_id -> Binary,
        status -> Text,
        amount -> BigInt,
        payment_method -> Nullable<Text>,
        seat_numbers -> Text,
        request_key -> Nullable<Binary>,
        created_at -> BigInt,
        paid_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    idempotency_records (scope, request_key) {
        scope -> Binary,
        request_key -> Binary,
        fingerprint -> Binary,
        outcome -> Nullable<Text>,
        reference -> Nullable<Binary>,
        attempts -> Nullable<Integer>,
        lease_until -> Nullable<BigInt>,
        expires_at -> BigInt,
    }
}

diesel::allow_tables_to_appear_in_same_query!(gates, lines, schedules, queue_tokens);

// Conditions word for word as in the partial indexes: SQLite uses such an index only then.
diesel::postfix_operator!(IsLive, " IN ('waiting', 'active')");
diesel::postfix_operator!(IsWaiting, " = 'waiting'");
diesel::postfix_operator!(IsActive, " = 'active'");
diesel::postfix_operator!(IsHeld, " = 'held'");
diesel::postfix_operator!(HasSucceeded, " = 'succeeded'");
