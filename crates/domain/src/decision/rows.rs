//! Rows of one kind in a working set, with what a decision did to them.

use std::collections::BTreeMap;

/// What became of a row since it was loaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mark {
    Loaded,
    Changed,
    Inserted,
    Removed,
}

/// Rows by key, in key order, each knowing whether storage has to write it.
#[derive(Debug, Clone)]
pub struct Rows<K, V>(BTreeMap<K, (V, Mark)>);

impl<K, V> Default for Rows<K, V> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<K: Ord, V> Rows<K, V> {
    /// Puts in a row as storage has it.
    pub fn load(&mut self, key: K, row: V) {
        self.0.insert(key, (row, Mark::Loaded));
    }

    /// The row with this key, as the decisions so far left it.
    pub fn get(&self, key: &K) -> Option<&V> {
        self.0
            .get(key)
            .filter(|(_, mark)| *mark != Mark::Removed)
            .map(|(row, _)| row)
    }

    /// Adds a row that storage does not have, or replaces one it has.
    pub fn insert(&mut self, key: K, row: V) {
        let mark = match self.0.get(&key) {
            Some((_, Mark::Loaded | Mark::Changed | Mark::Removed)) => Mark::Changed,
            Some((_, Mark::Inserted)) | None => Mark::Inserted,
        };
        self.0.insert(key, (row, mark));
    }

    /// The row with this key, to be changed.
    pub fn get_mut(&mut self, key: &K) -> Option<&mut V> {
        let (row, mark) = self.0.get_mut(key)?;
        match mark {
            Mark::Removed => return None,
            Mark::Loaded => *mark = Mark::Changed,
            Mark::Changed | Mark::Inserted => {}
        }
        Some(row)
    }

    /// Takes a row away.
    pub fn remove(&mut self, key: &K) {
        match self.0.get_mut(key) {
            Some((_, Mark::Inserted)) => {
                self.0.remove(key);
            }
            Some((_, mark)) => *mark = Mark::Removed,
            None => {}
        }
    }

    /// Rows that storage has to add.
    pub fn inserted(&self) -> impl Iterator<Item = (&K, &V)> {
        self.marked(Mark::Inserted)
    }

    /// Rows that storage has and must overwrite.
    pub fn changed(&self) -> impl Iterator<Item = (&K, &V)> {
        self.marked(Mark::Changed)
    }

    /// Keys of rows that storage has and must delete.
    pub fn removed(&self) -> impl Iterator<Item = &K> {
        self.marked(Mark::Removed).map(|(key, _)| key)
    }

    /// Rows that storage has to add or overwrite.
    pub fn written(&self) -> impl Iterator<Item = (&K, &V)> {
        self.0
            .iter()
            .filter(|(_, (_, mark))| matches!(mark, Mark::Inserted | Mark::Changed))
            .map(|(key, (row, _))| (key, row))
    }

    /// Whether storage has anything to do.
    pub fn is_dirty(&self) -> bool {
        self.0.values().any(|(_, mark)| *mark != Mark::Loaded)
    }

    /// Every row, as the decisions so far left it.
    pub fn values(&self) -> impl Iterator<Item = &V> {
        self.0
            .values()
            .filter(|(_, mark)| *mark != Mark::Removed)
            .map(|(row, _)| row)
    }

    fn marked(&self, wanted: Mark) -> impl Iterator<Item = (&K, &V)> {
        self.0
            .iter()
            .filter(move |(_, (_, mark))| *mark == wanted)
            .map(|(key, (row, _))| (key, row))
    }
}
