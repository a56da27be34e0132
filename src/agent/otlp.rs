//! What a collector's answer to spans means (OTLP specification, "OTLP/HTTP response"), and the headers of requests.

use std::time::Duration;

use hyper::header::{CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER, USER_AGENT};
use hyper::http::{HeaderMap, StatusCode};
use serde_json::Value;

use super::connection::Response;
use super::response::Outcome;
use crate::config::OtlpHeaders;

/// The most characters of a collector's own words that a line repeats.
const MAX_SAID_CHARS: usize = 200;
/// A pause that a collector asks for is kept up to this length: after it, spans would be too old.
const MAX_PAUSE: Duration = Duration::from_secs(30);

/// The headers of every request. Those of the user are marked as sensitive, so that nothing prints them.
pub(crate) fn otlp_headers(own: &OtlpHeaders, content_type: &'static str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    let agent = concat!("tracehound/", env!("CARGO_PKG_VERSION"));
    headers.insert(USER_AGENT, HeaderValue::from_static(agent));
    for (name, value) in &own.0 {
        // The settings have checked both.
        let name = HeaderName::from_bytes(name.as_bytes());
        let value = HeaderValue::from_str(value);
        if let (Ok(name), Ok(mut value)) = (name, value) {
            value.set_sensitive(true);
            headers.insert(name, value);
        }
    }
    headers
}

/// Reads an answer over HTTP.
pub(crate) fn read(response: &Response) -> Outcome {
    let body = response.body.as_deref().unwrap_or_default();
    let is_json = content_type(response).is_some_and(|of| of.starts_with("application/json"));
    match response.status {
        status if status.is_success() => {
            partial_success(body, is_json).map_or(Outcome::Accepted { rates: None }, |rejected| {
                Outcome::Partial { rejected: rejected.spans, said: rejected.message }
            })
        }
        StatusCode::PAYLOAD_TOO_LARGE => Outcome::TooLarge,
        status => {
            let again = matches!(status.as_u16(), 429 | 502 | 503 | 504);
            let said = if is_json { json_message(body) } else { message(body, ERROR_MESSAGE) };
            Outcome::Failed {
                said: with_words(status.to_string(), &said.unwrap_or_default()),
                again,
            }
        }
    }
}

/// How long a collector wants to get nothing. A date is not read: it would need the clocks to agree.
pub(crate) fn pause(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds).min(MAX_PAUSE))
}

fn content_type(response: &Response) -> Option<&str> {
    response.headers.get(CONTENT_TYPE)?.to_str().ok()
}

/// A status, and what the collector has said about it.
pub(super) fn with_words(status: String, said: &str) -> String {
    match short(said) {
        said if said.is_empty() => status,
        said => format!("{status} ({said:?})"),
    }
}

fn short(said: &str) -> String {
    said.trim().chars().take(MAX_SAID_CHARS).collect()
}

/// What was rejected of a request that was accepted otherwise.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Rejected {
    pub(super) spans: u64,
    pub(super) message: String,
}

/// Reads `ExportTraceServiceResponse`; `None` where nothing was rejected, or it cannot be read. A message without
/// rejected spans is a remark.
pub(super) fn partial_success(body: &[u8], is_json: bool) -> Option<Rejected> {
    let (spans, message) = if is_json {
        let answer: Value = serde_json::from_slice(body).ok()?;
        let partial = answer.get("partialSuccess")?;
        let spans = partial.get("rejectedSpans")?;
        // A number of 64 bits is a text in this form of JSON; some write a number.
        let spans = spans.as_u64().or_else(|| spans.as_str()?.parse().ok())?;
        (spans, partial.get("errorMessage").and_then(Value::as_str).unwrap_or_default().to_owned())
    } else {
        let partial = fields(body).find_map(|(number, field)| match field {
            Field::Bytes(bytes) if number == PARTIAL_SUCCESS => Some(bytes),
            _ => None,
        })?;
        let spans = fields(partial).find_map(|(number, field)| match field {
            Field::Varint(spans) if number == REJECTED_SPANS => Some(spans),
            _ => None,
        })?;
        (spans, message(partial, ERROR_MESSAGE).unwrap_or_default())
    };
    (spans > 0).then(|| Rejected { spans, message: short(&message) })
}

/// `message` of `google.rpc.Status` as JSON, the body of an error.
fn json_message(body: &[u8]) -> Option<String> {
    let answer: Value = serde_json::from_slice(body).ok()?;
    Some(answer.get("message")?.as_str()?.to_owned())
}

// ===== protobuf, as far as answers need it =====

/// `ExportTraceServiceResponse.partial_success`.
const PARTIAL_SUCCESS: u64 = 1;
/// `ExportTracePartialSuccess.rejected_spans`.
const REJECTED_SPANS: u64 = 1;
/// `ExportTracePartialSuccess.error_message`, and `google.rpc.Status.message`.
const ERROR_MESSAGE: u64 = 2;

enum Field<'a> {
    Varint(u64),
    Bytes(&'a [u8]),
    Other,
}

/// The fields of a message up to its end, or to what is no protobuf.
fn fields(mut bytes: &[u8]) -> impl Iterator<Item = (u64, Field<'_>)> {
    std::iter::from_fn(move || {
        let tag = varint(&mut bytes)?;
        let field = match tag & 7 {
            0 => Field::Varint(varint(&mut bytes)?),
            1 => skip(&mut bytes, 8).map(|_| Field::Other)?,
            2 => {
                let len = usize::try_from(varint(&mut bytes)?).ok()?;
                Field::Bytes(skip(&mut bytes, len)?)
            }
            5 => skip(&mut bytes, 4).map(|_| Field::Other)?,
            _ => return None,
        };
        Some((tag >> 3, field))
    })
}

fn skip<'a>(bytes: &mut &'a [u8], len: usize) -> Option<&'a [u8]> {
    let (first, rest) = bytes.split_at_checked(len)?;
    *bytes = rest;
    Some(first)
}

fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        number |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

fn message(body: &[u8], wanted: u64) -> Option<String> {
    fields(body).find_map(|(number, field)| match field {
        Field::Bytes(text) if number == wanted => Some(String::from_utf8_lossy(text).into_owned()),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use hyper::body::Bytes;
    use opentelemetry_proto::tonic::collector::trace::v1::{
        ExportTracePartialSuccess, ExportTraceServiceResponse,
    };
    use proptest::prelude::*;
    use prost::Message as _;

    use super::*;
    use crate::text::Text;

    fn answer(status: u16, content_type: &'static str, body: impl Into<Bytes>) -> Response {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        let status = StatusCode::from_u16(status).unwrap();
        Response { status, headers, body: Ok(body.into()) }
    }

    const JSON: &str = "application/json; charset=utf-8";
    const PROTOBUF: &str = "application/x-protobuf";

    #[test]
    fn what_was_rejected_is_read_in_both_forms() {
        for (rejected, message) in [(0, ""), (0, "a remark"), (3, "too old"), (300, "")] {
            let partial_success = Some(ExportTracePartialSuccess {
                rejected_spans: rejected,
                error_message: message.into(),
            });
            let sent = ExportTraceServiceResponse { partial_success };
            let expected = match u64::try_from(rejected).unwrap() {
                0 => Outcome::Accepted { rates: None },
                rejected => Outcome::Partial { rejected, said: message.into() },
            };
            let json = serde_json::to_vec(&sent).unwrap();
            assert_eq!(read(&answer(200, JSON, json)), expected);
            assert_eq!(read(&answer(200, PROTOBUF, sent.encode_to_vec())), expected);
        }
        let number = br#"{"partialSuccess": {"rejectedSpans": 2}}"#;
        let expected = Outcome::Partial { rejected: 2, said: String::new() };
        assert_eq!(read(&answer(200, JSON, &number[..])), expected);
        for body in ["", "{}", "null", "[", "OK"] {
            assert_eq!(read(&answer(202, JSON, body)), Outcome::Accepted { rates: None }, "{body}");
            assert_eq!(read(&answer(200, PROTOBUF, body)), Outcome::Accepted { rates: None });
        }
    }

    #[test]
    fn only_some_statuses_say_to_try_again() {
        for (status, again) in [
            (429, true),
            (502, true),
            (503, true),
            (504, true),
            (400, false),
            (404, false),
            (500, false),
        ] {
            let Outcome::Failed { said, again: found } = read(&answer(status, "text/plain", "no"))
            else {
                panic!("{status}");
            };
            assert_eq!(found, again, "{status}");
            assert!(said.starts_with(&status.to_string()), "{said}");
        }
        assert_eq!(read(&answer(413, PROTOBUF, "")), Outcome::TooLarge);
        // `google.rpc.Status`: a code, and a message.
        let said = |answer| match read(&answer) {
            Outcome::Failed { said, .. } => said,
            other => panic!("{other:?}"),
        };
        let body = [&[0x08, 0x03, 0x12, 0x03][..], b"bad"].concat();
        assert_eq!(said(answer(400, PROTOBUF, body)), "400 Bad Request (\"bad\")");
        let body = r#"{"code": 3, "message": "bad\n"}"#;
        assert_eq!(said(answer(400, JSON, body)), "400 Bad Request (\"bad\")");
    }

    #[test]
    fn a_pause_is_kept_within_limits() {
        for (text, expected) in [
            ("1", Some(1)),
            (" 7 ", Some(7)),
            ("100000", Some(30)),
            ("-1", None),
            ("Fri, 31 Dec 1999 23:59:59 GMT", None),
        ] {
            let headers = HeaderMap::from_iter([(RETRY_AFTER, HeaderValue::from_static(text))]);
            assert_eq!(pause(&headers), expected.map(Duration::from_secs), "{text}");
        }
    }

    #[test]
    fn headers_of_the_user_are_sent_and_not_printed() {
        let own = OtlpHeaders(vec![(Text::literal("api-key"), Text::literal("hunter2"))]);
        let headers = otlp_headers(&own, PROTOBUF);
        assert_eq!(headers["api-key"], "hunter2");
        assert_eq!(headers[CONTENT_TYPE], PROTOBUF);
        assert!(!format!("{headers:?} {own:?}").contains("hunter2"));
    }

    proptest! {
        #[test]
        fn no_body_is_too_strange(body in any::<Vec<u8>>(), status in 200u16..600) {
            for content_type in [JSON, PROTOBUF] {
                read(&answer(status, content_type, body.clone()));
            }
        }
    }
}
