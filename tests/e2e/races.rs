//! Many callers want the same thing at once, on two instances where the storage can be shared. The audit is the oracle.

use crate::instances::{Instances, refused};
use e2e::{Answer, Call, Deployment, Fan, Performance, Show, eventually, moment, now, on_every_storage};
use futures_util::future::join_all;
use serde_json::{Value, json};
use std::{collections::BTreeSet, iter, time::Duration};

on_every_storage!(
    forty_fans_want_one_seat,
    one_charge_is_sent_sixty_times,
    one_reservation_is_paid_twenty_times,
    a_fan_joins_twenty_times,
    a_payment_meets_the_end_of_its_hold,
    a_payment_meets_the_charge_it_needs,
    a_payment_meets_the_release_of_its_seats,
    two_groups_want_overlapping_seats,
);

async fn at_once(calls: impl IntoIterator<Item = Call>) -> Vec<Answer> {
    join_all(calls.into_iter().map(IntoFuture::into_future)).await
}

fn count(answers: &[Answer], status: u16, code: Option<&str>) -> usize {
    let fits = |answer: &&Answer| answer.status == status && answer.json.get("code").and_then(Value::as_str) == code;
    answers.iter().filter(fits).count()
}

async fn forty_fans_want_one_seat(deployment: Deployment) {
    let instances = Instances::of(&deployment).await;
    let show = instances.first().stage(&Performance::of_seats(50)).await;
    let fans = instances.guests(40, &show).await;

    let answers = at_once(fans.iter().map(|fan| fan.hold(&show, &[7]))).await;

    assert_eq!(count(&answers, 201, None), 1, "{answers:?}");
    assert_eq!(count(&answers, 409, Some("seat_already_reserved")), 39, "{answers:?}");
    instances.finish().await;
}

async fn one_charge_is_sent_sixty_times(deployment: Deployment) {
    let instances = Instances::of(&deployment).await;
    let fan = instances.first().fan("Mina").await;
    let send = |fan: Fan| async move {
        eventually("the first charge is answered", async || {
            let answer = fan.charge(30_000).key("rent").await;
            (!refused(&answer, "request_in_progress")).then_some(answer)
        })
        .await
    };

    let answers = join_all((0..60).map(|place| send(instances.spread(&fan, place)))).await;

    let bodies: BTreeSet<_> = answers.iter().map(|answer| answer.body.clone()).collect();
    assert_eq!(count(&answers, 201, None), 60, "{answers:?}");
    assert_eq!(bodies.len(), 1, "the answers differ: {answers:?}");
    assert_eq!(fan.entries().await.list("items").len(), 1);
    assert_eq!(fan.balance().await, 30_000);
    instances.finish().await;
}

async fn one_reservation_is_paid_twenty_times(deployment: Deployment) {
    let instances = Instances::of(&deployment).await;
    let show = instances.first().stage(&Performance::of_seats(50)).await;
    let fan = instances.guest_with(1_000_000, &show).await;
    let reservation = fan.held(&show, &[7, 8]).await;

    let answers = at_once((0..20).map(|place| instances.spread(&fan, place).pay(&reservation))).await;

    assert_eq!(count(&answers, 201, None), 1, "{answers:?}");
    let late = ["reservation_not_held", "invalid_token"];
    let refused: usize = late
        .iter()
        .map(|code| answers.iter().filter(|answer| refused(answer, code)).count())
        .sum();
    assert_eq!(refused, 19, "{answers:?}");
    assert_eq!(fan.balance().await, 900_000);
    let payments = fan.payments().await.expect(200);
    let succeeded = payments
        .list("items")
        .iter()
        .filter(|payment| payment["status"] == "succeeded");
    assert_eq!(succeeded.count(), 1, "{payments}");
    instances.finish().await;
}

async fn a_fan_joins_twenty_times(deployment: Deployment) {
    let instances = Instances::of(&deployment).await;
    let show = instances.first().stage(&Performance::of_seats(50)).await;
    let fan = instances.first().fan("Mina").await;

    let ask = |place| {
        instances
            .spread(&fan, place)
            .ask_for_token(&show.concert_id, &show.date)
    };
    let answers = at_once((0..20).map(ask)).await;

    let tokens: BTreeSet<_> = answers.iter().map(|answer| answer.text("queue_token")).collect();
    assert_eq!(
        (count(&answers, 201, None), count(&answers, 200, None)),
        (1, 19),
        "{answers:?}"
    );
    assert_eq!(tokens.len(), 1, "{answers:?}");
    instances.finish().await;
}

/// The owner pays at the very moment the hold ends, and a rival is after the seat.
async fn a_payment_meets_the_end_of_its_hold(deployment: Deployment) {
    let instances = Instances::of(&deployment.with("HOLD_SECONDS", "1")).await;
    let show = instances.first().stage(&Performance::of_seats(50)).await;
    let owners = instances.guests_with(100_000, 8, &show).await;
    let rivals = instances.guests(8, &show).await;

    let duels = iter::zip(&owners, &rivals).zip(1..);
    join_all(duels.map(|((owner, rival), seat)| duel(owner, rival, &show, seat))).await;

    instances.finish().await;
}

async fn duel(owner: &Fan, rival: &Fan, show: &Show, seat: u32) {
    let held = owner.hold(show, &[seat]).await.expect(201);
    let reservation = held.text("reservation_id").to_owned();
    let ends = held.text("held_until").to_owned();
    eventually("the hold is about to end", async || {
        (moment(now() + Duration::from_millis(20)) > ends).then_some(())
    })
    .await;
    let takes_over = async {
        eventually("the seat is free or sold", async || {
            let answer = rival.hold(show, &[seat]).await;
            if answer.status == 201 {
                return Some(true);
            }
            let sold = owner.reservation(&reservation).await["state"] == "confirmed";
            sold.then_some(false)
        })
        .await
    };
    let (paid, taken_over) = tokio::join!(owner.pay(&reservation), takes_over);
    match paid.status {
        201 => assert!(!taken_over, "the seat was paid and taken over: {paid:?}"),
        _ => {
            assert!(taken_over);
            // The token may have ended with its hold; either way the seats were no longer the owner's.
            let late = ["reservation_not_held", "invalid_token"];
            assert!(late.iter().any(|code| refused(&paid, code)), "{paid:?}");
            assert_eq!(owner.balance().await, 100_000);
        }
    }
}

async fn a_payment_meets_the_charge_it_needs(deployment: Deployment) {
    let instances = Instances::of(&deployment).await;
    let show = instances.first().stage(&Performance::of_seats(50)).await;
    let fans = instances.guests(8, &show).await;

    let meet = |fan: Fan, seat| {
        let (show, elsewhere) = (show.clone(), instances.spread(&fan, 1));
        async move {
            let reservation = fan.held(&show, &[seat]).await;
            let (charged, paid) = tokio::join!(elsewhere.charge(50_000).into_future(), fan.pay(&reservation));
            charged.expect(201);
            let left = match paid.status {
                201 => 0,
                _ => {
                    paid.problem(402, "insufficient_balance");
                    fan.pay(&reservation).await.expect(201);
                    0
                }
            };
            assert_eq!(fan.balance().await, left);
        }
    };
    join_all(fans.into_iter().zip(1..).map(|(fan, seat)| meet(fan, seat))).await;

    instances.finish().await;
}

async fn a_payment_meets_the_release_of_its_seats(deployment: Deployment) {
    let instances = Instances::of(&deployment).await;
    let show = instances.first().stage(&Performance::of_seats(50)).await;
    let fans = instances.guests_with(50_000, 8, &show).await;

    let meet = |fan: Fan, seat| {
        let (show, elsewhere) = (show.clone(), instances.spread(&fan, 1));
        async move {
            let reservation = fan.held(&show, &[seat]).await;
            let release = elsewhere.release(&reservation).into_future();
            let (released, paid) = tokio::join!(release, fan.pay(&reservation));
            let won = match (released.status, paid.status) {
                (204, _) => paid.problem(409, "reservation_not_held"),
                (_, 201) => released.problem(409, "reservation_not_held"),
                _ => panic!("neither won: {released} {paid}"),
            };
            drop(won);
        }
    };
    join_all(fans.into_iter().zip(1..).map(|(fan, seat)| meet(fan, seat))).await;

    instances.finish().await;
}

/// All or none: whoever gets seat 2 gets it together with a neighbour.
async fn two_groups_want_overlapping_seats(deployment: Deployment) {
    let instances = Instances::of(&deployment).await;
    let show = instances.first().stage(&Performance::of_seats(50)).await;
    let fans = instances.guests(20, &show).await;
    let wanted = |place: usize| if place.is_multiple_of(2) { [1, 2] } else { [3, 2] };

    let answers = at_once(
        fans.iter()
            .enumerate()
            .map(|(place, fan)| fan.hold(&show, &wanted(place))),
    )
    .await;

    assert_eq!(count(&answers, 201, None), 1, "{answers:?}");
    let map = fans[0].seats(&show).await.expect(200);
    let held: Vec<_> = map
        .list("seats")
        .iter()
        .filter(|seat| seat["status"] == "held")
        .collect();
    assert_eq!(held.len(), 2, "{held:?}");
    let stats = instances.first().operator().stats(&show).await.expect(200);
    assert_eq!(stats["seats"], json!({ "available": 48, "held": 2, "sold": 0 }));
    instances.finish().await;
}
