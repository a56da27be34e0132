//! What tests of the settings share.

use super::{Config, ConfigBuilder, Environment};

/// A builder that sees these variables and no others.
pub(super) fn with(pairs: &[(&str, &str)]) -> ConfigBuilder {
    Config::builder().environment(Environment::from_pairs(pairs.iter().copied()))
}

impl Config {
    /// The problems as they are logged.
    pub(super) fn said(&self) -> Vec<String> {
        self.problems().iter().map(ToString::to_string).collect()
    }
}
