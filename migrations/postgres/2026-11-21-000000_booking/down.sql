DROP TABLE idempotency_records, payments, wallet_entries, wallets, users, reservations, seats,
    queue_tokens, gates, lines, operator_keys, seat_blocks, schedules, concerts;
