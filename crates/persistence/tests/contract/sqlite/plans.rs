//! No statement reads a table from end to end that grows with use.

use super::{House, policy};
use diesel::{
    Connection, QueryableByName, RunQueryDsl,
    connection::{Instrumentation, InstrumentationEvent, set_default_instrumentation},
    sql_query,
    sqlite::SqliteConnection,
};
use frontrow_contract as contract;
use std::{
    collections::BTreeSet,
    sync::{Mutex, PoisonError},
};

/// Tables that stay small however much is sold, or that are read whole on purpose: the list of
/// keys, and admission's and the auditor's look at every performance.
const SMALL: [&str; 7] = [
    "deployment",
    "operator_keys",
    "gates",
    "lines",
    "schedules",
    "concerts",
    "places",
];

/// Every statement that any test of this process ran on SQLite.
static SEEN: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

fn seen() -> BTreeSet<String> {
    SEEN.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

/// Notes the text of every statement of a connection to a file. Other tests of this process talk to
/// PostgreSQL.
#[derive(Default)]
struct Noting {
    file: bool,
}

impl Instrumentation for Noting {
    fn on_connection_event(&mut self, event: InstrumentationEvent<'_>) {
        if let InstrumentationEvent::StartEstablishConnection { url, .. } = event {
            self.file = !url.starts_with("postgres");
        } else if let InstrumentationEvent::StartQuery { query, .. } = event
            && self.file
        {
            let shown = query.to_string();
            let sql = shown.split(" -- binds:").next().unwrap_or_default().trim();
            SEEN.lock()
                .unwrap_or_else(PoisonError::into_inner)
                .insert(sql.to_owned());
        }
    }
}

fn noting() -> Option<Box<dyn Instrumentation>> {
    Some(Box::new(Noting::default()))
}

#[derive(QueryableByName)]
struct Step {
    #[diesel(sql_type = diesel::sql_types::Text)]
    detail: String,
}

#[tokio::test(flavor = "multi_thread")]
async fn no_statement_scans_a_table_that_grows() {
    set_default_instrumentation(noting).unwrap();
    contract::books::a_whole_evening_leaves_sound_books(House::new()).await;
    contract::books::money_is_handed_over_user_by_user_in_pages(House::new()).await;
    contract::books::storage_answers_when_it_is_well(House::new()).await;
    contract::catalog::concerts_come_newest_first_page_by_page(House::new()).await;
    contract::identity::operator_keys_are_kept_listed_and_revoked_once(House::new()).await;
    contract::identity::a_user_comes_back_as_signed_up(House::new()).await;
    contract::queue::positions_fall_as_those_ahead_leave_or_enter(House::new()).await;
    contract::queue::a_gate_changes_field_by_field_or_not_at_all(House::new()).await;
    contract::let_through::who_is_let_through_enters_at_once_and_all_behind_move_up(House::new()).await;
    contract::queue::news_of_a_gate_tell_what_moves_those_who_wait(House::new()).await;
    contract::queue::figures_count_everything_by_the_clock(House::new()).await;
    contract::seating::availability_counts_by_the_clock(House::new()).await;
    contract::seating::the_stock_follows_holds_and_sales_by_the_clock(House::new()).await;
    contract::seating::a_released_seat_is_free_at_once(House::new()).await;
    contract::seating::a_map_that_is_kept_up_to_date_is_the_map(House::new()).await;
    contract::wallet::entries_come_newest_first_page_by_page(House::new()).await;
    contract::wallet::the_first_charge_makes_the_wallet(House::new()).await;
    contract::payment::payments_come_newest_first_page_by_page(House::new()).await;
    contract::payment::a_declined_payment_releases_the_seats_for_good(House::new()).await;
    contract::idempotency::every_keyed_answer_is_repeated(House::new()).await;
    contract::idempotency::a_charge_that_brought_no_money_is_decided_anew(House::new()).await;
    contract::sweeping::a_sweep_stores_what_time_decided(House::new()).await;
    contract::sweeping::a_sweep_deletes_records_past_their_day(House::new()).await;

    let house = House::new();
    drop(house.open(policy()).unwrap());
    let mut conn = SqliteConnection::establish(house.file().to_str().unwrap()).unwrap();
    let verbs = ["SELECT", "UPDATE", "DELETE", "WITH", "INSERT"];
    let ours = |sql: &String| verbs.iter().any(|verb| sql.starts_with(verb)) && !sql.contains("__diesel");
    let statements: Vec<String> = seen().into_iter().filter(ours).collect();
    assert!(statements.len() > 50, "only {} statements were seen", statements.len());
    for sql in &statements {
        let plan: Vec<Step> = sql_query(format!("EXPLAIN QUERY PLAN {sql}")).load(&mut conn).unwrap();
        for Step { detail } in plan {
            assert!(!scans(&detail), "{detail} in {sql}");
            assert!(!reads_too_much(&detail, sql), "{detail} in {sql}");
        }
    }
}

/// Whether a step reads all of a table that grows. What another step has found is no table.
fn scans(step: &str) -> bool {
    let table = step.strip_prefix("SCAN ").and_then(|rest| rest.split(' ').next());
    table.is_some_and(|table| !SMALL.contains(&table) && table != "CONSTANT" && !table.starts_with("(subquery"))
}

/// Whether a step reads everything of one performance or user although the statement asks for
/// less.
fn reads_too_much(step: &str, sql: &str) -> bool {
    let whole = step.ends_with("(schedule_id=?)") || step.ends_with("(user_id=?)");
    let asked = sql.split("WHERE").last().unwrap_or_default();
    whole && asked.matches(" = ?").count() > 1
}
