//! Where traces go by the settings, and how if as OTLP.

use std::time::Duration;

use crate::text::Text;

use super::endpoint::{Endpoint, Host};
use super::otlp::{OtlpHeaders, OtlpProtocol};
use super::serverless::Platform;
use super::{Config, Origin};

/// Where traces go if code does not say it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Destination {
    /// The Datadog agent.
    Agent,
    /// A receiver of OTLP.
    Otlp,
    /// The standard output, as lines of JSON.
    JsonLines,
}

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
    /// Where traces go if code does not say it.
    pub(crate) fn destination(&self) -> Destination {
        if self.settings.otlp_traces.value {
            return Destination::Otlp;
        }
        let has_agent = self.settings.agent_url.origin > Origin::Calculated;
        match self.platform {
            Platform::Lambda { has_extension: false } if !has_agent => Destination::JsonLines,
            _ => Destination::Agent,
        }
    }

    /// Whether the platform may stop the process as soon as a request is answered, so that traces have to be sent
    /// before.
    pub(crate) fn is_serverless(&self) -> bool {
        self.platform != Platform::Other
    }

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
        // They may have a key for somebody whose address could not be used, and nobody else is to see it.
        let is_elsewhere = endpoint.is_none() && self.has_refused_otlp_endpoint();
        let headers = if is_elsewhere { OtlpHeaders::default() } else { headers };
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

    /// Whether an address of a collector was given that cannot be used.
    fn has_refused_otlp_endpoint(&self) -> bool {
        let names = ["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"];
        self.problems().iter().any(|problem| names.contains(&problem.name()))
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
    use crate::config::otlp::WITHOUT_GRPC;
    use crate::config::testkit::with;
    use crate::text::Text;

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

    #[test]
    fn traces_go_where_somebody_takes_them() {
        let lambda = |has_extension| Platform::Lambda { has_extension };
        let (url, otlp) = (("DD_TRACE_AGENT_URL", "http://a"), ("OTEL_TRACES_EXPORTER", "OTLP"));
        let v1 = ("DD_TRACE_AGENT_PROTOCOL_VERSION", "1.0");
        for (platform, pairs, expected) in [
            (Platform::Other, &[][..], Destination::Agent),
            (Platform::Functions, &[], Destination::Agent),
            (lambda(true), &[], Destination::Agent),
            (lambda(false), &[], Destination::JsonLines),
            (lambda(false), &[url], Destination::Agent),
            (lambda(false), &[("DD_AGENT_HOST", "a")], Destination::Agent),
            (lambda(false), &[otlp], Destination::Otlp),
            (Platform::Other, &[otlp], Destination::Otlp),
            (Platform::Other, &[otlp, v1], Destination::Agent),
        ] {
            let config = Config { platform, ..with(pairs).build() };
            assert_eq!(config.destination(), expected, "{platform:?} {pairs:?}");
        }
    }
}
