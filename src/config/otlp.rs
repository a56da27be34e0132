//! How and where spans go as OTLP: the `OTEL_EXPORTER_OTLP_*` variables.
//!
//! Each has a form for traces alone, which wins (OpenTelemetry, "OTLP exporter configuration").

use std::fmt;
use std::time::Duration;

use crate::text::Text;

use super::Config;
use super::endpoint::{Endpoint, Host};
use super::key::{Key, Reason, Remarks};
use super::parse;
use super::percent;
use super::value::Value;
use super::words::words;

words! {
    /// How spans are sent as OTLP (`OTEL_EXPORTER_OTLP_TRACES_PROTOCOL`, `OTEL_EXPORTER_OTLP_PROTOCOL`).
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub enum OtlpProtocol {
        /// HTTP with JSON: the default, as of every Datadog tracer. It can be read without tools.
        #[default]
        HttpJson = "http/json",
        /// HTTP with protobuf: about a third as large, and faster to write and to read.
        HttpProtobuf = "http/protobuf",
        /// gRPC. Needs the feature `grpc`; without it, a warning says that `http/json` is used.
        Grpc = "grpc",
    }
}

impl Value for OtlpProtocol {
    const KIND: &'static str = "word";

    fn show(&self) -> Option<String> {
        Some(self.as_str().to_owned())
    }
}

impl OtlpProtocol {
    pub(super) fn parse(text: &str, remarks: &mut Remarks) -> Result<Self, Reason> {
        let protocol = OtlpProtocol::from_word(text)
            .ok_or("is none of `http/json`, `http/protobuf` and `grpc`")?;
        Ok(protocol.supported(|| {
            remarks.push(WITHOUT_GRPC.to_owned());
        }))
    }

    /// This protocol, or the default where this one is not built in; then `otherwise` is called.
    pub(crate) fn supported(self, otherwise: impl FnOnce()) -> Self {
        if self == OtlpProtocol::Grpc && !cfg!(feature = "grpc") {
            otherwise();
            return OtlpProtocol::default();
        }
        self
    }

    /// The port of a receiver, where no address is given.
    fn default_port(self) -> u16 {
        match self {
            OtlpProtocol::HttpJson | OtlpProtocol::HttpProtobuf => 4318,
            OtlpProtocol::Grpc => 4317,
        }
    }
}

/// The remark where gRPC is asked for and not built in.
pub(crate) const WITHOUT_GRPC: &str =
    "grpc is not built in (the feature `grpc` of the crate); http/json is used";

/// Headers that are sent with each request. They may hold a key, so nothing shows them.
#[derive(Clone, Default, PartialEq)]
pub(crate) struct OtlpHeaders(pub(crate) Vec<(Text, Text)>);

impl fmt::Debug for OtlpHeaders {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} headers", self.0.len())
    }
}

/// In no report either, as in no Datadog tracer.
impl Value for OtlpHeaders {
    const KIND: &'static str = "headers";

    fn show(&self) -> Option<String> {
        None
    }
}

impl OtlpHeaders {
    /// Reads `name=value,name=value`; the values may be percent-encoded. No message repeats any of it.
    pub(super) fn parse(text: &str, remarks: &mut Remarks) -> Result<Option<Self>, Reason> {
        let mut headers = Vec::new();
        for (place, pair) in parse::items(text).enumerate() {
            let pair = pair.split_once('=').map(|(name, value)| (name.trim(), value.trim()));
            let decoded = pair.and_then(|(name, value)| Some((name, percent::decode(value)?)));
            match decoded.filter(|(name, value)| is_header(name, value)) {
                Some((name, value)) => headers.push((Text::copy(name), Text::from(value))),
                None => {
                    let number = place.saturating_add(1);
                    remarks.push(format!(
                        "its item {number} is no `name=value` that a header can carry; left out"
                    ));
                }
            }
        }
        if headers.is_empty() {
            Err("holds no header".into())
        } else {
            Ok(Some(OtlpHeaders(headers)))
        }
    }
}

/// Whether HTTP takes this header (RFC 9110, section 5), and it is not one of those that the library sets itself.
pub(crate) fn is_header(name: &str, value: &str) -> bool {
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    let is_text = |byte: u8| byte == b'\t' || (b' '..=b'~').contains(&byte) || byte >= 0x80;
    let own = ["connection", "content-length", "content-type", "host", "te", "transfer-encoding"];
    !name.is_empty()
        && name.bytes().all(is_token)
        && value.bytes().all(is_text)
        && !own.iter().any(|own| name.eq_ignore_ascii_case(own))
}

/// The address of a receiver of OTLP, in its normal form.
pub(super) fn url(text: Text) -> Result<Text, Reason> {
    match Endpoint::parse(&text)? {
        Endpoint::Unix { .. } => Err("has a scheme other than http".into()),
        endpoint => Ok(endpoint.to_string().into()),
    }
}

/// A row for headers.
pub(super) const HEADERS: Key<Option<OtlpHeaders>> =
    Key { repeats: false, ..Key::new(|| None, OtlpHeaders::parse) };

/// What is in force of all that.
#[derive(Clone, Debug)]
pub(crate) struct OtlpSettings {
    pub(crate) protocol: OtlpProtocol,
    pub(crate) endpoint: Endpoint,
    pub(crate) headers: OtlpHeaders,
    pub(crate) timeout: Duration,
    /// Leave out what only Datadog's conventions have.
    pub(crate) otel_semantics: bool,
}

impl Config {
    /// The settings of OTLP, where code gives the first three or not.
    pub(crate) fn otlp(
        &self,
        protocol: Option<OtlpProtocol>,
        endpoint: Option<Endpoint>,
        timeout: Option<Duration>,
    ) -> OtlpSettings {
        let of = &self.settings;
        let protocol = protocol
            .or(of.otlp_traces_protocol.value)
            .or(of.otlp_protocol.value)
            .unwrap_or_default();
        let of_traces = of.otlp_traces_headers.value.as_ref();
        let headers = of_traces.or(of.otlp_headers.value.as_ref()).cloned().unwrap_or_default();
        let milliseconds = of.otlp_traces_timeout.value.unwrap_or(of.otlp_timeout.value);
        OtlpSettings {
            protocol,
            endpoint: match endpoint.unwrap_or_else(|| self.otlp_endpoint(protocol)) {
                // The path is that of the service.
                endpoint if protocol == OtlpProtocol::Grpc => endpoint.without_path(),
                endpoint => endpoint,
            },
            headers,
            timeout: timeout.unwrap_or(Duration::from_millis(milliseconds as u64)),
            otel_semantics: of.otel_semantics.value,
        }
    }

    fn otlp_endpoint(&self, protocol: OtlpProtocol) -> Endpoint {
        let of = &self.settings;
        let parsed = |url: &Option<Text>| Endpoint::parse(url.as_deref()?).ok();
        let is_http = protocol != OtlpProtocol::Grpc;
        let traces = if is_http { "/v1/traces" } else { "" };
        parsed(&of.otlp_traces_endpoint.value)
            .or_else(|| Some(parsed(&of.otlp_endpoint.value)?.below(traces)))
            .unwrap_or_else(|| {
                // A collector is where the agent is, and the agent may be one.
                let host = match Endpoint::parse(self.agent_url()) {
                    Ok(Endpoint::Http { host, .. }) => Some(host),
                    _ => Some(Host::Name("localhost".into())),
                };
                Endpoint::at(host, Some(protocol.default_port())).below(traces)
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::testkit::with;

    const JSON: OtlpProtocol = OtlpProtocol::HttpJson;
    const PROTOBUF: OtlpProtocol = OtlpProtocol::HttpProtobuf;

    #[test]
    fn the_variables_for_traces_win_over_those_for_all_signals() {
        for (pairs, protocol, endpoint, milliseconds) in [
            (&[][..], JSON, "http://localhost:4318/v1/traces", 10_000),
            (&[("DD_TRACE_AGENT_URL", "http://a:1")], JSON, "http://a:4318/v1/traces", 10_000),
            (
                &[("DD_TRACE_AGENT_URL", "unix:///a")],
                JSON,
                "http://localhost:4318/v1/traces",
                10_000,
            ),
            (
                &[("OTEL_EXPORTER_OTLP_ENDPOINT", "http://b:2")],
                JSON,
                "http://b:2/v1/traces",
                10_000,
            ),
            (
                &[("OTEL_EXPORTER_OTLP_ENDPOINT", "http://b:2/x/")],
                JSON,
                "http://b:2/x/v1/traces",
                10_000,
            ),
            (
                &[
                    ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://b:2"),
                    ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://c:3/as/it/is"),
                    ("OTEL_EXPORTER_OTLP_PROTOCOL", "HTTP/protobuf"),
                    ("OTEL_EXPORTER_OTLP_TIMEOUT", "500"),
                ],
                PROTOBUF,
                "http://c:3/as/it/is",
                500,
            ),
            (
                &[
                    ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/json"),
                    ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "http/protobuf"),
                    ("OTEL_EXPORTER_OTLP_TIMEOUT", "500"),
                    ("OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "700"),
                ],
                PROTOBUF,
                "http://localhost:4318/v1/traces",
                700,
            ),
            (
                &[
                    ("OTEL_EXPORTER_OTLP_TIMEOUT", "500"),
                    ("OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "0"),
                ],
                JSON,
                "http://localhost:4318/v1/traces",
                500,
            ),
        ] {
            let mut pairs = pairs.to_vec();
            if !pairs.iter().any(|(name, _)| name.starts_with("DD_")) {
                // The socket of an agent may exist on the machine.
                pairs.push(("DD_AGENT_HOST", "localhost"));
            }
            let config = with(&pairs).build();
            assert_eq!(config.said(), [""; 0], "{pairs:?}");
            let found = config.otlp(None, None, None);
            assert_eq!(
                (found.protocol, found.endpoint.to_string().as_str(), found.timeout),
                (protocol, endpoint, Duration::from_millis(milliseconds)),
                "{pairs:?}"
            );
        }
    }

    #[test]
    fn grpc_has_a_port_of_its_own_and_no_path() {
        for (pairs, endpoint) in [
            (&[("DD_AGENT_HOST", "a")], "http://a:4317"),
            (&[("OTEL_EXPORTER_OTLP_ENDPOINT", "http://b:2")], "http://b:2"),
            (&[("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://b:2/v1/traces")], "http://b:2"),
        ] {
            let otlp = with(pairs).build().otlp(Some(OtlpProtocol::Grpc), None, None);
            assert_eq!(otlp.endpoint.to_string(), endpoint);
        }
        let config = with(&[("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")]).build();
        let found = config.otlp(None, None, None).protocol;
        if cfg!(feature = "grpc") {
            assert_eq!((found, config.said().len()), (OtlpProtocol::Grpc, 0));
        } else {
            let said = format!("OTEL_EXPORTER_OTLP_PROTOCOL (env_var): {WITHOUT_GRPC}");
            assert_eq!((found, config.said()), (JSON, vec![said]));
        }
    }

    #[test]
    fn headers_are_read_and_never_shown() {
        let headers = |text| {
            let config = with(&[("OTEL_EXPORTER_OTLP_HEADERS", text)]).build();
            let shown = format!("{config:?} {} {:?}", config.report(), config.problems());
            assert!(!shown.contains("hunter2"), "{shown}");
            (config.otlp(None, None, None).headers.0, config.said().len())
        };
        let of = |pairs: &[(&'static str, &'static str)]| -> Vec<(Text, Text)> {
            pairs.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect()
        };
        assert_eq!(headers("api-key=hunter2"), (of(&[("api-key", "hunter2")]), 0));
        assert_eq!(headers(" a = b%20c , d=e=f,"), (of(&[("a", "b c"), ("d", "e=f")]), 0));
        assert_eq!(headers("a=hunter2%,b=c"), (of(&[("b", "c")]), 1));
        for bad in ["hunter2", "=hunter2", "a b=hunter2", "a=hunter2%0a", "Host=hunter2"] {
            assert_eq!(headers(bad), (of(&[]), 2), "{bad}");
        }
        let pairs = [
            ("OTEL_EXPORTER_OTLP_HEADERS", "a=b,c=d"),
            ("OTEL_EXPORTER_OTLP_TRACES_HEADERS", "e=f"),
        ];
        assert_eq!(with(&pairs).build().otlp(None, None, None).headers.0, of(&[("e", "f")]));
    }

    #[test]
    fn an_address_that_cannot_be_used_gives_way() {
        for url in ["ftp://x", "unix:///a", "localhost:4318", "http://user:hunter2@h"] {
            let pairs = [("OTEL_EXPORTER_OTLP_ENDPOINT", url), ("DD_AGENT_HOST", "a")];
            let config = with(&pairs).build();
            let endpoint = config.otlp(None, None, None).endpoint.to_string();
            assert_eq!((endpoint.as_str(), config.said().len()), ("http://a:4318/v1/traces", 1));
            assert!(!config.said().concat().contains("hunter2"));
        }
    }
}
