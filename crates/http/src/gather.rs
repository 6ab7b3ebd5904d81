//! Questions that go to storage together.
//!
//! While storage answers some, the next ones gather. So a thousand callers who ask at once cost a few
//! round trips, and one who asks alone never waits for others to come.

use frontrow_domain::outcome::StoreError;
use std::sync::Arc;
use tokio::{
    runtime::Handle,
    sync::{mpsc, oneshot},
};

/// How many questions go together at the most.
const MOST_AT_ONCE: usize = 256;

/// How many may wait; one more is `overloaded`.
const MOST_WAITING: usize = 16_384;

type Answer<A> = Result<A, StoreError>;

/// Gathers questions of one kind.
pub(crate) struct Gathered<Q, A> {
    questions: mpsc::Sender<(Q, oneshot::Sender<Answer<A>>)>,
}

impl<Q, A> Gathered<Q, A>
where
    Q: Clone + Send + 'static,
    A: Send + 'static,
{
    /// Starts answering on `runtime`, until this is dropped. `ask` gets questions and brings an
    /// answer to each, in their order.
    pub(crate) fn start<F, Fut>(runtime: &Handle, ask: F) -> Self
    where
        F: Fn(Vec<Q>) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Answer<Vec<A>>> + Send + 'static,
    {
        let (questions, mut waiting) = mpsc::channel::<(Q, oneshot::Sender<Answer<A>>)>(MOST_WAITING);
        let (own, ask) = (runtime.clone(), Arc::new(ask));
        runtime.spawn(async move {
            let mut batch = Vec::with_capacity(MOST_AT_ONCE);
            while waiting.recv_many(&mut batch, MOST_AT_ONCE).await > 0 {
                let (questions, callers): (Vec<_>, Vec<_>) = batch.drain(..).unzip();
                for (caller, answer) in callers.into_iter().zip(answers(&own, &ask, questions).await) {
                    // A caller that has gone does not want its answer.
                    let _ = caller.send(answer);
                }
            }
        });
        Self { questions }
    }

    /// The answer to one question.
    pub(crate) async fn ask(&self, question: Q) -> Answer<A> {
        let (caller, answer) = oneshot::channel();
        let sent = self.questions.try_send((question, caller));
        sent.map_err(|refused| match refused {
            mpsc::error::TrySendError::Full(_) => StoreError::Overloaded,
            mpsc::error::TrySendError::Closed(_) => ended(),
        })?;
        answer.await.unwrap_or_else(|_| Err(ended()))
    }
}

fn ended() -> StoreError {
    StoreError::Unavailable("the service is shutting down".to_owned())
}

/// An answer to each question. A defect that one of them brings on is not told to the others: they
/// are then asked one by one.
async fn answers<Q, A, F, Fut>(runtime: &Handle, ask: &Arc<F>, questions: Vec<Q>) -> Vec<Answer<A>>
where
    Q: Clone + Send + 'static,
    A: Send + 'static,
    F: Fn(Vec<Q>) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Answer<Vec<A>>> + Send + 'static,
{
    match together(runtime, ask, questions.clone()).await {
        Ok(answers) => answers.into_iter().map(Ok).collect(),
        Err(StoreError::Internal(_)) if questions.len() > 1 => {
            let mut answers = Vec::with_capacity(questions.len());
            for question in questions {
                let alone = together(runtime, ask, vec![question]).await;
                answers.push(alone.and_then(|mut answers| answers.pop().ok_or_else(ended)));
            }
            answers
        }
        Err(error) => questions.iter().map(|_| Err(error.clone())).collect(),
    }
}

/// Asks in a task of its own, so that a panic ends nothing else.
async fn together<Q, A, F, Fut>(runtime: &Handle, ask: &Arc<F>, questions: Vec<Q>) -> Answer<Vec<A>>
where
    Q: Send + 'static,
    A: Send + 'static,
    F: Fn(Vec<Q>) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Answer<Vec<A>>> + Send + 'static,
{
    let (count, ask) = (questions.len(), ask.clone());
    let asked = runtime.spawn(async move { ask(questions).await }).await;
    let answers = asked.unwrap_or_else(|panicked| Err(StoreError::Internal(panicked.to_string())))?;
    if answers.len() == count {
        Ok(answers)
    } else {
        let why = format!("{} answers to {count} questions", answers.len());
        Err(StoreError::Internal(why))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::future::{join, join_all};
    use std::sync::Mutex;
    use tokio::sync::Semaphore;

    /// How many questions went together each time.
    type Sizes = Arc<Mutex<Vec<usize>>>;

    /// Doubles numbers, each batch when it is let.
    fn doubling() -> (Gathered<u32, u32>, Arc<Semaphore>, Sizes) {
        let (let_go, sizes) = (Arc::new(Semaphore::new(0)), Sizes::default());
        let (gate, seen) = (let_go.clone(), sizes.clone());
        let gathered = Gathered::start(&Handle::current(), move |numbers: Vec<u32>| {
            let gate = gate.clone();
            seen.lock().unwrap().push(numbers.len());
            async move {
                gate.acquire().await.unwrap().forget();
                assert!(!numbers.contains(&13), "nobody doubles thirteen");
                if numbers.contains(&7) {
                    return Err(StoreError::Unavailable("gone".to_owned()));
                }
                Ok(numbers.into_iter().map(|number| 2 * number).collect())
            }
        });
        (gathered, let_go, sizes)
    }

    #[tokio::test]
    async fn what_is_asked_meanwhile_goes_together_and_each_gets_its_own_answer() {
        let (gathered, let_go, sizes) = doubling();
        let first = gathered.ask(1);
        let others = async {
            while sizes.lock().unwrap().is_empty() {
                tokio::task::yield_now().await;
            }
            let all = (2..=6).map(|number| gathered.ask(number));
            let (answers, ()) = join(join_all(all), async { let_go.add_permits(2) }).await;
            answers
        };
        let (first, others) = join(first, others).await;
        assert_eq!(first, Ok(2));
        assert_eq!(others, [4, 6, 8, 10, 12].map(Ok));
        assert_eq!(*sizes.lock().unwrap(), [1, 5]);
    }

    #[tokio::test]
    async fn a_question_that_breaks_something_breaks_it_for_itself_alone() {
        let (gathered, let_go, _) = doubling();
        let_go.add_permits(100);
        let answers = join_all([5, 13, 6].map(|number| gathered.ask(number))).await;
        assert_eq!((&answers[0], &answers[2]), (&Ok(10), &Ok(12)));
        assert!(matches!(answers[1], Err(StoreError::Internal(_))), "{answers:?}");
        assert_eq!(gathered.ask(1).await, Ok(2), "and it goes on");
    }

    #[tokio::test]
    async fn a_storage_that_is_away_is_asked_once() {
        let (gathered, let_go, sizes) = doubling();
        let_go.add_permits(100);
        let answers = join_all([5, 7, 6].map(|number| gathered.ask(number))).await;
        assert!(
            answers
                .iter()
                .all(|answer| matches!(answer, Err(StoreError::Unavailable(_))))
        );
        assert_eq!(sizes.lock().unwrap().iter().sum::<usize>(), 3);
    }
}
