//! Users and operator keys.

use crate::{Fixture, Stage};
use frontrow_domain::{
    id::{OperatorKeyId, UserId},
    identity::{GrantAccess, GrantRefusal, OperatorKey, RegisterRefusal, RegisterUser, Scope},
};
use time::Duration;

pub async fn a_user_comes_back_as_signed_up<F: Fixture>(fixture: F) {
    let stage = Stage::set(fixture).await;
    let command = RegisterUser {
        request: None,
        user_id: UserId::mint(),
        name: "김 'Fan' \u{1F3B5}".to_owned(),
    };
    let user = stage.decide(command.clone()).await.expect("signed up");
    assert_eq!((user.id, &user.name), (command.user_id, &command.name));
    assert_eq!(stage.storage.identities.user(user.id).await, Ok(Some(user)));
    assert_eq!(stage.storage.identities.user(UserId::mint()).await, Ok(None));
}

pub async fn a_refused_sign_up_leaves_no_user<F: Fixture>(fixture: F) {
    let stage = Stage::set(fixture).await;
    for name in [" ".to_owned(), "x".repeat(101)] {
        let command = RegisterUser {
            request: None,
            user_id: UserId::mint(),
            name,
        };
        let user = command.user_id;
        assert_eq!(stage.decide(command).await, Err(RegisterRefusal::InvalidName));
        assert_eq!(stage.storage.identities.user(user).await, Ok(None));
    }
}

pub async fn access_is_granted_to_known_users_alone<F: Fixture>(fixture: F) {
    let stage = Stage::set(fixture).await;
    let user = stage.fan().await;
    let grant = |user_id| GrantAccess { request: None, user_id };
    assert_eq!(stage.decide(grant(user)).await, Ok(user));
    let nobody = stage.decide(grant(UserId::mint())).await;
    assert_eq!(nobody, Err(GrantRefusal::InvalidUser));
}

pub async fn operator_keys_are_kept_listed_and_revoked_once<F: Fixture>(fixture: F) {
    let stage = Stage::set(fixture).await;
    let identities = &stage.storage.identities;
    let now = stage.now().await;
    let key = |number: u8, scopes: &[Scope]| OperatorKey {
        id: OperatorKeyId::mint(),
        name: format!("till {number}"),
        hash: [number; 32],
        scopes: scopes.to_vec(),
        created_at: now + Duration::seconds(number.into()),
        revoked_at: None,
    };
    let newer = key(2, &Scope::ALL);
    let older = key(1, &[Scope::StatsRead, Scope::BookingOnBehalf]);
    for key in [&newer, &older] {
        assert_eq!(identities.add_operator_key(key.clone()).await, Ok(()));
    }
    assert_eq!(identities.operator_keys().await, Ok(vec![older.clone(), newer.clone()]));
    assert_eq!(identities.operator_key(newer.hash).await, Ok(Some(newer.clone())));
    assert_eq!(identities.operator_key([9; 32]).await, Ok(None));

    assert_eq!(identities.revoke_operator_key(OperatorKeyId::mint()).await, Ok(false));
    assert_eq!(identities.revoke_operator_key(older.id).await, Ok(true));
    let revoked = identities.operator_key(older.hash).await.expect("the storage answers");
    let revoked = revoked.expect("a revoked key stays known");
    assert!(revoked.revoked_at.is_some_and(|at| at >= now));
    stage.pass(Duration::milliseconds(5)).await;
    assert_eq!(identities.revoke_operator_key(older.id).await, Ok(true));
    assert_eq!(identities.operator_keys().await, Ok(vec![revoked, newer]));
}
