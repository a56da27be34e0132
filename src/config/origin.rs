//! Where a value came from.

use std::fmt;

/// The source of a value. The order is the precedence: a greater origin wins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Origin {
    /// Nobody said anything.
    Default,
    /// It follows from another setting, or from where the process runs.
    Calculated,
    /// An `OTEL_*` variable that says the same as a `DD_*` variable.
    OtelEnv,
    /// A `DD_*` variable.
    Env,
    /// A setter of [`ConfigBuilder`](super::ConfigBuilder).
    Code,
}

impl Origin {
    /// The origin as Datadog's telemetry names it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Origin::Default => "default",
            Origin::Calculated => "calculated",
            Origin::OtelEnv => "otel_env_var",
            Origin::Env => "env_var",
            Origin::Code => "code",
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A value that remembers where it came from.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Setting<T> {
    pub(super) value: T,
    pub(super) origin: Origin,
}
