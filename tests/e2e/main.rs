//! Stories told to the real binary over real sockets.

mod process;
