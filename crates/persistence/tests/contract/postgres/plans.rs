//! No statement reads a whole table, however many rows that has.
//!
//! The statements are taken from the wire while everything the storage can do is done once, so
//! none is left out and none is made up.

use super::{proxy::FarAway, server::Database};
use frontrow_contract::{Plan, Stage, hold_of, let_through_of, pay_of};
use frontrow_domain::{
    clock::Timestamp,
    id::OperatorKeyId,
    idempotency::{Fingerprint, RecordId, Request, RequestKey},
    identity::{OperatorKey, Scope},
    leadership::service::Candidate,
    page::PageRequest,
    payment::{Answer, Approval, PayReservation},
    queue::{GatePatch, NamedFan},
    wallet::ChargeWallet,
};
use std::collections::BTreeSet;
use tokio_postgres::Client;
use uuid::Uuid;

/// Operators and migrations are few, and listed as a whole.
const SMALL: [&str; 3] = ["operator_keys", "__diesel_schema_migrations", "deployment"];

/// The auditor looks at every performance.
const ALL_PERFORMANCES: &str =
    r#"SELECT "schedules"."schedule_id" FROM "schedules" ORDER BY "schedules"."schedule_id""#;

/// Rows as a service has them after a year, when most performances are over: far too many to look
/// at each.
const FILL: &str = "
    INSERT INTO concerts SELECT gen_random_uuid(), 'Evening', 'Hall', now() FROM generate_series(1, 5000);
    INSERT INTO schedules
        SELECT gen_random_uuid(), concert_id, current_date, now() + interval '2 days',
            now() - interval '2 days', now() + (random() * 400 - 399) * interval '1 day', now() FROM concerts;
    INSERT INTO seat_blocks SELECT schedule_id, 1, NULL, 1, 50, 1000 FROM schedules;
    INSERT INTO lines SELECT schedule_id, 40 FROM schedules;
    INSERT INTO gates SELECT schedule_id, 100, 600, 600, false, 20, NULL FROM schedules;
    INSERT INTO users SELECT gen_random_uuid(), 'Fan', now() FROM generate_series(1, 20000);
    INSERT INTO wallets SELECT user_id, gen_random_uuid(), 1000, 2, now() FROM users;
    INSERT INTO wallet_entries
        SELECT user_id, number, gen_random_uuid(), 'charge', 500, number * 500, NULL, NULL, now()
        FROM users, generate_series(1, 2) AS number;
    CREATE TEMP TABLE shows AS SELECT schedule_id FROM schedules LIMIT 500;
    INSERT INTO seats (schedule_id, number, status, version)
        SELECT schedule_id, number, 'available', 0 FROM shows, generate_series(1, 50) AS number;
    CREATE TEMP TABLE fans AS SELECT row_number() OVER () AS place, user_id FROM users;
    INSERT INTO queue_tokens
        SELECT schedule_id, gen_random_uuid(), user_id, place,
            CASE WHEN place <= 15 THEN 'completed' WHEN place <= 20 THEN 'active' WHEN place <= 38 THEN 'waiting'
                ELSE 'left' END,
            now(), CASE WHEN place <= 20 THEN now() - place * interval '1 hour' END, NULL, 600,
            now() + interval '1 hour', NULL, NULL, CASE WHEN place > 38 THEN place - 38 END
        FROM shows, fans WHERE place <= 40;
    INSERT INTO reservations
        SELECT schedule_id, gen_random_uuid(), user_id, token_id, ARRAY[number::integer], 1000,
            CASE WHEN number <= 18 THEN 'confirmed' ELSE 'held' END,
            now(), now() + interval '5 minutes', NULL, NULL
        FROM queue_tokens;
    INSERT INTO payments
        SELECT user_id, gen_random_uuid(), schedule_id, reservation_id, 'succeeded', 1000, NULL, seat_numbers,
            NULL, now(), now()
        FROM reservations;
    INSERT INTO idempotency_records
        SELECT gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), '{}', NULL, NULL, NULL,
            now() + number * interval '1 second'
        FROM generate_series(1, 20000) AS number;
    ANALYZE";

/// As connections that serve requests are set up.
const AS_SERVED: &str = "SET plan_cache_mode = force_generic_plan; SET enable_seqscan = off";

fn keyed(scope: Uuid) -> Option<Request> {
    let key = RequestKey(Uuid::now_v7());
    Some(Request {
        id: RecordId { scope, key },
        fingerprint: Fingerprint(Uuid::now_v7()),
    })
}

/// Does everything once.
async fn live(stage: &Stage<FarAway>) {
    let show = stage.show(Plan::default()).await;
    let [buyer, leaver] = stage.insiders(&show, 2).await.try_into().expect("two fans");
    stage.join(&show, buyer.user).await;
    stage.charge(buyer.user, 9_000).await;
    let ask = ChargeWallet {
        request: keyed(buyer.user.0),
        approval: Approval::Ask,
        ..stage.charge_of(buyer.user, 500)
    };
    let declined = ChargeWallet {
        approval: Approval::Answered(Answer::Declined),
        ..ask.clone()
    };
    stage.decide(ask).await.expect("it is to be asked");
    stage.decide(declined).await.expect_err("it is declined");
    let first = hold_of(&buyer, &show, &[1, 2]);
    let ask = PayReservation {
        request: keyed(show.id.0),
        approval: Approval::Ask,
        ..pay_of(&buyer, first.reservation_id)
    };
    stage.decide(first).await.expect("it is held");
    let approved = PayReservation {
        approval: Approval::Answered(Answer::Approved),
        ..ask.clone()
    };
    stage.decide(ask).await.expect("it is to be asked");
    stage.decide(approved).await.expect("it is paid");
    let released = stage.held(&leaver, &show, &[3]).await;
    stage.release(&released).await;
    stage.held(&leaver, &show, &[4]).await;
    stage.leave(&leaver).await;
    let guest = stage.fan().await;
    stage.join(&show, guest).await;
    let through = let_through_of(&show, NamedFan::User(guest));
    stage.decide(through).await.expect("there is room");
    let other = stage.show(Plan::default()).await;
    let stray = stage.insider(&other).await;
    stage
        .pay(&stray, released.id)
        .await
        .expect_err("it is of another performance");
    read_everything(stage, &show, buyer.user).await;
}

async fn read_everything(stage: &Stage<FarAway>, show: &frontrow_contract::Show, user: frontrow_domain::id::UserId) {
    let storage = &stage.storage;
    let page = || PageRequest {
        limit: 20,
        before: None,
    };
    storage.catalog.programmes(page()).await.expect("it answers");
    storage.catalog.programme(show.concert_id).await.expect("it answers");
    storage.catalog.schedule(show.id).await.expect("it answers");
    let key = OperatorKey {
        id: OperatorKeyId::mint(),
        name: "box office".to_owned(),
        hash: [7; 32],
        scopes: vec![Scope::StatsRead],
        created_at: Timestamp::UNIX_EPOCH,
        revoked_at: None,
    };
    storage.identities.user(user).await.expect("it answers");
    storage
        .identities
        .add_operator_key(key.clone())
        .await
        .expect("it answers");
    storage.identities.operator_key(key.hash).await.expect("it answers");
    storage.identities.operator_keys().await.expect("it answers");
    storage
        .identities
        .revoke_operator_key(key.id)
        .await
        .expect("it answers");
    storage.queue.gate(show.id).await.expect("it answers");
    storage.queue.gate_news(vec![(show.id, 0)]).await.expect("it answers");
    let patched = storage.queue.patch_gate(show.id, GatePatch::default()).await;
    patched
        .expect("it answers")
        .expect("a known gate")
        .expect("valid settings");
    storage.queue.stats(show.id).await.expect("it answers");
    storage.seating.availability(show.concert_id).await.expect("it answers");
    storage.seating.stock(vec![show.id]).await.expect("it answers");
    storage.seating.seats(show.id).await.expect("it answers");
    storage.seating.changes(show.id, vec![0, 1]).await.expect("it answers");
    let wallet = storage
        .wallets
        .wallet_of(user)
        .await
        .expect("it answers")
        .expect("a wallet");
    storage.wallets.wallet(wallet.id).await.expect("it answers");
    storage
        .wallets
        .entries(
            user,
            PageRequest {
                limit: 20,
                before: None,
            },
        )
        .await
        .expect("it answers");
    let payments = PageRequest {
        limit: 20,
        before: None,
    };
    let payments = storage.payments.payments(user, payments).await.expect("it answers");
    stage.reservation(payments.items[0].reservation_id).await;
    // What has lapsed is found by the same statements whether or not there is any.
    storage.attendant.sweep().await.expect("it answers");
    let candidate = Candidate::new(storage.leadership.clone());
    assert!(matches!(candidate.stand().await, Ok(Some(_))));
    storage.books.ping().await.expect("it answers");
    stage.assert_sound().await;
}

/// The plan of a statement, whatever its parameters may be.
async fn plan(client: &Client, text: &str, types: &[u32]) -> String {
    let mut names = Vec::new();
    for oid in types {
        let row = client
            .query_one("SELECT format_type($1, NULL)", &[oid])
            .await
            .expect("a type");
        names.push(row.get::<_, String>(0));
    }
    let parameters = if names.is_empty() {
        String::new()
    } else {
        format!("({})", names.join(", "))
    };
    let nothing = vec!["NULL"; types.len()].join(", ");
    let arguments = if types.is_empty() {
        String::new()
    } else {
        format!("({nothing})")
    };
    let prepare = format!("PREPARE statement {parameters} AS {text}");
    client.batch_execute(&prepare).await.expect("it was prepared before");
    let explain = format!("EXPLAIN EXECUTE statement {arguments}");
    let rows = client.query(&explain, &[]).await.expect("a plan");
    client
        .batch_execute("DEALLOCATE statement")
        .await
        .expect("it was prepared");
    let lines: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
    lines.join("\n")
}

/// Tables that a plan reads from the first row to the last.
fn scanned(plan: &str) -> BTreeSet<&str> {
    let scans = plan.split("Seq Scan on ").skip(1);
    let tables = scans.filter_map(|rest| rest.split_whitespace().next());
    tables.filter(|table| !SMALL.contains(table)).collect()
}

/// Whether a plan compares every row it finds with every key it was asked for.
fn tries_all(plan: &str) -> bool {
    let filters = plan.lines().filter(|line| line.trim_start().starts_with("Filter:"));
    plan.contains("Join Filter:") || filters.into_iter().any(|filter| filter.contains("= ANY ($"))
}

#[tokio::test(flavor = "multi_thread")]
async fn no_statement_reads_a_whole_table() {
    let stage = Stage::set(FarAway::new().await).await;
    live(&stage).await;
    let prepared: BTreeSet<(String, Vec<u32>)> = stage.fixture.proxy.traffic().prepared.into_iter().collect();
    assert!(prepared.len() > 50, "only {} statements were seen", prepared.len());
    // Plans are kept: also one that was made before the first sale has to be good for the last.
    for rows in ["", FILL] {
        let database = Database::migrated();
        let client = database.client().await;
        client.batch_execute(rows).await.expect("rows as a service has them");
        client.batch_execute(AS_SERVED).await.expect("settings");
        let mut found = Vec::new();
        for (text, types) in &prepared {
            if text == "COMMIT" || text.trim_start().starts_with("SET") || text == ALL_PERFORMANCES {
                continue;
            }
            let plan = plan(&client, text, types).await;
            if !scanned(&plan).is_empty() || tries_all(&plan) {
                found.push(format!("{text}\n{plan}"));
            }
        }
        let (found, all) = (found.join("\n\n"), prepared.len());
        assert!(found.is_empty(), "of {all} statements:\n{found}");
    }
}

#[test]
fn a_scan_of_a_whole_table_is_noticed() {
    assert_eq!(
        scanned("Sort\n  ->  Seq Scan on seats s  (cost=0.00..1.00)"),
        BTreeSet::from(["seats"])
    );
    assert!(scanned("Seq Scan on operator_keys  (cost=0.00..1.00)").is_empty());
    assert!(scanned("Index Scan using seats_pkey on seats  (cost=0.00..1.00)").is_empty());
}
