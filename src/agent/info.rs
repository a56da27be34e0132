//! What an agent can do, according to its `/info` (Datadog agent protocol, "`/info`").

#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects))]

use hyper::header::{HeaderName, HeaderValue};
use hyper::http::{HeaderMap, StatusCode};
use serde_json::Value;

use super::connection::Response;

/// The header with a hash of `/info`, in the answers to other requests.
const STATE: HeaderName = HeaderName::from_static("datadog-agent-state");

/// The fields of `/info` that the tracer uses. One that is missing or of a wrong type has its default, which is also
/// right for agents that are too old to have `/info`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct AgentInfo {
    /// Whether the agent reads span events from a field of their own.
    pub(crate) span_events: bool,
    /// Whether the agent takes spans that are still open, again and again.
    pub(crate) long_running_spans: bool,
    /// The marker of the organisation, for trace propagation.
    pub(crate) org_prop_marker: Option<String>,
    /// The largest request that the agent takes.
    pub(crate) max_request_bytes: Option<u64>,
    /// The paths that it serves.
    pub(crate) endpoints: Vec<String>,
    pub(crate) version: Option<String>,
    /// Whether tracers may keep back what is not sampled, if they count it.
    pub(crate) client_drop_p0s: bool,
    /// The tags by which statistics tell peers apart.
    pub(crate) peer_tags: Vec<String>,
    /// The kinds of spans that statistics count; `None` where it has not said.
    pub(crate) span_kinds_stats_computed: Option<Vec<String>>,
    /// How it obfuscates resources; 0 where it leaves that to nobody.
    pub(crate) obfuscation_version: u64,
    /// `config.obfuscation.sql_obfuscation_mode`.
    pub(crate) sql_obfuscation_mode: String,
    /// What it does differently from others, such as `big_resource`.
    pub(crate) feature_flags: Vec<String>,
    /// What the first span of a trace has to be tagged with, and must not.
    pub(crate) filter_tags: TagFilters,
    /// The same, with regular expressions for the values.
    pub(crate) filter_tags_regex: TagFilters,
    /// Regular expressions of resources whose traces are not wanted.
    pub(crate) ignore_resources: Vec<String>,
    /// The environment of what names none.
    pub(crate) default_env: Option<String>,
}

/// Filters of traces, each `key` or `key:value`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct TagFilters {
    pub(crate) require: Vec<String>,
    pub(crate) reject: Vec<String>,
}

impl TagFilters {
    fn read(value: Option<&Value>) -> Self {
        let list = |name| strings(value.and_then(|value| value.get(name))).unwrap_or_default();
        TagFilters { require: list("require"), reject: list("reject") }
    }
}

/// The texts of a list; `None` where it is none.
fn strings(value: Option<&Value>) -> Option<Vec<String>> {
    let list = value?.as_array()?;
    Some(list.iter().filter_map(Value::as_str).map(String::from).collect())
}

impl AgentInfo {
    /// Reads an answer to `GET /info`. `None` if it cannot be read; what was known before is then still valid.
    pub(crate) fn read(response: &Response) -> Option<Self> {
        match response.status {
            StatusCode::OK => Self::parse(response.body.as_ref().ok()?),
            StatusCode::NOT_FOUND => Some(Self::default()),
            _ => None,
        }
    }

    fn parse(body: &[u8]) -> Option<Self> {
        let value: Value = serde_json::from_slice(body).ok()?;
        value.is_object().then(|| Self::of_json(&value))
    }

    /// Reads the object that `/info` answers.
    pub(crate) fn of_json(info: &Value) -> Self {
        let is_set = |name| info.get(name).and_then(Value::as_bool).unwrap_or_default();
        let text = |path| info.pointer(path).and_then(Value::as_str).map(String::from);
        let list = |name| strings(info.get(name)).unwrap_or_default();
        AgentInfo {
            span_events: is_set("span_events"),
            long_running_spans: is_set("long_running_spans"),
            org_prop_marker: text("/org_prop_marker"),
            max_request_bytes: info.pointer("/config/max_request_bytes").and_then(Value::as_u64),
            endpoints: list("endpoints"),
            version: text("/version"),
            client_drop_p0s: is_set("client_drop_p0s"),
            peer_tags: list("peer_tags"),
            span_kinds_stats_computed: strings(info.get("span_kinds_stats_computed")),
            obfuscation_version: info
                .get("obfuscation_version")
                .and_then(Value::as_u64)
                .unwrap_or_default(),
            sql_obfuscation_mode: text("/config/obfuscation/sql_obfuscation_mode")
                .unwrap_or_default(),
            feature_flags: list("feature_flags"),
            filter_tags: TagFilters::read(info.get("filter_tags")),
            filter_tags_regex: TagFilters::read(info.get("filter_tags_regex")),
            ignore_resources: list("ignore_resources"),
            default_env: text("/config/default_env"),
        }
    }

    /// Whether it says that it answers to this path.
    pub(crate) fn has_endpoint(&self, path: &str) -> bool {
        // Some of the paths that are announced end with a slash.
        self.endpoints.iter().any(|endpoint| endpoint.trim_end_matches('/') == path)
    }
}

/// Tells when what is known from `/info` is out of date.
///
/// Agents put the SHA-256 of `/info` into their other answers. It is only compared with the one before, so no hash
/// function is needed. That costs one more request for `/info`, after the first answer with a hash.
#[derive(Clone, Debug, Default)]
pub(crate) struct AgentState {
    seen: Option<HeaderValue>,
    known: Option<HeaderValue>,
}

impl AgentState {
    /// Takes note of the headers of an answer.
    pub(crate) fn observe(&mut self, headers: &HeaderMap) {
        if let Some(state) = headers.get(STATE) {
            self.seen = Some(state.clone());
        }
    }

    /// Whether `/info` has to be asked for again.
    pub(crate) fn is_news(&self) -> bool {
        self.seen != self.known
    }

    /// Takes note that `/info` was read after the last answer observed.
    pub(crate) fn refreshed(&mut self) {
        self.known.clone_from(&self.seen);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hyper::body::Bytes;
    use proptest::prelude::*;

    /// The answer of an agent, shortened.
    const INFO: &str = r#"{
        "version": "7.66.1", "endpoints": ["/v0.4/traces", "/v0.6/stats", "/v1.0/traces"],
        "client_drop_p0s": true, "span_events": true, "long_running_spans": true,
        "peer_tags": ["db.name", "peer.service"],
        "span_kinds_stats_computed": ["server"], "obfuscation_version": 1,
        "feature_flags": ["table_names", "big_resource"], "ignore_resources": ["^GET /health$"],
        "filter_tags": {"require": ["a", 3], "reject": ["b:c"]}, "org_prop_marker": "mYc0mpany_-",
        "filter_tags_regex": {"reject": ["d:^e"]},
        "config": {
            "target_tps": 10, "max_eps": 200.5, "max_request_bytes": 26214400, "default_env": "prod",
            "obfuscation": {"sql_obfuscation_mode": "obfuscate_only"}
        }
    }"#;

    fn texts(texts: &[&str]) -> Vec<String> {
        texts.iter().copied().map(String::from).collect()
    }

    fn read(status: u16, body: &str) -> Option<AgentInfo> {
        let status = StatusCode::from_u16(status).unwrap();
        let body = Ok(Bytes::copy_from_slice(body.as_bytes()));
        AgentInfo::read(&Response { status, headers: HeaderMap::new(), body })
    }

    #[test]
    fn what_the_tracer_acts_on_is_read() {
        let expected = AgentInfo {
            span_events: true,
            long_running_spans: true,
            org_prop_marker: Some("mYc0mpany_-".into()),
            max_request_bytes: Some(26_214_400),
            endpoints: texts(&["/v0.4/traces", "/v0.6/stats", "/v1.0/traces"]),
            version: Some("7.66.1".into()),
            client_drop_p0s: true,
            peer_tags: texts(&["db.name", "peer.service"]),
            span_kinds_stats_computed: Some(texts(&["server"])),
            obfuscation_version: 1,
            sql_obfuscation_mode: "obfuscate_only".into(),
            feature_flags: texts(&["table_names", "big_resource"]),
            filter_tags: TagFilters { require: texts(&["a"]), reject: texts(&["b:c"]) },
            filter_tags_regex: TagFilters { require: vec![], reject: texts(&["d:^e"]) },
            ignore_resources: texts(&["^GET /health$"]),
            default_env: Some("prod".into()),
        };
        assert!(expected.has_endpoint("/v1.0/traces") && !expected.has_endpoint("/v1.0/trace"));
        assert_eq!(read(200, INFO), Some(expected));
        let odd = read(200, r#"{"endpoints": [3, "/v0.5/traces/", null]}"#).unwrap();
        assert!(odd.has_endpoint("/v0.5/traces"));
    }

    #[test]
    fn a_field_of_a_wrong_type_is_as_good_as_absent() {
        let none = Some(AgentInfo::default());
        assert_eq!(read(200, "{}"), none);
        assert_eq!(read(404, "404 page not found"), none);
        for wrong in [
            "null",
            "[[]]",
            "{\"max_request_bytes\":-3}",
            "{\"max_request_bytes\":\"x\"}",
            "-1",
            "\"\\u0000\"",
            "1e3",
        ] {
            for name in ["span_events", "config", "peer_tags", "filter_tags"] {
                assert_eq!(read(200, &format!("{{\"{name}\": {wrong}}}")), none, "{name}: {wrong}");
            }
        }
        for wrong in ["null", "[]", "3", "{}"] {
            assert_eq!(read(200, &format!("{{\"org_prop_marker\": {wrong}}}")), none, "{wrong}");
        }
        // The other fields are read all the same.
        let fields: Value = serde_json::from_str(INFO).unwrap();
        for wrong in ["null", "[[]]", "{\"config\":3}", "-1", "\"\\u0000\""] {
            for name in fields.as_object().unwrap().keys() {
                let info = read(200, &format!("{{\"{name}\": {wrong}, \"span_events\": true}}"));
                assert!(info.unwrap().span_events, "{name}: {wrong}");
            }
        }
    }

    #[test]
    fn a_failure_says_nothing() {
        for (status, body) in [(200, ""), (200, "[]"), (200, "{"), (500, "{}"), (302, "{}")] {
            assert_eq!(read(status, body), None, "{status} {body}");
        }
    }

    #[test]
    fn the_state_is_news_until_info_was_read_after_it() {
        let headers = |state| HeaderMap::from_iter([(STATE, HeaderValue::from_static(state))]);
        let mut state = AgentState::default();
        assert!(!state.is_news());
        state.observe(&headers("a"));
        assert!(state.is_news());
        state.refreshed();
        state.observe(&headers("a"));
        state.observe(&HeaderMap::new());
        assert!(!state.is_news());
        state.observe(&headers("b"));
        assert!(state.is_news());
    }

    proptest! {
        #[test]
        fn no_body_is_too_strange(body in any::<Vec<u8>>(), nested in "[\\[{\":,a]{0,300}") {
            AgentInfo::parse(&body);
            AgentInfo::parse(nested.as_bytes());
        }
    }
}
