//! The nine diagrams of seed 000, in its order.

mod booking;
mod line;
mod money;
