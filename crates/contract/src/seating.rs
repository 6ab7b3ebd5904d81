//! Seats, holds and their ends.

use crate::{
    Fixture, Plan, Stage,
    stage::{MOMENT, hold_of, release_of, usual_policy},
};
use frontrow_domain::{
    catalog::TargetRefusal,
    id::{ConcertId, ReservationId, ScheduleId, TokenId},
    identity::Actor,
    policy::Policy,
    queue::AdmittanceRefusal,
    seating::{HoldRefusal, HoldSeats, ReleaseRefusal, ReservationState, SeatState, SeatStatus, port::StockState},
};
use time::Duration;

fn short_holds() -> Policy {
    Policy {
        hold: MOMENT,
        ..usual_policy()
    }
}

pub async fn a_hold_is_stored_in_full<F: Fixture>(fixture: F) {
    let stage = Stage::set(fixture).await;
    let show = stage.show(Plan::default()).await;
    let fan = stage.insider(&show).await;

    let held = stage.hold(&fan, &show, &[7, 3]).await.expect("both seats are free");
    let reservation = held.reservation;
    assert_eq!(reservation.seat_numbers, [3, 7]);
    assert_eq!(reservation.total_price, stage.money(2_000));
    assert_eq!(reservation.held_at, held.as_of);
    assert_eq!(reservation.held_until, held.as_of + stage.policy.hold);
    assert_eq!((reservation.user_id, reservation.token_id), (fan.user, fan.token.id));

    let status = stage.storage.seating.reservation(reservation.id).await;
    let status = status.expect("the storage answers").expect("the reservation");
    assert_eq!((&status.reservation, &*status.schedule), (&reservation, &*show));
    for number in [3, 7] {
        let (seat, status) = stage.seat(&show, number).await;
        let by = SeatState::Held {
            reservation_id: reservation.id,
            user_id: fan.user,
            until: reservation.held_until,
        };
        assert_eq!((seat.state, seat.version, status), (by, 1, SeatStatus::Held));
    }
    assert_eq!(stage.books(&show).await.reservations, [reservation]);
    stage.assert_sound().await;
}

pub async fn a_hold_takes_all_its_seats_or_none<F: Fixture>(fixture: F) {
    let stage = Stage::set(fixture).await;
    let show = stage.show(Plan::default()).await;
    let fans = stage.insiders(&show, 2).await;
    stage.held(&fans[0], &show, &[2, 4]).await;

    let before = stage.everything().await;
    let refused = stage.hold(&fans[1], &show, &[1, 2, 3, 4]).await;
    assert_eq!(refused, Err(HoldRefusal::SeatsTaken(vec![2, 4])));
    assert_eq!(stage.everything().await, before);
    stage.held(&fans[1], &show, &[1, 3]).await;
    stage.assert_sound().await;
}

pub async fn each_reason_not_to_hold_is_named_and_leaves_no_trace<F: Fixture>(fixture: F) {
    let stage = Stage::set(fixture).await;
    let show = stage.show(Plan::default()).await;
    let other = stage.show(Plan::default()).await;
    let fans = stage.insiders(&show, 2).await;
    let gone = stage.insider(&show).await;
    stage.leave(&gone).await;
    let waiting = stage.line_up(&show, &stage.fans(1).await).await[0];
    stage.held(&fans[1], &show, &[9]).await;

    let mut unknown = fans[0];
    unknown.token.id = TokenId::mint();
    let wish = hold_of(&fans[0], &show, &[1]);
    let with = |change: &dyn Fn(&mut HoldSeats)| {
        let mut changed = wish.clone();
        change(&mut changed);
        changed
    };
    let invalid = HoldRefusal::Admittance(AdmittanceRefusal::InvalidToken);
    let cases = [
        (hold_of(&unknown, &show, &[1]), invalid.clone()),
        (hold_of(&gone, &show, &[1]), invalid),
        (hold_of(&waiting, &show, &[1]), AdmittanceRefusal::TokenNotActive.into()),
        (
            with(&|wish| wish.actor = Actor::Fan(fans[1].user)),
            AdmittanceRefusal::UserMismatch.into(),
        ),
        (with(&|wish| wish.seat_numbers = vec![]), HoldRefusal::NoSeats),
        (
            with(&|wish| wish.seat_numbers = vec![2, 1, 2]),
            HoldRefusal::RepeatedSeat(2),
        ),
        (
            with(&|wish| wish.target = Err(TargetRefusal::InvalidConcert)),
            TargetRefusal::InvalidConcert.into(),
        ),
        (
            with(&|wish| wish.target = Ok(other.clone())),
            HoldRefusal::TokenScopeMismatch,
        ),
        (
            with(&|wish| wish.seat_numbers = vec![1, 2, 3, 4, 5]),
            HoldRefusal::SeatLimitExceeded { limit: 4, have: 0 },
        ),
        (
            with(&|wish| wish.seat_numbers = vec![0, 1, 21]),
            HoldRefusal::InvalidSeat(vec![0, 21]),
        ),
        (
            with(&|wish| wish.seat_numbers = vec![8, 9]),
            HoldRefusal::SeatsTaken(vec![9]),
        ),
    ];
    let before = stage.everything().await;
    for (wish, refusal) in cases {
        assert_eq!(stage.decide(wish).await, Err(refusal));
        assert_eq!(stage.everything().await, before);
    }
    assert_eq!(stage.decide(with(&|_| ())).await.map(|_| ()), Ok(()));
}

pub async fn seats_held_and_bought_count_against_the_limit<F: Fixture>(fixture: F) {
    let stage = Stage::set(fixture).await;
    let show = stage.show(Plan::default()).await;
    let fan = stage.insider(&show).await;
    stage.charge(fan.user, 10_000).await;
    let bought = stage.held(&fan, &show, &[1, 2]).await;
    let kept = stage.held(&fan, &show, &[3]).await;
    stage.pay(&fan, bought.id).await.expect("paid");

    let refused = stage.hold(&fan, &show, &[4, 5]).await;
    assert_eq!(refused, Err(HoldRefusal::SeatLimitExceeded { limit: 4, have: 3 }));
    stage.held(&fan, &show, &[4]).await;
    stage.release(&kept).await;
    stage.held(&fan, &show, &[5]).await;
    let refused = stage.hold(&fan, &show, &[6]).await;
    assert_eq!(refused, Err(HoldRefusal::SeatLimitExceeded { limit: 4, have: 4 }));
    stage.assert_sound().await;
}

pub async fn a_bought_seat_counts_when_the_fan_comes_again<F: Fixture>(fixture: F) {
    let stage = Stage::set(fixture).await;
    let show = stage.show(Plan::default()).await;
    let fan = stage.insider(&show).await;
    stage.charge(fan.user, 10_000).await;
    let bought = stage.held(&fan, &show, &[1, 2, 3]).await;
    stage.pay(&fan, bought.id).await.expect("paid");

    let again = stage.let_in(&show, &[fan.user]).await[0];
    assert_ne!(again.token.id, fan.token.id);
    let refused = stage.hold(&again, &show, &[4, 5]).await;
    assert_eq!(refused, Err(HoldRefusal::SeatLimitExceeded { limit: 4, have: 3 }));
    stage.held(&again, &show, &[4]).await;
}

pub async fn a_lapsed_hold_is_a_free_seat<F: Fixture>(fixture: F) {
    let stage = Stage::set_with(fixture, short_holds()).await;
    let show = stage.show(Plan::default()).await;
    let fans = stage.insiders(&show, 2).await;
    let first = stage.held(&fans[0], &show, &[5]).await;
    let (_, status) = stage.seat(&show, 5).await;
    assert_eq!(status, SeatStatus::Held);
    if stage.fixture.steers_time() {
        stage.pass(MOMENT - Duration::MICROSECOND).await;
        let too_early = stage.hold(&fans[1], &show, &[5]).await;
        assert_eq!(too_early, Err(HoldRefusal::SeatsTaken(vec![5])));
        stage.pass(Duration::MICROSECOND).await;
    } else {
        stage.pass(MOMENT).await;
    }
    let (_, status) = stage.seat(&show, 5).await;
    assert_eq!(status, SeatStatus::Available);
    let second = stage.held(&fans[1], &show, &[5]).await;
    assert!(second.held_at >= first.held_until);
    assert_eq!(stage.decide(release_of(&first)).await, Err(ReleaseRefusal::NotHeld));
    let (seat, _) = stage.seat(&show, 5).await;
    assert_eq!(seat.reservation(), Some(second.id));
    stage.assert_sound().await;
}

pub async fn the_version_of_a_map_counts_every_visible_change_once<F: Fixture>(fixture: F) {
    let stage = Stage::set_with(fixture, short_holds()).await;
    let show = stage.show(Plan::default()).await;
    let fan = stage.insider(&show).await;
    let version = async || stage.map_of(show.id).await.version();
    assert_eq!(version().await, 0);
    let released = stage.held(&fan, &show, &[1, 2]).await;
    assert_eq!(version().await, 2);
    stage.release(&released).await;
    assert_eq!(version().await, 4);

    stage.held(&fan, &show, &[1, 2, 3]).await;
    stage.pass(MOMENT).await;
    assert_eq!(version().await, 10, "three holds and their lapse");
    let taker = stage.insider(&show).await;
    stage.held(&taker, &show, &[3]).await;
    assert_eq!(version().await, 11, "the lapse of a seat taken over is not lost");
    stage.storage.attendant.sweep().await.expect("the storage answers");
    assert_eq!(version().await, 11, "what the sweep tidies had changed before");
}

pub async fn a_map_that_is_kept_up_to_date_is_the_map<F: Fixture>(fixture: F) {
    let stage = Stage::set_with(fixture, short_holds()).await;
    let plan = Plan {
        seats: 40,
        ..Plan::default()
    };
    let show = stage.show(plan).await;
    let fan = stage.insider(&show).await;
    let mut kept = stage.map_of(show.id).await;
    let mut up_to_date = async |what: &str, changed: usize| {
        let changes = stage.storage.seating.changes(show.id, kept.sums()).await;
        let changes = changes.expect("the storage answers");
        assert_eq!(changes.seats.len(), changed, "{what}");
        kept = kept.clone().with(changes);
        assert_eq!(kept.seats, stage.map_of(show.id).await.seats, "{what}");
    };
    up_to_date("nothing has happened", 0).await;
    let released = stage.held(&fan, &show, &[16, 17]).await;
    up_to_date("two groups of sixteen", 32).await;
    stage.release(&released).await;
    stage.held(&fan, &show, &[40]).await;
    up_to_date("two that are free again, and the last one of eight", 40).await;
    stage.pass(MOMENT).await;
    up_to_date("a hold has ended by itself", 8).await;
    let sweep = stage.storage.attendant.sweep().await;
    sweep.expect("the storage answers");
    assert_eq!(kept.version(), 2 + 2 + 2);
    assert_eq!(
        stage.map_of(show.id).await.version(),
        6,
        "the sweep changes nothing that shows"
    );
    let everything = stage.storage.seating.changes(show.id, Vec::new()).await;
    assert_eq!(everything.map(|all| all.seats.len()), Ok(40));
}

pub async fn a_released_seat_is_free_at_once<F: Fixture>(fixture: F) {
    let stage = Stage::set(fixture).await;
    let show = stage.show(Plan::default()).await;
    let fans = stage.insiders(&show, 2).await;
    let hold = stage.held(&fans[0], &show, &[1, 2]).await;
    let kept = stage.held(&fans[0], &show, &[3]).await;
    stage.release(&hold).await;

    let released = stage.reservation(hold.id).await;
    assert_eq!(released.state, ReservationState::Released);
    assert!(released.ended_at.is_some_and(|end| end >= hold.held_at));
    assert_eq!(stage.reservation(kept.id).await, kept);
    stage.held(&fans[1], &show, &[1, 2]).await;
    stage.assert_sound().await;
}

pub async fn each_reason_not_to_release_is_named<F: Fixture>(fixture: F) {
    let stage = Stage::set(fixture).await;
    let show = stage.show(Plan::default()).await;
    let fans = stage.insiders(&show, 2).await;
    let hold = stage.held(&fans[0], &show, &[1]).await;
    let mut unknown = release_of(&hold);
    unknown.reservation_id = ReservationId::mint();
    let mut strangers = release_of(&hold);
    strangers.actor = Actor::Fan(fans[1].user);
    let mut on_behalf = release_of(&hold);
    on_behalf.actor = Actor::OnBehalf;

    let before = stage.everything().await;
    assert_eq!(stage.decide(unknown).await, Err(ReleaseRefusal::InvalidReservation));
    assert_eq!(stage.decide(strangers).await, Err(ReleaseRefusal::UserMismatch));
    assert_eq!(stage.everything().await, before);
    assert_eq!(stage.decide(on_behalf.clone()).await, Ok(()));
    assert_eq!(stage.decide(on_behalf).await, Err(ReleaseRefusal::NotHeld));
}

pub async fn a_hold_keeps_its_token_and_a_release_lets_it_go<F: Fixture>(fixture: F) {
    let stage = Stage::set(fixture).await;
    let mut plan = Plan::default();
    plan.gate.session_seconds = 30;
    let show = stage.show(plan).await;
    let fan = stage.insider(&show).await;
    let session_end = stage.status(fan.token).await.token.lapses_at;
    let hold = stage.held(&fan, &show, &[1]).await;
    assert_eq!(stage.status(fan.token).await.token.lapses_at, hold.held_until);
    stage.release(&hold).await;
    assert_eq!(stage.status(fan.token).await.token.lapses_at, session_end);
}

pub async fn availability_counts_by_the_clock<F: Fixture>(fixture: F) {
    let stage = Stage::set_with(fixture, short_holds()).await;
    let show = stage.show(Plan::default()).await;
    let fans = stage.insiders(&show, 2).await;
    stage.charge(fans[0].user, 10_000).await;
    let bought = stage.held(&fans[0], &show, &[1, 2]).await;
    stage.pay(&fans[0], bought.id).await.expect("paid");
    stage.held(&fans[1], &show, &[3]).await;

    let counts = async || {
        let found = stage.storage.seating.availability(show.concert_id).await;
        let found = found.expect("the storage answers");
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].schedule, show);
        assert!(found[0].is_bookable());
        (found[0].seats_available, found[0].seats_sold)
    };
    assert_eq!(counts().await, (17, 2));
    stage.pass(MOMENT).await;
    assert_eq!(counts().await, (18, 2));
}

pub async fn the_stock_follows_holds_and_sales_by_the_clock<F: Fixture>(fixture: F) {
    let stage = Stage::set_with(fixture, short_holds()).await;
    let plan = Plan {
        seats: 3,
        ..Plan::default()
    };
    let (show, other) = (stage.show(plan.clone()).await, stage.show(plan).await);
    let fans = stage.insiders(&show, 2).await;
    stage.charge(fans[0].user, 10_000).await;
    let stock = async |id| {
        let before = stage.now().await;
        let stock = stage.storage.seating.stock(vec![id]).await;
        let stock = stock.expect("the storage answers");
        assert_eq!((stock.len(), stock[0].schedule_id), (1, id));
        assert!(stock[0].as_of >= before && stock[0].as_of <= stage.now().await);
        stock[0].state
    };
    assert_eq!(stock(show.id).await, StockState::Free);
    let first = stage.held(&fans[0], &show, &[2]).await;
    let mut second = stage.held(&fans[1], &show, &[1]).await;
    assert_eq!(stock(show.id).await, StockState::Free);
    let third = stage.held(&fans[0], &show, &[3]).await;
    let until = first.held_until;
    assert!(until <= second.held_until && until <= third.held_until);
    assert_eq!(stock(show.id).await, StockState::Held { until });
    stage.release(&third).await;
    assert_eq!(stock(show.id).await, StockState::Free, "it was given back");

    stage.pass(MOMENT).await;
    assert_eq!(stock(show.id).await, StockState::Free);
    let all = stage.held(&fans[0], &show, &[2, 3]).await;
    stage.pay(&fans[0], all.id).await.expect("paid");
    assert_eq!(stock(show.id).await, StockState::Free, "the other hold has ended");
    stage.charge(fans[1].user, 10_000).await;
    second = stage.held(&fans[1], &show, &[1]).await;
    let until = second.held_until;
    assert_eq!(stock(show.id).await, StockState::Held { until });
    stage.pay(&fans[1], second.id).await.expect("paid");
    assert_eq!(stock(show.id).await, StockState::SoldOut);

    let asked = vec![show.id, ScheduleId::mint(), other.id];
    let all = stage.storage.seating.stock(asked).await.expect("the storage answers");
    let mut told: Vec<_> = all.iter().map(|stock| (stock.schedule_id, stock.state)).collect();
    told.sort_unstable_by_key(|(id, _)| *id);
    let mut expected = [(show.id, StockState::SoldOut), (other.id, StockState::Free)];
    expected.sort_unstable_by_key(|(id, _)| *id);
    assert_eq!(told, expected);
    assert_eq!(stage.storage.seating.stock(Vec::new()).await, Ok(Vec::new()));
}

pub async fn what_does_not_exist_has_no_seats<F: Fixture>(fixture: F) {
    let stage = Stage::set(fixture).await;
    assert_eq!(stage.map_of(ScheduleId::mint()).await.seats, []);
    let nothing = stage.storage.seating.changes(ScheduleId::mint(), vec![1, 2]).await;
    assert_eq!(nothing.map(|changes| changes.seats), Ok(Vec::new()));
    let availability = stage.storage.seating.availability(ConcertId::mint()).await;
    assert_eq!(availability, Ok(vec![]));
    let reservation = stage.storage.seating.reservation(ReservationId::mint()).await;
    assert_eq!(reservation, Ok(None));
}

pub async fn nothing_is_held_outside_the_booking_window<F: Fixture>(fixture: F) {
    let stage = Stage::set(fixture).await;
    let plan = Plan {
        closes_in: MOMENT * 2,
        ..Plan::default()
    };
    let show = stage.show(plan).await;
    let fan = stage.insider(&show).await;
    stage.charge(fan.user, 10_000).await;
    let hold = stage.held(&fan, &show, &[1]).await;
    stage.pass(MOMENT * 2).await;
    assert_eq!(stage.hold(&fan, &show, &[2]).await, Err(HoldRefusal::BookingClosed));
    stage.pay(&fan, hold.id).await.expect("what is held can still be paid");
    stage.assert_sound().await;
}
