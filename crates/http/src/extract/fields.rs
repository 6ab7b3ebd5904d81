//! Taking the fields of a JSON object one by one, so that what is wrong with one can be said in
//! the words of the contract.

use crate::problem::Problem;
use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor},
};
use serde_json::value::RawValue;
use std::{collections::BTreeMap, fmt};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

/// The fields of one object that nobody has taken yet.
pub(crate) struct Fields<'a> {
    at: String,
    left: BTreeMap<String, &'a RawValue>,
}

impl<'a> Fields<'a> {
    /// The fields of the object at this path of the body (empty for the body itself).
    pub(crate) fn of(at: &str, json: &'a RawValue) -> Result<Self, Problem> {
        let name = if at.is_empty() { "body" } else { at };
        let object: Object<'_> =
            serde_json::from_str(json.get()).map_err(|_| Problem::invalid(name, "must be an object"))?;
        if let Some(twice) = object.twice {
            return Err(Problem::invalid(&join(at, &twice), "is there twice"));
        }
        Ok(Self {
            at: at.to_owned(),
            left: object.fields,
        })
    }

    /// A field as it is written, if it is there.
    pub(crate) fn raw(&mut self, name: &str) -> Option<&'a RawValue> {
        self.left.remove(name)
    }

    /// A field that has to be there.
    pub(crate) fn required(&mut self, name: &str) -> Result<&'a RawValue, Problem> {
        self.raw(name).ok_or_else(|| self.invalid(name, "is missing"))
    }

    /// A text that has to be there.
    pub(crate) fn text(&mut self, name: &str) -> Result<String, Problem> {
        let raw = self.required(name)?;
        self.as_text(name, raw)
    }

    /// A text that has to be there and may have this many characters. What a rule makes of it
    /// comes later; this is how the document describes it.
    pub(crate) fn short_text(&mut self, name: &str, most: usize) -> Result<String, Problem> {
        let text = self.text(name)?;
        if text.chars().count() > most {
            return Err(self.invalid(name, &format!("must have at most {most} characters")));
        }
        Ok(text)
    }

    /// A text that may be absent or null.
    pub(crate) fn optional_text(&mut self, name: &str) -> Result<Option<String>, Problem> {
        let raw = self.present(name);
        raw.map(|raw| self.as_text(name, raw)).transpose()
    }

    /// A text that names something and has to be there. Whatever it is, it is only compared.
    pub(crate) fn name_of(&mut self, name: &str) -> Result<String, Problem> {
        let raw = self.required(name)?;
        self.as_name(name, raw)
    }

    /// The same that may be absent or null.
    pub(crate) fn optional_name_of(&mut self, name: &str) -> Result<Option<String>, Problem> {
        let raw = self.present(name);
        raw.map(|raw| self.as_name(name, raw)).transpose()
    }

    /// An RFC 3339 date-time with its own offset, in whole milliseconds as clients see them.
    pub(crate) fn instant(&mut self, name: &str) -> Result<OffsetDateTime, Problem> {
        let text = self.text(name)?;
        OffsetDateTime::parse(&text, &Rfc3339)
            .ok()
            .and_then(|at| at.replace_millisecond(at.millisecond()).ok())
            .ok_or_else(|| self.invalid(name, "must be an RFC 3339 date-time such as 2026-12-24T19:30:00+09:00"))
    }

    /// A count that has to be there.
    pub(crate) fn count(&mut self, name: &str) -> Result<u32, Problem> {
        let raw = self.required(name)?;
        self.as_count(name, raw)
    }

    /// A count that may be absent or null.
    pub(crate) fn optional_count(&mut self, name: &str) -> Result<Option<u32>, Problem> {
        let raw = self.present(name);
        raw.map(|raw| self.as_count(name, raw)).transpose()
    }

    /// A yes or no that may be absent or null.
    pub(crate) fn optional_flag(&mut self, name: &str) -> Result<Option<bool>, Problem> {
        let raw = self.present(name);
        raw.map(|raw| match raw.get() {
            "true" => Ok(true),
            "false" => Ok(false),
            _ => Err(self.invalid(name, "must be true or false")),
        })
        .transpose()
    }

    /// A list that has to be there.
    pub(crate) fn list(&mut self, name: &str) -> Result<Vec<&'a RawValue>, Problem> {
        let raw = self.required(name)?;
        serde_json::from_str(raw.get()).map_err(|_| self.invalid(name, "must be a list"))
    }

    /// An object that has to be there.
    pub(crate) fn object(&mut self, name: &str) -> Result<Fields<'a>, Problem> {
        let raw = self.required(name)?;
        Fields::of(&join(&self.at, name), raw)
    }

    /// An object that may be absent or null.
    pub(crate) fn optional_object(&mut self, name: &str) -> Result<Option<Fields<'a>>, Problem> {
        let raw = self.present(name);
        raw.map(|raw| Fields::of(&join(&self.at, name), raw)).transpose()
    }

    /// Refuses what nobody has taken.
    pub(crate) fn end(self) -> Result<(), Problem> {
        match self.left.keys().next() {
            None => Ok(()),
            Some(unknown) => Err(self.invalid(unknown, "is not a field of this request")),
        }
    }

    /// A problem with one of the fields.
    pub(crate) fn invalid(&self, name: &str, reason: &str) -> Problem {
        Problem::invalid(&join(&self.at, name), reason)
    }

    fn present(&mut self, name: &str) -> Option<&'a RawValue> {
        self.raw(name).filter(|raw| raw.get() != "null")
    }

    /// PostgreSQL cannot keep a NUL, so none gets in.
    fn as_text(&self, name: &str, raw: &RawValue) -> Result<String, Problem> {
        let text = self.as_name(name, raw)?;
        if text.contains('\0') {
            return Err(self.invalid(name, "must not contain the character NUL"));
        }
        Ok(text)
    }

    fn as_name(&self, name: &str, raw: &RawValue) -> Result<String, Problem> {
        serde_json::from_str(raw.get()).map_err(|_| self.invalid(name, "must be a text"))
    }

    fn as_count(&self, name: &str, raw: &RawValue) -> Result<u32, Problem> {
        let count = whole_number(raw).and_then(|number| number.parse().ok());
        count.ok_or_else(|| self.invalid(name, "must be a whole number from 0 to 4294967295"))
    }
}

/// The digits of a JSON number that is whole, however it is written: `5.0` and `5e0` are 5.
pub(crate) fn whole_number(raw: &RawValue) -> Option<String> {
    let literal = raw.get();
    let digits = literal.strip_prefix('-').unwrap_or(literal);
    if digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Some(literal.to_owned());
    }
    let number: f64 = serde_json::from_str(literal).ok()?;
    (number.fract() == 0.0).then(|| format!("{number:.0}"))
}

fn join(at: &str, name: &str) -> String {
    if at.is_empty() {
        name.to_owned()
    } else {
        format!("{at}.{name}")
    }
}

/// An object's fields as they are written.
struct Object<'a> {
    fields: BTreeMap<String, &'a RawValue>,
    twice: Option<String>,
}

impl<'de> Deserialize<'de> for Object<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ObjectVisitor)
    }
}

struct ObjectVisitor;

impl<'de> Visitor<'de> for ObjectVisitor {
    type Value = Object<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Object<'de>, M::Error> {
        let mut object = Object {
            fields: BTreeMap::new(),
            twice: None,
        };
        while let Some((name, value)) = map.next_entry::<String, &'de RawValue>()? {
            if object.fields.insert(name.clone(), value).is_some() {
                object.twice = Some(name);
            }
        }
        Ok(object)
    }
}
