//! The report: the values of every setting from all sources, and the problems with them.

use std::borrow::Cow;
use std::fmt;

use super::Origin;
use super::key::Quoted;

/// The value in force of every setting, where it came from, and what the other sources said.
///
/// `Display` writes a table, one line for each setting: first those that somebody set, then the others. `Debug` writes
/// in one line those that somebody set.
///
/// ```
/// use tracehound::config::{Config, Environment, Origin};
///
/// let config = Config::builder()
///     .environment(Environment::from_pairs([("DD_AGENT_HOST", "agent"), ("DD_SERVICE", "store")]))
///     .service("shop")
///     .build();
///
/// let service = config.report().get("DD_SERVICE").unwrap();
/// assert_eq!((service.value(), service.origin()), (Some("shop"), Origin::Code));
/// assert_eq!(service.to_string(), "DD_SERVICE: shop (code), over store (env_var)");
/// let url = config.report().get("DD_TRACE_AGENT_URL").unwrap();
/// assert_eq!((url.value(), url.origin()), (Some("http://agent:8126"), Origin::Env));
///
/// let table = config.report().to_string();
/// let words = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
/// let first: Vec<_> = table.lines().take(5).map(words).collect();
/// assert_eq!(first, [
///     "DD_AGENT_HOST agent env_var",
///     "DD_SERVICE shop code, over store (env_var)",
///     "DD_TRACE_AGENT_URL http://agent:8126 env_var",
///     "",
///     "DD_APM_FLUSH_DEADLINE_MILLISECONDS 100 default",
/// ]);
/// ```
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// In the order of the names.
    rows: Vec<ReportRow>,
}

impl Report {
    pub(super) fn push(&mut self, row: ReportRow) {
        // Those of the table come in their order; what there is one of for each integration goes between them.
        let place = self.rows.partition_point(|other| other.name <= row.name);
        self.rows.insert(place, row);
    }

    /// Adds the value of a source to the row of a setting.
    pub(super) fn add(&mut self, name: &str, origin: Origin, value: Option<String>) {
        if let Some(row) = self.rows.iter_mut().find(|row| row.name == name) {
            row.add(origin, value);
        }
    }

    /// The values of one setting, by its variable or another name of that; `None` where there is no such setting.
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
        let width = |text: &str| text.chars().count();
        let names = self.rows.iter().map(|row| width(&row.name)).max().unwrap_or_default();
        let values = self.rows.iter().map(|row| width(&row.shown())).max().unwrap_or_default();
        let (set, unset): (Vec<_>, Vec<_>) = self.rows.iter().partition(|row| row.is_set());
        let between = if set.is_empty() { "" } else { "\n" };
        for (group, after) in [(set, between), (unset, "")] {
            for row in group {
                write!(f, "{:names$}  {:values$}  {}", row.name, row.shown(), row.origin())?;
                row.write_overridden(f)?;
                f.write_str("\n")?;
            }
            f.write_str(after)?;
        }
        Ok(())
    }
}

impl fmt::Debug for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let set = self.rows.iter().filter(|row| row.is_set());
        f.debug_map().entries(set.map(|row| (row.name(), row.value()))).finish()
    }
}

/// The values that the sources gave for one setting.
///
/// `Display` writes one line: `DD_SERVICE: shop (code), over store (env_var)`.
#[derive(Clone, PartialEq, Eq)]
pub struct ReportRow {
    name: Cow<'static, str>,
    aliases: &'static [&'static str],
    candidates: Vec<Candidate>,
}

impl ReportRow {
    pub(super) fn new(
        name: impl Into<Cow<'static, str>>,
        aliases: &'static [&'static str],
    ) -> Self {
        let name = name.into();
        ReportRow { name, aliases, candidates: Vec::new() }
    }

    /// Adds the value of a source, or replaces the one that it gave before.
    pub(super) fn add(&mut self, origin: Origin, value: Option<String>) {
        self.candidates.retain(|candidate| candidate.origin != origin);
        let place = self.candidates.partition_point(|candidate| candidate.origin < origin);
        self.candidates.insert(place, Candidate { origin, value });
    }

    /// The `DD_*` name of the setting, also where an alias or an `OTEL_*` variable gave the value.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The value in force as text; `None` where the setting is unset.
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

    fn is_set(&self) -> bool {
        self.origin() > Origin::Default
    }

    /// The value in force on one line.
    fn shown(&self) -> String {
        self.effective().map(Candidate::shown).unwrap_or_default()
    }

    /// The values of the sources below the one in force, the highest first.
    fn write_overridden(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let below = self.candidates.iter().rev().skip(1);
        below
            .filter(|candidate| candidate.origin > Origin::Default)
            .try_for_each(|candidate| write!(f, ", over {candidate}"))
    }
}

impl fmt::Display for ReportRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} ({})", self.name, self.shown(), self.origin())?;
        self.write_overridden(f)
    }
}

/// The value that one source gave for one setting.
///
/// `Display` writes the value and the source: `shop (code)`.
#[derive(Clone, PartialEq, Eq)]
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

    /// The value as text; `None` where the setting is unset.
    #[must_use]
    pub fn value(&self) -> Option<&str> {
        self.value.as_deref()
    }

    /// The text on one line, and words where there is none.
    fn shown(&self) -> String {
        match self.value() {
            None => "unset".to_owned(),
            Some("") => "empty".to_owned(),
            Some(text) => {
                let quoted = Quoted(text).to_string();
                let is_plain = quoted.trim_matches('"') == text;
                if is_plain { text.to_owned() } else { quoted }
            }
        }
    }
}

impl fmt::Display for Candidate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.shown(), self.origin)
    }
}

/// A value that could not be used, or not as it was given.
///
/// `Display` writes one line: who gave the value, what is wrong with it, and what is used instead.
///
/// ```
/// use tracehound::config::{Config, Environment};
///
/// let environment = Environment::from_pairs([("DD_TRACE_AGENT_PORT", "http")]);
/// let config = Config::builder().environment(environment).build();
/// for problem in config.problems() {
///     eprintln!("{problem}");
/// }
/// let expected = "DD_TRACE_AGENT_PORT (env_var): \"http\" is not a whole number in the range of this setting; \
///                 it stays unset";
/// assert_eq!(config.problems()[0].to_string(), expected);
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Problem {
    name: Cow<'static, str>,
    origin: Origin,
    reason: String,
}

impl Problem {
    pub(super) fn new(name: impl Into<Cow<'static, str>>, origin: Origin, reason: String) -> Self {
        Problem { name: name.into(), origin, reason }
    }

    /// What gave the value: the variable, by the name that was used, which may be an alias or an `OTEL_*`
    /// variable; in code the setter, such as `agent_url`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
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

macro_rules! debug_as_displayed {
    ($($type:ident)+) => {$(
        impl fmt::Debug for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({self})", stringify!($type))
            }
        }
    )+};
}

debug_as_displayed! { ReportRow Candidate Problem }

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::testkit::with;

    #[test]
    fn a_setting_is_found_by_each_of_its_names() {
        let config = with(&[("DATADOG_TRACE_AGENT_HOSTNAME", "agent")]).build();
        for name in ["DD_AGENT_HOST", "DD_TRACE_AGENT_HOSTNAME", "DATADOG_TRACE_AGENT_HOSTNAME"] {
            let row = config.report().get(name).unwrap();
            assert_eq!((row.name(), row.value()), ("DD_AGENT_HOST", Some("agent")));
            assert_eq!(row.origin(), Origin::Env);
        }
        assert_eq!(config.report().get("DD_SERVCE"), None);
        assert_eq!(config.report().iter().count(), config.report().rows().len());
    }

    #[test]
    fn a_report_is_a_table_with_what_was_set_first() {
        let config = with(&[("DD_ENV", "a\tb"), ("DD_SERVICE", "store"), ("DD_VERSION", "0")]);
        let config = config.version("x".repeat(500)).service("shop").build();
        let table = config.report().to_string();
        let lines: Vec<_> = table.lines().collect();
        let words = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
        let set: Vec<_> = lines.iter().map(|line| words(line)).take(4).collect();
        let version = format!("DD_VERSION \"{}\"... code, over 0 (env_var)", "x".repeat(60));
        let service = "DD_SERVICE shop code, over store (env_var)";
        assert_eq!(set, [r#"DD_ENV "a\tb" env_var"#, service, version.as_str(), ""]);
        let unset: Vec<_> = lines[4..].iter().map(|line| words(line)).collect();
        assert_eq!(lines.len(), config.report().rows().len() + 1);
        for line in ["DD_TRACE_SAMPLE_RATE unset default", "DD_TAGS empty default"] {
            assert!(unset.contains(&line.to_owned()), "{table}");
        }
        let start = |line: &str, word| line.find(word).unwrap();
        assert_eq!(start(lines[0], "env_var"), start(lines[1], "code"), "{table}");
        assert_eq!(start(lines[0], "env_var"), start(lines[4], "default"), "{table}");
        assert!(with(&[]).build().report().to_string().starts_with("DD_AGENT_HOST "));
    }

    #[test]
    fn what_is_reported_is_one_line_in_debug_output() {
        let pairs = [("DD_ENV", "prod"), ("DD_SERVICE", "shop"), ("DD_TRACE_RATE_LIMIT", "x")];
        let config = with(&pairs).env("dev").build();
        let report = config.report();
        assert_eq!(format!("{report:?}"), r#"{"DD_ENV": Some("dev"), "DD_SERVICE": Some("shop")}"#);
        assert_eq!(format!("{config:?}"), format!("{report:?}"));
        let row = report.get("DD_ENV").unwrap();
        assert_eq!(format!("{row:?}"), "ReportRow(DD_ENV: dev (code), over prod (env_var))");
        assert_eq!(format!("{:?}", row.effective()), "Some(Candidate(dev (code)))");
        let problems = format!("{:?}", config.problems());
        assert!(problems.starts_with(r#"[Problem(DD_TRACE_RATE_LIMIT (env_var): "x" is not"#));
    }

    #[test]
    fn what_one_source_says_later_takes_the_place_of_what_it_said() {
        let mut row = ReportRow::new("DD_X", &[]);
        row.add(Origin::Env, Some("1".into()));
        row.add(Origin::Default, None);
        row.add(Origin::Env, Some("2".into()));
        assert_eq!(row.candidates().len(), 2);
        assert_eq!(row.to_string(), "DD_X: 2 (env_var)");
    }
}
