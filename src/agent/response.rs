//! What the agent's answer to a payload of traces means (Datadog agent protocol, "response").

#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects))]

use std::collections::HashMap;

use hyper::header::{HeaderName, HeaderValue};
use hyper::http::StatusCode;
use serde_json::Value;

use super::connection::Response;

/// The header with the version of sampling rates: of those that the tracer has, or of those in an answer.
pub(super) const RATES_VERSION: HeaderName =
    HeaderName::from_static("datadog-rates-payload-version");

/// Sampling rates from 0 to 1. The keys are `service:<service>,env:<env>`, as the agent writes them.
pub(crate) type Rates = HashMap<String, f64>;

/// What the agent did with a payload of traces.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Outcome {
    /// The agent has it. If there are `rates`, they replace all earlier ones.
    Accepted { rates: Option<Rates> },
    /// It is too large (413). Its parts may be accepted.
    TooLarge,
    /// It does not know the path, or what was sent there (404, 415). Another format may be accepted.
    Unknown(StatusCode),
    /// Trying again would give the same answer.
    Refused(StatusCode),
    /// The agent is overloaded, too slow or broken for the moment (408, 429, 5xx). Trying again may help.
    Busy(StatusCode),
}

impl Outcome {
    /// Reads an answer. `version` is the one that was sent with the payload; it becomes that of new rates in the
    /// answer.
    pub(crate) fn read(response: &Response, version: &mut RatesVersion) -> Self {
        match response.status {
            status if status.is_success() => Outcome::Accepted { rates: version.accept(response) },
            StatusCode::PAYLOAD_TOO_LARGE => Outcome::TooLarge,
            status @ (StatusCode::NOT_FOUND | StatusCode::UNSUPPORTED_MEDIA_TYPE) => {
                Outcome::Unknown(status)
            }
            status @ (StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS) => {
                Outcome::Busy(status)
            }
            status if status.is_server_error() => Outcome::Busy(status),
            status => Outcome::Refused(status),
        }
    }
}

/// The version of the rates that are known, as the agent has named it; `0` before there are any.
///
/// The agent does not send rates again to a tracer that names their version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RatesVersion(HeaderValue);

impl Default for RatesVersion {
    fn default() -> Self {
        RatesVersion(HeaderValue::from_static("0"))
    }
}

impl RatesVersion {
    pub(super) fn as_header(&self) -> &HeaderValue {
        &self.0
    }

    /// The rates of an answer, unless they are known already.
    fn accept(&mut self, response: &Response) -> Option<Rates> {
        let version = response.headers.get(RATES_VERSION);
        if version == Some(&self.0) {
            return None;
        }
        let rates = parse_rates(response.body.as_ref().ok()?)?;
        // Only if the rates could be read, because the agent does not send them a second time.
        if let Some(version) = version {
            self.0 = version.clone();
        }
        Some(rates)
    }
}

/// Reads `{"rate_by_service": {"service:web,env:prod": 0.5}}`. Values that are no valid rates are left out.
fn parse_rates(body: &[u8]) -> Option<Rates> {
    let mut answer: Value = serde_json::from_slice(body).ok()?;
    let Value::Object(rates) = answer.get_mut("rate_by_service")?.take() else { return None };
    let valid = |(key, rate): (String, Value)| {
        let rate = rate.as_f64().filter(|rate| (0.0..=1.0).contains(rate))?;
        Some((key, rate))
    };
    Some(rates.into_iter().filter_map(valid).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agent::{SendError, SendErrorKind};
    use hyper::body::Bytes;
    use hyper::http::HeaderMap;
    use proptest::prelude::*;

    fn answer(status: u16, version: Option<&'static str>, body: &[u8]) -> Response {
        let version = version.map(|version| (RATES_VERSION, HeaderValue::from_static(version)));
        Response {
            status: StatusCode::from_u16(status).unwrap(),
            headers: version.into_iter().collect::<HeaderMap>(),
            body: Ok(Bytes::copy_from_slice(body)),
        }
    }

    fn rates(rates: &[(&str, f64)]) -> Rates {
        rates.iter().map(|(key, rate)| ((*key).to_owned(), *rate)).collect()
    }

    const BODY: &[u8] =
        br#"{"rate_by_service": {"service:,env:": 1, "service:web,env:prod": 0.25}}"#;

    #[test]
    fn the_status_decides_what_to_do() {
        let outcome =
            |status| Outcome::read(&answer(status, None, b"OK"), &mut RatesVersion::default());
        for status in [200, 202] {
            assert_eq!(outcome(status), Outcome::Accepted { rates: None });
        }
        assert_eq!(outcome(413), Outcome::TooLarge);
        for status in [408, 429, 500, 503] {
            assert_eq!(outcome(status), Outcome::Busy(StatusCode::from_u16(status).unwrap()));
        }
        for status in [404, 415] {
            assert_eq!(outcome(status), Outcome::Unknown(StatusCode::from_u16(status).unwrap()));
        }
        for status in [101, 301, 400, 403] {
            assert_eq!(outcome(status), Outcome::Refused(StatusCode::from_u16(status).unwrap()));
        }
    }

    #[test]
    fn rates_are_replaced_when_their_version_is_another() {
        let mut version = RatesVersion::default();
        let both = rates(&[("service:,env:", 1.0), ("service:web,env:prod", 0.25)]);
        for (header, body, expected, known) in [
            (Some("v1"), BODY, Some(both.clone()), "v1"),
            (Some("v1"), &b"{}"[..], None, "v1"),
            (Some("v1"), BODY, None, "v1"),
            (None, BODY, Some(both.clone()), "v1"),
            (None, b"{}", None, "v1"),
            // Not taken as known: the agent shall send them again.
            (Some("v2"), b"{}", None, "v1"),
            (Some("v2"), b"{\"rate_by_service\":", None, "v1"),
            (Some("v2"), b"{\"rate_by_service\":{}}", Some(Rates::new()), "v2"),
        ] {
            let outcome = Outcome::read(&answer(200, header, body), &mut version);
            assert_eq!(outcome, Outcome::Accepted { rates: expected }, "{header:?}");
            assert_eq!(version.as_header(), known);
        }
    }

    #[test]
    fn a_payload_is_accepted_even_if_the_rates_are_lost() {
        let mut response = answer(200, Some("v1"), b"");
        response.body = Err(SendError::new(SendErrorKind::TooLarge, true));
        let mut version = RatesVersion::default();
        assert_eq!(Outcome::read(&response, &mut version), Outcome::Accepted { rates: None });
        assert_eq!(version, RatesVersion::default());
    }

    #[test]
    fn what_is_no_rate_is_left_out() {
        for (body, expected) in [
            ("", None),
            ("OK", None),
            ("null", None),
            ("[]", None),
            (r#"{"rate_by_service": []}"#, None),
            (r#"{"rate_by_service": {"a": 1e999}}"#, None),
            (r#"{"rate_by_service": {"a": 1.1, "b": -0.1, "c": "1", "d": null}}"#, Some(&[][..])),
            (
                r#"{"rate_by_service": {"a": 0, "b": 1.0, "a": 0.5}}"#,
                Some(&[("a", 0.5), ("b", 1.0)]),
            ),
        ] {
            assert_eq!(parse_rates(body.as_bytes()), expected.map(rates), "{body}");
        }
    }

    proptest! {
        #[test]
        fn no_body_is_too_strange(body in any::<Vec<u8>>(), nested in "[\\[{\":,a0-9.e-]{0,300}") {
            parse_rates(&body);
            parse_rates(nested.as_bytes());
        }
    }
}
