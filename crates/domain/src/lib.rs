//! The rules of frontrow, without any IO.
//!
//! Every write is a *decision*: a command and a few rows become either changed rows or a named
//! refusal. [`decision`] gathers the commands and the rows they need; the concept modules hold
//! the words and the rules; their `port` modules say what storage has to promise, their `service`
//! modules are the use cases that the outside calls.
//!
//! Read [`decision`] first, then [`seating`] for the shortest complete rule.

pub mod audit;
pub mod catalog;
pub mod clock;
pub mod decision;
pub mod id;
pub mod idempotency;
pub mod identity;
pub mod leadership;
pub mod money;
pub mod outcome;
pub mod page;
pub mod payment;
pub mod policy;
pub mod queue;
pub mod seating;
pub mod storage;
pub mod wallet;
