//! Refusals that many calls share.

use e2e::{Call, Fan, Show, forged};

/// A booking call is refused to whoever lacks one of the two tokens or has forged it.
pub async fn needs_both_tokens(call: &Call, fan: &Fan) {
    let refused = [
        call.clone().without("authorization"),
        call.clone().header("authorization", "Bearer nonsense"),
        call.clone()
            .header("authorization", &format!("Bearer {}", forged(&fan.access_token))),
        call.clone()
            .header("authorization", &format!("Bearer {}", fan.queue_token)),
        call.clone().without("queue-token"),
        call.clone().queue_token("nonsense"),
        call.clone().queue_token(&forged(&fan.queue_token)),
        call.clone().queue_token(&fan.access_token),
    ];
    for call in refused {
        call.await.problem(401, "invalid_token");
    }
}

/// A call with an access token alone is refused to whoever lacks it or has forged it.
pub async fn needs_an_access_token(call: &Call, fan: &Fan) {
    let refused = [
        call.clone().without("authorization"),
        call.clone().header("authorization", "Bearer nonsense"),
        call.clone()
            .header("authorization", &format!("Bearer {}", forged(&fan.access_token))),
    ];
    for call in refused {
        call.await.problem(401, "invalid_token");
    }
}

/// Nothing of the line, the seats and the money has come of what was refused.
pub async fn nothing_was_booked(fan: &Fan, show: &Show, seats: usize) {
    let free = fan.available_seats(show).await.expect(200);
    assert_eq!(free.list("seats").len(), seats, "a refused call took a seat\n{free}");
    let payments = fan.payments().await.expect(200);
    assert!(
        payments.list("items").is_empty(),
        "a refused call left a payment\n{payments}"
    );
}
