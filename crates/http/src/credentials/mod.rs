//! The three credentials: who is calling (access token), where in line (queue token), and what an
//! operator may do (operator key).
//!
//! The tokens are signed, each purpose with a key of its own that is derived from the root secret,
//! so that one can never pass for the other. None of these types can be compared or printed.

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
use hmac::{Hmac, KeyInit as _, Mac as _};
use secrecy::{ExposeSecret as _, SecretBox, SecretSlice};
use sha2::{Digest as _, Sha256};
use std::fmt;

/// How long a signature is.
const MAC_BYTES: usize = 32;

/// A key as HMAC takes it.
type Block = [u8; 64];

/// The root key of all signatures.
pub struct RootSecret(SecretBox<Block>);

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
        let secret = SecretSlice::from(secret);
        Ok(Self(key_block(|| Sha256::digest(secret.expose_secret()).into())))
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

    fn derivation(self) -> &'static [u8] {
        match self {
            Purpose::AccessToken => b"frontrow access token",
            Purpose::QueueToken => b"frontrow queue token",
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

/// The key of one purpose, already taken in by the MAC: each signature begins with a copy of that.
struct SigningKey {
    purpose: Purpose,
    keyed: Hmac<Sha256>,
}

impl SigningKey {
    fn derive(secret: &RootSecret, purpose: Purpose) -> Self {
        let key = key_block(|| {
            let mac = mac(&secret.0).chain_update(purpose.derivation());
            mac.finalize().into_bytes().into()
        });
        let keyed = mac(&key);
        Self { purpose, keyed }
    }

    /// The prefix, then payload and signature in base64url.
    fn sign(&self, payload: &[u8]) -> String {
        let mac = self.keyed.clone().chain_update(payload);
        let signature: [u8; MAC_BYTES] = mac.finalize().into_bytes().into();
        let mut text = self.purpose.prefix().to_owned();
        BASE64_URL_SAFE_NO_PAD.encode_string([payload, &signature].concat(), &mut text);
        text
    }

    /// The payload of `N` bytes, when the text is exactly what [`Self::sign`] made of it.
    fn verify<const N: usize>(&self, text: &str) -> Option<[u8; N]> {
        let encoded = text.strip_prefix(self.purpose.prefix())?;
        if Some(encoded.len()) != base64::encoded_len(N + MAC_BYTES, false) {
            return None;
        }
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(encoded).ok()?;
        let (payload, signature) = bytes.split_first_chunk::<N>()?;
        let mac = self.keyed.clone().chain_update(payload);
        mac.verify_slice(signature).ok()?;
        Some(*payload)
    }
}

/// HMAC pads a short key with zeros.
fn key_block(make: impl FnOnce() -> [u8; MAC_BYTES]) -> SecretBox<Block> {
    let mut block: Box<Block> = Box::new([0; 64]);
    block[..MAC_BYTES].copy_from_slice(&make());
    SecretBox::new(block)
}

fn mac(key: &SecretBox<Block>) -> Hmac<Sha256> {
    Hmac::new(key.expose_secret().into())
}
