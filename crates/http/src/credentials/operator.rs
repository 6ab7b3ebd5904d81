//! An operator's key: random text, of which storage keeps only a hash.

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use secrecy::{ExposeSecret as _, SecretString};
use sha2::{Digest as _, Sha256};
use std::fmt;
use subtle::ConstantTimeEq as _;

/// What a generated key starts with.
const PREFIX: &str = "fro_";

/// How many random bytes a generated key has.
const RANDOM_BYTES: usize = 32;

/// The plain text of an operator's key.
pub struct OperatorSecret(SecretString);

/// A text cannot be an operator's key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnusableOperatorKey;

impl fmt::Display for UnusableOperatorKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an operator key has 32 to 256 visible ASCII characters")
    }
}

impl std::error::Error for UnusableOperatorKey {}

impl OperatorSecret {
    /// A new key from the system's random source. Show it once, store [`Self::hash`].
    #[must_use]
    pub fn generate() -> Self {
        let mut bytes = [0_u8; RANDOM_BYTES];
        rand::Rng::fill_bytes(&mut rand::rng(), &mut bytes);
        let mut text = PREFIX.to_owned();
        BASE64_URL_SAFE_NO_PAD.encode_string(bytes, &mut text);
        Self(text.into())
    }

    /// A key that the deployment chose itself.
    ///
    /// # Errors
    /// When it is not 32 to 256 visible ASCII characters.
    pub fn from_text(text: &str) -> Result<Self, UnusableOperatorKey> {
        let usable = (32..=256).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
        if usable {
            Ok(Self(text.into()))
        } else {
            Err(UnusableOperatorKey)
        }
    }

    /// The text, to be shown to the operator.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }

    /// What storage keeps: SHA-256 of the text. The text is long and random, so a slow hash would
    /// add nothing.
    #[must_use]
    pub fn hash(&self) -> [u8; 32] {
        hash(self.expose())
    }
}

/// Whether a presented text is the key with this hash, in a time that does not depend on the answer.
pub(crate) fn is_key(presented: &str, key: &[u8; 32]) -> bool {
    hash(presented).ct_eq(key).into()
}

/// The hash to look a presented text up by; `None` when it is none that [`OperatorSecret::generate`]
/// could have made, so that storage is not asked about noise.
pub(crate) fn lookup_hash(presented: &str) -> Option<[u8; 32]> {
    let encoded = presented.strip_prefix(PREFIX)?;
    if Some(encoded.len()) != base64::encoded_len(RANDOM_BYTES, false) {
        return None;
    }
    BASE64_URL_SAFE_NO_PAD.decode(encoded).ok()?;
    Some(hash(presented))
}

fn hash(text: &str) -> [u8; 32] {
    Sha256::digest(text.as_bytes()).into()
}
