//! The headers of what is sent to the agent (Datadog agent protocol, "request headers").

use hyper::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use hyper::http::HeaderMap;

use super::container::ContainerOrigin;
use super::response::{RATES_VERSION, RatesVersion};
use crate::diag::Diag;

/// The headers of every request, which describe this process.
///
/// `external_env` is the value of `DD_EXTERNAL_ENV`, from which the agent of a cluster knows the pod.
pub(crate) fn common_headers(
    origin: &ContainerOrigin,
    external_env: Option<&str>,
    diag: &Diag,
) -> HeaderMap {
    let mut headers = HeaderMap::new();
    let mut say = |name, value| drop(headers.insert(HeaderName::from_static(name), value));
    say("datadog-meta-lang", HeaderValue::from_static("rust"));
    // Absent only if the compiler did not tell its version (see build.rs).
    if let Some(version) = option_env!("TRACEHOUND_RUSTC_VERSION") {
        say("datadog-meta-lang-version", HeaderValue::from_static(version));
    }
    say("datadog-meta-lang-interpreter", HeaderValue::from_static("rustc"));
    say("datadog-meta-tracer-version", HeaderValue::from_static(env!("CARGO_PKG_VERSION")));
    for (name, text) in [
        ("datadog-container-id", origin.container_id.as_deref()),
        ("datadog-entity-id", origin.entity_id.as_deref()),
        ("datadog-external-env", external_env.filter(|env| !env.is_empty())),
    ] {
        match text.map(HeaderValue::from_str) {
            None => {}
            Some(Ok(value)) => say(name, value),
            // The ids are made of letters and digits, so this is the environment variable.
            Some(Err(_)) => diag.warn_once("DD_EXTERNAL_ENV", || {
                "DD_EXTERNAL_ENV holds characters that no header can carry; ignored".into()
            }),
        }
    }
    headers
}

/// The headers of a payload of traces: the common ones, and those about the payload.
///
/// `chunks` is the number of chunks in the body, which the agent does not check. `no_stats` keeps the agent from
/// computing statistics of the spans, for `DD_APM_TRACING_ENABLED=false`.
pub(crate) fn trace_headers(
    common: &HeaderMap,
    content_type: &'static str,
    chunks: usize,
    rates: &RatesVersion,
    no_stats: bool,
) -> HeaderMap {
    let mut headers = common.clone();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    let mut say = |name, value| drop(headers.insert(HeaderName::from_static(name), value));
    say("x-datadog-trace-count", chunks.into());
    // The tracer sets `_dd.top_level` itself: it knows the parent of a span even if that is in another chunk.
    say("datadog-client-computed-top-level", HeaderValue::from_static("true"));
    if no_stats {
        say("datadog-client-computed-stats", HeaderValue::from_static("true"));
    }
    // Without this, the agent answers 200 even to payloads that it drops.
    say("datadog-send-real-http-status", HeaderValue::from_static("1"));
    headers.insert(RATES_VERSION, rates.as_header().clone());
    headers
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(headers: &HeaderMap) -> String {
        let mut headers: Vec<_> = headers.iter().collect();
        headers.sort_by_key(|(name, _)| name.as_str());
        let lines =
            headers.iter().map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()));
        lines.collect::<Vec<_>>().join("\n")
    }

    fn common(external_env: Option<&str>) -> HeaderMap {
        common_headers(&ContainerOrigin::default(), external_env, &Diag::new(false, None))
    }

    #[test]
    fn a_payload_says_who_sends_what() {
        let rustc = env!("TRACEHOUND_RUSTC_VERSION");
        let (common, rates) = (common(Some("it-false,cn-web")), RatesVersion::default());
        let headers = trace_headers(&common, "application/msgpack", 3, &rates, true);
        let expected = format!(
            "content-type: application/msgpack\n\
             datadog-client-computed-stats: true\n\
             datadog-client-computed-top-level: true\n\
             datadog-external-env: it-false,cn-web\n\
             datadog-meta-lang: rust\n\
             datadog-meta-lang-interpreter: rustc\n\
             datadog-meta-lang-version: {rustc}\n\
             datadog-meta-tracer-version: {}\n\
             datadog-rates-payload-version: 0\n\
             datadog-send-real-http-status: 1\n\
             x-datadog-trace-count: 3",
            env!("CARGO_PKG_VERSION")
        );
        assert_eq!(text(&headers), expected);
    }

    #[test]
    fn the_version_of_the_compiler_is_known() {
        let version = env!("TRACEHOUND_RUSTC_VERSION");
        assert!(version.starts_with("1.") && !version.contains(' '), "{version}");
    }

    #[test]
    fn an_external_env_that_no_header_carries_is_left_out() {
        assert_eq!(common(Some("a\nb")), common(None));
        assert_eq!(common(Some("")), common(None));
    }
}
