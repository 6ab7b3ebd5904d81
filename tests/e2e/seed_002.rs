//! The nine diagrams of seed 002, in its order.

mod booking;
mod line;
mod money;
mod scheduler;
