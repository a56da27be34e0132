//! Environment variables as a carrier, for child processes.

use std::ffi::OsStr;
use std::fmt;
use std::process::Command;

use super::carrier::{Extractor, Injector};
use super::names::{Field, LEGACY_BAGGAGE};

/// Writes the context into the environment of a child process.
///
/// Names are in upper case with `_` for `-`, as in `X_DATADOG_TRACE_ID`. Legacy baggage
/// (`ot-baggage-*`) is left out: its keys would lose their case. What this process itself was started with
/// is not passed on.
///
/// ```
/// use std::process::Command;
/// use tracehound::{EnvInjector, HttpPropagator, SpanContext, SpanId, TraceId};
///
/// let context = SpanContext::new(TraceId::new(7).unwrap(), SpanId::new(9));
/// let mut command = Command::new("sort");
/// HttpPropagator::default().inject_context(&context, &mut EnvInjector::new(&mut command));
/// assert!(command.get_envs().any(|(name, value)| {
///     name == "X_DATADOG_PARENT_ID" && value.is_some_and(|value| value == "9")
/// }));
/// ```
pub struct EnvInjector<'c> {
    command: &'c mut Command,
}

impl<'c> EnvInjector<'c> {
    /// Removes the variables of an earlier context from the child's environment.
    pub fn new(command: &'c mut Command) -> Self {
        for field in Field::all() {
            command.env_remove(field.variable());
        }
        EnvInjector { command }
    }
}

impl Injector for EnvInjector<'_> {
    fn set(&mut self, name: &str, value: String) {
        // A NUL byte, or `=` in a name, would make the child fail to start.
        if value.contains('\0') || name.contains(['\0', '=']) || name.starts_with(LEGACY_BAGGAGE) {
            return;
        }
        match Field::of(name) {
            Some(field) => self.command.env(field.variable(), value),
            None => self.command.env(name.to_ascii_uppercase().replace('-', "_"), value),
        };
    }
}

impl fmt::Debug for EnvInjector<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EnvInjector").finish_non_exhaustive()
    }
}

/// Reads the context that a parent process put into the environment.
///
/// ```
/// use tracehound::{EnvExtractor, HttpPropagator};
///
/// // `std::env::vars_os()` in a program.
/// let variables = [("X_DATADOG_TRACE_ID", "7"), ("X_DATADOG_PARENT_ID", "9"), ("HOME", "/root")];
/// let context = HttpPropagator::default().extract(&EnvExtractor::new(variables)).unwrap();
/// assert_eq!(context.trace_id().unwrap().low(), 7);
/// ```
#[derive(Clone, Debug, Default)]
pub struct EnvExtractor {
    variables: Vec<(&'static str, Vec<u8>)>,
}

impl EnvExtractor {
    /// Keeps those variables that carry a context.
    pub fn new<K: AsRef<OsStr>, V: AsRef<OsStr>>(
        variables: impl IntoIterator<Item = (K, V)>,
    ) -> Self {
        let variables = variables.into_iter().filter_map(|(name, value)| {
            let field = Field::of_variable(name.as_ref().to_str()?)?;
            Some((field.header(), value.as_ref().as_encoded_bytes().to_vec()))
        });
        EnvExtractor { variables: variables.collect() }
    }
}

impl Extractor for EnvExtractor {
    fn for_each<'a>(&'a self, visit: &mut dyn FnMut(&'a str, &'a [u8])) {
        for (name, value) in &self.variables {
            visit(name, value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_childs_environment_is_read_back() {
        let mut command = Command::new("true");
        command.env("TRACESTATE", "stale=1");
        let mut carrier = EnvInjector::new(&mut command);
        carrier.set("x-datadog-trace-id", "7".to_owned());
        carrier.set("my-trace", "8".to_owned());
        carrier.set("baggage", "a=\0".to_owned());
        carrier.set("ot-baggage-userId", "9".to_owned());
        let set: Vec<_> =
            command.get_envs().filter_map(|(name, value)| Some((name, value?))).collect();
        assert_eq!(
            set,
            [("MY_TRACE", "8"), ("X_DATADOG_TRACE_ID", "7")]
                .map(|(name, value)| { (OsStr::new(name), OsStr::new(value)) })
        );
        let carrier = EnvExtractor::new(set);
        assert_eq!(carrier.header("x-datadog-trace-id"), Some("7"));
        assert_eq!(carrier.header("my-trace"), None);
    }
}
