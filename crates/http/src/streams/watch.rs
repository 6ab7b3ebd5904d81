//! Notices for all streams together what is new for whom, so that a stream has work to do only when
//! it has something to tell.

use crate::{api::Api, lock::lock};
use frontrow_domain::{
    id::ScheduleId,
    outcome::StoreError,
    queue::{GateView, Outlook, TokenRef, TokenStatus, service::Front},
};
use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, Weak,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::{sync::Notify, time::sleep};

/// The views of the gates change ten times a second.
const GATES_EVERY: Duration = Duration::from_millis(50);

/// How often storage is asked whether those who are inside still are: what ends a place there, other
/// than time, may happen on any instance.
const INSIDERS_EVERY: Duration = Duration::from_millis(300);

/// So many are asked for at once.
const AT_ONCE: usize = 1_000;

/// Asking may take a tenth of the time at the most, however many are inside.
const PAUSE_SHARE: u32 = 9;

/// Those who have a stream here.
#[derive(Default)]
pub(crate) struct Watchers {
    waiting: Mutex<HashMap<ScheduleId, Gate>>,
    inside: Mutex<HashMap<u64, Insider>>,
    next: AtomicU64,
}

#[derive(Default)]
struct Gate {
    view: Option<Arc<GateView>>,
    /// What there was left, by its name.
    outlook: Option<&'static str>,
    /// By their numbers in line; who is inside has none here.
    fans: HashMap<u64, (Option<u64>, Arc<Notify>)>,
}

struct Insider {
    token: TokenRef,
    call: Arc<Notify>,
}

impl Watchers {
    /// Calls when the fan with this number does not wait any more, and when it changes whether
    /// there is anything left.
    pub(crate) fn wait(self: &Arc<Self>, gate: ScheduleId, number: u64) -> Watching {
        let watching = self.watching(gate);
        self.add(&watching, Some(number));
        watching
    }

    /// Calls when the fan with this token is not inside any more, and when it changes whether there
    /// is anything left.
    pub(crate) fn inside_and_told(self: &Arc<Self>, token: TokenRef) -> Watching {
        let watching = self.inside(token);
        self.add(&watching, None);
        watching
    }

    /// Calls when the fan with this token is not inside any more.
    pub(crate) fn inside(self: &Arc<Self>, token: TokenRef) -> Watching {
        let watching = self.watching(token.schedule_id);
        let call = watching.call.clone();
        lock(&self.inside).insert(watching.id, Insider { token, call });
        watching
    }

    fn add(&self, watching: &Watching, number: Option<u64>) {
        let mut gates = lock(&self.waiting);
        let gate = gates.entry(watching.gate).or_default();
        gate.fans.insert(watching.id, (number, watching.call.clone()));
    }

    fn watching(self: &Arc<Self>, gate: ScheduleId) -> Watching {
        Watching {
            watchers: self.clone(),
            id: self.next.fetch_add(1, Ordering::Relaxed),
            gate,
            call: Arc::default(),
        }
    }

    /// Calls those at the gates whom it concerns.
    fn look_at_gates(&self, front: impl Fn(ScheduleId) -> Option<Front>) {
        lock(&self.waiting).retain(|id, gate| {
            if let Some(front) = front(*id) {
                gate.show(front);
            }
            !gate.fans.is_empty()
        });
    }

    fn insiders(&self) -> Vec<TokenRef> {
        lock(&self.inside).values().map(|insider| insider.token).collect()
    }

    /// Calls those inside whose place has come to its end.
    fn look_at_insiders(&self, tokens: &[TokenRef], statuses: &[Option<TokenStatus>]) {
        let ended = tokens.iter().zip(statuses).filter(|(_, status)| {
            let state = status.as_ref().map(TokenStatus::state);
            state.is_none_or(|state| !state.is_live())
        });
        let ended: HashMap<_, _> = ended.map(|(token, _)| (token.id, ())).collect();
        for insider in lock(&self.inside).values() {
            if ended.contains_key(&insider.token.id) {
                insider.call.notify_one();
            }
        }
    }
}

impl Gate {
    fn show(&mut self, front: Front) {
        let outlook = front.outlook.map(Outlook::as_str);
        let known = self.view.as_ref().is_some_and(|view| Arc::ptr_eq(view, &front.view));
        if known && outlook == self.outlook {
            return;
        }
        let concerns_all = outlook != self.outlook;
        self.fans.retain(|_, (number, call)| {
            let stays = number.is_none_or(|number| front.view.ahead(number).is_some());
            if concerns_all || !stays {
                call.notify_one();
            }
            stays
        });
        self.outlook = outlook;
        self.view = Some(front.view);
    }
}

/// Somebody who is called; until this is dropped.
pub(crate) struct Watching {
    watchers: Arc<Watchers>,
    id: u64,
    /// In front of which gate, or behind it.
    gate: ScheduleId,
    call: Arc<Notify>,
}

impl Watching {
    /// Waits for a call, or takes one that came before.
    pub(crate) async fn called(&self) {
        self.call.notified().await;
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        if let Some(gate) = lock(&self.watchers.waiting).get_mut(&self.gate) {
            gate.fans.remove(&self.id);
        }
        lock(&self.watchers.inside).remove(&self.id);
    }
}

/// Looks at the gates for as long as there is somebody to look for.
pub(crate) async fn watch_gates(api: Weak<Api>) {
    while let Some(api) = api.upgrade() {
        api.watchers.look_at_gates(|gate| api.views.front(gate));
        drop(api);
        sleep(GATES_EVERY).await;
    }
}

/// Asks for those inside for as long as there is somebody to ask for.
pub(crate) async fn watch_insiders(api: Weak<Api>) {
    while let Some(api) = api.upgrade() {
        let begun = Instant::now();
        let pause = match look_at_all(&api).await {
            Ok(()) => INSIDERS_EVERY.max(begun.elapsed() * PAUSE_SHARE),
            Err(error) => {
                // Their own time is known; what else ended them is noticed when storage is back.
                tracing::debug!(%error, "it is not known who is still inside");
                INSIDERS_EVERY
            }
        };
        drop(api);
        sleep(pause).await;
    }
}

async fn look_at_all(api: &Api) -> Result<(), StoreError> {
    for tokens in api.watchers.insiders().chunks(AT_ONCE) {
        let statuses = api.storage.queue.statuses(tokens.to_vec()).await?;
        api.watchers.look_at_insiders(tokens, &statuses);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use frontrow_domain::clock::Timestamp;
    use frontrow_domain::queue::{GateSettings, port::GateNews};
    use futures_util::FutureExt as _;

    fn front(mark: u64, leavers: &[u64], outlook: Option<Outlook>) -> Front {
        let mut view = GateView::default();
        view.apply(&GateNews {
            schedule_id: ScheduleId::mint(),
            settings: GateSettings::default(),
            issued: 100,
            admitted: mark,
            admitted_number: mark,
            departed: leavers.len() as u64,
            after: 0,
            seen: leavers.len() as u64,
            leavers: leavers.to_vec(),
            as_of: Timestamp::UNIX_EPOCH,
        });
        let view = Arc::new(view);
        Front { view, outlook }
    }

    fn is_called(fan: &Watching) -> bool {
        fan.called().now_or_never().is_some()
    }

    #[test]
    fn who_does_not_wait_any_more_is_called_once() {
        let (watchers, gate) = (Arc::<Watchers>::default(), ScheduleId::mint());
        let fans = [3, 4, 5].map(|number| watchers.wait(gate, number));
        watchers.look_at_gates(|_| Some(front(2, &[], None)));
        assert!(!fans.iter().any(is_called));
        let later = front(3, &[5], None);
        for called in [[true, false, true], [false; 3]] {
            watchers.look_at_gates(|_| Some(later.clone()));
            assert_eq!([0, 1, 2].map(|fan| is_called(&fans[fan])), called);
        }
    }

    #[test]
    fn everybody_is_called_when_it_changes_what_is_left_and_not_by_a_new_moment() {
        let (watchers, gate) = (Arc::<Watchers>::default(), ScheduleId::mint());
        let fans = [7, 8].map(|number| watchers.wait(gate, number));
        let held = |seconds| Outlook::AllHeld {
            next_release_at: Timestamp::UNIX_EPOCH + time::Duration::seconds(seconds),
        };
        for (outlook, called) in [
            (Some(Outlook::Open), true),
            (Some(held(5)), true),
            (Some(held(9)), false),
            (None, true),
            (None, false),
        ] {
            watchers.look_at_gates(|_| Some(front(0, &[], outlook)));
            assert!(fans.iter().all(|fan| is_called(fan) == called), "{outlook:?}");
        }
    }

    #[test]
    fn nothing_is_left_of_those_who_have_gone() {
        let (watchers, gate) = (Arc::<Watchers>::default(), ScheduleId::mint());
        drop(watchers.wait(gate, 1));
        watchers.look_at_gates(|_| None);
        assert!(lock(&watchers.waiting).is_empty());
        let token = TokenRef {
            id: frontrow_domain::id::TokenId::mint(),
            schedule_id: gate,
            user_id: frontrow_domain::id::UserId::mint(),
        };
        let insider = watchers.inside(token);
        watchers.look_at_insiders(&[token], &[None]);
        assert!(is_called(&insider));
        drop(insider);
        assert!(watchers.insiders().is_empty());
    }
}
