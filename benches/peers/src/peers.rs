//! Who takes part.

/// One column of the tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Peer {
    pub(crate) name: &'static str,
    /// Its program in `peer/`, and in `minimal/`.
    pub(crate) program: &'static str,
    /// What the program is told about the way it is to trace.
    pub(crate) way: &'static str,
    /// Settings of its own.
    pub(crate) environment: &'static [(&'static str, &'static str)],
    /// Whether it sends what is sampled out, so that the agent can count it.
    pub(crate) sends_unsampled: bool,
    /// Whether it stands for its program where the way makes no difference.
    pub(crate) is_first: bool,
}

const fn peer(name: &'static str, program: &'static str, way: &'static str) -> Peer {
    Peer { name, program, way, environment: &[], sends_unsampled: false, is_first: false }
}

const fn datadog(peer: Peer) -> Peer {
    Peer { sends_unsampled: true, ..peer }
}

const fn first(peer: Peer) -> Peer {
    Peer { is_first: true, ..peer }
}

/// Less than a tracer.
pub(crate) const FLOOR: &str = "floor";

/// The peer that ratios and bars are about.
pub(crate) const BASE: &str = "datadog";

const ALL: [Peer; 11] = [
    peer(FLOOR, "floor", ""),
    first(datadog(peer("native", "tracehound", ""))),
    first(datadog(peer("otel", "tracehound-opentelemetry", "concrete"))),
    datadog(peer("otel-global", "tracehound-opentelemetry", "global")),
    datadog(peer("tracing", "tracehound-opentelemetry", "tracing")),
    first(datadog(peer(BASE, "datadog-opentelemetry", "concrete"))),
    datadog(peer("datadog-global", "datadog-opentelemetry", "global")),
    datadog(peer("datadog-tracing", "datadog-opentelemetry", "tracing")),
    peer("sdk-noop", "opentelemetry-sdk", "noop"),
    first(peer("sdk-otlp", "opentelemetry-sdk", "otlp")),
    first(peer("fastrace", "fastrace", "")),
];

const fn by(name: &'static str, version: &'static [(&'static str, &'static str)]) -> Peer {
    Peer { environment: version, ..datadog(peer(name, "tracehound", "")) }
}

/// Tracehound in each of Datadog's formats, and whom it is compared with.
pub(crate) const FORMATS: [Peer; 4] = [
    by("v0.4", &[("DD_TRACE_API_VERSION", "v0.4")]),
    by("v0.5", &[("DD_TRACE_API_VERSION", "v0.5")]),
    by("v1.0", &[("DD_TRACE_API_VERSION", "v1.0")]),
    first(datadog(peer(BASE, "datadog-opentelemetry", "concrete"))),
];

pub(crate) fn chosen(names: &[String]) -> Vec<Peer> {
    let chosen = |peer: &Peer| names.is_empty() || names.iter().any(|name| name == peer.name);
    ALL.into_iter().filter(chosen).collect()
}
