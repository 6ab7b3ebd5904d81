//! Exact money.
//!
//! An amount is a decimal with exactly the decimals of the deployment's currency; no float is
//! ever involved. Storage keeps the whole number of minor units.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use std::fmt;

/// The deployment's currency: its ISO 4217 code and how many decimals it has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Currency {
    code: [u8; 3],
    scale: u32,
}

impl Currency {
    /// The currency with this ISO 4217 code, in capitals; `None` when the code is not three
    /// capital letters. Currencies without an entry in the ISO table of unusual scales have two
    /// decimals.
    #[must_use]
    pub fn from_code(code: &str) -> Option<Self> {
        let letters: [u8; 3] = code.as_bytes().try_into().ok()?;
        if !letters.iter().all(u8::is_ascii_uppercase) {
            return None;
        }
        let scale = match code {
            "BIF" | "CLP" | "DJF" | "GNF" | "ISK" | "JPY" | "KMF" | "KRW" | "PYG" | "RWF" | "UGX" | "UYI" | "VND"
            | "VUV" | "XAF" | "XOF" | "XPF" => 0,
            "BHD" | "IQD" | "JOD" | "KWD" | "LYD" | "OMR" | "TND" => 3,
            "CLF" | "UYW" => 4,
            _ => 2,
        };
        Some(Self { code: letters, scale })
    }

    /// The ISO 4217 code.
    #[must_use]
    pub fn code(&self) -> &str {
        std::str::from_utf8(&self.code).unwrap_or_default()
    }

    /// The amount of this many minor units (won, cents).
    #[must_use]
    pub fn from_minor(self, minor: i64) -> Money {
        Money(Decimal::new(minor, self.scale))
    }

    /// No money.
    #[must_use]
    pub fn zero(self) -> Money {
        self.from_minor(0)
    }

    /// Reads the literal of a JSON number exactly; `1.0` and `1e2` are whole amounts. `None` for
    /// anything that is not a number, has more decimals than the currency, or does not fit.
    #[must_use]
    pub fn parse_json_number(self, literal: &str) -> Option<Money> {
        let starts_like_number = literal.bytes().next().is_some_and(|b| b == b'-' || b.is_ascii_digit());
        if !starts_like_number || literal.contains('_') {
            return None;
        }
        let (mantissa, exponent) = literal.split_once(['e', 'E']).unwrap_or((literal, "0"));
        let mantissa = Decimal::from_str_exact(without_idle_zeros(mantissa)).ok()?;
        self.from_decimal(shift(mantissa, exponent.parse().ok()?)?)
    }

    /// This many whole units (not minor ones); `None` when it does not fit.
    #[must_use]
    pub fn from_decimal(self, amount: Decimal) -> Option<Money> {
        let mut scaled = amount.normalize();
        if scaled.scale() > self.scale {
            return None;
        }
        scaled.rescale(self.scale);
        let exact = scaled.scale() == self.scale && i64::try_from(scaled.mantissa()).is_ok();
        exact.then_some(Money(scaled))
    }
}

/// A number may be written with more decimals than a [`Decimal`] has room for, as long as they say
/// nothing.
fn without_idle_zeros(mantissa: &str) -> &str {
    match mantissa.split_once('.') {
        None => mantissa,
        Some(_) => mantissa.trim_end_matches('0').trim_end_matches('.'),
    }
}

/// Multiplies by a power of ten, exactly or not at all.
fn shift(mantissa: Decimal, exponent: i32) -> Option<Decimal> {
    if mantissa.is_zero() {
        return Some(mantissa);
    }
    let normal = mantissa.normalize();
    let scale = i32::try_from(normal.scale()).ok()?.checked_sub(exponent)?;
    match u32::try_from(scale) {
        Ok(scale) => Decimal::try_from_i128_with_scale(normal.mantissa(), scale).ok(),
        Err(_) => {
            let factor = 10_i128.checked_pow(scale.unsigned_abs())?;
            Decimal::try_from_i128_with_scale(normal.mantissa().checked_mul(factor)?, 0).ok()
        }
    }
}

/// An exact amount of the deployment's currency. Only a [`Currency`] makes one, so all of them
/// have its decimals and fit an `i64` of minor units.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Money(#[serde(with = "rust_decimal::serde::str")] Decimal);

impl Money {
    /// The whole number of minor units, which is what storage keeps.
    #[must_use]
    pub fn minor(self) -> i64 {
        i64::try_from(self.0.mantissa()).unwrap_or(i64::MAX)
    }

    /// The amount in whole units.
    #[must_use]
    pub fn decimal(self) -> Decimal {
        self.0
    }

    /// Whether this is more than nothing.
    #[must_use]
    pub fn is_positive(self) -> bool {
        self.0 > Decimal::ZERO
    }

    /// The sum, unless it no longer fits.
    #[must_use]
    pub fn checked_add(self, other: Money) -> Option<Money> {
        self.minor().checked_add(other.minor()).map(|m| self.like(m))
    }

    /// The difference, unless it would be negative.
    #[must_use]
    pub fn checked_sub(self, other: Money) -> Option<Money> {
        self.minor()
            .checked_sub(other.minor())
            .filter(|m| *m >= 0)
            .map(|m| self.like(m))
    }

    /// The same amount with the opposite sign.
    #[must_use]
    pub fn negated(self) -> Money {
        Money(-self.0)
    }

    fn like(self, minor: i64) -> Money {
        Money(Decimal::new(minor, self.0.scale()))
    }
}

/// The literal of a JSON number, with all decimals of the currency.
impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn krw() -> Currency {
        Currency::from_code("KRW").unwrap()
    }

    fn usd() -> Currency {
        Currency::from_code("USD").unwrap()
    }

    #[test]
    fn whole_amounts_may_be_written_with_zeros_or_an_exponent() {
        let zeros = format!("100.{}", "0".repeat(200));
        for literal in ["100", "100.0", "1e2", "1E+2", "1000e-1", "0.100e3", &zeros] {
            let amount = krw().parse_json_number(literal);
            assert_eq!(amount, Some(krw().from_minor(100)), "{literal}");
        }
        assert_eq!(usd().parse_json_number("12.5"), Some(usd().from_minor(1_250)));
        assert_eq!(usd().from_minor(1_250).to_string(), "12.50");
    }

    #[test]
    fn what_is_no_exact_amount_is_none() {
        for literal in [
            "",
            "\"100\"",
            "null",
            "true",
            "[1]",
            "0.5",
            "1e-1",
            "1e400",
            "1e99999999999",
            "99999999999999999999",
            "NaN",
            "+5",
            "1_000",
            "-",
        ] {
            assert_eq!(krw().parse_json_number(literal), None, "{literal}");
        }
        assert_eq!(usd().parse_json_number("0.001"), None);
    }

    #[test]
    fn a_balance_never_goes_below_zero() {
        let one = krw().from_minor(1);
        assert_eq!(one.checked_sub(krw().from_minor(2)), None);
        assert_eq!(krw().from_minor(i64::MAX).checked_add(one), None);
    }

    proptest! {
        #[test]
        fn a_literal_survives_the_round_trip(minor in any::<i64>()) {
            let amount = usd().from_minor(minor);
            prop_assert_eq!(usd().parse_json_number(&amount.to_string()), Some(amount));
            prop_assert_eq!(amount.minor(), minor);
        }

        #[test]
        fn arbitrary_text_never_panics(text in ".{0,80}") {
            let _ = krw().parse_json_number(&text);
        }
    }
}
