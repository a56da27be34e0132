//! What a collector's answer to spans means (OTLP specification, "OTLP/HTTP response"), and the headers of requests.

use std::time::Duration;

use hyper::header::{CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER, TE, USER_AGENT};
use hyper::http::{HeaderMap, StatusCode};
use serde_json::Value;

use super::connection::Response;
use super::error::SendError;
use super::response::Outcome;
use crate::config::OtlpHeaders;

/// The `Content-Type` of gRPC.
const GRPC: &str = "application/grpc";
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
    if content_type == GRPC {
        // Says that the end of the answer is read, too.
        headers.insert(TE, HeaderValue::from_static("trailers"));
    }
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
        status if status.is_success() => accepted(partial_success(body, is_json)),
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

/// Reads an answer over gRPC (`doc/PROTOCOL-HTTP2.md` of gRPC): the status is in a header, which may come after the
/// body. So an answer that breaks off is none.
pub(crate) fn read_grpc(response: Response) -> Result<Outcome, SendError> {
    let Response { status, headers, body } = response;
    Ok(grpc_outcome(status, &headers, &body?))
}

fn grpc_outcome(http_status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Outcome {
    let text = |name| headers.get(name)?.to_str().ok();
    let Some(status) = text("grpc-status").and_then(|status| status.parse::<u32>().ok()) else {
        return match http_status {
            // A proxy has answered, in the place of the server.
            StatusCode::TOO_MANY_REQUESTS
            | StatusCode::BAD_GATEWAY
            | StatusCode::SERVICE_UNAVAILABLE
            | StatusCode::GATEWAY_TIMEOUT => {
                Outcome::Failed { said: http_status.to_string(), again: true }
            }
            status => {
                Outcome::Failed { said: format!("{status}, without a gRPC status"), again: false }
            }
        };
    };
    if status == 0 {
        // The message is behind its prefix.
        let message = body.get(GRPC_PREFIX..);
        return accepted(partial_success(message.unwrap_or_default(), false));
    }
    let name = GRPC_STATUSES.get(status as usize).copied().unwrap_or("unknown");
    let message = percent_decoded(text("grpc-message").unwrap_or_default());
    let said = with_words(format!("gRPC status {status} {name}"), &message);
    match name {
        // Of a server that takes less than the usual 4 MB; otherwise it is busy, which a smaller request does not mend.
        "RESOURCE_EXHAUSTED" if message.contains("larger than max") => Outcome::TooLarge,
        "OUT_OF_RANGE" if message.contains("too large") => Outcome::TooLarge,
        "CANCELLED" | "DEADLINE_EXCEEDED" | "ABORTED" | "OUT_OF_RANGE" | "UNAVAILABLE"
        | "DATA_LOSS" | "RESOURCE_EXHAUSTED" => Outcome::Failed { said, again: true },
        _ => Outcome::Failed { said, again: false },
    }
}

/// The prefix of a gRPC message.
const GRPC_PREFIX: usize = 5;

/// The names of the statuses by their numbers.
const GRPC_STATUSES: [&str; 17] = [
    "OK",
    "CANCELLED",
    "UNKNOWN",
    "INVALID_ARGUMENT",
    "DEADLINE_EXCEEDED",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED",
    "FAILED_PRECONDITION",
    "ABORTED",
    "OUT_OF_RANGE",
    "UNIMPLEMENTED",
    "INTERNAL",
    "UNAVAILABLE",
    "DATA_LOSS",
    "UNAUTHENTICATED",
];

/// A message in a header, whose characters beyond ASCII are percent-encoded.
fn percent_decoded(text: &str) -> String {
    let digit = |byte: Option<&u8>| byte.and_then(|byte| char::from(*byte).to_digit(16));
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((byte, after)) = rest.split_first() {
        let escape =
            (*byte == b'%').then(|| digit(after.first()).zip(digit(after.get(1)))).flatten();
        let decoded = escape.and_then(|(high, low)| u8::try_from(high << 4 | low).ok());
        bytes.push(decoded.unwrap_or(*byte));
        rest = if decoded.is_some() { after.get(2..).unwrap_or_default() } else { after };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn accepted(rejected: Option<Rejected>) -> Outcome {
    rejected.map_or(Outcome::Accepted { rates: None }, |rejected| Outcome::Partial {
        rejected: rejected.spans,
        said: rejected.message,
    })
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
fn with_words(status: String, said: &str) -> String {
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
struct Rejected {
    spans: u64,
    message: String,
}

/// Reads `ExportTraceServiceResponse`; `None` where nothing was rejected, or it cannot be read. A message without
/// rejected spans is a remark.
fn partial_success(body: &[u8], is_json: bool) -> Option<Rejected> {
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
    use crate::agent::SendErrorKind;
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
    fn the_status_of_grpc_is_what_counts() {
        let answer = |status: u16, grpc: &[(&'static str, &str)], body: &[u8]| {
            let mut answer = answer(status, GRPC, body.to_vec());
            for (name, value) in grpc {
                answer.headers.insert(*name, HeaderValue::from_str(value).unwrap());
            }
            answer
        };
        let failed = |said: &str, again| Outcome::Failed { said: said.into(), again };
        let partial_success =
            Some(ExportTracePartialSuccess { rejected_spans: 3, error_message: "too old".into() });
        let partial = ExportTraceServiceResponse { partial_success }.encode_to_vec();
        let partial = [&[0, 0, 0, 0, u8::try_from(partial.len()).unwrap()][..], &partial].concat();
        let long = "Received message larger than max (5000 vs. 4000)";
        for (status, grpc, body, expected) in [
            (200, &[("grpc-status", "0")][..], &[0; 5][..], Outcome::Accepted { rates: None }),
            (200, &[("grpc-status", "0")], &[], Outcome::Accepted { rates: None }),
            (
                200,
                &[("grpc-status", "0")],
                &partial,
                Outcome::Partial { rejected: 3, said: "too old".into() },
            ),
            (200, &[("grpc-status", "14")], &[], failed("gRPC status 14 UNAVAILABLE", true)),
            (
                200,
                &[("grpc-status", "3"), ("grpc-message", "caf%C3%A9 100%")],
                &[],
                failed("gRPC status 3 INVALID_ARGUMENT (\"café 100%\")", false),
            ),
            (200, &[("grpc-status", "8"), ("grpc-message", long)], &[], Outcome::TooLarge),
            (200, &[("grpc-status", "99")], &[], failed("gRPC status 99 unknown", false)),
            (200, &[], &[], failed("200 OK, without a gRPC status", false)),
            (404, &[], &[], failed("404 Not Found, without a gRPC status", false)),
            (503, &[], &[], failed("503 Service Unavailable", true)),
        ] {
            assert_eq!(read_grpc(answer(status, grpc, body)).unwrap(), expected);
        }
        let mut broken = answer(200, &[("grpc-status", "0")], &[]);
        broken.body = Err(SendError::new(SendErrorKind::TooLarge, true));
        assert!(read_grpc(broken).unwrap_err().may_have_arrived());
        assert_eq!(otlp_headers(&OtlpHeaders::default(), GRPC)[TE], "trailers");
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
