//! Reading one setting's text. An error says what the text must be, and never repeats it.

use super::StorageUrl;
use frontrow_domain::money::Currency;
use frontrow_http::{OperatorSecret, RootSecret, TrustedProxies};
use secrecy::SecretString;
use std::{net::SocketAddr, path::PathBuf};
use tracing_subscriber::{EnvFilter, filter::LevelFilter};

/// Threads that serve requests at the most, unless told otherwise.
const MOST_WORKERS: usize = 8;

/// The currencies of ISO 4217 that can be paid with.
const CURRENCIES: &str = "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL BSD BTN BWP BYN \
    BZD CAD CDF CHF CLF CLP CNY COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF \
    GTQ GYD HKD HNL HTG HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD \
    LSL LYD MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR \
    PLN PYG QAR RON RSD RUB RWF SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY \
    TTD TWD TZS UAH UGX USD UYI UYU UYW UZS VED VES VND VUV WST XAF XCD XCG XOF XPF YER ZAR ZMW ZWG";

pub fn storage(text: &str) -> Result<StorageUrl, String> {
    if text == "memory:" {
        return Ok(StorageUrl::Memory);
    }
    if let Some(path) = text.strip_prefix("sqlite:") {
        return match path {
            "" => Err("must name a file, such as sqlite:frontrow.db".to_owned()),
            ":memory:" => Err("would be a file called :memory:; write memory: to keep nothing".to_owned()),
            _ if path.starts_with("//") => {
                Err("has a path that starts with //; write sqlite:frontrow.db or sqlite:/folder/frontrow.db".to_owned())
            }
            _ => Ok(StorageUrl::Sqlite(PathBuf::from(path))),
        };
    }
    if text.starts_with("postgres://") || text.starts_with("postgresql://") {
        return Ok(StorageUrl::Postgres(text.into()));
    }
    Err("must be sqlite:<path>, postgres://user@host/database or memory:".to_owned())
}

pub fn listen(text: &str) -> Result<SocketAddr, String> {
    text.parse()
        .map_err(|_| "must be an IP address and a port, such as 127.0.0.1:8080 or [::1]:8080".to_owned())
}

pub fn path(text: &str) -> Result<PathBuf, String> {
    if text.is_empty() {
        return Err("must be a path".to_owned());
    }
    Ok(PathBuf::from(text))
}

pub fn switch(text: &str) -> Result<bool, String> {
    choice(text, [("true", true), ("false", false)])
}

/// One of two words.
pub fn choice<T>(text: &str, words: [(&str, T); 2]) -> Result<T, String> {
    let [(first, one), (second, other)] = words;
    if text == first {
        Ok(one)
    } else if text == second {
        Ok(other)
    } else {
        Err(format!("must be {first} or {second}"))
    }
}

pub fn currency(text: &str) -> Result<Currency, String> {
    Currency::from_code(text)
        .filter(|currency| CURRENCIES.split_ascii_whitespace().any(|code| code == currency.code()))
        .ok_or_else(|| "must be the ISO 4217 code of a currency, such as KRW or EUR".to_owned())
}

pub fn secret(text: &str) -> Result<SecretString, String> {
    if text.len() < RootSecret::LEAST_BYTES {
        return Err(format!("must have at least {} bytes", RootSecret::LEAST_BYTES));
    }
    Ok(text.into())
}

pub fn operator_key(text: &str) -> Result<SecretString, String> {
    OperatorSecret::from_text(text)
        .map(|_| text.into())
        .map_err(|_| "must have 32 to 256 visible ASCII characters".to_owned())
}

pub fn trusted_proxies(text: &str) -> Result<TrustedProxies, String> {
    text.parse()
        .map_err(|_| "must be addresses or networks separated by commas, such as 10.0.0.1,192.168.0.0/16".to_owned())
}

pub fn workers(text: &str) -> Result<usize, String> {
    if text == "auto" {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        return Ok(cores.min(MOST_WORKERS));
    }
    text.parse()
        .ok()
        .filter(|workers| (1..=256).contains(workers))
        .ok_or_else(|| "must be auto or a whole number from 1 to 256".to_owned())
}

/// A word alone is a level: tracing would take a mistyped level for the name of a target, and log nothing else.
pub fn log_filter(text: &str) -> Result<String, String> {
    let must =
        || "must be a level (off, error, warn, info, debug, trace) or target=level, separated by commas".to_owned();
    let word = |part: &str| !part.contains(['=', '[']);
    let parts = || text.split(',').map(str::trim);
    if parts().any(|part| word(part) && part.parse::<LevelFilter>().is_err()) {
        return Err(must());
    }
    EnvFilter::try_new(text).map_err(|_| must())?;
    Ok(text.to_owned())
}
