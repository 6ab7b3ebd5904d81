//! The HTTP contract: parse at the edge, call a use case, translate its verdict.
