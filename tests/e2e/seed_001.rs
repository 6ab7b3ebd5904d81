//! The eight diagrams of seed 001, in its order.

mod booking;
mod line;
mod paying;
mod wallet;
