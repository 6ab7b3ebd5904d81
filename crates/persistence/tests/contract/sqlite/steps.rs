//! The background work goes in steps, and comes to its end all the same.

use super::House;
use frontrow_contract::{Plan, Stage};
use frontrow_domain::queue::{GatePatch, TokenState};
use time::Duration;

#[tokio::test(flavor = "multi_thread")]
async fn slots_of_more_fans_than_one_step_ends_are_freed_without_a_pause() {
    let stage = Stage::set(House::new()).await;
    let mut plan = Plan {
        seats: 2_000,
        ..Plan::default()
    };
    plan.gate.max_active = 1_200;
    let show = stage.show(plan).await;
    let silent = stage.fans(1_200).await;
    stage.line_up(&show, &silent).await;
    while stage.admit().await > 0 {
        stage.pass(Duration::SECOND).await;
    }
    let next = stage.line_up(&show, &stage.fans(1).await).await[0];
    stage.pass(Duration::minutes(2)).await;
    let narrow = GatePatch {
        max_active: Some(1),
        ..GatePatch::default()
    };
    stage.storage.queue.patch_gate(show.id, narrow).await.unwrap();

    let mut rounds = 0;
    while stage.storage.attendant.admit_due().await.unwrap().more {
        rounds += 1;
    }
    assert_eq!(rounds, 2, "two full steps, and the rest with the next fan");
    assert_eq!(stage.state(&next).await, TokenState::Active);
    let books = stage.books(&show).await;
    let ended = books.tokens.iter().filter(|token| token.state == TokenState::Expired);
    assert_eq!(ended.count(), 1_200);
    stage.assert_sound().await;
}
