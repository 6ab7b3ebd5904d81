//! Nothing but what was signed here, for this purpose, is ever accepted, and nothing ever panics.

use super::*;
use frontrow_domain::{
    id::{ScheduleId, TokenId},
    queue::TokenRef,
};
use proptest::prelude::*;
use time::{Duration, macros::datetime};
use uuid::Uuid;

const NOW: Timestamp = datetime!(2026-12-01 10:00 UTC);

fn signer(secret: &str) -> Signer {
    Signer::new(&RootSecret::new(secret.as_bytes().to_vec()).unwrap())
}

fn ours() -> Signer {
    signer("a root secret of 32 bytes or more")
}

fn any_uuid() -> impl Strategy<Value = Uuid> {
    any::<u128>().prop_map(Uuid::from_u128)
}

/// Any instant of this millennium.
fn any_instant() -> impl Strategy<Value = Timestamp> {
    (946_684_800_000_000_i128..32_503_680_000_000_000)
        .prop_map(|micros| Timestamp::from_unix_timestamp_nanos(micros * 1_000).unwrap())
}

fn any_token() -> impl Strategy<Value = Ticket> {
    let ids = (any_uuid(), any_uuid(), any_uuid());
    (ids, any::<u64>(), any_instant()).prop_map(|((id, schedule, user), number, issued_at)| Ticket {
        token: TokenRef {
            id: TokenId(id),
            schedule_id: ScheduleId(schedule),
            user_id: UserId(user),
        },
        number,
        issued_at,
    })
}

fn access(user: Uuid) -> String {
    ours().access_token(&AccessToken::issue(UserId(user), NOW, Duration::days(30)))
}

/// A text with one character changed.
fn with_other_character(text: &str, at: usize, to: char) -> String {
    let at = at % text.chars().count();
    text.chars()
        .enumerate()
        .map(|(index, own)| if index == at { to } else { own })
        .collect()
}

fn assert_refused(text: &str) {
    assert!(ours().read_access_token(text, NOW).is_none(), "{text}");
    assert!(ours().read_queue_token(text).is_none(), "{text}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn what_was_signed_is_read_back(token in any_token(), user in any_uuid()) {
        let text = ours().queue_token(&token);
        prop_assert_eq!(&text, &ours().queue_token(&token));
        prop_assert_eq!(ours().read_queue_token(&text), Some(token));
        prop_assert_eq!(ours().read_access_token(&access(user), NOW), Some(UserId(user)));
    }

    #[test]
    fn one_purpose_never_passes_for_the_other(token in any_token(), user in any_uuid()) {
        let queue = ours().queue_token(&token);
        let access = access(user);
        prop_assert!(ours().read_access_token(&queue, NOW).is_none());
        prop_assert!(ours().read_queue_token(&access).is_none());
        assert_refused(&queue.replacen("frq_", "fra_", 1));
        assert_refused(&access.replacen("fra_", "frq_", 1));
    }

    #[test]
    fn a_foreign_secret_opens_nothing(token in any_token(), user in any_uuid()) {
        let foreign = signer("another root secret of 32 bytes or more");
        let mine = AccessToken::issue(UserId(user), NOW, Duration::days(30));
        assert_refused(&foreign.queue_token(&token));
        assert_refused(&foreign.access_token(&mine));
    }

    #[test]
    fn any_other_character_breaks_it(
        token in any_token(),
        user in any_uuid(),
        at in any::<usize>(),
        to in prop_oneof![proptest::char::range(' ', '~'), any::<char>()],
    ) {
        for genuine in [ours().queue_token(&token), access(user)] {
            let forged = with_other_character(&genuine, at, to);
            if forged != genuine {
                assert_refused(&forged);
            }
        }
    }

    #[test]
    fn a_cut_or_longer_text_is_refused(token in any_token(), user in any_uuid(), cut in any::<usize>(), more in "\\PC{1,20}") {
        for genuine in [ours().queue_token(&token), access(user)] {
            assert_refused(&genuine[..cut % genuine.len()]);
            assert_refused(&format!("{genuine}{more}"));
            assert_refused(&format!("{more}{genuine}"));
            assert_refused(&format!("{genuine}="));
        }
    }

    #[test]
    fn noise_is_refused(text in "\\PC{0,300}", bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        assert_refused(&text);
        for prefix in ["fra_", "frq_"] {
            assert_refused(&format!("{prefix}{}", BASE64_URL_SAFE_NO_PAD.encode(&bytes)));
        }
        prop_assert!(lookup_hash(&text).is_none());
    }

    #[test]
    fn an_access_token_ends_with_its_life(user in any_uuid(), life in 1_i64..100_000, offset in -100_000_i64..100_000) {
        let token = ours().access_token(&AccessToken::issue(UserId(user), NOW, Duration::milliseconds(life)));
        let then = NOW + Duration::milliseconds(offset);
        prop_assert_eq!(ours().read_access_token(&token, then).is_some(), offset < life);
    }

    #[test]
    fn only_the_very_operator_key_is_it(other in "[!-~]{32,256}") {
        let key = OperatorSecret::generate();
        prop_assert!(is_key(key.expose(), &key.hash()));
        prop_assert_eq!(lookup_hash(key.expose()), Some(key.hash()));
        prop_assert!(!is_key(&other, &key.hash()));
        let chosen = OperatorSecret::from_text(&other).unwrap();
        prop_assert!(is_key(&other, &chosen.hash()));
    }
}

#[test]
fn a_payload_that_is_signed_but_not_of_our_version_is_refused() {
    let signer = ours();
    let mut token = AccessToken::issue(UserId::mint(), NOW, Duration::days(1)).to_bytes();
    token[0] = 2;
    assert!(signer.read_access_token(&signer.access.sign(&token), NOW).is_none());
    let mut place = [7_u8; queue::BYTES];
    place[0] = 1;
    assert!(signer.read_queue_token(&signer.queue.sign(&place)).is_none());
}

#[test]
fn a_short_secret_and_a_bad_operator_key_are_refused() {
    assert!(RootSecret::new(vec![1; 31]).is_err());
    assert!(RootSecret::new(vec![1; 32]).is_ok());
    for text in [
        "short",
        &"x".repeat(31),
        &"x".repeat(257),
        &"with a space".repeat(4),
        &"é".repeat(40),
    ] {
        assert!(OperatorSecret::from_text(text).is_err(), "{text}");
    }
}

#[test]
fn two_secrets_that_differ_after_their_64th_byte_sign_differently() {
    let long = "x".repeat(64);
    let token = Ticket {
        token: TokenRef {
            id: TokenId::mint(),
            schedule_id: ScheduleId::mint(),
            user_id: UserId::mint(),
        },
        number: 1,
        issued_at: NOW,
    };
    let one = signer(&format!("{long}1")).queue_token(&token);
    assert!(signer(&format!("{long}2")).read_queue_token(&one).is_none());
}

/// Secrets have no `Debug` and no `Display` that could print them. This compiles only as long as
/// a trait implementation does not make the two calls ambiguous.
#[test]
fn secrets_cannot_be_printed() {
    trait Printable<A> {
        fn is_unprintable() {}
    }
    impl<T: ?Sized> Printable<()> for T {}
    struct Debugged;
    impl<T: ?Sized + fmt::Debug> Printable<Debugged> for T {}
    <RootSecret as Printable<_>>::is_unprintable();
    <OperatorSecret as Printable<_>>::is_unprintable();
    <Signer as Printable<_>>::is_unprintable();
    <SigningKey as Printable<_>>::is_unprintable();
    <AccessToken as Printable<_>>::is_unprintable();
}
