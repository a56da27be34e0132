//! Serverless platforms, which stop a process between two requests (Datadog tracer specification, "synchronous and
//! serverless modes").

use std::path::Path;

use super::Environment;

/// The file that says that Datadog's extension runs beside a function of AWS Lambda.
const LAMBDA_EXTENSION: &str = "/opt/extensions/datadog-agent";

/// What runs the process, as far as it matters to how traces are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Platform {
    /// Something that lets it run.
    Other,
    /// AWS Lambda.
    Lambda { has_extension: bool },
    /// Functions of Google Cloud or Azure.
    Functions,
}

impl Platform {
    pub(super) fn detect(environment: &Environment) -> Self {
        Self::of(environment, || Path::new(LAMBDA_EXTENSION).exists())
    }

    fn of(environment: &Environment, has_extension: impl FnOnce() -> bool) -> Self {
        let is_set = |name: &str| environment.text(name).is_some();
        let both = |one, other| is_set(one) && is_set(other);
        if is_set("AWS_LAMBDA_FUNCTION_NAME") {
            Platform::Lambda { has_extension: has_extension() }
        } else if both("FUNCTION_NAME", "GCP_PROJECT")
            || both("K_SERVICE", "FUNCTION_TARGET")
            || both("FUNCTIONS_WORKER_RUNTIME", "FUNCTIONS_EXTENSION_VERSION")
        {
            Platform::Functions
        } else {
            Platform::Other
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn platforms_are_known_by_their_variables() {
        const LAMBDA: (&str, &str) = ("AWS_LAMBDA_FUNCTION_NAME", "f");
        let functions = Platform::Functions;
        for (pairs, expected) in [
            (&[][..], Platform::Other),
            (&[LAMBDA], Platform::Lambda { has_extension: true }),
            (&[("AWS_LAMBDA_FUNCTION_NAME", " ")], Platform::Other),
            (&[("FUNCTION_NAME", "f"), ("GCP_PROJECT", "p")], functions),
            (&[("K_SERVICE", "f"), ("FUNCTION_TARGET", "t")], functions),
            // Cloud Run, which lets a process run.
            (&[("K_SERVICE", "f")], Platform::Other),
            (
                &[("FUNCTIONS_WORKER_RUNTIME", "custom"), ("FUNCTIONS_EXTENSION_VERSION", "~4")],
                functions,
            ),
            (&[("FUNCTIONS_WORKER_RUNTIME", "custom")], Platform::Other),
        ] {
            let environment = Environment::from_pairs(pairs.iter().copied());
            assert_eq!(Platform::of(&environment, || true), expected, "{pairs:?}");
        }
    }
}
