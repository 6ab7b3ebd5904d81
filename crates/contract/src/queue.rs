//! Places in line, and the gates they stand before.

use crate::{
    Fan, Fixture, Plan, Stage,
    stage::{MOMENT, join_of, pay_of, usual_policy},
};
use frontrow_domain::{
    catalog::TargetRefusal,
    id::{ScheduleId, TokenId, UserId},
    identity::{ActingRefusal, Actor},
    payment::PayRefusal,
    policy::Policy,
    queue::{
        AdmittanceRefusal, GatePatch, GateSettings, GateView, JoinRefusal, LeaveQueue, TokenRef, TokenState,
        UnknownToken, Visit,
        port::{GateNews, MOST_LEAVERS, ReservationCounts, SeatCounts, TokenCounts},
    },
    seating::{ReservationState, SeatStatus},
};
use time::Duration;

fn closed_gate() -> Plan {
    let mut plan = Plan::default();
    plan.gate.paused = true;
    plan
}

pub async fn fans_get_numbers_in_the_order_they_join<F: Fixture>(fixture: F) {
    let stage = Stage::set(fixture).await;
    let show = stage.show(closed_gate()).await;
    for expected in 1..=3 {
        let user = stage.fan().await;
        let joined = stage.join(&show, user).await;
        assert!(joined.fresh);
        let token = &joined.status.token;
        assert_eq!((token.number, token.user_id), (expected, user));
        assert_eq!(
            (token.state, token.lapses_at),
            (TokenState::Waiting, show.booking_closes_at)
        );
        assert_eq!(joined.status.place.map(|place| place.position), Some(expected));
        let status = stage.status(token.reference()).await;
        assert_eq!(status.token, *token);
        assert_eq!((status.concert_id, status.date), (show.concert_id, show.date));
        assert_eq!(status.place.map(|place| place.position), Some(expected));
    }
    let numbers: Vec<u64> = stage
        .books(&show)
        .await
        .tokens
        .iter()
        .map(|token| token.number)
        .collect();
    assert_eq!(numbers, [1, 2, 3]);
    stage.assert_sound().await;
}

pub async fn asking_again_gives_the_same_place<F: Fixture>(fixture: F) {
    let stage = Stage::set(fixture).await;
    let show = stage.show(closed_gate()).await;
    let users = stage.fans(3).await;
    let fans = stage.line_up(&show, &users).await;
    let again = stage.join(&show, users[1]).await;
    assert!(!again.fresh);
    assert_eq!(again.status.token.reference(), fans[1].token);
    assert_eq!(again.status.place.map(|place| place.position), Some(2));
    assert_eq!(stage.books(&show).await.issued, 3);
}

pub async fn each_reason_not_to_join_is_named_and_leaves_no_trace<F: Fixture>(fixture: F) {
    let stage = Stage::set(fixture).await;
    let show = stage.show(closed_gate()).await;
    let closed = stage
        .show(Plan {
            closes_in: -Duration::minutes(30),
            ..Plan::default()
        })
        .await;
    let over = stage
        .show(Plan {
            opens_in: -Duration::hours(3),
            closes_in: -Duration::hours(2),
            ..Plan::default()
        })
        .await;
    let user = stage.fan().await;
    let good = join_of(&show, user);
    let with = |change: &dyn Fn(&mut frontrow_domain::queue::JoinQueue)| {
        let mut changed = good.clone();
        change(&mut changed);
        changed
    };
    let target = |refusal| with(&move |join| join.target = Err(refusal));
    let cases = [
        (
            with(&|join| join.named = Some(UserId::mint())),
            ActingRefusal::UserMismatch.into(),
        ),
        (
            with(&|join| join.actor = Actor::Fan(UserId::mint())),
            ActingRefusal::InvalidUser.into(),
        ),
        (
            with(&|join| join.actor = Actor::OnBehalf),
            ActingRefusal::InvalidUser.into(),
        ),
        (target(TargetRefusal::InvalidConcert), JoinRefusal::InvalidConcert),
        (target(TargetRefusal::InvalidDate), JoinRefusal::InvalidDatetime),
        (target(TargetRefusal::AmbiguousDate), JoinRefusal::AmbiguousDate),
        (join_of(&over, user), JoinRefusal::InvalidDatetime),
        (join_of(&closed, user), JoinRefusal::BookingClosed),
    ];
    let before = stage.everything().await;
    for (wish, refusal) in cases {
        assert_eq!(stage.decide(wish).await, Err(refusal));
        assert_eq!(stage.everything().await, before);
    }
    let on_behalf = with(&|join| {
        join.actor = Actor::OnBehalf;
        join.named = Some(user);
    });
    assert!(stage.decide(on_behalf).await.is_ok_and(|joined| joined.fresh));
}

pub async fn positions_fall_as_those_ahead_leave_or_enter<F: Fixture>(fixture: F) {
    let stage = Stage::set(fixture).await;
    let mut plan = Plan::default();
    plan.gate.max_active = 1;
    plan.gate.paused = true;
    let show = stage.show(plan).await;
    let fans = stage.line_up(&show, &stage.fans(5).await).await;
    stage.leave(&fans[1]).await;
    assert_eq!(stage.position(&fans[0]).await, Some(1));
    assert_eq!(stage.position(&fans[4]).await, Some(4));
    stage.leave(&fans[3]).await;
    assert_eq!(stage.position(&fans[2]).await, Some(2));
    assert_eq!(stage.position(&fans[4]).await, Some(3));
    let resume = GatePatch {
        paused: Some(false),
        ..GatePatch::default()
    };
    let patched = stage.storage.queue.patch_gate(show.id, resume).await;
    assert!(matches!(patched, Ok(Some(Ok(_)))));
    stage.admit_until_inside(&fans[0]).await;
    assert_eq!(stage.position(&fans[0]).await, None);
    assert_eq!(stage.position(&fans[2]).await, Some(1));
    assert_eq!(stage.position(&fans[4]).await, Some(2));
    let late = stage.join(&show, stage.fan().await).await;
    assert_eq!(late.status.place.map(|place| place.position), Some(3));
    stage.assert_sound().await;
}

pub async fn a_token_is_known_at_its_own_gate_alone<F: Fixture>(fixture: F) {
    let stage = Stage::set(fixture).await;
    let show = stage.show(closed_gate()).await;
    let other = stage.show(closed_gate()).await;
    let fan = stage.line_up(&show, &stage.fans(1).await).await[0];
    let mut elsewhere = fan.token;
    elsewhere.schedule_id = other.id;
    let mut unknown = fan.token;
    unknown.id = TokenId::mint();
    for token in [elsewhere, unknown] {
        assert_eq!(stage.storage.queue.status(token).await, Ok(None));
        assert_eq!(stage.decide(Visit { token }).await, Err(UnknownToken));
        assert_eq!(stage.decide(LeaveQueue { token }).await, Err(UnknownToken));
    }
    assert_eq!(stage.state(&fan).await, TokenState::Waiting);
}

pub async fn places_are_told_together_in_the_order_asked<F: Fixture>(fixture: F) {
    let stage = Stage::set(fixture).await;
    let (show, other) = (stage.show(closed_gate()).await, stage.show(closed_gate()).await);
    let fans = stage.line_up(&show, &stage.fans(3).await).await;
    let elsewhere = stage.line_up(&other, &stage.fans(1).await).await[0].token;
    let mut unknown = fans[0].token;
    unknown.id = TokenId::mint();
    let asked = [
        fans[2].token,
        unknown,
        elsewhere,
        fans[0].token,
        fans[2].token,
        fans[1].token,
    ];
    let told = stage.storage.queue.statuses(asked.to_vec()).await;
    let told = told.expect("the storage answers").into_iter();
    let told: Vec<_> = told
        .map(|status| status.map(|status| (status.token.id, status.place.map(|place| place.position))))
        .collect();
    let at = |token: TokenRef, position| Some((token.id, Some(position)));
    let [first, second, third] = [0, 1, 2].map(|index: usize| fans[index].token);
    assert_eq!(
        told,
        [
            at(third, 3),
            None,
            at(elsewhere, 1),
            at(first, 1),
            at(third, 3),
            at(second, 2)
        ]
    );
    assert_eq!(stage.storage.queue.statuses(Vec::new()).await, Ok(Vec::new()));
}

pub async fn the_first_call_claims_the_slot<F: Fixture>(fixture: F) {
    let stage = Stage::set(fixture).await;
    let show = stage.show(Plan::default()).await;
    let fan = stage.line_up(&show, &stage.fans(1).await).await[0];
    let waiting = stage.decide(Visit { token: fan.token }).await.expect("a known token");
    assert_eq!((waiting.state, waiting.claimed_at), (TokenState::Waiting, None));

    stage.admit_until_inside(&fan).await;
    let admitted = stage.status(fan.token).await.token;
    assert_eq!((admitted.claimed_at, admitted.admitted_under), (None, Some(1_000)));
    let entered = admitted.activated_at.expect("a moment of admission");
    assert_eq!(admitted.lapses_at, entered + stage.policy.claim);

    let claimed = stage.decide(Visit { token: fan.token }).await.expect("a known token");
    let claimed_at = claimed.claimed_at.expect("a moment of the claim");
    assert_eq!(claimed.lapses_at, claimed_at + Duration::seconds(600));
    assert_eq!(claimed.activated_at, Some(entered));
    stage.pass(Duration::milliseconds(5)).await;
    let again = stage.decide(Visit { token: fan.token }).await.expect("a known token");
    assert_eq!(again, claimed);
    assert_eq!(stage.status(fan.token).await.token, claimed);
    assert_eq!(stage.books(&show).await.tokens, [claimed]);
}

pub async fn a_refused_booking_call_claims_the_slot_too<F: Fixture>(fixture: F) {
    let stage = Stage::set(fixture).await;
    let show = stage.show(Plan::default()).await;
    let fan = stage.line_up(&show, &stage.fans(1).await).await[0];
    stage.admit_until_inside(&fan).await;
    assert!(stage.hold(&fan, &show, &[]).await.is_err());
    assert!(stage.status(fan.token).await.token.claimed_at.is_some());
}

pub async fn leaving_ends_the_token_and_frees_its_holds<F: Fixture>(fixture: F) {
    let stage = Stage::set(fixture).await;
    let show = stage.show(Plan::default()).await;
    let fans = stage.insiders(&show, 2).await;
    let holds = [
        stage.held(&fans[0], &show, &[1, 2]).await,
        stage.held(&fans[0], &show, &[3]).await,
    ];
    stage.leave(&fans[0]).await;
    let left = stage.status(fans[0].token).await;
    assert_eq!(left.state(), TokenState::Left);
    assert!(left.token.ended_at.is_some_and(|end| end <= left.as_of));
    for hold in holds {
        assert_eq!(stage.reservation(hold.id).await.state, ReservationState::Released);
    }
    stage.held(&fans[1], &show, &[1, 2, 3]).await;

    let before = stage.everything().await;
    stage.leave(&fans[0]).await;
    assert_eq!(stage.everything().await, before, "leaving twice changes nothing");
    let refused = stage.decide(pay_of(&fans[0], holds_id(&stage, &fans[1]).await)).await;
    assert_eq!(refused, Err(PayRefusal::Admittance(AdmittanceRefusal::InvalidToken)));
    stage.assert_sound().await;
}

async fn holds_id<F: Fixture>(stage: &Stage<F>, fan: &Fan) -> frontrow_domain::id::ReservationId {
    let books = stage.storage.books.schedule_books(fan.token.schedule_id).await;
    let books = books.expect("the storage answers").expect("a performance");
    let held = books.reservations.iter().find(|hold| hold.user_id == fan.user);
    held.expect("a hold").id
}

pub async fn who_left_gets_a_new_place_at_the_end<F: Fixture>(fixture: F) {
    let stage = Stage::set(fixture).await;
    let show = stage.show(closed_gate()).await;
    let fans = stage.line_up(&show, &stage.fans(3).await).await;
    stage.leave(&fans[0]).await;
    let again = stage.join(&show, fans[0].user).await;
    assert!(again.fresh);
    assert_eq!(again.status.token.number, 4);
    assert_eq!(again.status.place.map(|place| place.position), Some(3));
    assert_eq!(stage.state(&fans[0]).await, TokenState::Left);
    stage.assert_sound().await;
}

pub async fn a_lapsed_token_makes_room_for_a_new_one<F: Fixture>(fixture: F) {
    let policy = Policy {
        claim: MOMENT,
        ..usual_policy()
    };
    let stage = Stage::set_with(fixture, policy).await;
    let show = stage.show(Plan::default()).await;
    let fan = stage.line_up(&show, &stage.fans(1).await).await[0];
    stage.admit_until_inside(&fan).await;
    stage.pass(MOMENT).await;
    assert_eq!(stage.state(&fan).await, TokenState::Expired);
    let late = stage.decide(Visit { token: fan.token }).await.expect("a known token");
    assert_eq!(late.claimed_at, None, "an expired slot cannot be claimed");

    let again = stage.join(&show, fan.user).await;
    assert!(again.fresh);
    let ended = stage.status(fan.token).await.token;
    assert_eq!(
        (ended.state, ended.ended_at),
        (TokenState::Expired, Some(ended.lapses_at))
    );
    stage.assert_sound().await;
}

pub async fn waiting_ends_when_booking_closes<F: Fixture>(fixture: F) {
    let stage = Stage::set(fixture).await;
    let plan = Plan {
        closes_in: MOMENT,
        ..closed_gate()
    };
    let show = stage.show(plan).await;
    let fan = stage.line_up(&show, &stage.fans(1).await).await[0];
    assert_eq!(stage.state(&fan).await, TokenState::Waiting);
    stage.pass(MOMENT).await;
    let status = stage.status(fan.token).await;
    assert_eq!((status.state(), status.place), (TokenState::Expired, None));
    let refused = stage.decide(join_of(&show, fan.user)).await;
    assert_eq!(refused, Err(JoinRefusal::BookingClosed));
}

pub async fn a_gate_changes_field_by_field_or_not_at_all<F: Fixture>(fixture: F) {
    let stage = Stage::set(fixture).await;
    let show = stage.show(Plan::default()).await;
    let queue = &stage.storage.queue;
    let patch = GatePatch {
        max_active: Some(5),
        session_seconds: Some(9),
        ..GatePatch::default()
    };
    let expected = GateSettings {
        max_active: 5,
        session_seconds: 9,
        ..Plan::default().gate
    };
    let patched = queue.patch_gate(show.id, patch).await.expect("the storage answers");
    let patched = patched.expect("a gate").expect("good settings");
    assert_eq!(patched.settings, expected);
    assert_eq!(queue.gate(show.id).await, Ok(Some(patched.clone())));

    let bad = GatePatch {
        max_active: Some(7),
        admissions_per_minute: Some(0),
        paused: Some(true),
        ..GatePatch::default()
    };
    let refused = queue.patch_gate(show.id, bad).await.expect("the storage answers");
    let refused = refused.expect("a gate").expect_err("bad settings");
    assert_eq!(refused.field, "gate.admissions_per_minute");
    assert_eq!(queue.gate(show.id).await, Ok(Some(patched)));

    let nowhere = ScheduleId::mint();
    assert_eq!(queue.gate(nowhere).await, Ok(None));
    assert_eq!(queue.patch_gate(nowhere, patch).await, Ok(None));
}

async fn news<F: Fixture>(stage: &Stage<F>, gate: ScheduleId, after: u64) -> GateNews {
    let news = stage.storage.queue.gate_news(vec![(gate, after)]).await;
    let news: Vec<_> = news.expect("the storage answers");
    let [news] = news.try_into().expect("the news of one gate");
    news
}

pub async fn news_of_a_gate_tell_what_moves_those_who_wait<F: Fixture>(fixture: F) {
    let stage = Stage::set(fixture).await;
    let mut plan = closed_gate();
    plan.gate.max_active = 1;
    let show = stage.show(plan.clone()).await;
    let other = stage.show(closed_gate()).await;
    let fans = stage.line_up(&show, &stage.fans(6).await).await;
    let before = stage.now().await;
    let first = news(&stage, show.id, 0).await;
    assert!(first.as_of >= before && first.as_of <= stage.now().await);
    let expected = GateNews {
        schedule_id: show.id,
        settings: plan.gate,
        issued: 6,
        admitted: 0,
        admitted_number: 0,
        departed: 0,
        after: 0,
        seen: 0,
        leavers: Vec::new(),
        as_of: first.as_of,
    };
    assert_eq!(first, expected);

    for gone in [4, 0] {
        stage.leave(&fans[gone]).await;
        stage.leave(&fans[gone]).await;
    }
    let mut second = news(&stage, show.id, 0).await;
    second.leavers.sort_unstable();
    assert_eq!((second.departed, second.seen, second.leavers), (2, 2, vec![1, 5]));
    stage.leave(&fans[3]).await;
    let third = news(&stage, show.id, 2).await;
    assert_eq!((third.after, third.seen, third.leavers), (2, 3, vec![4]));

    let patch = GatePatch {
        paused: Some(false),
        ..GatePatch::default()
    };
    assert!(stage.storage.queue.patch_gate(show.id, patch).await.is_ok());
    stage.admit_until_inside(&fans[1]).await;
    // Who leaves from inside leaves no line.
    stage.leave(&fans[1]).await;
    let mut all = news(&stage, show.id, 0).await;
    all.leavers.sort_unstable();
    assert!(!all.settings.paused);
    assert_eq!((all.admitted_number, all.departed, all.seen), (2, 3, 3));
    assert_eq!((all.issued, all.admitted, all.waiting()), (6, 1, 2));
    assert_eq!(all.leavers, [4, 5], "who is behind the mark moves nobody");

    let both = vec![(other.id, 0), (ScheduleId::mint(), 0), (show.id, 3)];
    let both = stage.storage.queue.gate_news(both).await.expect("the storage answers");
    let mut of: Vec<_> = both.iter().map(|news| (news.schedule_id, news.departed)).collect();
    let mut expected = vec![(show.id, 3), (other.id, 0)];
    of.sort_unstable();
    expected.sort_unstable();
    assert_eq!(of, expected);
    assert_eq!(stage.storage.queue.gate_news(Vec::new()).await, Ok(Vec::new()));
}

pub async fn news_give_every_fan_the_position_that_storage_gives<F: Fixture>(fixture: F) {
    let stage = Stage::set(fixture).await;
    let mut plan = Plan::default();
    plan.gate.max_active = 3;
    let show = stage.show(plan).await;
    let fans = stage.line_up(&show, &stage.fans(12).await).await;
    let mut view = GateView::default();
    for (leaver, inside) in [
        (6, None),
        (0, Some(2)),
        (9, Some(3)),
        (2, Some(4)),
        (11, None),
        (4, Some(5)),
    ] {
        stage.leave(&fans[leaver]).await;
        if let Some(next) = inside {
            stage.admit_until_inside(&fans[next]).await;
        }
        assert!(view.apply(&news(&stage, show.id, view.seen()).await));
        for (fan, number) in fans.iter().zip(1..) {
            let position = view.ahead(number).map(|ahead| ahead + 1);
            assert_eq!(position, stage.position(fan).await, "of number {number}");
        }
    }
    let late = stage.join(&show, stage.fan().await).await.status;
    let ahead = view.ahead(late.token.number);
    assert_eq!(late.place.map(|place| place.position - 1), ahead);
}

pub async fn news_of_very_many_leavers_come_in_parts<F: Fixture>(fixture: F) {
    let stage = Stage::set(fixture).await;
    let show = stage.show(closed_gate()).await;
    let most = usize::try_from(MOST_LEAVERS).expect("a count");
    let fans = stage.line_up(&show, &stage.fans(most + 5).await).await;
    let leaves = fans[..most + 2]
        .iter()
        .map(|fan| LeaveQueue { token: fan.token }.into());
    stage.decide_each(leaves.collect()).await;
    let first = news(&stage, show.id, 0).await;
    assert_eq!((first.seen, first.departed), (MOST_LEAVERS, MOST_LEAVERS + 2));
    assert_eq!(first.leavers.len(), most);
    let mut view = GateView::default();
    assert!(!view.apply(&first));
    assert!(view.apply(&news(&stage, show.id, view.seen()).await));
    assert_eq!(view.ahead(MOST_LEAVERS + 5), Some(2));
}

pub async fn figures_count_everything_by_the_clock<F: Fixture>(fixture: F) {
    let policy = Policy {
        hold: MOMENT,
        ..usual_policy()
    };
    let stage = Stage::set_with(fixture, policy).await;
    let show = stage.show(Plan::default()).await;
    let fans = stage.insiders(&show, 4).await;
    stage.charge(fans[0].user, 9_000).await;
    let bought = stage.held(&fans[0], &show, &[1, 2]).await;
    stage.pay(&fans[0], bought.id).await.expect("paid");
    let released = stage.held(&fans[1], &show, &[3]).await;
    stage.release(&released).await;
    stage.leave(&fans[2]).await;
    let patch = GatePatch {
        paused: Some(true),
        ..GatePatch::default()
    };
    assert!(stage.storage.queue.patch_gate(show.id, patch).await.is_ok());
    stage.line_up(&show, &stage.fans(2).await).await;
    stage.held(&fans[3], &show, &[4, 5, 6]).await;

    let figures = async || {
        let stats = stage.storage.queue.stats(show.id).await.expect("the storage answers");
        stats.expect("a performance")
    };
    let stats = figures().await;
    let seats = |available, held, sold| SeatCounts { available, held, sold };
    let reservations = |held, expired| ReservationCounts {
        held,
        confirmed: 1,
        expired,
        released: 1,
    };
    let tokens = TokenCounts {
        waiting: 2,
        active: 2,
        completed: 1,
        expired: 0,
        left: 1,
    };
    assert_eq!(stats.seats, seats(15, 3, 2));
    assert_eq!(stats.tokens, tokens);
    assert_eq!(stats.reservations, reservations(1, 0));
    assert_eq!(stats.revenue, stage.money(2_000));
    assert_eq!((stats.admissions_last_minute, stats.waits.len()), (4, 4));

    stage.pass(MOMENT).await;
    let stats = figures().await;
    assert_eq!(stats.seats, seats(18, 0, 2));
    assert_eq!(stats.reservations, reservations(0, 1));
    let (seat, status) = stage.seat(&show, 4).await;
    assert_eq!((seat.holder(), status), (Some(fans[3].user), SeatStatus::Available));
    assert_eq!(stage.storage.queue.stats(ScheduleId::mint()).await, Ok(None));
    if stage.fixture.steers_time() {
        stage.pass(Duration::MINUTE).await;
        assert_eq!(figures().await.admissions_last_minute, 0);
    }
}

pub async fn waits_are_told_in_whole_seconds<F: Fixture>(fixture: F) {
    let stage = Stage::set(fixture).await;
    let show = stage.show(Plan::default()).await;
    let fan = stage.line_up(&show, &stage.fans(1).await).await[0];
    stage.pass(MOMENT).await;
    stage.admit_until_inside(&fan).await;
    let token = stage.status(fan.token).await.token;
    let waited = token.activated_at.expect("a moment of admission") - token.issued_at;
    let stats = stage.storage.queue.stats(show.id).await.expect("the storage answers");
    let waits = stats.expect("a performance").waits;
    assert_eq!(waits, [u64::try_from(waited.whole_seconds()).expect("a wait")]);
}
