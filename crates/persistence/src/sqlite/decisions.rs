//! Carrying decisions out: load, let the domain decide, store.

use super::{
    Sqlite,
    attendant::{STEP, end_tokens_inside},
    load, store,
};
use async_trait::async_trait;
use frontrow_domain::{
    decision::{Command, Verdict, decide_each, needs_of, port::Decisions},
    outcome::StoreError,
};

#[async_trait]
impl Decisions for Sqlite {
    async fn decide_each(&self, commands: Vec<Command>) -> Result<Vec<Verdict>, StoreError> {
        let policy = self.policy;
        let clock = self.clock.clone();
        let work = self.writer.run(move |conn| {
            let needs = needs_of(&commands);
            for gate in &needs.gates {
                while end_tokens_inside(conn, *gate, clock.now())? == STEP {}
            }
            let mut rows = load::working_set(conn, policy, &needs)?;
            let verdicts = decide_each(&commands, &mut rows, clock.now());
            store::changes(conn, &rows)?;
            Ok(verdicts)
        });
        work.await
    }
}
