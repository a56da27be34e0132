//! The paths of the agent, and what is behind each.

use crate::decode::Encoding;

/// The largest body agents read.
pub(super) const MAX_BODY: usize = 50 << 20;

/// What is behind a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Endpoint {
    /// Spans.
    Traces(Encoding, Answer),
    /// Counted and forgotten; so is everything below the path.
    Ignored,
}

/// What a trace endpoint answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    Ok,
    Rates,
}

/// All paths but `/info`, as `/info` lists them.
pub(super) const ENDPOINTS: [(&str, Endpoint); 7] = [
    ("/v0.3/traces", Endpoint::Traces(Encoding::V04, Answer::Ok)),
    ("/v0.4/traces", Endpoint::Traces(Encoding::V04, Answer::Rates)),
    ("/v0.5/traces", Endpoint::Traces(Encoding::V05, Answer::Rates)),
    ("/v0.7/traces", Endpoint::Traces(Encoding::V07, Answer::Rates)),
    ("/v1.0/traces", Endpoint::Traces(Encoding::V1, Answer::Rates)),
    ("/v0.6/stats", Endpoint::Ignored),
    ("/telemetry/proxy/", Endpoint::Ignored),
];

pub(super) const INFO: &str = "/info";

/// The endpoint of a path, with the name it is counted under.
pub(super) fn endpoint(path: &str) -> Option<(&'static str, Endpoint)> {
    let path = path.strip_suffix('/').unwrap_or(path);
    ENDPOINTS.into_iter().find(|(known, endpoint)| match endpoint {
        Endpoint::Traces(..) => path == *known,
        Endpoint::Ignored => path
            .strip_prefix(known.trim_end_matches('/'))
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/')),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_lead_to_their_endpoints() {
        let table = [
            ("/v0.4/traces", Some("/v0.4/traces")),
            ("/v0.4/traces/", Some("/v0.4/traces")),
            ("/v0.4/traces/x", None),
            ("/v0.6/stats", Some("/v0.6/stats")),
            ("/v0.6/statsx", None),
            ("/telemetry/proxy", Some("/telemetry/proxy/")),
            ("/telemetry/proxy/api/v2/apmtelemetry", Some("/telemetry/proxy/")),
            ("/", None),
        ];
        for (path, expected) in table {
            assert_eq!(endpoint(path).map(|(name, _)| name), expected, "{path}");
        }
    }
}
