//! What an agent can do, as its `/info` says (Datadog agent protocol, "`/info`").

use hyper::header::{HeaderName, HeaderValue};
use hyper::http::{HeaderMap, StatusCode};
use serde_json::{Map, Value};

use super::connection::Response;

/// A hash of `/info`, in the answers to other requests.
const STATE: HeaderName = HeaderName::from_static("datadog-agent-state");

/// What an agent says about itself. A field that is missing or of a wrong type has its default.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct AgentInfo {
    pub(crate) version: Option<String>,
    /// The paths it serves.
    pub(crate) endpoints: Vec<String>,
    pub(crate) feature_flags: Vec<String>,
    /// Whether it expects tracers that compute stats to keep dropped traces to themselves.
    pub(crate) client_drop_p0s: bool,
    /// Whether it reads span events in their own field.
    pub(crate) span_events: bool,
    pub(crate) span_meta_structs: bool,
    pub(crate) long_running_spans: bool,
    pub(crate) evp_proxy_allowed_headers: Vec<String>,
    /// The tags that stats are grouped by for calls to others.
    pub(crate) peer_tags: Vec<String>,
    /// The span kinds that stats count; client, server, producer and consumer unless it says otherwise.
    pub(crate) span_kinds_stats_computed: Vec<String>,
    pub(crate) obfuscation_version: Option<u64>,
    pub(crate) filter_tags: FilterTags,
    /// As `filter_tags`, with regular expressions as values.
    pub(crate) filter_tags_regex: FilterTags,
    /// Regular expressions; traces whose root has such a resource are not wanted.
    pub(crate) ignore_resources: Vec<String>,
    /// The organisation's marker for trace propagation.
    pub(crate) org_prop_marker: Option<String>,
    pub(crate) config: AgentConfig,
}

/// Tags (`key` or `key:value`) that a trace's root must have or must not have.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct FilterTags {
    pub(crate) require: Vec<String>,
    pub(crate) reject: Vec<String>,
}

/// The agent's own settings, as far as they concern a tracer.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct AgentConfig {
    pub(crate) default_env: Option<String>,
    /// Traces per second that its samplers aim at.
    pub(crate) target_tps: Option<f64>,
    /// Events per second that it takes.
    pub(crate) max_eps: Option<f64>,
    pub(crate) receiver_port: Option<u64>,
    pub(crate) receiver_socket: Option<String>,
    pub(crate) connection_limit: Option<u64>,
    /// Seconds.
    pub(crate) receiver_timeout: Option<u64>,
    pub(crate) max_request_bytes: Option<u64>,
    pub(crate) statsd_port: Option<u64>,
}

impl Default for AgentInfo {
    /// An agent that is too old to have `/info`: v0.4 traces and nothing else.
    fn default() -> Self {
        Self::of(&Object(None), vec!["/v0.4/traces".into()])
    }
}

impl AgentInfo {
    /// What an answer to `GET /info` says. `None` if it says nothing: then what was known before still holds.
    pub(crate) fn read(response: &Response) -> Option<Self> {
        match response.status {
            StatusCode::OK => Self::parse(response.body.as_ref().ok()?),
            StatusCode::NOT_FOUND => Some(Self::default()),
            _ => None,
        }
    }

    fn parse(body: &[u8]) -> Option<Self> {
        let value: Value = serde_json::from_slice(body).ok()?;
        let object = Object(Some(value.as_object()?));
        Some(Self::of(&object, object.texts("endpoints").unwrap_or_default()))
    }

    fn of(info: &Object<'_>, endpoints: Vec<String>) -> Self {
        let texts = |name| info.texts(name).unwrap_or_default();
        let filter = |name| {
            let filter = info.object(name);
            FilterTags {
                require: filter.texts("require").unwrap_or_default(),
                reject: filter.texts("reject").unwrap_or_default(),
            }
        };
        let config = info.object("config");
        AgentInfo {
            version: info.text("version"),
            endpoints,
            feature_flags: texts("feature_flags"),
            client_drop_p0s: info.flag("client_drop_p0s"),
            span_events: info.flag("span_events"),
            span_meta_structs: info.flag("span_meta_structs"),
            long_running_spans: info.flag("long_running_spans"),
            evp_proxy_allowed_headers: texts("evp_proxy_allowed_headers"),
            peer_tags: texts("peer_tags"),
            span_kinds_stats_computed: info.texts("span_kinds_stats_computed").unwrap_or_else(
                || ["client", "server", "producer", "consumer"].map(String::from).into(),
            ),
            obfuscation_version: info.number("obfuscation_version"),
            filter_tags: filter("filter_tags"),
            filter_tags_regex: filter("filter_tags_regex"),
            ignore_resources: texts("ignore_resources"),
            org_prop_marker: info.text("org_prop_marker"),
            config: AgentConfig {
                default_env: config.text("default_env"),
                target_tps: config.real("target_tps"),
                max_eps: config.real("max_eps"),
                receiver_port: config.number("receiver_port"),
                receiver_socket: config.text("receiver_socket"),
                connection_limit: config.number("connection_limit"),
                receiver_timeout: config.number("receiver_timeout"),
                max_request_bytes: config.number("max_request_bytes"),
                statsd_port: config.number("statsd_port"),
            },
        }
    }
}

/// A JSON object, or none, whose members of a wrong type are as good as absent.
struct Object<'a>(Option<&'a Map<String, Value>>);

impl<'a> Object<'a> {
    fn get(&self, name: &str) -> Option<&'a Value> {
        self.0?.get(name)
    }

    fn object(&self, name: &str) -> Object<'a> {
        Object(self.get(name).and_then(Value::as_object))
    }

    fn text(&self, name: &str) -> Option<String> {
        self.get(name)?.as_str().map(String::from)
    }

    /// All elements that are texts.
    fn texts(&self, name: &str) -> Option<Vec<String>> {
        let elements = self.get(name)?.as_array()?;
        Some(elements.iter().filter_map(|element| element.as_str().map(String::from)).collect())
    }

    fn flag(&self, name: &str) -> bool {
        self.get(name).and_then(Value::as_bool).unwrap_or_default()
    }

    fn number(&self, name: &str) -> Option<u64> {
        self.get(name)?.as_u64()
    }

    fn real(&self, name: &str) -> Option<f64> {
        self.get(name)?.as_f64()
    }
}

/// Tells when what is known from `/info` is out of date.
///
/// Agents put the SHA-256 of `/info` into their other answers. Here the value is only compared with itself:
/// that costs one more request for `/info`, after the first answer that has it, and no hash function.
#[derive(Clone, Debug, Default)]
pub(crate) struct AgentState {
    seen: Option<HeaderValue>,
    known: Option<HeaderValue>,
}

impl AgentState {
    /// Takes note of an answer's headers.
    pub(crate) fn observe(&mut self, headers: &HeaderMap) {
        if let Some(state) = headers.get(STATE) {
            if self.seen.as_ref() != Some(state) {
                self.seen = Some(state.clone());
            }
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
        "version": "7.66.1", "git_commit": "x",
        "endpoints": ["/v0.4/traces", "/v0.6/stats", "/v1.0/traces"],
        "feature_flags": ["big_resource"],
        "client_drop_p0s": true, "span_events": true, "span_meta_structs": true,
        "long_running_spans": true, "evp_proxy_allowed_headers": ["Content-Type"],
        "peer_tags": ["db.name", "peer.service"],
        "span_kinds_stats_computed": ["server"],
        "obfuscation_version": 1,
        "filter_tags": {"require": ["a"], "reject": ["b:c"]},
        "filter_tags_regex": {"reject": ["d:.*"]},
        "ignore_resources": ["GET /health"],
        "org_prop_marker": "mYc0mpany_-",
        "config": {
            "default_env": "none", "target_tps": 10, "max_eps": 200.5, "receiver_port": 8126,
            "receiver_socket": "/var/run/datadog/apm.socket", "connection_limit": 0,
            "receiver_timeout": 5, "max_request_bytes": 26214400, "statsd_port": 8125,
            "obfuscation": {"remove_stack_traces": false}
        }
    }"#;

    fn read(status: u16, body: &str) -> Option<AgentInfo> {
        let status = StatusCode::from_u16(status).unwrap();
        let body = Ok(Bytes::copy_from_slice(body.as_bytes()));
        AgentInfo::read(&Response { status, headers: HeaderMap::new(), body })
    }

    #[test]
    fn every_field_is_read() {
        let info = read(200, INFO).unwrap();
        let texts =
            |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        let expected = AgentInfo {
            version: Some("7.66.1".into()),
            endpoints: texts(&["/v0.4/traces", "/v0.6/stats", "/v1.0/traces"]),
            feature_flags: texts(&["big_resource"]),
            client_drop_p0s: true,
            span_events: true,
            span_meta_structs: true,
            long_running_spans: true,
            evp_proxy_allowed_headers: texts(&["Content-Type"]),
            peer_tags: texts(&["db.name", "peer.service"]),
            span_kinds_stats_computed: texts(&["server"]),
            obfuscation_version: Some(1),
            filter_tags: FilterTags { require: texts(&["a"]), reject: texts(&["b:c"]) },
            filter_tags_regex: FilterTags { require: vec![], reject: texts(&["d:.*"]) },
            ignore_resources: texts(&["GET /health"]),
            org_prop_marker: Some("mYc0mpany_-".into()),
            config: AgentConfig {
                default_env: Some("none".into()),
                target_tps: Some(10.0),
                max_eps: Some(200.5),
                receiver_port: Some(8126),
                receiver_socket: Some("/var/run/datadog/apm.socket".into()),
                connection_limit: Some(0),
                receiver_timeout: Some(5),
                max_request_bytes: Some(26_214_400),
                statsd_port: Some(8125),
            },
        };
        assert_eq!(info, expected);
    }

    #[test]
    fn a_field_of_a_wrong_type_is_as_good_as_absent() {
        let empty = read(200, "{}").unwrap();
        assert_eq!(empty, AgentInfo { endpoints: vec![], ..AgentInfo::default() });
        let names = read(200, INFO).map(|_| serde_json::from_str::<Value>(INFO).unwrap()).unwrap();
        for wrong in ["null", "[[]]", "{\"config\":3}", "-1", "\"\\u0000\""] {
            for name in names.as_object().unwrap().keys() {
                let info =
                    read(200, &format!("{{\"{name}\": {wrong}, \"client_drop_p0s\": true}}"))
                        .unwrap();
                assert!(info.client_drop_p0s, "{name}: {wrong}");
            }
        }
        let mixed = read(200, r#"{"endpoints": ["/a", 1, null], "config": {"statsd_port": "x"}}"#);
        let mixed = mixed.unwrap();
        assert_eq!(mixed.endpoints, ["/a"]);
        assert_eq!(mixed.config, AgentConfig::default());
    }

    #[test]
    fn an_agent_without_info_serves_v04_and_a_failure_says_nothing() {
        let old = read(404, "404 page not found").unwrap();
        assert_eq!((old.endpoints, old.client_drop_p0s), (vec!["/v0.4/traces".to_owned()], false));
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
