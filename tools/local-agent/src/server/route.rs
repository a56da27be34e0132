//! Paths to answers.

use std::net::SocketAddr;
use std::time::Instant;

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use hyper::http::request::Parts;
use hyper::{Method, Response, StatusCode};

use super::info::info;
use super::shared::Shared;
use crate::check::Head;
use crate::decode::{Encoding, decode};
use crate::model::{Finding, Quoted, Rule};

/// The largest body agents read.
pub(super) const MAX_BODY: usize = 50 << 20;

/// Until rates are configurable, everything is kept.
const RATES: &str = r#"{"rate_by_service":{"service:,env:":1}}"#;

/// What is behind a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Endpoint {
    /// Spans.
    Traces(Encoding, Answer),
    /// Counted and forgotten; so is everything below the path.
    Ignored,
}

/// What a trace endpoint answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    Ok,
    Rates,
}

/// All paths but `/info`, as `/info` lists them.
pub(super) const ENDPOINTS: [(&str, Endpoint); 7] = [
    ("/v0.3/traces", Endpoint::Traces(Encoding::V04, Answer::Ok)),
    ("/v0.4/traces", Endpoint::Traces(Encoding::V04, Answer::Rates)),
    ("/v0.5/traces", Endpoint::Traces(Encoding::V05, Answer::Rates)),
    ("/v0.7/traces", Endpoint::Traces(Encoding::V07, Answer::Rates)),
    ("/v1.0/traces", Endpoint::Traces(Encoding::V1, Answer::Rates)),
    ("/v0.6/stats", Endpoint::Ignored),
    ("/telemetry/proxy/", Endpoint::Ignored),
];

const INFO: &str = "/info";

/// The endpoint of a path, with the name it is counted under.
pub(super) fn endpoint(path: &str) -> Option<(&'static str, Endpoint)> {
    let path = path.strip_suffix('/').unwrap_or(path);
    ENDPOINTS.into_iter().find(|(known, endpoint)| match endpoint {
        Endpoint::Traces(..) => path == *known,
        Endpoint::Ignored => path
            .strip_prefix(known.trim_end_matches('/'))
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/')),
    })
}

/// Why a body did not arrive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unread {
    TooLarge,
    Broken,
}

/// The answer to a request whose body was read.
pub(super) fn answer(
    shared: &Shared,
    address: Option<SocketAddr>,
    parts: &Parts,
    body: Result<&[u8], Unread>,
) -> Response<Full<Bytes>> {
    let path = parts.uri.path();
    if path == INFO {
        shared.update(|store| store.counts_mut().request(INFO));
        return match parts.method {
            Method::GET | Method::HEAD => json(StatusCode::OK, info(address)),
            _ => text(StatusCode::METHOD_NOT_ALLOWED, "only GET is allowed"),
        };
    }
    let Some((name, endpoint)) = endpoint(path) else {
        shared.update(|store| store.counts_mut().request("other"));
        return text(StatusCode::NOT_FOUND, "no such endpoint");
    };
    shared.update(|store| store.counts_mut().request(name));
    if !matches!(parts.method, Method::PUT | Method::POST) {
        return text(StatusCode::METHOD_NOT_ALLOWED, "only PUT and POST are allowed");
    }
    match (endpoint, body) {
        (_, Err(Unread::Broken)) => text(StatusCode::BAD_REQUEST, "the body did not arrive"),
        (Endpoint::Ignored, _) => json(StatusCode::OK, "{}".to_owned()),
        (Endpoint::Traces(..), Err(Unread::TooLarge)) => {
            let problem = format!("{name}: the body has more than {} MB", MAX_BODY >> 20);
            refuse(shared, StatusCode::PAYLOAD_TOO_LARGE, Rule::PayloadTooLarge, problem)
        }
        (Endpoint::Traces(encoding, answer), Ok(body)) => {
            traces(shared, name, encoding, answer, parts, body)
        }
    }
}

fn traces(
    shared: &Shared,
    name: &str,
    encoding: Encoding,
    answer: Answer,
    parts: &Parts,
    body: &[u8],
) -> Response<Full<Bytes>> {
    let header = |name: HeaderName| {
        parts.headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
    };
    let head = Head {
        content_type: header(CONTENT_TYPE),
        trace_count: header(HeaderName::from_static("x-datadog-trace-count")),
        tracer_version: header(HeaderName::from_static("datadog-meta-tracer-version")),
    };
    let coding = header(hyper::header::CONTENT_ENCODING).filter(|coding| coding != "identity");
    let unreadable = match (coding, head.content_type.as_deref()) {
        (Some(coding), _) => {
            Some(format!("{name}: the body is compressed with {}", Quoted(&coding)))
        }
        (None, Some("application/json")) => Some(format!("{name}: the body is JSON")),
        (None, _) => None,
    };
    if let Some(problem) = unreadable {
        let problem = format!("{problem}; only plain MessagePack is read");
        return refuse(shared, StatusCode::UNSUPPORTED_MEDIA_TYPE, Rule::ContentType, problem);
    }
    match decode(encoding, body) {
        Ok(payload) => {
            shared.update(|store| store.add(&head, payload, Instant::now()));
            match answer {
                Answer::Ok => text(StatusCode::OK, "OK\n"),
                Answer::Rates => json(StatusCode::OK, RATES.to_owned()),
            }
        }
        Err(error) => {
            let problem =
                format!("{name}: the payload of {} bytes is malformed: {error}", body.len());
            refuse(shared, StatusCode::BAD_REQUEST, Rule::MalformedPayload, problem)
        }
    }
}

/// Tells both sides: the sender in the answer, the reader as a finding.
fn refuse(
    shared: &Shared,
    status: StatusCode,
    rule: Rule,
    problem: String,
) -> Response<Full<Bytes>> {
    let response = text(status, &problem);
    shared.update(|store| {
        let counts = store.counts_mut();
        counts.refused = counts.refused.saturating_add(1);
        store.find(Finding::new(rule, problem));
    });
    response
}

fn text(status: StatusCode, body: &str) -> Response<Full<Bytes>> {
    response(status, "text/plain; charset=utf-8", body.to_owned())
}

fn json(status: StatusCode, body: String) -> Response<Full<Bytes>> {
    response(status, "application/json", body)
}

fn response(status: StatusCode, kind: &'static str, body: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_lead_to_their_endpoints() {
        let table = [
            ("/v0.4/traces", Some("/v0.4/traces")),
            ("/v0.4/traces/", Some("/v0.4/traces")),
            ("/v0.4/traces/x", None),
            ("/v0.6/stats", Some("/v0.6/stats")),
            ("/v0.6/statsx", None),
            ("/telemetry/proxy", Some("/telemetry/proxy/")),
            ("/telemetry/proxy/api/v2/apmtelemetry", Some("/telemetry/proxy/")),
            ("/", None),
        ];
        for (path, expected) in table {
            assert_eq!(endpoint(path).map(|(name, _)| name), expected, "{path}");
        }
    }
}
