//! What the auditor is given.

use crate::{
    Fixture, Plan, Stage,
    stage::{MOMENT, pay_of, request, usual_policy},
};
use frontrow_domain::{
    id::ScheduleId,
    payment::{Answer, Approval, PaymentStatus},
    policy::Policy,
};

pub async fn storage_answers_when_it_is_well<F: Fixture>(fixture: F) {
    let stage = Stage::set(fixture).await;
    assert_eq!(stage.storage.books.ping().await, Ok(()));
    assert_eq!(stage.storage.books.schedules().await, Ok(vec![]));
    let unknown = stage.storage.books.schedule_books(ScheduleId::mint()).await;
    assert!(matches!(unknown, Ok(None)));
    assert!(stage.money_books().await.is_empty());
    stage.assert_sound().await;
}

pub async fn a_whole_evening_leaves_sound_books<F: Fixture>(fixture: F) {
    let policy = Policy {
        hold: MOMENT,
        ..usual_policy()
    };
    let stage = Stage::set_with(fixture, policy).await;
    let show = stage.show(Plan::default()).await;
    let fans = stage.insiders(&show, 6).await;
    for fan in &fans {
        stage.charge(fan.user, 3_000).await;
    }
    let lapsing = stage.held(&fans[1], &show, &[3]).await;
    stage.pass(MOMENT).await;
    let bought = stage.held(&fans[0], &show, &[1, 2]).await;
    stage.pay(&fans[0], bought.id).await.expect("paid");
    stage.held(&fans[2], &show, &lapsing.seat_numbers).await;
    stage.leave(&fans[2]).await;
    let declined = stage.held(&fans[3], &show, &[4]).await;
    let mut pay = pay_of(&fans[3], declined.id);
    pay.request = request(show.id.0);
    pay.approval = Approval::Answered(Answer::Declined);
    assert!(stage.decide(pay).await.is_err());
    stage.line_up(&show, &stage.fans(2).await).await;
    stage.held(&fans[4], &show, &[5]).await;

    let books = stage.books(&show).await;
    assert_eq!((books.schedule_id, books.issued), (show.id, 8));
    assert_eq!((books.seats.len(), books.tokens.len()), (20, 8));
    assert_eq!(books.reservations.len(), 5);
    let numbers: Vec<u64> = books.tokens.iter().map(|token| token.number).collect();
    assert!(numbers.is_sorted());
    let statuses: Vec<_> = books.payments.iter().map(|payment| payment.status).collect();
    assert!(statuses.contains(&PaymentStatus::Failed) && statuses.contains(&PaymentStatus::Succeeded));
    stage.assert_sound().await;
}

pub async fn money_is_handed_over_user_by_user_in_pages<F: Fixture>(fixture: F) {
    let stage = Stage::set(fixture).await;
    let show = stage.show(Plan::default()).await;
    let fan = stage.insider(&show).await;
    let mut rich = stage.fans(4).await;
    for user in &rich {
        stage.charge(*user, 500).await;
    }
    stage.charge(fan.user, 1_500).await;
    let hold = stage.held(&fan, &show, &[1]).await;
    stage.pay(&fan, hold.id).await.expect("paid");
    rich.push(fan.user);
    rich.sort_unstable();

    let mut seen = Vec::new();
    let mut after = None;
    loop {
        let page = stage
            .storage
            .books
            .user_books(after, 2)
            .await
            .expect("the storage answers");
        assert!(page.len() <= 2);
        let Some(last) = page.last() else { break };
        after = Some(last.user_id);
        seen.extend(page);
    }
    let users: Vec<_> = seen.iter().map(|books| books.user_id).collect();
    assert_eq!(users, rich);
    let buyer = seen.iter().find(|books| books.user_id == fan.user).expect("the buyer");
    let amounts: Vec<i64> = buyer.entries.iter().map(|entry| entry.amount.minor()).collect();
    assert_eq!(amounts, [1_500, -1_000]);
    assert_eq!(buyer.payments.len(), 1);
    assert_eq!(buyer.wallet.as_ref().map(|wallet| wallet.balance.minor()), Some(500));
}
