//! The reference adapter: one world behind one mutex, with the rules of the domain and none of its own.
