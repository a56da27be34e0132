//! What the settings say about statistics.

use crate::text::Text;

/// How spans are counted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct StatsSettings {
    /// Whether they are, where the agent takes statistics.
    pub(crate) is_on: bool,
    /// Whether resources are obfuscated here, where the agent lets tracers do that.
    pub(crate) obfuscates: bool,
    /// Tags by which spans are counted beside everything else.
    pub(crate) additional_tags: Vec<Text>,
    pub(crate) limits: StatsLimits,
}

/// How many different values are told apart within ten seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct StatsLimits {
    pub(crate) resources: usize,
    pub(crate) http_endpoints: usize,
    pub(crate) peer_tags: usize,
    pub(crate) additional_tags: usize,
    /// Of all values together.
    pub(crate) keys: usize,
}

impl StatsLimits {
    /// Those of every Datadog tracer.
    pub(crate) const DEFAULT: StatsLimits = StatsLimits {
        resources: 1024,
        http_endpoints: 512,
        peer_tags: 512,
        additional_tags: 100,
        keys: 7000,
    };
}

impl Default for StatsLimits {
    fn default() -> Self {
        Self::DEFAULT
    }
}
