//! The promises of every port as tests, run by the memory, SQLite and PostgreSQL adapters alike.
//!
//! An adapter has one test binary, `tests/contract.rs`, that says how to make a storage and lets
//! the macro expand to one test a promise:
//!
//! ```text
//! use frontrow_contract::{Fixture, contract_suite};
//! use frontrow_domain::{policy::Policy, storage::Storage};
//! use time::Duration;
//!
//! struct OnMyAdapter { /* clock, temporary database, … */ }
//!
//! #[async_trait::async_trait]
//! impl Fixture for OnMyAdapter {
//!     async fn storage(&self, policy: Policy) -> Storage { /* empty, and this test's own */ }
//!     async fn pass(&self, time: Duration) { /* move the clock, or wait */ }
//!     fn steers_time(&self) -> bool { /* whether `pass` costs no real time */ }
//! }
//!
//! // Evaluated once a test, in an async context: `OnMyAdapter::start().await` is fine.
//! contract_suite!(OnMyAdapter::new());
//! ```
//!
//! The tests are `seating::a_lapsed_hold_is_a_free_seat` and the like, each on a multi-thread
//! runtime; the adapter's crate needs `tokio` and `time`. Whatever a fixture made goes when it is
//! dropped.

#[expect(missing_docs, reason = "a promise is named after what it promises")]
pub mod admission;
#[expect(missing_docs, reason = "a promise is named after what it promises")]
pub mod atomicity;
#[expect(missing_docs, reason = "a promise is named after what it promises")]
pub mod books;
#[expect(missing_docs, reason = "a promise is named after what it promises")]
pub mod catalog;
#[expect(missing_docs, reason = "a promise is named after what it promises")]
pub mod idempotency;
#[expect(missing_docs, reason = "a promise is named after what it promises")]
pub mod identity;
#[expect(missing_docs, reason = "a promise is named after what it promises")]
pub mod leadership;
#[expect(missing_docs, reason = "a promise is named after what it promises")]
pub mod let_through;
#[expect(missing_docs, reason = "a promise is named after what it promises")]
pub mod payment;
#[expect(missing_docs, reason = "a promise is named after what it promises")]
pub mod queue;
#[expect(missing_docs, reason = "a promise is named after what it promises")]
pub mod races;
#[expect(missing_docs, reason = "a promise is named after what it promises")]
pub mod seating;
mod stage;
#[expect(missing_docs, reason = "a promise is named after what it promises")]
pub mod sweeping;
#[expect(missing_docs, reason = "a promise is named after what it promises")]
pub mod wallet;

pub use stage::{Fan, Plan, Show, Stage, hold_of, join_of, let_through_of, pay_of, release_of, usual_policy};

use async_trait::async_trait;
use frontrow_domain::{policy::Policy, storage::Storage};
use time::Duration;

/// How an adapter is put under test.
#[async_trait]
pub trait Fixture: Send + Sync + Sized + 'static {
    /// Makes an empty storage with this policy, isolated from every other test's. Called once a
    /// test; the fixture outlives the storage's use.
    async fn storage(&self, policy: Policy) -> Storage;

    /// Lets at least this much time pass on the storage's clock: exactly this much where the
    /// clock is moved by hand. Time that is waited for is short and asked for seldom.
    async fn pass(&self, time: Duration);

    /// Whether the clock moves by [`Self::pass`] alone. Promises about an exact instant, or about
    /// what happens after hours, are only checked where it does.
    fn steers_time(&self) -> bool;

    /// Called right before this many contenders make one call each at the same time. A control
    /// uses it to make them all act on what they read before any of them wrote.
    fn about_to_race(&self, _contenders: usize) {}
}

/// Expands to the tests of every promise, on what the expression makes.
#[macro_export]
macro_rules! contract_suite {
    ($fixture:expr) => {
        $crate::every_promise! { $crate::expand_promises, $fixture }
        $crate::every_race! { $crate::expand_races, $fixture }
    };
}

/// Names every promise but the races to another macro.
#[doc(hidden)]
#[macro_export]
macro_rules! every_promise {
    ($then:path, $fixture:expr) => {
        $then! {
            $fixture;
            catalog {
                a_concert_and_its_performance_come_back_as_they_were_made
                the_largest_house_can_be_opened
                performances_come_in_the_order_they_start
                concerts_come_newest_first_page_by_page
                what_was_never_made_is_not_found
                each_reason_not_to_create_is_named_and_leaves_no_trace
                the_same_start_twice_in_one_batch_is_refused
            }
            identity {
                a_user_comes_back_as_signed_up
                a_refused_sign_up_leaves_no_user
                access_is_granted_to_known_users_alone
                operator_keys_are_kept_listed_and_revoked_once
            }
            queue {
                fans_get_numbers_in_the_order_they_join
                asking_again_gives_the_same_place
                each_reason_not_to_join_is_named_and_leaves_no_trace
                positions_fall_as_those_ahead_leave_or_enter
                a_token_is_known_at_its_own_gate_alone
                places_are_told_together_in_the_order_asked
                the_first_call_claims_the_slot
                a_refused_booking_call_claims_the_slot_too
                leaving_ends_the_token_and_frees_its_holds
                who_left_gets_a_new_place_at_the_end
                a_lapsed_token_makes_room_for_a_new_one
                waiting_ends_when_booking_closes
                a_gate_changes_field_by_field_or_not_at_all
                news_of_a_gate_tell_what_moves_those_who_wait
                news_give_every_fan_the_position_that_storage_gives
                news_of_very_many_leavers_come_in_parts
                figures_count_everything_by_the_clock
                waits_are_told_in_whole_seconds
            }
            admission {
                fans_enter_strictly_in_the_order_they_joined
                fans_enter_at_an_even_pace
                no_more_enter_in_a_minute_than_set
                never_more_are_inside_than_fit
                a_lower_cap_evicts_nobody
                a_slot_that_nobody_claims_goes_to_the_next
                a_session_that_is_over_frees_its_slot
                a_paused_gate_lets_nobody_in
                nobody_enters_before_booking_opens
                nobody_enters_once_booking_has_closed
                every_gate_is_its_own
                never_more_are_inside_than_seats_can_become_theirs
                nobody_enters_a_house_that_is_sold_out
            }
            let_through {
                who_is_let_through_enters_at_once_and_all_behind_move_up
                however_it_ends_a_place_left_out_of_turn_counts_for_nobody
                each_reason_not_to_let_through_is_named_and_leaves_no_trace
                no_more_are_let_through_than_seats_can_become_theirs
                a_slot_that_is_over_is_there_for_who_is_let_through
                who_is_let_through_counts_in_the_minute_but_does_not_wait_for_it
                a_key_lets_through_once_and_is_answered_the_same
                figures_tell_who_never_came_and_who_gave_up
                leavers_of_one_batch_are_numbered_in_its_order
            }
            leadership {
                one_leads_until_its_lease_lapses
                a_leader_stays_by_asking_in_time
                who_resigns_makes_room_at_once
                only_the_lease_that_was_seen_is_replaced
                nobody_is_let_in_for_a_leader_whose_epoch_is_over
            }
            seating {
                a_hold_is_stored_in_full
                a_hold_takes_all_its_seats_or_none
                each_reason_not_to_hold_is_named_and_leaves_no_trace
                seats_held_and_bought_count_against_the_limit
                a_bought_seat_counts_when_the_fan_comes_again
                a_lapsed_hold_is_a_free_seat
                the_version_of_a_map_counts_every_visible_change_once
                a_map_that_is_kept_up_to_date_is_the_map
                a_released_seat_is_free_at_once
                each_reason_not_to_release_is_named
                a_hold_keeps_its_token_and_a_release_lets_it_go
                availability_counts_by_the_clock
                the_stock_follows_holds_and_sales_by_the_clock
                what_does_not_exist_has_no_seats
                nothing_is_held_outside_the_booking_window
            }
            wallet {
                the_first_charge_makes_the_wallet
                entries_come_newest_first_page_by_page
                each_reason_not_to_charge_is_named_and_leaves_no_trace
                charges_in_one_batch_add_up
            }
            payment {
                money_seats_and_token_move_together
                a_token_completes_with_its_last_hold
                each_reason_not_to_pay_is_named_and_leaves_no_trace
                an_approved_payment_settles_under_its_reference
                a_declined_payment_releases_the_seats_for_good
                a_silent_provider_is_asked_again_under_the_same_reference
                an_approval_after_the_hold_has_cost_nothing
                a_hold_can_be_paid_until_its_very_end
                payments_come_newest_first_page_by_page
            }
            idempotency {
                every_keyed_answer_is_repeated
                the_same_keys_twice_in_one_batch_have_one_effect
                another_body_under_a_used_key_is_refused
                one_key_in_two_scopes_is_two_keys
                a_refusal_that_changed_nothing_is_decided_anew
                while_the_provider_is_asked_the_key_is_in_progress
                a_lease_that_is_over_may_be_taken_over
                a_record_counts_for_a_day
                a_charge_that_brought_no_money_is_decided_anew
                a_command_sent_again_finds_what_it_made
                a_spent_key_of_one_kind_is_no_answer_to_another
            }
            atomicity {
                a_batch_is_decided_in_the_order_given
                a_command_sees_what_those_before_it_changed
                a_hold_given_back_in_the_same_batch_is_free
                leaving_and_joining_in_one_batch_is_one_after_the_other
                a_batch_that_cannot_be_stored_leaves_no_trace
                an_empty_batch_is_decided_at_once
                a_large_batch_is_one_batch
            }
            sweeping {
                a_sweep_stores_what_time_decided
                a_sweep_keeps_its_hands_off_what_is_not_over
                a_seat_taken_over_is_not_freed_by_the_sweep
                a_sweep_deletes_records_past_their_day
                everybody_who_waited_is_swept_when_booking_closes
            }
            books {
                storage_answers_when_it_is_well
                a_whole_evening_leaves_sound_books
                money_is_handed_over_user_by_user_in_pages
            }
        }
    };
}

/// Names every race to another macro.
#[doc(hidden)]
#[macro_export]
macro_rules! every_race {
    ($then:path, $($more:tt)*) => {
        $then! {
            $($more)*;
            one_seat_has_one_holder
            overlapping_holds_share_no_seat
            one_fan_stays_within_the_seat_limit
            one_reservation_is_paid_once
            a_balance_is_spent_once
            first_charges_make_one_wallet_and_all_count
            one_key_charges_once
            one_key_asks_the_provider_once
            one_key_holds_once
            one_key_signs_up_once
            a_fan_has_one_live_token
            everybody_in_line_has_a_number_of_their_own
            leaving_and_paying_exclude_each_other
            releasing_and_paying_exclude_each_other
            a_hold_is_paid_in_time_or_taken_over
            a_sweep_never_frees_what_was_taken_over
            two_admission_loops_let_nobody_in_twice
            one_of_many_takes_the_lease
            who_leaves_is_never_inside
            whoever_leaves_the_line_is_told_of_once
            a_fan_is_let_through_once
            whoever_lets_fans_in_keeps_the_cap
            who_is_let_through_and_leaves_has_left
            a_gate_changed_during_admission_keeps_both_changes
            the_same_start_is_put_on_sale_once
        }
    };
}

/// One test a promise.
#[doc(hidden)]
#[macro_export]
macro_rules! expand_promises {
    ($fixture:expr; $($concept:ident { $($promise:ident)* })*) => {$(
        mod $concept {
            use super::*;
            $(
                #[tokio::test(flavor = "multi_thread")]
                async fn $promise() {
                    $crate::$concept::$promise($fixture).await;
                }
            )*
        }
    )*};
}

/// One test a race.
#[doc(hidden)]
#[macro_export]
macro_rules! expand_races {
    ($fixture:expr; $($race:ident)*) => {
        mod races {
            use super::*;
            $(
                #[tokio::test(flavor = "multi_thread")]
                async fn $race() {
                    if let Err(found) = $crate::races::$race($fixture).await {
                        panic!("{found}");
                    }
                }
            )*
        }
    };
}
