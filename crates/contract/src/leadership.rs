//! Who does the work that is done once for all instances.

use crate::{Fixture, Plan, Stage};
use frontrow_domain::{
    id::InstanceId,
    leadership::{Claim, LEASE, Lease, service::Candidate},
};
use time::Duration;

async fn lease<F: Fixture>(stage: &Stage<F>) -> Lease {
    stage.storage.leadership.lease().await.expect("the storage answers").0
}

/// An instance asks for the lease; says in which epoch it leads then.
async fn asks<F: Fixture>(stage: &Stage<F>, instance: InstanceId) -> Option<u64> {
    let leadership = &stage.storage.leadership;
    let (seen, now) = leadership.lease().await.expect("the storage answers");
    match seen.claimed_by(instance, now) {
        Claim::Theirs => None,
        Claim::Kept => Some(seen.epoch),
        Claim::Replaced(next) => {
            let replaced = leadership.replace_lease(seen, next).await;
            replaced.expect("the storage answers").then_some(next.epoch)
        }
    }
}

pub async fn one_leads_until_its_lease_lapses<F: Fixture>(fixture: F) {
    let stage = Stage::set(fixture).await;
    let (one, other) = (InstanceId::mint(), InstanceId::mint());
    assert_eq!(asks(&stage, one).await, Some(1));
    assert_eq!(asks(&stage, other).await, None);
    let taken = lease(&stage).await;
    assert_eq!((taken.holder, taken.epoch), (Some(one), 1));

    stage.pass(LEASE).await;
    assert_eq!(asks(&stage, other).await, Some(2));
    assert_eq!(asks(&stage, one).await, None);
}

pub async fn a_leader_stays_by_asking_in_time<F: Fixture>(fixture: F) {
    let stage = Stage::set(fixture).await;
    let (one, other) = (InstanceId::mint(), InstanceId::mint());
    assert_eq!(asks(&stage, one).await, Some(1));
    for _ in 0..4 {
        let before = lease(&stage).await.until;
        stage.pass(Duration::milliseconds(600)).await;
        assert_eq!(asks(&stage, one).await, Some(1));
        assert_eq!(asks(&stage, other).await, None);
        assert!(lease(&stage).await.until > before);
    }
}

pub async fn who_resigns_makes_room_at_once<F: Fixture>(fixture: F) {
    let stage = Stage::set(fixture).await;
    let one = Candidate::new(stage.storage.leadership.clone());
    let other = Candidate::new(stage.storage.leadership.clone());
    assert_eq!(one.stand().await, Ok(Some(1)));
    assert_eq!((one.leads(), other.leads()), (Some(1), None));
    assert_eq!(other.stand().await, Ok(None));
    assert_eq!(other.resign().await, Ok(()));
    assert_eq!(one.stand().await, Ok(Some(1)), "only one's own is given up");

    assert_eq!(one.resign().await, Ok(()));
    assert_eq!(lease(&stage).await.holder, None);
    let next = Candidate::new(stage.storage.leadership.clone());
    assert_eq!(next.stand().await, Ok(Some(2)));
    assert_eq!((one.stand().await, one.leads()), (Ok(None), None));
    assert_eq!(other.stand().await, Ok(None), "for good");
}

pub async fn only_the_lease_that_was_seen_is_replaced<F: Fixture>(fixture: F) {
    let stage = Stage::set(fixture).await;
    let (vacant, now) = stage.storage.leadership.lease().await.expect("the storage answers");
    assert_eq!((vacant.holder, vacant.epoch), (None, 0));
    let taken = |by| Lease {
        holder: Some(by),
        epoch: 7,
        until: now + LEASE,
    };
    let first = taken(InstanceId::mint());
    let leadership = &stage.storage.leadership;
    assert_eq!(leadership.replace_lease(vacant, first).await, Ok(true));
    assert_eq!(lease(&stage).await, first);

    let second = taken(InstanceId::mint());
    let later = first.until + Duration::MICROSECOND;
    for other in [
        vacant,
        second,
        Lease { epoch: 6, ..first },
        Lease { until: later, ..first },
    ] {
        assert_eq!(leadership.replace_lease(other, second).await, Ok(false));
        assert_eq!(lease(&stage).await, first);
    }
    assert_eq!(leadership.replace_lease(first, first.given_up()).await, Ok(true));
    assert_eq!(lease(&stage).await, Lease { holder: None, ..first });
}

pub async fn nobody_is_let_in_for_a_leader_whose_epoch_is_over<F: Fixture>(fixture: F) {
    let stage = Stage::set(fixture).await;
    let show = stage.show(Plan::default()).await;
    stage.line_up(&show, &stage.fans(1).await).await;
    let one = Candidate::new(stage.storage.leadership.clone());
    let other = Candidate::new(stage.storage.leadership.clone());
    let past = one.stand().await.expect("the storage answers");
    one.resign().await.expect("the storage answers");
    let present = other.stand().await.expect("the storage answers");
    let admitted = async |epoch| {
        let done = stage.storage.attendant.admit_due_in(epoch).await;
        done.expect("the storage answers").admitted
    };
    assert!(past.is_some() && present > past);
    assert_eq!(admitted(past).await, 0);
    assert_eq!(admitted(present).await, 1);
}
