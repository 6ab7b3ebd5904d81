//! The lanes over a scripted storage. Whatever has to happen in an order waits for a gate, never
//! for time.

use super::*;
use frontrow_domain::{
    id::{ConcertId, ScheduleId, TokenId, UserId},
    identity::GrantAccess,
    queue::{LeaveQueue, TokenRef, UnknownToken},
};
use std::{collections::VecDeque, sync::Mutex as StdMutex};
use tokio::sync::Semaphore;

type Script = Box<dyn Fn(&[Command]) -> Result<Vec<Verdict>, StoreError> + Send + Sync>;

/// A storage that says what it is told to, and notes what it was asked.
struct Scripted {
    /// How many calls may go on.
    gate: Semaphore,
    /// One permit for each call that has begun.
    begun: Semaphore,
    seen: StdMutex<Vec<Vec<Command>>>,
    script: StdMutex<VecDeque<Script>>,
}

impl Scripted {
    fn with(script: Vec<Script>) -> Arc<Self> {
        Arc::new(Self {
            gate: Semaphore::new(0),
            begun: Semaphore::new(0),
            seen: StdMutex::default(),
            script: StdMutex::new(script.into()),
        })
    }

    /// A storage whose every verdict names the command's own subject.
    fn willing() -> Arc<Self> {
        Self::with(Vec::new())
    }

    fn open(self: Arc<Self>) -> Arc<Self> {
        self.gate.add_permits(Semaphore::MAX_PERMITS / 2);
        self
    }

    async fn has_begun(&self) {
        self.begun.acquire().await.unwrap().forget();
    }

    fn batches(&self) -> Vec<usize> {
        self.seen.lock().unwrap().iter().map(Vec::len).collect()
    }

    fn order_of(&self, shard: uuid::Uuid) -> Vec<UserId> {
        let seen = self.seen.lock().unwrap();
        let own = seen.iter().flatten().filter(|command| command.shard() == shard);
        own.map(subject).collect()
    }
}

#[async_trait]
impl Decisions for Scripted {
    async fn decide_each(&self, commands: Vec<Command>) -> Result<Vec<Verdict>, StoreError> {
        self.begun.add_permits(1);
        self.gate.acquire().await.unwrap().forget();
        let scripted = self.script.lock().unwrap().pop_front();
        let answer = scripted.map_or_else(|| verdicts(&commands), |script| script(&commands));
        self.seen.lock().unwrap().push(commands);
        answer
    }
}

/// The user a command is about, by which a verdict is told to belong to it.
fn subject(command: &Command) -> UserId {
    if let Command::LeaveQueue(leave) = command {
        return leave.token.user_id;
    }
    let Command::GrantAccess(grant) = command else {
        panic!("these tests do not send {}", command.name());
    };
    grant.user_id
}

fn verdicts(commands: &[Command]) -> Result<Vec<Verdict>, StoreError> {
    let verdict = |command: &Command| {
        if matches!(command, Command::LeaveQueue(_)) {
            Verdict::LeaveQueue(Err(UnknownToken))
        } else {
            granted(command)
        }
    };
    Ok(commands.iter().map(verdict).collect())
}

fn grant() -> Command {
    let user_id = UserId::mint();
    GrantAccess { request: None, user_id }.into()
}

/// A command of this shard, told apart by its user.
fn leave(schedule_id: ScheduleId) -> Command {
    let token = TokenRef {
        id: TokenId::mint(),
        schedule_id,
        user_id: UserId::mint(),
    };
    LeaveQueue { token }.into()
}

fn one_lane(inner: &Arc<Scripted>, capacity: usize, max_batch: usize) -> Arc<GroupCommit> {
    lanes(inner, 1, capacity, max_batch)
}

fn lanes(inner: &Arc<Scripted>, lanes: usize, capacity: usize, max_batch: usize) -> Arc<GroupCommit> {
    let settings = LaneSettings {
        lanes,
        capacity,
        max_batch,
    };
    let inner: Arc<dyn Decisions> = inner.clone();
    GroupCommit::start(&inner, settings, &Handle::current(), &StoreMetrics::default())
}

/// Sends a command from a caller of its own.
fn send(group: &Arc<GroupCommit>, command: Command) -> JoinHandle<Result<Verdict, StoreError>> {
    // Accepted before this returns, so that tests know the order.
    let reply = group.enqueue(vec![command]).unwrap();
    tokio::spawn(async move { reply.await.unwrap().map(|verdicts| verdicts[0].clone()) })
}

fn granted(command: &Command) -> Verdict {
    Verdict::GrantAccess(Ok(subject(command)))
}

#[tokio::test]
async fn what_gathers_while_a_batch_is_decided_is_the_next_batch() {
    let inner = Scripted::willing();
    let group = one_lane(&inner, 100, 3);
    let first = grant();
    let first_answer = send(&group, first.clone());
    inner.has_begun().await;
    let later: Vec<Command> = (0..5).map(|_| grant()).collect();
    let answers: Vec<_> = later.iter().map(|command| send(&group, command.clone())).collect();

    inner.clone().open();

    assert_eq!(first_answer.await.unwrap(), Ok(granted(&first)));
    for (command, answer) in later.iter().zip(answers) {
        assert_eq!(answer.await.unwrap(), Ok(granted(command)));
    }
    assert_eq!(
        inner.batches(),
        [1, 3, 2],
        "a lone command does not wait, and no batch is over the maximum"
    );
}

#[tokio::test]
async fn a_full_lane_is_overloaded_at_once() {
    let inner = Scripted::willing();
    let group = one_lane(&inner, 2, 10);
    let running = send(&group, grant());
    inner.has_begun().await;
    let waiting = send(&group, grant());

    let last = send(&group, grant());

    assert_eq!(group.decide_each(vec![grant()]).await, Err(StoreError::Overloaded));

    inner.clone().open();
    for answer in [running, waiting, last] {
        assert!(answer.await.unwrap().is_ok());
    }
    assert_eq!(inner.batches(), [1, 2], "the refused one was never decided");
}

#[tokio::test]
async fn calls_for_one_shard_keep_their_order_over_many_lanes() {
    let inner = Scripted::willing().open();
    let group = lanes(&inner, 4, 1_000, 7);
    let shards: Vec<ScheduleId> = (0..10).map(|_| ScheduleId::mint()).collect();
    let commands: Vec<Command> = (0..200).map(|i| leave(shards[i % 10])).collect();

    let answers: Vec<_> = commands.iter().map(|command| send(&group, command.clone())).collect();
    for answer in answers {
        assert!(answer.await.unwrap().is_ok());
    }

    for shard in shards {
        let own = commands.iter().filter(|command| command.shard() == shard.0);
        let sent: Vec<UserId> = own.map(subject).collect();
        assert_eq!(inner.order_of(shard.0), sent);
    }
}

#[tokio::test]
async fn a_call_stays_together_and_gets_its_own_verdicts() {
    let inner = Scripted::willing();
    let group = one_lane(&inner, 10, 10);
    let running = send(&group, grant());
    inner.has_begun().await;
    let calls: Vec<Vec<Command>> = [2, 0, 3].map(|count| (0..count).map(|_| grant()).collect()).into();
    let answers: Vec<_> = calls.iter().map(|call| group.enqueue(call.clone()).unwrap()).collect();

    inner.clone().open();

    assert!(running.await.unwrap().is_ok());
    for (call, answer) in calls.iter().zip(answers) {
        assert_eq!(answer.await.unwrap(), Ok(call.iter().map(granted).collect()));
    }
    assert_eq!(inner.batches(), [1, 5]);
}

#[tokio::test]
async fn a_storage_that_is_away_fails_the_whole_batch_and_is_asked_once() {
    let away = || StoreError::Unavailable("away".to_owned());
    let inner = Scripted::with(vec![Box::new(verdicts), Box::new(move |_| Err(away()))]);
    let group = one_lane(&inner, 10, 10);
    let first = send(&group, grant());
    inner.has_begun().await;
    let answers = [send(&group, grant()), send(&group, grant())];
    inner.clone().open();
    assert!(first.await.unwrap().is_ok());
    for answer in answers {
        assert_eq!(answer.await.unwrap(), Err(away()));
    }
    assert_eq!(inner.batches(), [1, 2]);
    assert!(group.decide_each(vec![grant()]).await.is_ok(), "the lane lives on");
}

#[tokio::test]
async fn a_command_that_breaks_its_batch_fails_alone() {
    let poison = grant();
    let poisonous = subject(&poison);
    let defect = || StoreError::Internal("defect".to_owned());
    let refuse = move |commands: &[Command]| {
        let poisoned = commands.iter().any(|command| subject(command) == poisonous);
        if poisoned { Err(defect()) } else { verdicts(commands) }
    };
    let inner = Scripted::with((0..5).map(|_| Box::new(refuse) as Script).collect()).open();
    let group = one_lane(&inner, 10, 10);
    let (one, other) = (grant(), grant());

    let answers: Vec<_> = [&one, &poison, &other]
        .map(|command| send(&group, command.clone()))
        .into();
    let mut outcomes = Vec::new();
    for answer in answers {
        outcomes.push(answer.await.unwrap());
    }

    assert_eq!(outcomes, [Ok(granted(&one)), Err(defect()), Ok(granted(&other))]);
    assert_eq!(inner.batches(), [3, 1, 1, 1]);
}

#[tokio::test]
async fn a_call_is_never_decided_in_part() {
    let poison = grant();
    let poisonous = subject(&poison);
    let refuse = move |commands: &[Command]| {
        let poisoned = commands.iter().any(|command| subject(command) == poisonous);
        let defect = StoreError::Internal("defect".to_owned());
        if poisoned { Err(defect) } else { verdicts(commands) }
    };
    let inner = Scripted::with((0..3).map(|_| Box::new(refuse) as Script).collect()).open();
    let group = one_lane(&inner, 10, 10);
    let outcome = group.decide_each(vec![grant(), poison]).await;
    assert!(matches!(outcome, Err(StoreError::Internal(_))), "{outcome:?}");
    assert_eq!(inner.batches(), [2]);
}

#[tokio::test]
async fn one_by_one_stops_when_the_storage_goes_away() {
    let inner = Scripted::with(vec![
        Box::new(|_| Err(StoreError::Internal("defect".to_owned()))),
        Box::new(verdicts),
        Box::new(|_| Err(StoreError::Unavailable("away".to_owned()))),
    ])
    .open();
    let group = one_lane(&inner, 10, 10);
    let answers: Vec<_> = (0..4).map(|_| send(&group, grant())).collect();
    let mut outcomes = Vec::new();
    for answer in answers {
        outcomes.push(answer.await.unwrap());
    }
    let away = Err(StoreError::Unavailable("away".to_owned()));
    assert!(outcomes[0].is_ok());
    assert_eq!(outcomes[1..], [away.clone(), away.clone(), away]);
    assert_eq!(inner.batches(), [4, 1, 1], "the last two were not even tried");
}

#[tokio::test]
async fn an_unknown_outcome_is_asked_for_once_more_with_the_same_commands() {
    let lost = || StoreError::OutcomeUnknown("lost".to_owned());
    let inner = Scripted::with(vec![Box::new(move |_| Err(lost()))]).open();
    let group = one_lane(&inner, 10, 10);
    let command = grant();
    assert_eq!(
        group.decide_each(vec![command.clone()]).await,
        Ok(vec![granted(&command)])
    );
    let seen = inner.seen.lock().unwrap();
    let asked: Vec<UserId> = seen.iter().flatten().map(subject).collect();
    assert_eq!(asked, [subject(&command); 2]);
}

#[tokio::test]
async fn what_stays_unknown_is_never_called_unchanged() {
    let inner = Scripted::with(vec![
        Box::new(|_| Err(StoreError::OutcomeUnknown("lost".to_owned()))),
        Box::new(|_| Err(StoreError::Unavailable("away".to_owned()))),
    ])
    .open();
    let group = one_lane(&inner, 10, 10);
    let outcome = group.decide_each(vec![grant()]).await;
    assert!(matches!(outcome, Err(StoreError::OutcomeUnknown(_))), "{outcome:?}");
    assert_eq!(inner.batches(), [1, 1]);
}

#[tokio::test]
async fn a_panic_costs_one_answer_and_not_the_lane() {
    let inner = Scripted::with(vec![Box::new(|_| panic!("a defect in the storage"))]).open();
    let group = one_lane(&inner, 10, 10);
    let outcome = group.decide_each(vec![grant()]).await;
    assert!(matches!(outcome, Err(StoreError::Internal(_))), "{outcome:?}");
    assert!(group.decide_each(vec![grant()]).await.is_ok());
}

#[tokio::test]
async fn too_few_verdicts_are_a_defect() {
    let inner = Scripted::with(vec![Box::new(|_| Ok(Vec::new()))]).open();
    let group = one_lane(&inner, 10, 10);
    let outcome = group.decide_each(vec![grant()]).await;
    assert!(matches!(outcome, Err(StoreError::Internal(_))), "{outcome:?}");
}

#[tokio::test]
async fn a_caller_that_goes_away_cancels_nothing() {
    let inner = Scripted::willing();
    let group = one_lane(&inner, 10, 10);
    let command = leave(ScheduleId(ConcertId::mint().0));
    let caller = {
        let (group, command) = (group.clone(), command.clone());
        tokio::spawn(async move { group.decide_each(vec![command]).await })
    };
    inner.has_begun().await;
    caller.abort();
    assert!(caller.await.unwrap_err().is_cancelled());

    inner.clone().open();
    group.close().await;
    assert_eq!(inner.order_of(command.shard()), [subject(&command)]);
}

#[tokio::test]
async fn closing_answers_what_was_accepted_and_accepts_no_more() {
    let inner = Scripted::willing();
    let group = lanes(&inner, 2, 10, 1);
    let answers: Vec<_> = (0..6).map(|_| send(&group, grant())).collect();
    inner.has_begun().await;
    let closing = {
        let group = group.clone();
        tokio::spawn(async move { group.close().await })
    };
    // The closing itself is what ends acceptance; wait for exactly that.
    while group.lanes.read().unwrap().is_some() {
        tokio::task::yield_now().await;
    }
    let refused = group.decide_each(vec![grant()]).await;
    assert!(matches!(refused, Err(StoreError::Unavailable(_))), "{refused:?}");
    assert!(!closing.is_finished(), "six commands have no answer yet");

    inner.clone().open();
    closing.await.unwrap();
    assert_eq!(inner.batches().iter().sum::<usize>(), 6);
    for answer in answers {
        assert!(answer.await.unwrap().is_ok());
    }
    group.close().await;
}

#[tokio::test]
async fn the_depth_of_a_lane_counts_what_waits() {
    let inner = Scripted::willing();
    let as_decisions: Arc<dyn Decisions> = inner.clone();
    let metrics = StoreMetrics::default();
    let settings = LaneSettings {
        lanes: 1,
        ..LaneSettings::default()
    };
    let group = GroupCommit::start(&as_decisions, settings, &Handle::current(), &metrics);
    let running = send(&group, grant());
    inner.has_begun().await;
    let waiting = [send(&group, grant()), send(&group, grant())];
    assert_eq!(metrics.lane(0).get(), 2);

    inner.clone().open();
    assert!(running.await.unwrap().is_ok());
    for answer in waiting {
        assert!(answer.await.unwrap().is_ok());
    }
    assert_eq!(metrics.lane(0).get(), 0);
}
