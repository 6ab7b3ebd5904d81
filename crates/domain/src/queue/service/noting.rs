//! Noting in the views what is decided.

use super::GateViews;
use crate::{
    decision::{Command, Verdict, port::Decisions},
    id::ScheduleId,
    outcome::StoreError,
};
use async_trait::async_trait;
use std::{collections::BTreeMap, sync::Arc};

/// Decisions whose effects on places in line are in the views before their verdicts are known.
pub(super) struct Noting {
    pub(super) views: Arc<GateViews>,
    pub(super) decisions: Arc<dyn Decisions>,
}

#[async_trait]
impl Decisions for Noting {
    async fn decide_each(&self, commands: Vec<Command>) -> Result<Vec<Verdict>, StoreError> {
        let verdicts = self.decisions.decide_each(commands).await?;
        self.views.note(&verdicts);
        Ok(verdicts)
    }
}

impl GateViews {
    fn note(&self, verdicts: &[Verdict]) {
        let mut leavers: BTreeMap<ScheduleId, Vec<u64>> = BTreeMap::new();
        for verdict in verdicts {
            match verdict {
                Verdict::LeaveQueue(Ok(Some(left))) => leavers.entry(left.schedule_id).or_default().push(left.number),
                Verdict::LetThrough(Ok(let_in)) => {
                    if let Some(left) = let_in.status.token.departed() {
                        leavers.entry(left.schedule_id).or_default().push(left.number);
                    }
                }
                // A place that is new is told as of the ticket's own moment.
                Verdict::JoinQueue(Ok(joined)) if joined.status.as_of > joined.status.token.issued_at => {
                    self.told(&joined.status);
                }
                Verdict::JoinQueue(_)
                | Verdict::LeaveQueue(_)
                | Verdict::LetThrough(_)
                | Verdict::RegisterUser(_)
                | Verdict::GrantAccess(_)
                | Verdict::CreateConcert(_)
                | Verdict::CreateSchedule(_)
                | Verdict::Visit(_)
                | Verdict::HoldSeats(_)
                | Verdict::ReleaseHold(_)
                | Verdict::PayReservation(_)
                | Verdict::ChargeWallet(_) => {}
            }
        }
        for (id, numbers) in leavers {
            if let Some(gate) = self.watched(id) {
                gate.change(|view| {
                    numbers.iter().for_each(|number| view.note(*number));
                    None
                });
            }
        }
    }
}
