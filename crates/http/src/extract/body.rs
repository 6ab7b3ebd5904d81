//! Reading bodies: size, media type, syntax, then shape.

use super::{Call, Fields};
use crate::{code::Code, problem::Problem};
use actix_web::{
    http::header,
    web::{Bytes, BytesMut},
};
use frontrow_domain::idempotency::Fingerprint;
use futures_util::StreamExt as _;
use serde_json::value::RawValue;
use sha2::{Digest as _, Sha256};
use std::time::Duration;
use uuid::Uuid;

/// How large a body may be.
pub(crate) const MOST_BYTES: usize = 16 * 1024;

/// How large a seat layout may be.
pub(crate) const MOST_LAYOUT_BYTES: usize = 1024 * 1024;

/// How long a client may take to send a body.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);

/// What a body is read into.
pub(crate) trait Body: Sized {
    /// Takes the fields it knows. What is left afterwards is unknown.
    fn read(fields: &mut Fields<'_>) -> Result<Self, Problem>;

    /// How many bytes the body may have.
    const MOST_BYTES: usize = MOST_BYTES;
}

/// A body, and what tells it from others.
pub(crate) struct Received<B> {
    pub(crate) body: B,
    pub(crate) fingerprint: Fingerprint,
}

/// The body of a call that takes none: nothing, or an object without fields.
pub(crate) struct NoBody;

impl Call {
    /// Reads the body as a JSON object.
    pub(crate) async fn body<B: Body>(&mut self) -> Result<Received<B>, Problem> {
        let bytes = self.bytes(B::MOST_BYTES).await?;
        self.check_media_type()?;
        Ok(Received {
            body: parse(&bytes)?,
            fingerprint: fingerprint(&bytes),
        })
    }

    /// Makes sure that there is no body, or an empty object.
    pub(crate) async fn no_body(&mut self) -> Result<Received<NoBody>, Problem> {
        let bytes = self.bytes(MOST_BYTES).await?;
        if !bytes.is_empty() {
            self.check_media_type()?;
            parse::<NoBody>(&bytes)?;
        }
        Ok(Received {
            body: NoBody,
            fingerprint: fingerprint(&bytes),
        })
    }

    async fn bytes(&mut self, most: usize) -> Result<Bytes, Problem> {
        let too_large = || Problem::new(Code::PayloadTooLarge, format!("a body may have {most} bytes here"));
        let announced = self.request.headers().get(header::CONTENT_LENGTH);
        let announced = announced.and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
        if announced.is_some_and(|length| length > most as u64) {
            return Err(too_large());
        }
        let reading = async {
            let mut bytes = BytesMut::new();
            while let Some(chunk) = self.payload.next().await {
                let chunk = chunk.map_err(|_| broken_off("the body broke off"))?;
                if bytes.len() + chunk.len() > most {
                    return Err(too_large());
                }
                bytes.extend_from_slice(&chunk);
            }
            Ok(bytes.freeze())
        };
        let read = tokio::time::timeout(BODY_TIMEOUT, reading).await;
        read.unwrap_or_else(|_| Err(broken_off("the body did not arrive in time")))
    }

    fn check_media_type(&self) -> Result<(), Problem> {
        let media_type = self.single_header(&header::CONTENT_TYPE).unwrap_or_default();
        let essence = media_type.split(';').next().unwrap_or_default().trim();
        if essence.eq_ignore_ascii_case("application/json") {
            return Ok(());
        }
        let detail = "send the body as application/json";
        Err(Problem::new(Code::UnsupportedMediaType, detail))
    }
}

impl Body for NoBody {
    fn read(_fields: &mut Fields<'_>) -> Result<Self, Problem> {
        Ok(Self)
    }
}

fn parse<B: Body>(bytes: &[u8]) -> Result<B, Problem> {
    let malformed = |detail| Problem::new(Code::MalformedRequest, detail);
    let text = std::str::from_utf8(bytes).map_err(|_| malformed("the body is not UTF-8".to_owned()))?;
    let json: &RawValue = serde_json::from_str(text).map_err(|error| {
        let (line, column) = (error.line(), error.column());
        malformed(format!("the body is not JSON at line {line}, column {column}"))
    })?;
    let mut fields = Fields::of("", json)?;
    let body = B::read(&mut fields)?;
    fields.end()?;
    Ok(body)
}

fn broken_off(detail: &str) -> Problem {
    Problem::new(Code::MalformedRequest, detail)
}

fn fingerprint(bytes: &[u8]) -> Fingerprint {
    let hash: [u8; 32] = Sha256::digest(bytes).into();
    Fingerprint(first_half(hash))
}

/// Half of a hash is enough to tell bodies apart.
pub(super) fn first_half(hash: [u8; 32]) -> Uuid {
    Uuid::from_u128(u128::from_be_bytes(hash.first_chunk().copied().unwrap_or_default()))
}
