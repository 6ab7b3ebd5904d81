//! What a rehearsal has put onto a server, which has no call to remove it again.

use serde::Serialize;

/// Sample data on a server.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Made {
    /// The concert of the rehearsal's own.
    pub concert_id: Option<String>,
    /// Its performance.
    pub schedule_id: Option<String>,
    /// How many users.
    pub users: u64,
    /// The first of them.
    pub first_user_id: Option<String>,
    /// The last of them.
    pub last_user_id: Option<String>,
    /// What all their names begin with.
    pub users_are_called: String,
}

impl Made {
    pub(crate) fn user(&mut self, id: &str) {
        self.users += 1;
        // Ids begin with the moment they were made in, so they sort by it.
        if self.first_user_id.as_deref().is_none_or(|first| id < first) {
            self.first_user_id = Some(id.to_owned());
        }
        if self.last_user_id.as_deref().is_none_or(|last| id > last) {
            self.last_user_id = Some(id.to_owned());
        }
    }

    /// All of it in one line; `None` when there is nothing.
    #[must_use]
    pub fn sentence(&self) -> Option<String> {
        let mut things = Vec::new();
        if let Some(id) = &self.concert_id {
            things.push(format!("the concert {id}"));
        }
        if let Some(id) = &self.schedule_id {
            things.push(format!("its schedule {id}"));
        }
        if let (Some(first), Some(last)) = (&self.first_user_id, &self.last_user_id) {
            let called = &self.users_are_called;
            things.push(match self.users {
                1 => format!("the user {first} called \"{called} …\""),
                users => format!("{users} users called \"{called} …\", ids {first} to {last}"),
            });
        }
        (!things.is_empty()).then(|| format!("it stays on the server: {}", things.join(", ")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_made_is_named_with_its_ids() {
        let mut made = Made::default();
        assert_eq!(made.sentence(), None);
        made.concert_id = Some("c1".to_owned());
        for id in ["u2", "u1", "u3"] {
            made.user(id);
        }
        let sentence = made.sentence().unwrap();
        for part in ["concert c1", "3 users", "u1 to u3"] {
            assert!(sentence.contains(part), "{sentence}");
        }
    }
}
