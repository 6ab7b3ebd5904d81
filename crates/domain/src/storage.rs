//! Everything a storage adapter provides, in one hand.

use crate::{
    audit::port::Books,
    catalog::port::CatalogQueries,
    decision::port::Decisions,
    identity::port::Identities,
    leadership::port::Leadership,
    payment::port::PaymentQueries,
    queue::port::{Attendant, QueueQueries},
    seating::port::SeatingQueries,
    wallet::port::WalletQueries,
};
use std::sync::Arc;

/// The ports of one storage.
#[derive(Clone)]
#[expect(missing_docs, reason = "the ports document themselves")]
pub struct Storage {
    pub decisions: Arc<dyn Decisions>,
    pub catalog: Arc<dyn CatalogQueries>,
    pub identities: Arc<dyn Identities>,
    pub queue: Arc<dyn QueueQueries>,
    pub seating: Arc<dyn SeatingQueries>,
    pub wallets: Arc<dyn WalletQueries>,
    pub payments: Arc<dyn PaymentQueries>,
    pub attendant: Arc<dyn Attendant>,
    pub leadership: Arc<dyn Leadership>,
    pub books: Arc<dyn Books>,
}

impl Storage {
    /// The ports of an adapter that implements all of them.
    pub fn of<S>(adapter: &Arc<S>) -> Self
    where
        S: Decisions
            + CatalogQueries
            + Identities
            + QueueQueries
            + SeatingQueries
            + WalletQueries
            + PaymentQueries
            + Attendant
            + Leadership
            + Books
            + 'static,
    {
        Self {
            decisions: adapter.clone(),
            catalog: adapter.clone(),
            identities: adapter.clone(),
            queue: adapter.clone(),
            seating: adapter.clone(),
            wallets: adapter.clone(),
            payments: adapter.clone(),
            attendant: adapter.clone(),
            leadership: adapter.clone(),
            books: adapter.clone(),
        }
    }

    /// The same storage with another way to carry decisions out.
    #[must_use]
    pub fn deciding_through(self, decisions: Arc<dyn Decisions>) -> Self {
        Self { decisions, ..self }
    }
}
