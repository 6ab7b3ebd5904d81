//! Where the server is.

use hyper::Uri;
use std::{fmt, str::FromStr};

/// The address of a server: `http://host:port`, perhaps with a path in front of everything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Base {
    /// Host and port.
    pub(crate) authority: String,
    /// What stands before every path; empty or `/something`.
    pub(crate) prefix: String,
}

impl fmt::Display for Base {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "http://{}{}", self.authority, self.prefix)
    }
}

impl FromStr for Base {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let must = || "must be the URL of a server, such as http://127.0.0.1:8080".to_owned();
        let uri: Uri = text.parse().map_err(|_| must())?;
        let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
            return Err(must());
        };
        if scheme == "https" {
            return Err(
                "is an https URL; the rehearsal speaks plain http: name the server behind the proxy".to_owned(),
            );
        }
        if scheme != "http" || authority.as_str().contains('@') || uri.query().is_some() || uri.host() == Some("") {
            return Err(must());
        }
        let port = authority.port_u16().unwrap_or(80);
        Ok(Self {
            authority: format!("{}:{port}", authority.host()),
            prefix: uri.path().trim_end_matches('/').to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_read_with_its_port_and_path() {
        for (text, shown) in [
            ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
            ("http://booking.example/", "http://booking.example:80"),
            ("http://[::1]:8080/seoul/", "http://[::1]:8080/seoul"),
        ] {
            assert_eq!(text.parse::<Base>().unwrap().to_string(), shown);
        }
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for text in [
            "",
            "localhost",
            "127.0.0.1:8080",
            "/v1",
            "ftp://x",
            "http://u:p@x",
            "http://x?y=1",
            "http://",
        ] {
            assert!(text.parse::<Base>().is_err(), "{text}");
        }
    }
}
