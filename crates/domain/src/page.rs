//! Pages of a list, newest first.

/// Which part of a list is wanted: at most `limit` items older than `before`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageRequest<C> {
    /// How many items at the most (1 to 100).
    pub limit: u32,
    /// Where the page before this one ended.
    pub before: Option<C>,
}

/// A page of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T, C> {
    /// The items, newest first.
    pub items: Vec<T>,
    /// What to ask for next; `None` at the end of the list.
    pub next: Option<C>,
}

impl<T, C> Page<T, C> {
    /// Builds a page from one item more than was asked for (if there is one), which tells
    /// whether the list goes on.
    pub fn from_overfetch(mut items: Vec<T>, limit: u32, cursor: impl Fn(&T) -> C) -> Self {
        let limit = limit as usize;
        let more = items.len() > limit;
        items.truncate(limit);
        let next = if more { items.last().map(cursor) } else { None };
        Self { items, next }
    }
}
