//! An on-sale, rehearsed: fans who arrive, queue, poll, look, hold, pay and give up against a
//! running server, and an honest account of how it went. It knows the server's HTTP contract and
//! nothing of its inside.

mod arrivals;
mod base;
pub mod client;
mod dice;
mod door;
pub mod fairness;
mod fan;
mod live;
mod made;
mod maps;
mod obstacle;
mod operator;
pub mod options;
pub mod plan;
mod progress;
pub mod report;
mod run;
mod server;
mod setup;
mod tally;
mod wire;

pub use base::Base;
pub use live::Sample;
pub use made::Made;
pub use obstacle::Obstacle;
pub use operator::{Audit, Check};
pub use plan::{Plan, WrongOption};
pub use report::Report;
pub use run::Rehearsal;
pub use tally::{End, Step};
