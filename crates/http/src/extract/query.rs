//! Reading the query: pages and flags.

use super::Call;
use crate::problem::Problem;
use actix_web::web::Query;
use frontrow_domain::{
    id::{ConcertId, PaymentId},
    page::{Page, PageRequest},
};
use serde::Serialize;
use uuid::Uuid;

/// How many items a page has when nothing is said.
const USUAL_LIMIT: u32 = 20;

/// How many items a page may have.
const MOST_ITEMS: u32 = 100;

/// Where a page ended, in a form that clients only hand back: a letter that tells the lists apart,
/// then hexadecimal digits.
pub(crate) trait Cursor: Sized {
    /// Tells the cursors of one list from those of another.
    const LIST: char;

    /// How many hexadecimal digits follow.
    const DIGITS: usize;

    /// What the first digit can be, as a part of a regular expression.
    const FIRST_DIGIT: &'static str = "[0-9a-f]";

    /// The cursor as a number.
    fn to_number(&self) -> u128;

    /// The cursor that this number is.
    fn from_number(number: u128) -> Option<Self>;

    /// The cursor as clients see it.
    fn to_text(&self) -> String {
        format!("{}{:0digits$x}", Self::LIST, self.to_number(), digits = Self::DIGITS)
    }

    /// The cursor that a client handed back.
    fn from_text(text: &str) -> Option<Self> {
        let digits = text.strip_prefix(Self::LIST)?;
        let number = u128::from_str_radix(digits, 16).ok()?;
        Self::from_number(number).filter(|cursor| cursor.to_text() == text)
    }
}

impl Cursor for ConcertId {
    const LIST: char = 'c';
    const DIGITS: usize = 32;

    fn to_number(&self) -> u128 {
        self.0.as_u128()
    }

    fn from_number(number: u128) -> Option<Self> {
        Some(Self(Uuid::from_u128(number)))
    }
}

impl Cursor for PaymentId {
    const LIST: char = 'p';
    const DIGITS: usize = 32;

    fn to_number(&self) -> u128 {
        self.0.as_u128()
    }

    fn from_number(number: u128) -> Option<Self> {
        Some(Self(Uuid::from_u128(number)))
    }
}

/// The number of a wallet's entry; databases count to `i64::MAX`.
impl Cursor for u64 {
    const LIST: char = 'e';
    const DIGITS: usize = 16;
    const FIRST_DIGIT: &'static str = "[0-7]";

    fn to_number(&self) -> u128 {
        u128::from(*self)
    }

    fn from_number(number: u128) -> Option<Self> {
        let number = i64::try_from(number).ok()?;
        Self::try_from(number).ok()
    }
}

/// A page as clients see it.
#[derive(Serialize)]
pub(crate) struct List<T> {
    /// The items, newest first.
    items: Vec<T>,
    /// What to ask for as `cursor` to go on; null at the end.
    next_cursor: Option<String>,
}

impl<T> List<T> {
    pub(crate) fn of<D, C: Cursor>(page: Page<D, C>, view: impl Fn(D) -> T) -> Self {
        Self {
            items: page.items.into_iter().map(view).collect(),
            next_cursor: page.next.map(|next| next.to_text()),
        }
    }
}

impl Call {
    /// Which page is wanted.
    pub(crate) fn page<C: Cursor>(&self) -> Result<PageRequest<C>, Problem> {
        let limit = match self.query("limit")? {
            None => USUAL_LIMIT,
            Some(text) => plain_number(&text)
                .filter(|limit| (1..=MOST_ITEMS).contains(limit))
                .ok_or_else(|| Problem::invalid("limit", "must be 1 to 100"))?,
        };
        let cursor = self.query("cursor")?;
        let before = cursor.map(|text| {
            let cursor = C::from_text(&text);
            cursor.ok_or_else(|| Problem::invalid("cursor", "must be a next_cursor of this list"))
        });
        Ok(PageRequest {
            limit,
            before: before.transpose()?,
        })
    }

    /// A yes or no, no when nothing is said.
    pub(crate) fn flag(&self, name: &str) -> Result<bool, Problem> {
        match self.query(name)?.as_deref() {
            None | Some("false") => Ok(false),
            Some("true") => Ok(true),
            Some(_) => Err(Problem::invalid(name, "must be true or false")),
        }
    }

    fn query(&self, name: &str) -> Result<Option<String>, Problem> {
        let parsed = Query::<Vec<(String, String)>>::from_query(self.request.query_string());
        let pairs = parsed.map_err(|_| Problem::invalid("query", "cannot be read"))?;
        let mut values = pairs.into_inner().into_iter().filter(|(key, _)| key == name);
        let value = values.next().map(|(_, value)| value);
        if values.next().is_some() {
            return Err(Problem::invalid(name, "is there twice"));
        }
        Ok(value)
    }
}

/// Digits only: `+5` is not how anyone writes a limit.
fn plain_number(text: &str) -> Option<u32> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| digits)
}
