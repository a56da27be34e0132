//! What settings about HTTP can be: ranges of statuses, what becomes of queries, headers that become tags.

use std::error::Error;
use std::fmt;
use std::str::FromStr;

use crate::text::Text;

use super::key::{Quoted, Reason, Remarks};
use super::parse;
use super::value::{Value, join, values};
use super::words::words;

words! {
    /// How integrations name their operations and services: `DD_TRACE_SPAN_ATTRIBUTE_SCHEMA`.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
    pub enum NamingSchema {
        /// Each in its own way, as it always was.
        #[default]
        V0 = "v0",
        /// By the protocol: `http.server.request`, `postgresql.query`. Services are the tracer's, and `peer.service` says
        /// who was called.
        V1 = "v1",
    }
}

/// Parses the naming schema.
pub(super) fn naming_schema(text: &str, _: &mut Remarks) -> Result<NamingSchema, Reason> {
    NamingSchema::from_word(text.trim()).ok_or_else(|| "is neither `v0` nor `v1`".into())
}

/// HTTP statuses that count as errors: single ones and ranges.
///
/// ```
/// use tracehound::config::StatusRanges;
///
/// let errors: StatusRanges = "404, 500-599".parse().unwrap();
/// assert!(errors.contains(404) && errors.contains(503) && !errors.contains(400));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatusRanges(Vec<(u16, u16)>);

/// The error for a text without a single status or range of statuses.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct NoStatus {}

impl fmt::Display for NoStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(NO_STATUS)
    }
}

impl Error for NoStatus {}

const NO_STATUS: &str = "holds no status; write such as `404,500-599`";

impl StatusRanges {
    /// From the first to the last status, both included.
    pub(super) fn one(first: u16, last: u16) -> Self {
        StatusRanges(vec![(first, last)])
    }

    /// Whether a status is one of them.
    #[must_use]
    pub fn contains(&self, status: u16) -> bool {
        self.0.iter().any(|(first, last)| (*first..=*last).contains(&status))
    }

    /// The ranges, each from its first to its last status.
    pub fn iter(&self) -> impl Iterator<Item = (u16, u16)> {
        self.0.iter().copied()
    }
}

/// As in a variable: `400,500-599`.
impl fmt::Display for StatusRanges {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let range = |(first, last): (u16, u16)| match first == last {
            true => first.to_string(),
            false => format!("{first}-{last}"),
        };
        f.pad(&join(self.iter().map(range)))
    }
}

impl FromStr for StatusRanges {
    type Err = NoStatus;

    /// Reads a list with commas; what is no status from 0 to 999, and no range of these, is left out.
    fn from_str(text: &str) -> Result<Self, NoStatus> {
        statuses(text, &mut Remarks::default()).map_err(|_| NoStatus {})
    }
}

/// Parses ranges of statuses. The ends of one may be the wrong way round.
pub(super) fn statuses(text: &str, remarks: &mut Remarks) -> Result<StatusRanges, Reason> {
    let status = |text: &str| text.trim().parse::<u16>().ok().filter(|status| *status < 1000);
    let (mut ranges, mut others) = (Vec::new(), Vec::new());
    for item in parse::items(text) {
        let (first, last) = item.split_once('-').unwrap_or((item, item));
        match (status(first), status(last)) {
            (Some(first), Some(last)) => ranges.push((first.min(last), first.max(last))),
            _ => others.push(item),
        }
    }
    if ranges.is_empty() {
        return Err(NO_STATUS.into());
    }
    if let Some(first) = others.first() {
        let more = others.len() - 1;
        let are = if more > 0 { format!("and {more} more are") } else { "is".to_owned() };
        remarks.push(format!("{} {are} no status; left out", Quoted(first)));
    }
    // Every status is looked for here, so that a list of thousands costs no more than it has to.
    ranges.sort_unstable();
    ranges.dedup_by(|next, before| {
        let joins = next.0 <= before.1;
        if joins {
            before.1 = before.1.max(next.1);
        }
        joins
    });
    Ok(StatusRanges(ranges))
}

/// What becomes of the values in the query of a URL: `DD_TRACE_OBFUSCATION_QUERY_STRING_REGEXP`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum QueryObfuscation {
    /// What looks like a secret to the expression that all Datadog tracers share becomes `<redacted>`.
    #[default]
    Default,
    /// What matches this expression becomes `<redacted>`. It is written as for the crate `regex`, without Unicode
    /// classes; look-around and back-references do not exist there.
    Expression(Text),
    /// Queries stay as they are.
    Off,
    /// Queries are left out: what an expression becomes that cannot be used.
    LeaveOut,
}

/// Parses the expression; nothing switches obfuscation off.
pub(super) fn obfuscation(text: &str, _: &mut Remarks) -> Result<QueryObfuscation, Reason> {
    Ok(match text.trim() {
        "" => QueryObfuscation::Off,
        _ => QueryObfuscation::Expression(Text::copy(text)),
    })
}

/// Replaces an expression that cannot be used. Nothing is checked where the feature `http-tags` is off.
pub(super) fn usable(
    obfuscation: QueryObfuscation,
    remarks: &mut Remarks,
) -> Result<QueryObfuscation, Reason> {
    #[cfg(feature = "http-tags")]
    if let QueryObfuscation::Expression(text) = &obfuscation {
        if let Err(problem) = expression(text) {
            remarks.push(format!(
                "{} cannot be used ({problem}); queries are left out of http.url until it is corrected",
                Quoted(text)
            ));
            return Ok(QueryObfuscation::LeaveOut);
        }
    }
    let _ = remarks;
    Ok(obfuscation)
}

/// Compiles an expression for queries. They are bytes: `\\w` and `(?i)` are those of ASCII, which saves Unicode's tables.
#[cfg(feature = "http-tags")]
pub(crate) fn expression(text: &str) -> Result<regex::bytes::Regex, String> {
    /// For the compiled expression; the default one needs a twentieth of it.
    const MAX_COMPILED_BYTES: usize = 4 << 20;
    let compiled =
        regex::bytes::RegexBuilder::new(text).unicode(false).size_limit(MAX_COMPILED_BYTES).build();
    compiled.map_err(|error| match error {
        regex::Error::CompiledTooBig(_) => "it is too large".to_owned(),
        // The last line says what, those before it show where.
        error => {
            let said = error.to_string();
            said.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned()
        }
    })
}

/// Parses the headers that become tags: `header` or `header:tag`, with commas between, or with blanks where there is no
/// comma.
pub(super) fn header_tags(text: &str, _: &mut Remarks) -> Result<Vec<Text>, Reason> {
    let separator = if text.contains(',') { ',' } else { ' ' };
    Ok(text
        .split(separator)
        .map(str::trim)
        .filter(|item| !item.is_empty())
        .map(Text::copy)
        .collect())
}

/// Leaves out what names no header or no tag.
pub(super) fn named_headers(items: Vec<Text>, remarks: &mut Remarks) -> Result<Vec<Text>, Reason> {
    let (named, unnamed): (Vec<_>, _) =
        items.into_iter().partition(|item| header_and_tag(item).is_some());
    if let Some(first) = unnamed.first() {
        let more = unnamed.len() - 1;
        let are = if more > 0 { format!("and {more} more are") } else { "is".to_owned() };
        remarks.push(format!("{} {are} not `header` or `header:tag`; left out", Quoted(first)));
    }
    Ok(named)
}

/// The header of an entry and the tag, if there is one; `None` where either is empty.
pub(crate) fn header_and_tag(entry: &str) -> Option<(&str, Option<&str>)> {
    let (header, tag) = match entry.split_once(':') {
        Some((header, tag)) => (header, Some(tag.trim())),
        None => (entry, None),
    };
    let header = header.trim();
    (!header.is_empty() && tag != Some("")).then_some((header, tag))
}

values! {
    NamingSchema: "`v0` or `v1`", |schema| schema.to_string();
    StatusRanges: "list of statuses", |statuses| statuses.to_string();
    QueryObfuscation: "regular expression", |obfuscation| match obfuscation {
        QueryObfuscation::Expression(text) => return text.show(),
        QueryObfuscation::Default => return None,
        QueryObfuscation::Off | QueryObfuscation::LeaveOut => String::new(),
    };
}
