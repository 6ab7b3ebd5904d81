//! Names and credentials that nobody was given.

use uuid::Uuid;

/// An id that is well formed and names nothing.
#[must_use]
pub fn unknown_id() -> String {
    Uuid::now_v7().to_string()
}

/// The credential with one character in the middle changed.
///
/// # Panics
///
/// When there is no middle.
#[must_use]
pub fn forged(credential: &str) -> String {
    let middle = credential.len() / 2;
    let at = credential[middle..].find(|letter: char| letter.is_ascii_alphanumeric());
    let at = middle + at.expect("a credential has letters");
    let other = if credential[at..].starts_with('A') { "B" } else { "A" };
    format!("{}{other}{}", &credential[..at], &credential[at + 1..])
}

#[cfg(test)]
mod tests {
    use super::forged;

    #[test]
    fn a_forgery_differs_in_one_character() {
        assert_eq!(forged("abcd.efgh"), "abcd.Afgh");
        assert_eq!(forged("abcdAfgh"), "abcdBfgh");
    }
}
