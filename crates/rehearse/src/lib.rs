//! An on-sale, rehearsed: fans who arrive, queue, poll, look, hold, pay and give up against a
//! running server, and an honest account of how it went. It knows the server's HTTP contract and
//! nothing of its inside.

pub mod client;
