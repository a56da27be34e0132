//! The environment, and the only place that reads it.

#![expect(clippy::disallowed_methods, reason = "the one door between settings and environment")]

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;

/// Where `DD_*` and `OTEL_*` variables are looked up, once, when a configuration is built.
///
/// A test gives its own pairs, so that it neither sees nor changes the environment of the process.
#[derive(Clone)]
pub struct Environment {
    /// The variables; `None` for those of the process.
    pairs: Option<BTreeMap<String, OsString>>,
}

impl Environment {
    /// The environment of this process.
    #[must_use]
    pub fn process() -> Self {
        Environment { pairs: None }
    }

    /// This environment as it is now, whatever becomes of that of the process.
    pub(super) fn captured(&self) -> Self {
        let of_process = || {
            let pairs = std::env::vars_os();
            pairs.filter_map(|(name, value)| Some((name.into_string().ok()?, value))).collect()
        };
        Environment { pairs: Some(self.pairs.clone().unwrap_or_else(of_process)) }
    }

    /// No variables at all.
    #[must_use]
    pub fn empty() -> Self {
        Environment { pairs: Some(BTreeMap::new()) }
    }

    /// These variables and no others; of two with the same name the later one counts.
    pub fn from_pairs<N, V>(pairs: impl IntoIterator<Item = (N, V)>) -> Self
    where
        N: Into<String>,
        V: Into<OsString>,
    {
        let pairs = pairs.into_iter().map(|(name, value)| (name.into(), value.into()));
        Environment { pairs: Some(pairs.collect()) }
    }

    /// A variable as it stands.
    pub(super) fn get(&self, name: &str) -> Option<OsString> {
        match &self.pairs {
            None => std::env::var_os(name),
            Some(pairs) => pairs.get(name).cloned(),
        }
    }

    /// The names of all variables that are text, in order.
    pub(super) fn names(&self) -> Vec<String> {
        match &self.pairs {
            None => {
                let names = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
                let mut names: Vec<_> = names.collect();
                names.sort_unstable();
                names
            }
            Some(pairs) => pairs.keys().cloned().collect(),
        }
    }

    /// A variable that is set, not blank and text; without the space around it.
    pub(super) fn text(&self, name: &str) -> Option<String> {
        let value = self.get(name)?;
        let text = value.to_str()?.trim();
        (!text.is_empty()).then(|| text.to_owned())
    }
}

impl fmt::Debug for Environment {
    /// Names without values, which may be secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.pairs {
            None => f.write_str("Environment::process()"),
            Some(pairs) => f.debug_set().entries(pairs.keys()).finish(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_process_environment_is_read() {
        // Cargo sets this variable for every test.
        assert!(Environment::process().text("CARGO_PKG_NAME").is_some());
        assert_eq!(Environment::process().get("TRACEHOUND_NO_SUCH_VARIABLE"), None);
    }

    #[test]
    fn debug_output_has_no_values() {
        let environment = Environment::from_pairs([("DD_API_KEY", "secret")]);
        assert_eq!(format!("{environment:?}"), r#"{"DD_API_KEY"}"#);
    }
}
