//! Who takes part.

/// One column of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Peer {
    pub(crate) name: &'static str,
    /// Its program in `peer/`.
    pub(crate) program: &'static str,
    /// What the program is told about the way it is to trace.
    pub(crate) way: &'static str,
}

const fn peer(name: &'static str, program: &'static str, way: &'static str) -> Peer {
    Peer { name, program, way }
}

/// The first is less than a tracer, and [`BASE`] is what the others are compared with.
pub(crate) const ALL: [Peer; 6] = [
    peer("floor", "floor", ""),
    peer("native", "tracehound", ""),
    peer("otel", "tracehound-opentelemetry", "concrete"),
    peer("otel-global", "tracehound-opentelemetry", "global"),
    peer("datadog", "datadog-opentelemetry", "concrete"),
    peer("datadog-global", "datadog-opentelemetry", "global"),
];

/// The peer that ratios and bars are about.
pub(crate) const BASE: &str = "datadog";

pub(crate) fn chosen(names: &[String]) -> Vec<Peer> {
    let chosen = |peer: &Peer| names.is_empty() || names.iter().any(|name| name == peer.name);
    ALL.into_iter().filter(chosen).collect()
}
