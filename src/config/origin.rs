//! Where a value came from.

use super::words::words;

words! {
    /// The source of a value. The order is the precedence: a greater origin wins.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
    pub enum Origin {
        /// No source gave a value.
        Default = "default",
        /// It follows from another setting, or from where the process runs.
        Calculated = "calculated",
        /// An `OTEL_*` variable that says the same as a `DD_*` variable.
        OtelEnv = "otel_env_var",
        /// A `DD_*` variable.
        Env = "env_var",
        /// A setter of [`ConfigBuilder`](super::ConfigBuilder).
        Code = "code",
    }
}

/// A value that remembers where it came from.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Setting<T> {
    pub(super) value: T,
    pub(super) origin: Origin,
}
