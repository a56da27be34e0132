//! Which format the agent gets.

use crate::agent::AgentInfo;
use crate::config::ApiVersion;
use crate::encode::Format;

/// Finds the format of the next payloads: the one that was asked for, else the smallest that the agent announces and in
/// which nothing is lost. v0.4 wherever that one is not taken.
#[derive(Debug)]
pub(super) struct Negotiation {
    wanted: Option<ApiVersion>,
    /// The agent has refused the format, whatever it announces.
    is_refused: bool,
}

impl Negotiation {
    pub(super) fn new(wanted: Option<ApiVersion>) -> Self {
        Negotiation { wanted, is_refused: false }
    }

    /// The format for an agent that has said this about itself; nothing where it was not reached so far, or did not
    /// answer. Then a format that was asked for is tried, because a refusal costs one request and no traces.
    pub(super) fn format(&self, info: Option<&AgentInfo>) -> Format {
        let wanted = match self.wanted {
            Some(ApiVersion::V04) => return Format::V04,
            Some(ApiVersion::V05) => Format::V05,
            Some(ApiVersion::V1) | None => Format::V1,
        };
        let is_announced = info.map(|info| info.has_endpoint(wanted.path()));
        let is_taken = is_announced.unwrap_or(self.wanted.is_some());
        if is_taken && !self.is_refused { wanted } else { Format::V04 }
    }

    /// Whether the agent has said that it does not take what was asked for; then, what that is.
    pub(super) fn missing(&self, info: Option<&AgentInfo>) -> Option<ApiVersion> {
        let wanted = self.wanted.filter(|wanted| *wanted != ApiVersion::V04)?;
        let is_missing = info.is_some() && !self.is_refused && self.format(info) == Format::V04;
        is_missing.then_some(wanted)
    }

    /// The agent has refused the format. It gets v0.4 from now on.
    pub(super) fn refused(&mut self) {
        self.is_refused = true;
    }

    /// The agent says something else about itself than before, so it may be another one.
    pub(super) fn reconsider(&mut self) {
        self.is_refused = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: &[&str] = &["/v0.4/traces", "/v0.5/traces", "/v1.0/traces"];

    fn info(endpoints: &[&str]) -> AgentInfo {
        let endpoints = endpoints.iter().map(|path| (*path).to_owned()).collect();
        AgentInfo { endpoints, ..AgentInfo::default() }
    }

    #[test]
    fn the_format_is_the_smallest_that_is_announced_or_the_one_that_was_asked_for() {
        use ApiVersion::{V1, V04, V05};
        for (wanted, endpoints, expected) in [
            (None, None, Format::V04),
            (None, Some(ALL), Format::V1),
            (None, Some(&ALL[..2]), Format::V04),
            (None, Some(&[]), Format::V04),
            (Some(V04), None, Format::V04),
            (Some(V04), Some(ALL), Format::V04),
            (Some(V05), None, Format::V05),
            (Some(V05), Some(ALL), Format::V05),
            (Some(V05), Some(&ALL[..1]), Format::V04),
            (Some(V1), None, Format::V1),
            (Some(V1), Some(ALL), Format::V1),
            (Some(V1), Some(&ALL[..2]), Format::V04),
        ] {
            let info = endpoints.map(info);
            let mut negotiation = Negotiation::new(wanted);
            assert_eq!(negotiation.format(info.as_ref()), expected, "{wanted:?} {endpoints:?}");
            let is_missing = info.is_some() && wanted.is_some_and(|wanted| wanted != V04);
            let missing = wanted.filter(|_| is_missing && expected == Format::V04);
            assert_eq!(negotiation.missing(info.as_ref()), missing);
            negotiation.refused();
            assert_eq!(negotiation.format(info.as_ref()), Format::V04);
            assert_eq!(negotiation.missing(info.as_ref()), None, "it is said already");
            negotiation.reconsider();
            assert_eq!(negotiation.format(info.as_ref()), expected);
        }
    }
}
