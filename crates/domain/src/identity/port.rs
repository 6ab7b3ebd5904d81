//! What storage promises about users and operator keys.

use super::{OperatorKey, User};
use crate::{
    id::{OperatorKeyId, UserId},
    outcome::StoreError,
};
use async_trait::async_trait;

/// Reads users, keeps operator keys.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait Identities: Send + Sync {
    /// The user with this id.
    async fn user(&self, id: UserId) -> Result<Option<User>, StoreError>;

    /// The key with this hash, revoked or not.
    async fn operator_key(&self, hash: [u8; 32]) -> Result<Option<OperatorKey>, StoreError>;

    /// Stores a key; it works on every instance from this moment on.
    async fn add_operator_key(&self, key: OperatorKey) -> Result<(), StoreError>;

    /// Every key, oldest first, revoked ones included.
    async fn operator_keys(&self) -> Result<Vec<OperatorKey>, StoreError>;

    /// Revokes a key on every instance from this moment on; `false` when there is none with this
    /// id. Revoking twice keeps the first moment.
    async fn revoke_operator_key(&self, id: OperatorKeyId) -> Result<bool, StoreError>;
}
