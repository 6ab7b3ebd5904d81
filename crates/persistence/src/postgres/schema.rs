//! The tables, as `migrations/postgres` makes them.

diesel::table! {
    concerts (concert_id) {
        concert_id -> Uuid,
        title -> Text,
        venue -> Text,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    schedules (schedule_id) {
        schedule_id -> Uuid,
        concert_id -> Uuid,
        date -> Date,
        starts_at -> Timestamptz,
        booking_opens_at -> Timestamptz,
        booking_closes_at -> Timestamptz,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    seat_blocks (schedule_id, ordinal) {
        schedule_id -> Uuid,
        ordinal -> Integer,
        section -> Nullable<Text>,
        rows -> Integer,
        seats_per_row -> Integer,
        price -> BigInt,
    }
}

diesel::table! {
    operator_keys (key_id) {
        key_id -> Uuid,
        name -> Text,
        hash -> Binary,
        scopes -> Array<Text>,
        created_at -> Timestamptz,
        revoked_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    lines (schedule_id) {
        schedule_id -> Uuid,
        issued -> BigInt,
        departed -> BigInt,
    }
}

diesel::table! {
    gates (schedule_id) {
        schedule_id -> Uuid,
        max_active -> Integer,
        admissions_per_minute -> Integer,
        session_seconds -> Integer,
        paused -> Bool,
        admitted_number -> BigInt,
        next_slot_at -> Nullable<Timestamptz>,
        admitted -> BigInt,
    }
}

diesel::table! {
    queue_tokens (schedule_id, token_id) {
        schedule_id -> Uuid,
        token_id -> Uuid,
        user_id -> Uuid,
        number -> BigInt,
        state -> Text,
        issued_at -> Timestamptz,
        activated_at -> Nullable<Timestamptz>,
        claimed_at -> Nullable<Timestamptz>,
        session_seconds -> Integer,
        lapses_at -> Timestamptz,
        ended_at -> Nullable<Timestamptz>,
        admitted_under -> Nullable<Integer>,
        departure -> Nullable<BigInt>,
    }
}

diesel::table! {
    seats (schedule_id, number) {
        schedule_id -> Uuid,
        number -> Integer,
        status -> Text,
        reservation_id -> Nullable<Uuid>,
        user_id -> Nullable<Uuid>,
        held_until -> Nullable<Timestamptz>,
        version -> BigInt,
    }
}

diesel::table! {
    reservations (schedule_id, reservation_id) {
        schedule_id -> Uuid,
        reservation_id -> Uuid,
        user_id -> Uuid,
        token_id -> Uuid,
        seat_numbers -> Array<Integer>,
        total_price -> BigInt,
        state -> Text,
        held_at -> Timestamptz,
        held_until -> Timestamptz,
        ended_at -> Nullable<Timestamptz>,
        request_key -> Nullable<Uuid>,
    }
}

diesel::table! {
    users (user_id) {
        user_id -> Uuid,
        name -> Text,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    wallets (user_id) {
        user_id -> Uuid,
        wallet_id -> Uuid,
        balance -> BigInt,
        entries -> BigInt,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    wallet_entries (user_id, number) {
        user_id -> Uuid,
        number -> BigInt,
        entry_id -> Uuid,
        kind -> Text,
        amount -> BigInt,
        balance_after -> BigInt,
        reservation_id -> Nullable<Uuid>,
        request_key -> Nullable<Uuid>,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    payments (user_id, payment_id) {
        user_id -> Uuid,
        payment_id -> Uuid,
        schedule_id -> Uuid,
        reservation_id -> Uuid,
        status -> Text,
        amount -> BigInt,
        payment_method -> Nullable<Text>,
        seat_numbers -> Array<Integer>,
        request_key -> Nullable<Uuid>,
        created_at -> Timestamptz,
        paid_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    idempotency_records (scope, request_key) {
        scope -> Uuid,
        request_key -> Uuid,
        fingerprint -> Uuid,
        outcome -> Nullable<Text>,
        reference -> Nullable<Uuid>,
        attempts -> Nullable<Integer>,
        lease_until -> Nullable<Timestamptz>,
        expires_at -> Timestamptz,
    }
}

diesel::joinable!(seat_blocks -> schedules (schedule_id));
diesel::allow_tables_to_appear_in_same_query!(schedules, seat_blocks);
