//! The three credentials: who is calling (access token), where in line (queue token), and what an
//! operator may do (operator key).
//!
//! The tokens are signed with keyed BLAKE3, each purpose with a key of its own that is derived from
//! the root secret, so that one can never pass for the other. None of these types can be compared or
//! printed.

mod access;
mod operator;
mod queue;
#[cfg(test)]
mod tests;

pub(crate) use access::AccessToken;
pub(crate) use operator::{is_key, lookup_hash};

pub use operator::{OperatorSecret, UnusableOperatorKey};

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use frontrow_domain::{clock::Timestamp, id::UserId, queue::Ticket};
use secrecy::{ExposeSecret as _, SecretBox, SecretSlice};
use std::fmt;

/// How long a signature is.
const MAC_BYTES: usize = blake3::OUT_LEN;

/// How long the longest payload is with its signature.
const MOST_BYTES: usize = queue::BYTES + MAC_BYTES;

/// The root key of all signatures.
pub struct RootSecret(SecretSlice<u8>);

/// A root secret is too short to keep signatures safe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WeakSecret;

impl fmt::Display for WeakSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the secret must have at least {} bytes", RootSecret::LEAST_BYTES)
    }
}

impl std::error::Error for WeakSecret {}

impl RootSecret {
    /// The least length of a root secret.
    pub const LEAST_BYTES: usize = 32;

    /// Takes a secret as the deployment gave it.
    ///
    /// # Errors
    /// When it has fewer than [`Self::LEAST_BYTES`] bytes.
    pub fn new(secret: Vec<u8>) -> Result<Self, WeakSecret> {
        if secret.len() < Self::LEAST_BYTES {
            return Err(WeakSecret);
        }
        Ok(Self(secret.into()))
    }

    /// A new secret from the system's random source, written as text that can be kept in a file.
    #[must_use]
    pub fn generate() -> secrecy::SecretString {
        let mut bytes = [0_u8; 32];
        rand::Rng::fill_bytes(&mut rand::rng(), &mut bytes);
        BASE64_URL_SAFE_NO_PAD.encode(bytes).into()
    }
}

/// What a signed text is for.
#[derive(Clone, Copy)]
enum Purpose {
    AccessToken,
    QueueToken,
}

impl Purpose {
    /// What the text starts with, so that people and secret scanners recognise it.
    fn prefix(self) -> &'static str {
        match self {
            Purpose::AccessToken => "fra_",
            Purpose::QueueToken => "frq_",
        }
    }

    /// What the key is derived for; no two purposes of any program may share it.
    fn context(self) -> &'static str {
        match self {
            Purpose::AccessToken => "frontrow 2026-11-21 access token",
            Purpose::QueueToken => "frontrow 2026-11-21 queue token",
        }
    }
}

/// Signs and checks the two tokens.
pub(crate) struct Signer {
    access: SigningKey,
    queue: SigningKey,
}

impl Signer {
    /// Derives the signing keys from the root secret.
    pub(crate) fn new(secret: &RootSecret) -> Self {
        Self {
            access: SigningKey::derive(secret, Purpose::AccessToken),
            queue: SigningKey::derive(secret, Purpose::QueueToken),
        }
    }

    /// Signs an access token.
    pub(crate) fn access_token(&self, token: &AccessToken) -> String {
        self.access.sign(&token.to_bytes())
    }

    /// The user of an access token that is genuine and still valid at `now`.
    pub(crate) fn read_access_token(&self, text: &str, now: Timestamp) -> Option<UserId> {
        let payload = self.access.verify::<{ AccessToken::BYTES }>(text)?;
        AccessToken::from_bytes(&payload)
            .filter(|token| token.is_valid(now))
            .map(|token| token.user_id)
    }

    /// Signs a queue token: the same text each time for the same token.
    pub(crate) fn queue_token(&self, ticket: &Ticket) -> String {
        self.queue.sign(&queue::to_bytes(ticket))
    }

    /// What a genuine queue token says.
    pub(crate) fn read_queue_token(&self, text: &str) -> Option<Ticket> {
        let payload = self.queue.verify::<{ queue::BYTES }>(text)?;
        queue::from_bytes(&payload)
    }
}

/// The key of one purpose.
struct SigningKey {
    purpose: Purpose,
    key: SecretBox<[u8; blake3::KEY_LEN]>,
}

impl SigningKey {
    fn derive(secret: &RootSecret, purpose: Purpose) -> Self {
        let key = blake3::derive_key(purpose.context(), secret.0.expose_secret());
        Self {
            purpose,
            key: Box::new(key).into(),
        }
    }

    /// The prefix, then payload and signature in base64url.
    fn sign(&self, payload: &[u8]) -> String {
        let mut text = self.purpose.prefix().to_owned();
        BASE64_URL_SAFE_NO_PAD.encode_string([payload, self.mac(payload).as_slice()].concat(), &mut text);
        text
    }

    /// The payload of `N` bytes, when the text is exactly what [`Self::sign`] made of it.
    fn verify<const N: usize>(&self, text: &str) -> Option<[u8; N]> {
        let encoded = text.strip_prefix(self.purpose.prefix())?;
        if Some(encoded.len()) != base64::encoded_len(N + MAC_BYTES, false) {
            return None;
        }
        let mut bytes = [0; MOST_BYTES];
        let decoded = BASE64_URL_SAFE_NO_PAD.decode_slice(encoded, &mut bytes).ok()?;
        let (payload, signature) = bytes.get(..decoded)?.split_first_chunk::<N>()?;
        let signature: [u8; MAC_BYTES] = signature.try_into().ok()?;
        // Hashes are compared in constant time.
        (self.mac(payload) == signature).then_some(*payload)
    }

    fn mac(&self, payload: &[u8]) -> blake3::Hash {
        blake3::keyed_hash(self.key.expose_secret(), payload)
    }
}
