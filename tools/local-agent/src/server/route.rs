//! Paths to answers.

use std::net::SocketAddr;
use std::time::Instant;

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use hyper::http::request::Parts;
use hyper::{Method, Response, StatusCode};

use super::endpoint::{Answer, Endpoint, INFO, MAX_BODY, endpoint};
use super::info::info;
use super::shared::SharedStore;
use crate::check::Headers;
use crate::decode::{Encoding, decode};
use crate::model::{Finding, Quoted, Rule};

/// Until rates are configurable, everything is kept.
const RATES: &str = r#"{"rate_by_service":{"service:,env:":1}}"#;

/// Why a body did not arrive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unread {
    TooLarge,
    Broken,
}

/// The answer to a request whose body was read.
pub(super) fn answer(
    shared: &SharedStore,
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
    shared: &SharedStore,
    name: &str,
    encoding: Encoding,
    answer: Answer,
    parts: &Parts,
    body: &[u8],
) -> Response<Full<Bytes>> {
    let header = |name: HeaderName| {
        parts.headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
    };
    let headers = Headers {
        content_type: header(CONTENT_TYPE),
        trace_count: header(HeaderName::from_static("x-datadog-trace-count")),
        tracer_version: header(HeaderName::from_static("datadog-meta-tracer-version")),
    };
    let coding = header(hyper::header::CONTENT_ENCODING).filter(|coding| coding != "identity");
    let unreadable = match (coding, headers.content_type.as_deref()) {
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
            shared.update(|store| store.add(&headers, payload, Instant::now()));
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
    shared: &SharedStore,
    status: StatusCode,
    rule: Rule,
    problem: String,
) -> Response<Full<Bytes>> {
    let response = text(status, &problem);
    shared.update(|store| {
        store.counts_mut().refused += 1;
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
