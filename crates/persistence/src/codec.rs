//! How values that no database has a type for are written down, the same in all of them.

use frontrow_domain::{
    clock::Timestamp,
    idempotency::{Progress, Recorded},
    outcome::StoreError,
};
use uuid::Uuid;

/// A stored value that no rule could have written.
pub(crate) fn damaged(what: &str) -> StoreError {
    StoreError::Internal(format!("a stored {what} cannot be read"))
}

/// A count as databases keep it.
pub(crate) fn count_to_db(count: u64) -> Result<i64, StoreError> {
    i64::try_from(count).map_err(|_| damaged("count"))
}

/// A count as a database gives it.
pub(crate) fn count_from_db(count: i64) -> Result<u64, StoreError> {
    u64::try_from(count).map_err(|_| damaged("count"))
}

/// The columns that say how far a keyed request has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ProgressColumns {
    /// The verdict as JSON, once there is one; all else is absent then.
    pub(crate) outcome: Option<String>,
    pub(crate) reference: Option<Uuid>,
    pub(crate) attempts: Option<i32>,
    pub(crate) lease_until: Option<Timestamp>,
}

impl ProgressColumns {
    pub(crate) fn of(progress: &Progress) -> Result<Self, StoreError> {
        Ok(match progress {
            Progress::Done(recorded) => Self {
                outcome: Some(encode(recorded)?),
                reference: None,
                attempts: None,
                lease_until: None,
            },
            Progress::Pending {
                reference,
                attempts,
                lease_until,
            } => Self {
                outcome: None,
                reference: Some(*reference),
                attempts: Some(i32::try_from(*attempts).unwrap_or(i32::MAX)),
                lease_until: Some(*lease_until),
            },
        })
    }

    pub(crate) fn progress(&self) -> Result<Progress, StoreError> {
        match (&self.outcome, self.reference, self.attempts, self.lease_until) {
            (Some(outcome), None, None, None) => Ok(Progress::Done(decode(outcome)?)),
            (None, Some(reference), Some(attempts), Some(lease_until)) => Ok(Progress::Pending {
                reference,
                attempts: u32::try_from(attempts).map_err(|_| damaged("idempotency record"))?,
                lease_until,
            }),
            _ => Err(damaged("idempotency record")),
        }
    }
}

fn encode(recorded: &Recorded) -> Result<String, StoreError> {
    serde_json::to_string(recorded)
        .map_err(|error| StoreError::Internal(format!("a verdict that cannot be written down: {error}")))
}

fn decode(outcome: &str) -> Result<Recorded, StoreError> {
    serde_json::from_str(outcome).map_err(|_| damaged("verdict"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use frontrow_domain::{
        id::{EntryId, UserId, WalletId},
        money::Currency,
        wallet::Charged,
    };
    use time::macros::datetime;

    #[test]
    fn a_verdict_survives_being_written_down() {
        let krw = Currency::from_code("KRW").unwrap();
        let recorded = Recorded::Charged(Box::new(Charged {
            wallet_id: WalletId::mint(),
            user_id: UserId::mint(),
            entry_id: EntryId::mint(),
            amount: krw.from_minor(9_007_199_254_740_993),
            balance: krw.from_minor(i64::MAX),
            charged_at: datetime!(2026-12-01 20:00:00.123456 UTC),
        }));
        for progress in [
            Progress::Done(recorded),
            Progress::Pending {
                reference: Uuid::now_v7(),
                attempts: 2,
                lease_until: datetime!(2026-12-01 20:00 UTC),
            },
        ] {
            let columns = ProgressColumns::of(&progress).unwrap();
            assert_eq!(columns.progress(), Ok(progress));
        }
    }

    #[test]
    fn a_record_that_is_neither_done_nor_pending_is_a_defect() {
        let nothing = ProgressColumns {
            outcome: None,
            reference: None,
            attempts: None,
            lease_until: None,
        };
        assert!(matches!(nothing.progress(), Err(StoreError::Internal(_))));
        let garbled = ProgressColumns {
            outcome: Some("{".to_owned()),
            ..nothing
        };
        assert!(matches!(garbled.progress(), Err(StoreError::Internal(_))));
    }
}
