//! Requests, on their way in and out.

use std::hint::black_box;

use http::{HeaderMap, HeaderName, HeaderValue};

/// A request that came in: the headers a browser sends, and the context of a trace in the styles of Datadog
/// and of W3C Trace Context. The trace was kept by a rule, began in a synthetic test, and passed through
/// another vendor's tracer.
#[derive(Debug)]
pub struct Request(pub HeaderMap);

impl Default for Request {
    fn default() -> Self {
        let headers = [
            ("host", "shop.example"),
            (
                "user-agent",
                "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
            ),
            ("accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"),
            ("accept-encoding", "gzip, deflate, br, zstd"),
            ("accept-language", "en-US,en;q=0.5"),
            ("content-type", "application/json"),
            ("content-length", "348"),
            ("cookie", "session=0123456789abcdef0123456789abcdef; theme=dark"),
            ("x-forwarded-for", "203.0.113.7"),
            ("x-request-id", "0f9b5a3e-5f1c-4a53-9d3c-6b1f5f0c2a11"),
            ("x-datadog-trace-id", "12379813738877118345"),
            ("x-datadog-parent-id", "1311768467463790320"),
            ("x-datadog-sampling-priority", "2"),
            ("x-datadog-origin", "synthetics"),
            ("x-datadog-tags", "_dd.p.tid=640cfd8d00000000,_dd.p.dm=-3"),
            ("traceparent", "00-640cfd8d00000000abcdef0123456789-123456789abcdef0-01"),
            ("tracestate", "dd=s:2;o:synthetics;p:123456789abcdef0;t.dm:-3,rojo=00f067aa0ba902b7"),
        ];
        let pair = |(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value));
        Request(headers.into_iter().map(pair).collect())
    }
}

/// A carrier that looks at the headers and drops them: what is measured is the propagator alone.
#[derive(Clone, Copy, Debug)]
pub struct Sent;

impl Sent {
    /// Takes a header.
    pub fn set(&mut self, name: &str, value: String) {
        black_box((name, value));
    }
}
