//! Users and operator keys.

use crate::Memory;
use async_trait::async_trait;
use frontrow_domain::{
    id::{OperatorKeyId, UserId},
    identity::{OperatorKey, User, port::Identities},
    outcome::StoreError,
};

#[async_trait]
impl Identities for Memory {
    async fn user(&self, id: UserId) -> Result<Option<User>, StoreError> {
        Ok(self.world().users.get(&id).cloned())
    }

    async fn operator_key(&self, hash: [u8; 32]) -> Result<Option<OperatorKey>, StoreError> {
        let world = self.world();
        Ok(world.operator_keys.values().find(|key| key.hash == hash).cloned())
    }

    async fn add_operator_key(&self, key: OperatorKey) -> Result<(), StoreError> {
        self.world().operator_keys.insert(key.id, key);
        Ok(())
    }

    async fn operator_keys(&self) -> Result<Vec<OperatorKey>, StoreError> {
        let mut keys: Vec<_> = self.world().operator_keys.values().cloned().collect();
        keys.sort_by_key(|key| (key.created_at, key.id));
        Ok(keys)
    }

    async fn revoke_operator_key(&self, id: OperatorKeyId) -> Result<bool, StoreError> {
        let mut world = self.world();
        let now = self.clock.now();
        let key = world.operator_keys.get_mut(&id);
        Ok(key.map(|key| key.revoked_at.get_or_insert(now)).is_some())
    }
}
