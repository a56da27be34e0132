//! What every source said, and what was wrong with it.

use std::fmt;

use super::Origin;

/// Everything that was said about one setting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReportRow {
    name: &'static str,
    candidates: Vec<Candidate>,
}

impl ReportRow {
    pub(super) fn new(name: &'static str) -> Self {
        ReportRow { name, candidates: Vec::new() }
    }

    /// Behind what has the same origin: what is said later wins.
    pub(super) fn add(&mut self, origin: Origin, value: Option<String>) {
        let place = self.candidates.partition_point(|candidate| candidate.origin <= origin);
        self.candidates.insert(place, Candidate { origin, value });
    }

    /// The `DD_*` name of the setting, also where an alias or an `OTEL_*` variable gave the value.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// One entry for each source that gave a usable value, the default included, in rising precedence.
    #[must_use]
    pub fn candidates(&self) -> &[Candidate] {
        &self.candidates
    }

    /// The entry that counts: the last.
    #[must_use]
    pub fn effective(&self) -> Option<&Candidate> {
        self.candidates.last()
    }
}

/// The value that one source gave for one setting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    origin: Origin,
    value: Option<String>,
}

impl Candidate {
    /// The source.
    #[must_use]
    pub fn origin(&self) -> Origin {
        self.origin
    }

    /// The value as text; `None` where the setting is unset, and for a secret.
    #[must_use]
    pub fn value(&self) -> Option<&str> {
        self.value.as_deref()
    }
}

/// A value that could not be used, or not as it was given.
///
/// `Display` writes one line: the variable, what is wrong with it, and what is used instead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    name: &'static str,
    origin: Origin,
    reason: String,
}

impl Problem {
    pub(super) fn new(name: &'static str, origin: Origin, reason: String) -> Self {
        Problem { name, origin, reason }
    }

    /// The variable: the name that was used, which may be an alias or an `OTEL_*` variable.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// The source that gave the value.
    #[must_use]
    pub fn origin(&self) -> Origin {
        self.origin
    }

    /// What is wrong, and what is used instead. The wording may change between releases.
    #[must_use]
    pub fn reason(&self) -> &str {
        &self.reason
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}): {}", self.name, self.origin, self.reason)
    }
}
