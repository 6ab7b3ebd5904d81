//! Fans whom an operator lets in out of turn, and the figures about a line.

use crate::{
    Fan, Fixture, Plan, Show, Stage,
    stage::{MOMENT, join_of, let_through_of, usual_policy},
};
use frontrow_domain::{
    id::{TokenId, UserId},
    idempotency::IdempotencyRefusal,
    policy::Policy,
    queue::{
        GatePatch, GateView, LeaveQueue, LetIn, LetThroughRefusal, NamedFan, Outlook,
        TokenState::{self, Active, Expired, Left, Waiting},
        Visit,
        port::{GateNews, Stats},
    },
};
use time::Duration;

fn paused(max_active: u32) -> Plan {
    let mut plan = Plan::default();
    plan.gate.max_active = max_active;
    plan.gate.paused = true;
    plan
}

async fn resume<F: Fixture>(stage: &Stage<F>, show: &Show) {
    let resume = GatePatch {
        paused: Some(false),
        ..GatePatch::default()
    };
    let patched = stage.storage.queue.patch_gate(show.id, resume).await;
    assert!(matches!(patched, Ok(Some(Ok(_)))), "{patched:?}");
}

async fn let_through<F: Fixture>(stage: &Stage<F>, show: &Show, fan: &Fan) -> Result<LetIn, LetThroughRefusal> {
    stage.decide(let_through_of(show, NamedFan::Token(fan.token))).await
}

async fn news<F: Fixture>(stage: &Stage<F>, show: &Show, after: u64) -> GateNews {
    let news = stage.storage.queue.gate_news(vec![(show.id, after)]).await;
    news.expect("the storage answers").remove(0)
}

async fn figures<F: Fixture>(stage: &Stage<F>, show: &Show) -> Stats {
    let stats = stage.storage.queue.stats(show.id).await.expect("the storage answers");
    stats.expect("a performance")
}

/// What storage tells each fan, which a view that knows the news tells too.
async fn positions<F: Fixture>(stage: &Stage<F>, show: &Show, fans: &[Fan]) -> Vec<Option<u64>> {
    let mut view = GateView::default();
    assert!(view.apply(&news(stage, show, 0).await));
    let mut positions = Vec::new();
    for (fan, number) in fans.iter().zip(1..) {
        let position = stage.position(fan).await;
        assert_eq!(
            position,
            view.ahead(number).map(|ahead| ahead + 1),
            "of number {number}"
        );
        positions.push(position);
    }
    positions
}

pub async fn who_is_let_through_enters_at_once_and_all_behind_move_up<F: Fixture>(fixture: F) {
    let stage = Stage::set(fixture).await;
    let show = stage.show(paused(2)).await;
    let fans = stage.line_up(&show, &stage.fans(5).await).await;
    let gate = stage.storage.queue.gate(show.id).await;
    let mut wish = let_through_of(&show, NamedFan::User(fans[2].user));
    wish.outlook = Some(Outlook::Open);
    let let_in = stage.decide(wish.clone()).await.expect("let in");
    let token = stage.status(fans[2].token).await.token;
    assert!(let_in.fresh);
    assert_eq!(
        (&let_in.status.token, let_in.status.outlook),
        (&token, Some(Outlook::Open))
    );
    assert_eq!(
        (let_in.status.concert_id, let_in.status.date),
        (show.concert_id, show.date)
    );
    let entered = token.activated_at.expect("a moment of admission");
    assert_eq!(
        (token.state, token.claimed_at, token.admitted_under, token.departure),
        (Active, None, Some(2), Some(1))
    );
    assert_eq!(token.lapses_at, entered + stage.policy.claim);
    assert_eq!(
        stage.storage.queue.gate(show.id).await,
        gate,
        "the mark and the pace stay"
    );
    let told = news(&stage, &show, 0).await;
    assert_eq!((told.departed, told.admitted, told.waiting()), (1, 0, 4));
    assert_eq!(told.leavers, [3]);
    let expected = [Some(1), Some(2), None, Some(3), Some(4)];
    assert_eq!(positions(&stage, &show, &fans).await, expected);

    assert_eq!(stage.decide(wish).await, Ok(let_in.clone()), "the very same wish");
    let again = let_through(&stage, &show, &fans[2]).await.expect("inside");
    assert_eq!((again.fresh, again.status.token), (false, token));
    let late = stage.join(&show, stage.fan().await).await.status.place;
    assert_eq!(late.map(|place| place.position), Some(5));

    resume(&stage, &show).await;
    stage.admit_until_inside(&fans[0]).await;
    stage.leave(&fans[0]).await;
    stage.admit_until_inside(&fans[1]).await;
    stage.leave(&fans[1]).await;
    // The mark passes the one who was let through.
    stage.admit_until_inside(&fans[3]).await;
    let told = news(&stage, &show, 1).await;
    assert_eq!((told.admitted, told.admitted_number, told.waiting()), (3, 4, 2));
    assert_eq!(positions(&stage, &show, &fans).await, [None, None, None, None, Some(1)]);
    assert_eq!(stage.state(&fans[2]).await, Active);
    stage.assert_sound().await;
}

pub async fn however_it_ends_a_place_left_out_of_turn_counts_for_nobody<F: Fixture>(fixture: F) {
    let policy = Policy {
        claim: MOMENT,
        ..usual_policy()
    };
    let stage = Stage::set_with(fixture, policy).await;
    let show = stage.show(paused(5)).await;
    let fans = stage.line_up(&show, &stage.fans(6).await).await;
    for place in [1, 2, 4] {
        assert!(let_through(&stage, &show, &fans[place]).await.is_ok());
    }
    stage
        .decide(Visit { token: fans[1].token })
        .await
        .expect("a known token");
    stage.leave(&fans[1]).await;
    stage.charge(fans[4].user, 5_000).await;
    let hold = stage.held(&fans[4], &show, &[1]).await;
    stage.pay(&fans[4], hold.id).await.expect("paid");
    stage.pass(MOMENT).await;
    stage.storage.attendant.sweep().await.expect("the storage answers");
    let mut states = Vec::new();
    for fan in &fans {
        states.push(stage.state(fan).await);
    }
    assert_eq!(
        states,
        [Waiting, Left, Expired, Waiting, TokenState::Completed, Waiting]
    );
    let expected = [Some(1), None, None, Some(2), None, Some(3)];
    assert_eq!(positions(&stage, &show, &fans).await, expected);
    let departures = stage.books(&show).await.tokens;
    let departures: Vec<_> = departures.iter().map(|token| token.departure).collect();
    assert_eq!(departures, [None, Some(1), Some(2), None, Some(3), None]);
    resume(&stage, &show).await;
    stage.admit_until_inside(&fans[5]).await;
    stage.assert_sound().await;
}

pub async fn each_reason_not_to_let_through_is_named_and_leaves_no_trace<F: Fixture>(fixture: F) {
    let stage = Stage::set(fixture).await;
    let show = stage.show(paused(1)).await;
    let other = stage.show(paused(1)).await;
    let opening = stage
        .show(Plan {
            opens_in: Duration::HOUR,
            ..paused(1)
        })
        .await;
    let closed = stage
        .show(Plan {
            closes_in: -Duration::minutes(30),
            ..paused(1)
        })
        .await;
    let fans = stage.line_up(&show, &stage.fans(3).await).await;
    let elsewhere = stage.line_up(&other, &[fans[0].user]).await[0];
    let early = stage.line_up(&opening, &[fans[0].user]).await[0];
    stage.leave(&fans[2]).await;
    assert!(let_through(&stage, &show, &fans[1]).await.is_ok());
    let mut unknown = fans[0].token;
    unknown.id = TokenId::mint();
    let user = |show: &Show, user| let_through_of(show, NamedFan::User(user));
    let token = |token| let_through_of(&show, NamedFan::Token(token));
    let cases = [
        (user(&show, UserId::mint()), LetThroughRefusal::InvalidUser),
        (token(elsewhere.token), LetThroughRefusal::TokenScopeMismatch),
        (user(&opening, early.user), LetThroughRefusal::BookingNotOpen),
        (user(&closed, early.user), LetThroughRefusal::BookingClosed),
        (user(&show, fans[2].user), LetThroughRefusal::NotInLine),
        (token(fans[2].token), LetThroughRefusal::NotInLine),
        (token(unknown), LetThroughRefusal::NotInLine),
        (token(fans[0].token), LetThroughRefusal::GateFull(1)),
    ];
    let before = stage.everything().await;
    for (wish, refusal) in cases {
        assert_eq!(stage.decide(wish).await, Err(refusal));
        assert_eq!(stage.everything().await, before);
    }
}

pub async fn no_more_are_let_through_than_seats_can_become_theirs<F: Fixture>(fixture: F) {
    let stage = Stage::set(fixture).await;
    let plan = Plan { seats: 2, ..paused(10) };
    let show = stage.show(plan).await;
    let fans = stage.line_up(&show, &stage.fans(5).await).await;
    // One after another in one batch, and then each by itself.
    let wishes = fans[..3]
        .iter()
        .map(|fan| let_through_of(&show, NamedFan::Token(fan.token)).into());
    let verdicts = stage.decide_each(wishes.collect()).await;
    let let_in = verdicts
        .into_iter()
        .map(crate::stage::own::<frontrow_domain::queue::LetThrough>);
    let let_in: Vec<_> = let_in.map(|verdict| verdict.map(|let_in| let_in.fresh)).collect();
    assert_eq!(let_in, [Ok(true), Ok(true), Err(LetThroughRefusal::NoSeatLeft(2))]);
    stage.charge(fans[0].user, 5_000).await;
    let hold = stage.held(&fans[0], &show, &[1]).await;
    assert_eq!(
        let_through(&stage, &show, &fans[3]).await,
        Err(LetThroughRefusal::NoSeatLeft(2)),
        "the seat that is held is the holder's, or another's"
    );
    stage.pay(&fans[0], hold.id).await.expect("paid");
    assert_eq!(
        let_through(&stage, &show, &fans[3]).await,
        Err(LetThroughRefusal::NoSeatLeft(1)),
        "one seat is left for the one who is inside"
    );
    let leave_and_enter = vec![
        LeaveQueue { token: fans[1].token }.into(),
        let_through_of(&show, NamedFan::Token(fans[4].token)).into(),
    ];
    let verdicts = stage.decide_each(leave_and_enter).await;
    assert!(format!("{:?}", verdicts[1]).contains("fresh: true"), "{verdicts:?}");
    stage.assert_sound().await;
}

pub async fn a_slot_that_is_over_is_there_for_who_is_let_through<F: Fixture>(fixture: F) {
    let policy = Policy {
        claim: MOMENT,
        ..usual_policy()
    };
    let stage = Stage::set_with(fixture, policy).await;
    let show = stage.show(paused(1)).await;
    let fans = stage.line_up(&show, &stage.fans(2).await).await;
    assert!(let_through(&stage, &show, &fans[1]).await.is_ok());
    assert_eq!(
        let_through(&stage, &show, &fans[0]).await,
        Err(LetThroughRefusal::GateFull(1))
    );
    stage.pass(MOMENT).await;
    // Nobody has swept.
    assert!(
        let_through(&stage, &show, &fans[0])
            .await
            .is_ok_and(|let_in| let_in.fresh)
    );
    stage.assert_sound().await;
}

pub async fn who_is_let_through_counts_in_the_minute_but_does_not_wait_for_it<F: Fixture>(fixture: F) {
    let stage = Stage::set(fixture).await;
    if !stage.fixture.steers_time() {
        return;
    }
    let mut plan = Plan::default();
    plan.gate.admissions_per_minute = 2;
    let show = stage.show(plan).await;
    let fans = stage.line_up(&show, &stage.fans(6).await).await;
    let start = stage.now().await;
    for fan in &fans[3..] {
        assert!(let_through(&stage, &show, fan).await.is_ok_and(|let_in| let_in.fresh));
    }
    while stage.now().await < start + Duration::seconds(59) {
        assert_eq!(stage.admit().await, 0, "the minute is full");
        stage.pass(Duration::SECOND).await;
    }
    stage.pass(Duration::SECOND).await;
    assert_eq!(stage.admit().await, 1);
    assert_eq!(stage.state(&fans[0]).await, Active);
    stage.assert_sound().await;
}

pub async fn a_key_lets_through_once_and_is_answered_the_same<F: Fixture>(fixture: F) {
    let stage = Stage::set(fixture).await;
    let show = stage.show(paused(5)).await;
    let fans = stage.line_up(&show, &stage.fans(2).await).await;
    let mut keyed = let_through_of(&show, NamedFan::User(fans[1].user));
    keyed.request = crate::stage::request(show.id.0);
    let first = stage.decide(keyed.clone()).await;
    assert!(first.as_ref().is_ok_and(|let_in| let_in.fresh));
    stage.leave(&fans[1]).await;
    let mut retry = let_through_of(&show, NamedFan::User(fans[1].user));
    retry.request = keyed.request;
    assert_eq!(stage.decide(retry).await, first, "as it was told before");
    let mut join = join_of(&show, fans[1].user);
    join.request = keyed.request;
    assert_eq!(stage.decide(join).await, Err(IdempotencyRefusal::KeyReused.into()));
    assert_eq!(stage.state(&fans[1]).await, Left);
}

pub async fn figures_tell_who_never_came_and_who_gave_up<F: Fixture>(fixture: F) {
    let policy = Policy {
        claim: MOMENT,
        ..usual_policy()
    };
    let stage = Stage::set_with(fixture, policy).await;
    let show = stage.show(paused(10)).await;
    let fans = stage.line_up(&show, &stage.fans(8).await).await;
    let told = async || {
        let stats = figures(&stage, &show).await;
        (stats.no_shows, stats.leavers, stats.let_through)
    };
    assert_eq!(told().await, (0, 0, 0));
    for place in [0, 1, 2, 3] {
        assert!(let_through(&stage, &show, &fans[place]).await.is_ok());
    }
    // One claims, one claims and leaves, one leaves at once: none of them is a no-show.
    stage
        .decide(Visit { token: fans[0].token })
        .await
        .expect("a known token");
    stage
        .decide(Visit { token: fans[1].token })
        .await
        .expect("a known token");
    stage.leave(&fans[1]).await;
    stage.leave(&fans[2]).await;
    stage.leave(&fans[5]).await;
    stage.leave(&fans[6]).await;
    assert_eq!(told().await, (0, 2, 4));
    stage.pass(MOMENT).await;
    assert_eq!(told().await, (1, 2, 4), "before the sweep");
    stage.storage.attendant.sweep().await.expect("the storage answers");
    assert_eq!(told().await, (1, 2, 4), "and after it");
    resume(&stage, &show).await;
    stage.admit_until_inside(&fans[7]).await;
    let stats = figures(&stage, &show).await;
    assert_eq!((stats.let_through, stats.waits.len()), (4, 6));
    assert_eq!(stats.admissions_last_minute, 6);
}

pub async fn leavers_of_one_batch_are_numbered_in_its_order<F: Fixture>(fixture: F) {
    let stage = Stage::set(fixture).await;
    let show = stage.show(paused(5)).await;
    let fans = stage.line_up(&show, &stage.fans(5).await).await;
    let leaves = [3, 0, 2].map(|place: usize| {
        LeaveQueue {
            token: fans[place].token,
        }
        .into()
    });
    stage.decide_each(leaves.to_vec()).await;
    let told = news(&stage, &show, 0).await;
    assert_eq!((told.departed, told.seen, told.leavers.len()), (3, 3, 3));
    assert_eq!(news(&stage, &show, 1).await.leavers.len(), 2);
    assert_eq!(news(&stage, &show, 2).await.leavers, [3]);
    let expected = [None, Some(1), None, None, Some(2)];
    assert_eq!(positions(&stage, &show, &fans).await, expected);
    stage.assert_sound().await;
}
