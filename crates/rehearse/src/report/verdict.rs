//! What the account comes to.

use super::{Fans, Held, Report};
use crate::fairness::Fairness;

impl Report {
    /// Fills in what must not be, and what else one should know.
    pub(super) fn judge(&mut self, held: &Held<'_>) {
        match &held.audit_after {
            Err(obstacle) => self.findings.push(format!("the audit gave no verdict: {obstacle}")),
            Ok(audit) if !audit.ok => {
                let broken = audit.checks.iter().filter(|check| check.violations > 0);
                let names: Vec<_> = broken.map(|check| &*check.invariant).collect();
                let before = if held.ground.audit.ok {
                    ""
                } else {
                    ", as before the rehearsal"
                };
                self.findings
                    .push(format!("the audit found {} violated{before}", names.join(", ")));
            }
            Ok(_) => {}
        }
        if self.fairness.inversions > 0 {
            let Fairness {
                overtaken, inversions, ..
            } = self.fairness;
            self.findings.push(format!(
                "{overtaken} fans were overtaken in line ({inversions} inversions)"
            ));
        }
        if self.seats.twice > 0 {
            self.findings
                .push(format!("{} seats are on more than one receipt", self.seats.twice));
        }
        let receipts = self.seats.receipts;
        match (self.seats.sold, &held.seats_after) {
            (Some(sold), _) if sold < receipts => {
                self.findings.push(format!(
                    "fans have receipts for {receipts} seats, the server counts {sold} sold"
                ));
            }
            (Some(sold), _) if sold > receipts && self.rehearsal.own_sale => self.notes.push(format!(
                "the server counts {sold} seats sold, fans have receipts for {receipts}: the answers to some payments \
                 were lost"
            )),
            (None, Err(obstacle)) => self
                .findings
                .push(format!("the server did not count the seats: {obstacle}")),
            (Some(_) | None, _) => {}
        }
        self.remark(held);
    }

    fn remark(&mut self, held: &Held<'_>) {
        if !held.pays {
            self.notes.push(
                "the server has no payment provider to charge wallets, so fans ended at the hold and gave the seats \
                 back: nothing was paid"
                    .to_owned(),
            );
        }
        if !held.finished {
            let Fans { waiting, inside, .. } = self.fans;
            let held = self.seats.held.unwrap_or(0);
            self.notes.push(format!(
                "interrupted: {waiting} fans are left in line and {inside} inside, {held} seats are held; all of that \
                 lapses by itself"
            ));
        }
        let (late, queued) = (self.client.late.p99_ms, self.client.queued.p99_ms);
        if late > 50.0 {
            self.notes.push(format!(
                "this machine was behind: one call in a hundred began {late:.0} ms or more after it was due, which \
                 counts as the fan's waiting; give the rehearsal more processor time"
            ));
        }
        if queued > 50.0 {
            self.notes.push(format!(
                "connections were short: one call in a hundred waited {queued:.0} ms or more for one, which counts as \
                 the fan's waiting; where the server still answers quickly (srv), --connections allows more, where it \
                 does not, it is at its limit"
            ));
        }
        self.notes.extend(self.made.sentence());
    }
}
