//! What every source said, and what was wrong with it.

use std::fmt;

use super::Origin;
use super::key::Quoted;

/// The value in force of every setting, where it came from, and what the other sources said.
///
/// `Display` writes a table: one line for each setting, with its name, value and origin.
///
/// ```
/// use tracehound::config::{Config, Environment, Origin};
///
/// let config = Config::builder()
///     .environment(Environment::from_pairs([("DD_AGENT_HOST", "agent")]))
///     .service("shop")
///     .build();
///
/// let service = config.report().get("DD_SERVICE").unwrap();
/// assert_eq!((service.value(), service.origin()), (Some("shop"), Origin::Code));
/// let url = config.report().get("DD_TRACE_AGENT_URL").unwrap();
/// assert_eq!((url.value(), url.origin()), (Some("http://agent:8126"), Origin::Env));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    rows: Vec<ReportRow>,
}

impl Report {
    pub(super) fn new(rows: Vec<ReportRow>) -> Self {
        Report { rows }
    }

    /// What was said about one setting, by its variable or another name of that; `None` where there is no such
    /// setting.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&ReportRow> {
        self.rows.iter().find(|row| row.name == name || row.aliases.contains(&name))
    }

    /// Every setting, in the order of the names.
    #[must_use]
    pub fn rows(&self) -> &[ReportRow] {
        &self.rows
    }

    /// Goes through [`rows`](Self::rows).
    pub fn iter(&self) -> std::slice::Iter<'_, ReportRow> {
        self.rows.iter()
    }

    /// What only a later part of the library knows.
    pub(super) fn add(&mut self, name: &str, origin: Origin, value: String) {
        if let Some(row) = self.rows.iter_mut().find(|row| row.name == name) {
            row.add(origin, Some(value));
        }
    }
}

impl<'a> IntoIterator for &'a Report {
    type Item = &'a ReportRow;
    type IntoIter = std::slice::Iter<'a, ReportRow>;

    fn into_iter(self) -> Self::IntoIter {
        self.rows.iter()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let values: Vec<_> = self.rows.iter().map(ReportRow::shown).collect();
        let names = self.rows.iter().map(|row| row.name.len()).max().unwrap_or_default();
        let widest = values.iter().map(|value| value.chars().count()).max().unwrap_or_default();
        for (row, value) in self.rows.iter().zip(&values) {
            writeln!(f, "{:names$}  {value:widest$}  {}", row.name, row.origin())?;
        }
        Ok(())
    }
}

/// Everything that was said about one setting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReportRow {
    name: &'static str,
    aliases: &'static [&'static str],
    candidates: Vec<Candidate>,
}

impl ReportRow {
    pub(super) fn new(name: &'static str, aliases: &'static [&'static str]) -> Self {
        ReportRow { name, aliases, candidates: Vec::new() }
    }

    /// In the place of what has the same origin: what is said later wins.
    pub(super) fn add(&mut self, origin: Origin, value: Option<String>) {
        match self.candidates.binary_search_by_key(&origin, |candidate| candidate.origin) {
            Ok(place) => {
                if let Some(candidate) = self.candidates.get_mut(place) {
                    candidate.value = value;
                }
            }
            Err(place) => self.candidates.insert(place, Candidate { origin, value }),
        }
    }

    /// The `DD_*` name of the setting, also where an alias or an `OTEL_*` variable gave the value.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// The value in force as text; `None` where the setting is unset, and for a secret.
    #[must_use]
    pub fn value(&self) -> Option<&str> {
        self.effective()?.value()
    }

    /// Where the value in force came from.
    #[must_use]
    pub fn origin(&self) -> Origin {
        self.effective().map_or(Origin::Default, Candidate::origin)
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

    /// For a table: the text on one line, and words where there is none.
    fn shown(&self) -> String {
        match self.value() {
            None => "unset".to_owned(),
            Some("") => "empty".to_owned(),
            Some(text) => {
                let quoted = Quoted(text).to_string();
                let is_plain = quoted.get(1..quoted.len().saturating_sub(1)) == Some(text);
                if is_plain { text.to_owned() } else { quoted }
            }
        }
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
/// `Display` writes one line: who gave the value, what is wrong with it, and what is used instead.
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

    /// What gave the value: the variable, by the name that was used, which may be an alias or an `OTEL_*`
    /// variable; in code the setter, such as `agent_url`.
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, Environment};

    #[test]
    fn a_setting_is_found_by_each_of_its_names() {
        let pairs = [("DATADOG_TRACE_AGENT_HOSTNAME", "agent")];
        let config = Config::builder().environment(Environment::from_pairs(pairs)).build();
        for name in ["DD_AGENT_HOST", "DD_TRACE_AGENT_HOSTNAME", "DATADOG_TRACE_AGENT_HOSTNAME"] {
            let row = config.report().get(name).unwrap();
            assert_eq!((row.name(), row.value()), ("DD_AGENT_HOST", Some("agent")));
            assert_eq!(row.origin(), Origin::Env);
        }
        assert_eq!(config.report().get("DD_SERVCE"), None);
        assert_eq!(config.report().iter().count(), config.report().rows().len());
    }

    #[test]
    fn a_report_is_a_table_of_values_and_origins() {
        let config = Config::builder()
            .environment(Environment::from_pairs([("DD_ENV", "a\tb")]))
            .version("x".repeat(500))
            .service("shop")
            .build();
        let table = config.report().to_string();
        let line = |name: &str| table.lines().find(|line| line.starts_with(name)).unwrap();
        let words = |name: &str| line(name).split_whitespace().collect::<Vec<_>>().join(" ");
        assert_eq!(words("DD_SERVICE "), "DD_SERVICE shop code");
        assert_eq!(words("DD_ENV "), r#"DD_ENV "a\tb" env_var"#);
        assert_eq!(words("DD_TRACE_SAMPLE_RATE "), "DD_TRACE_SAMPLE_RATE unset default");
        assert_eq!(words("DD_TAGS "), "DD_TAGS empty default");
        assert!(line("DD_VERSION ").len() < 150);
        let places: Vec<_> = ["DD_SERVICE ", "DD_ENV ", "DD_VERSION "]
            .map(|name| line(name).rfind(' '))
            .into_iter()
            .collect();
        assert!(places.iter().all(|place| *place == places[0]), "{table}");
    }

    #[test]
    fn what_one_source_says_later_takes_the_place_of_what_it_said() {
        let mut row = ReportRow::new("DD_X", &[]);
        row.add(Origin::Env, Some("1".into()));
        row.add(Origin::Default, None);
        row.add(Origin::Env, Some("2".into()));
        assert_eq!(
            (row.candidates().len(), row.value(), row.origin()),
            (2, Some("2"), Origin::Env)
        );
    }
}
