//! Who is let in, when, and how many.

use crate::{
    Fan, Fixture, Plan, Show, Stage,
    stage::{MOMENT, usual_policy},
};
use frontrow_domain::{
    policy::Policy,
    queue::{
        GatePatch, GateSettings,
        TokenState::{self, Active, Completed, Expired, Left, Waiting},
    },
};
use time::Duration;

fn gate(max_active: u32, admissions_per_minute: u32) -> Plan {
    let gate = GateSettings {
        max_active,
        admissions_per_minute,
        ..Plan::default().gate
    };
    Plan {
        // Seats for everybody: it is the gate that keeps fans out.
        seats: 100,
        gate,
        ..Plan::default()
    }
}

async fn patch<F: Fixture>(stage: &Stage<F>, show: &Show, patch: GatePatch) {
    let patched = stage.storage.queue.patch_gate(show.id, patch).await;
    assert!(matches!(patched, Ok(Some(Ok(_)))), "{patched:?}");
}

/// Gives the admission every chance.
async fn admit_all_it_will<F: Fixture>(stage: &Stage<F>) -> u64 {
    let mut admitted = 0;
    for _ in 0..20 {
        admitted += stage.admit().await;
        stage.pass(Duration::milliseconds(5)).await;
    }
    admitted
}

async fn states<F: Fixture>(stage: &Stage<F>, fans: &[Fan]) -> Vec<TokenState> {
    let mut states = Vec::new();
    for fan in fans {
        states.push(stage.state(fan).await);
    }
    states
}

pub async fn fans_enter_strictly_in_the_order_they_joined<F: Fixture>(fixture: F) {
    let stage = Stage::set(fixture).await;
    let show = stage.show(gate(1_000, 6_000)).await;
    let fans = stage.line_up(&show, &stage.fans(30).await).await;
    for gone in [0, 7, 8, 29] {
        stage.leave(&fans[gone]).await;
    }
    stage.admit_until_inside(&fans[28]).await;
    let tokens = stage.books(&show).await.tokens;
    let entered: Vec<_> = tokens.iter().filter_map(|token| token.activated_at).collect();
    assert_eq!(entered.len(), 26);
    assert!(entered.is_sorted(), "{entered:?}");
    let gate = stage.storage.queue.gate(show.id).await.expect("the storage answers");
    assert_eq!(gate.map(|gate| gate.admitted_number), Some(29));
    stage.assert_sound().await;
}

pub async fn fans_enter_at_an_even_pace<F: Fixture>(fixture: F) {
    let stage = Stage::set(fixture).await;
    let show = stage.show(gate(1_000, 600)).await;
    let fans = stage.line_up(&show, &stage.fans(8).await).await;
    let mut reported = 0;
    while stage.state(&fans[7]).await == Waiting {
        reported += stage.admit().await;
        stage.pass(Duration::milliseconds(10)).await;
    }
    assert_eq!(reported, 8);
    let tokens = stage.books(&show).await.tokens;
    let entered: Vec<_> = tokens.iter().filter_map(|token| token.activated_at).collect();
    for (place, at) in (0..).zip(&entered) {
        let earliest = entered[0] + Duration::milliseconds(100) * place;
        assert!(*at >= earliest, "fan {place} entered at {at}, not before {earliest}");
    }
}

pub async fn no_more_enter_in_a_minute_than_set<F: Fixture>(fixture: F) {
    let stage = Stage::set(fixture).await;
    if !stage.fixture.steers_time() {
        return;
    }
    let show = stage.show(gate(1_000, 6)).await;
    stage.line_up(&show, &stage.fans(20).await).await;
    let start = stage.now().await;
    while stage.now().await < start + Duration::minutes(3) {
        stage.admit().await;
        let stats = stage.storage.queue.stats(show.id).await.expect("the storage answers");
        let entered = stats.expect("a performance").admissions_last_minute;
        assert!(entered <= 6, "{entered} fans entered within a minute");
        stage.pass(Duration::milliseconds(700)).await;
    }
    let tokens = stage.books(&show).await.tokens;
    let inside = tokens.iter().filter(|token| token.activated_at.is_some()).count();
    assert!((17..=18).contains(&inside), "{inside} fans entered in three minutes");
}

pub async fn never_more_are_inside_than_fit<F: Fixture>(fixture: F) {
    let stage = Stage::set(fixture).await;
    let show = stage.show(gate(2, 1_000_000)).await;
    let users = stage.fans(5).await;
    let fans = stage.line_up(&show, &users).await;
    assert_eq!(admit_all_it_will(&stage).await, 2);
    assert_eq!(states(&stage, &fans).await, [Active, Active, Waiting, Waiting, Waiting]);

    stage.leave(&fans[1]).await;
    assert_eq!(admit_all_it_will(&stage).await, 1);
    assert_eq!(states(&stage, &fans).await, [Active, Left, Active, Waiting, Waiting]);

    stage.charge(fans[0].user, 5_000).await;
    let hold = stage.held(&fans[0], &show, &[1]).await;
    stage.pay(&fans[0], hold.id).await.expect("paid");
    assert_eq!(admit_all_it_will(&stage).await, 1);
    assert_eq!(states(&stage, &fans).await, [Completed, Left, Active, Active, Waiting]);
    stage.assert_sound().await;
}

pub async fn a_lower_cap_evicts_nobody<F: Fixture>(fixture: F) {
    let stage = Stage::set(fixture).await;
    let show = stage.show(gate(3, 1_000_000)).await;
    let fans = stage.line_up(&show, &stage.fans(4).await).await;
    assert_eq!(admit_all_it_will(&stage).await, 3);
    let max_active = |max_active| GatePatch {
        max_active: Some(max_active),
        ..GatePatch::default()
    };
    patch(&stage, &show, max_active(1)).await;
    stage.leave(&fans[0]).await;
    assert_eq!(admit_all_it_will(&stage).await, 0);
    assert_eq!(states(&stage, &fans).await, [Left, Active, Active, Waiting]);
    patch(&stage, &show, max_active(3)).await;
    assert_eq!(admit_all_it_will(&stage).await, 1);
    let token = stage.status(fans[3].token).await.token;
    assert_eq!(token.admitted_under, Some(3));
    stage.assert_sound().await;
}

pub async fn a_slot_that_nobody_claims_goes_to_the_next<F: Fixture>(fixture: F) {
    let policy = Policy {
        claim: MOMENT,
        ..usual_policy()
    };
    let stage = Stage::set_with(fixture, policy).await;
    let show = stage.show(gate(1, 1_000_000)).await;
    let fans = stage.line_up(&show, &stage.fans(2).await).await;
    stage.admit_until_inside(&fans[0]).await;
    assert_eq!(stage.state(&fans[1]).await, Waiting);
    stage.pass(MOMENT).await;
    stage.admit_until_inside(&fans[1]).await;
    let silent = stage.status(fans[0].token).await.token;
    assert_eq!((silent.state, silent.ended_at), (Expired, Some(silent.lapses_at)));
    let next = stage.status(fans[1].token).await.token;
    assert!(next.activated_at >= silent.ended_at);
    stage.assert_sound().await;
}

pub async fn a_session_that_is_over_frees_its_slot<F: Fixture>(fixture: F) {
    let stage = Stage::set(fixture).await;
    let mut plan = gate(1, 1_000_000);
    plan.gate.session_seconds = 1;
    let show = stage.show(plan).await;
    let fan = stage.insider(&show).await;
    let next = stage.line_up(&show, &stage.fans(1).await).await[0];
    stage.pass(Duration::SECOND).await;
    assert_eq!(stage.state(&fan).await, Expired);
    stage.admit_until_inside(&next).await;
    stage.assert_sound().await;
}

pub async fn a_paused_gate_lets_nobody_in<F: Fixture>(fixture: F) {
    let stage = Stage::set(fixture).await;
    let show = stage.show(Plan::default()).await;
    let paused = |paused| GatePatch {
        paused: Some(paused),
        ..GatePatch::default()
    };
    patch(&stage, &show, paused(true)).await;
    let fan = stage.line_up(&show, &stage.fans(1).await).await[0];
    assert_eq!(admit_all_it_will(&stage).await, 0);
    let place = stage.status(fan.token).await.place.expect("a place");
    assert_eq!(place.estimated_wait_seconds, None);
    patch(&stage, &show, paused(false)).await;
    assert_eq!(admit_all_it_will(&stage).await, 1);
}

pub async fn nobody_enters_before_booking_opens<F: Fixture>(fixture: F) {
    let stage = Stage::set(fixture).await;
    let plan = Plan {
        opens_in: MOMENT,
        ..Plan::default()
    };
    let show = stage.show(plan).await;
    let fans = stage.line_up(&show, &stage.fans(2).await).await;
    stage.admit().await;
    stage.pass(MOMENT).await;
    stage.admit_until_inside(&fans[1]).await;
    for fan in &fans {
        let entered = stage.status(fan.token).await.token.activated_at;
        assert!(entered >= Some(show.booking_opens_at), "{entered:?}");
    }
}

pub async fn nobody_enters_once_booking_has_closed<F: Fixture>(fixture: F) {
    let stage = Stage::set(fixture).await;
    let plan = Plan {
        closes_in: MOMENT,
        ..Plan::default()
    };
    let show = stage.show(plan).await;
    let inside = stage.insider(&show).await;
    let waiting = stage.line_up(&show, &stage.fans(1).await).await[0];
    stage.pass(MOMENT).await;
    assert_eq!(admit_all_it_will(&stage).await, 0);
    assert_eq!(states(&stage, &[inside, waiting]).await, [Active, Expired]);
    stage.assert_sound().await;
}

pub async fn every_gate_is_its_own<F: Fixture>(fixture: F) {
    let stage = Stage::set(fixture).await;
    let users = stage.fans(2).await;
    let mut lines = Vec::new();
    for _ in 0..3 {
        let show = stage.show(gate(1, 1_000_000)).await;
        lines.push(stage.line_up(&show, &users).await);
    }
    assert_eq!(admit_all_it_will(&stage).await, 3);
    for fans in lines {
        assert_eq!(states(&stage, &fans).await, [Active, Waiting]);
    }
}

pub async fn never_more_are_inside_than_seats_can_become_theirs<F: Fixture>(fixture: F) {
    let policy = Policy {
        hold: MOMENT,
        ..usual_policy()
    };
    let stage = Stage::set_with(fixture, policy).await;
    let show = stage
        .show(Plan {
            seats: 3,
            ..gate(1_000, 1_000_000)
        })
        .await;
    let fans = stage.line_up(&show, &stage.fans(6).await).await;
    assert_eq!(admit_all_it_will(&stage).await, 3);
    // A seat that is held may be free again, so it is still a seat for somebody else.
    stage.held(&fans[0], &show, &[1, 2, 3]).await;
    assert_eq!(admit_all_it_will(&stage).await, 0);
    stage.leave(&fans[1]).await;
    assert_eq!(admit_all_it_will(&stage).await, 1);

    // One that is sold is not: two are inside, for the two seats that are left.
    stage.pass(MOMENT).await;
    stage.charge(fans[0].user, 5_000).await;
    let hold = stage.held(&fans[0], &show, &[1]).await;
    stage.pay(&fans[0], hold.id).await.expect("paid");
    assert_eq!(admit_all_it_will(&stage).await, 0);
    assert_eq!(
        states(&stage, &fans).await,
        [Completed, Left, Active, Active, Waiting, Waiting]
    );
    stage.leave(&fans[2]).await;
    assert_eq!(admit_all_it_will(&stage).await, 1);
    assert_eq!(stage.state(&fans[4]).await, Active);
    stage.assert_sound().await;
}

pub async fn nobody_enters_a_house_that_is_sold_out<F: Fixture>(fixture: F) {
    let stage = Stage::set(fixture).await;
    let plan = |seats| Plan {
        seats,
        ..gate(1_000, 1_000_000)
    };
    let show = stage.show(plan(2)).await;
    let buyer = stage.insider(&show).await;
    stage.charge(buyer.user, 5_000).await;
    let hold = stage.held(&buyer, &show, &[1, 2]).await;
    let late = stage.line_up(&show, &stage.fans(3).await).await;
    assert_eq!(admit_all_it_will(&stage).await, 1, "the buyer may not pay");
    stage.pay(&buyer, hold.id).await.expect("paid");
    stage.leave(&late[0]).await;
    assert_eq!(admit_all_it_will(&stage).await, 0);
    assert_eq!(states(&stage, &late).await, [Left, Waiting, Waiting]);
    assert_eq!(stage.position(&late[2]).await, Some(2), "the line stays as it is");

    let elsewhere = stage.show(plan(1)).await;
    stage.line_up(&elsewhere, &stage.fans(2).await).await;
    assert_eq!(admit_all_it_will(&stage).await, 1, "another house has its own seats");
    stage.assert_sound().await;
}
