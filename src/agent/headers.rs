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

/// What a payload of traces says about what the agent need not count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct ClientStats {
    /// Its spans are in statistics that the tracer sends, or must not be in any.
    pub(crate) is_computed: bool,
    pub(crate) dropped: DroppedP0s,
}

/// Traces and spans that the tracer did not send because they were not sampled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct DroppedP0s {
    pub(crate) traces: u64,
    pub(crate) spans: u64,
}

/// The version of the obfuscation of resources that the tracer knows.
pub(crate) const OBFUSCATION_VERSION: u64 = 1;

/// The headers of a payload of statistics.
pub(crate) fn stats_headers(common: &HeaderMap, is_obfuscated: bool) -> HeaderMap {
    let mut headers = common.clone();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/msgpack"));
    if is_obfuscated {
        let name = HeaderName::from_static("datadog-obfuscation-version");
        headers.insert(name, OBFUSCATION_VERSION.into());
    }
    headers
}

/// The headers of a payload of traces: the common ones, and those about the payload.
///
/// `chunks` is the number of chunks in the body, which the agent does not check.
pub(crate) fn trace_headers(
    common: &HeaderMap,
    content_type: &'static str,
    chunks: usize,
    rates: &RatesVersion,
    stats: ClientStats,
) -> HeaderMap {
    let mut headers = common.clone();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    let mut say = |name, value| drop(headers.insert(HeaderName::from_static(name), value));
    say("x-datadog-trace-count", chunks.into());
    // The tracer sets `_dd.top_level` itself: it knows the parent of a span even if that is in another chunk.
    say("datadog-client-computed-top-level", HeaderValue::from_static("true"));
    if stats.is_computed {
        say("datadog-client-computed-stats", HeaderValue::from_static("true"));
    }
    let DroppedP0s { traces, spans } = stats.dropped;
    for (name, dropped) in
        [("datadog-client-dropped-p0-traces", traces), ("datadog-client-dropped-p0-spans", spans)]
    {
        if spans > 0 {
            say(name, dropped.into());
        }
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
        let stats = ClientStats { is_computed: true, dropped: DroppedP0s { traces: 0, spans: 7 } };
        let (common, rates) = (common(Some("it-false,cn-web")), RatesVersion::default());
        let headers = trace_headers(&common, "application/msgpack", 3, &rates, stats);
        let expected = format!(
            "content-type: application/msgpack\n\
             datadog-client-computed-stats: true\n\
             datadog-client-computed-top-level: true\n\
             datadog-client-dropped-p0-spans: 7\n\
             datadog-client-dropped-p0-traces: 0\n\
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
    fn what_the_agent_counts_itself_says_nothing_of_it() {
        let (common, rates) = (common(None), RatesVersion::default());
        let stats = ClientStats::default();
        let headers = trace_headers(&common, "application/msgpack", 1, &rates, stats);
        let text = text(&headers);
        assert!(!text.contains("computed-stats") && !text.contains("dropped"), "{text}");
    }

    #[test]
    fn only_statistics_that_are_obfuscated_say_so() {
        let expected = "datadog-obfuscation-version: 1";
        assert!(text(&stats_headers(&common(None), true)).contains(expected));
        let plain = text(&stats_headers(&common(None), false));
        assert!(!plain.contains("obfuscation") && plain.contains("application/msgpack"), "{plain}");
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
