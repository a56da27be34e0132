//! The type of a row in the table: how one setting is named, read and checked.

use std::borrow::Cow;
use std::fmt;

use super::redacted::Redacted;
#[cfg(test)]
use super::value::Value;
use super::{Environment, Origin};

/// A row of the table.
pub(super) struct Key<T: 'static> {
    /// The variable, which is also the name in reports.
    pub(super) name: &'static str,
    /// The setter of the same meaning; `None` where code cannot give the setting.
    pub(super) setter: Option<&'static str>,
    /// Other names of the variable, read in this order when the first name gives nothing usable.
    pub(super) aliases: &'static [&'static str],
    /// The OpenTelemetry variable that says the same.
    pub(super) otel: Option<Otel<T>>,
    /// The meaning, for users, in Markdown.
    #[cfg_attr(not(test), expect(dead_code, reason = "read where the table is listed"))]
    pub(super) doc: &'static str,
    pub(super) default: fn() -> T,
    /// Turns text into a value; checks the syntax only.
    pub(super) parse: fn(&str, &mut Remarks) -> Result<T, Reason>,
    /// Checks a value from any source against its limits, and brings it into the form in which it is kept.
    pub(super) check: fn(T, &mut Remarks) -> Result<T, Reason>,
    /// Whether a blank variable is parsed; otherwise it counts as unset.
    pub(super) blank_counts: bool,
    /// Whether the problem about an unusable value quotes it. Not for addresses, which may hold a password.
    pub(super) repeats: bool,
}

impl<T> Key<T> {
    /// A key that accepts every value of its type. The other fields are set with `Key { .., ..Key::new(..) }`.
    pub(super) const fn new(
        default: fn() -> T,
        parse: fn(&str, &mut Remarks) -> Result<T, Reason>,
    ) -> Self {
        Key {
            name: "",
            setter: None,
            aliases: &[],
            otel: None,
            doc: "",
            default,
            parse,
            check: |value, _| Ok(value),
            blank_counts: false,
            repeats: true,
        }
    }

    /// What a problem calls the source of a value: the setter, or the variable.
    pub(super) fn source_name(&self, origin: Origin) -> &'static str {
        match (origin, self.setter) {
            (Origin::Code, Some(setter)) => setter,
            _ => self.name,
        }
    }

    /// Reads the text of the variable.
    pub(super) fn read(&self, text: &str, remarks: &mut Remarks) -> Result<T, Reason> {
        (self.check)((self.parse)(text, remarks)?, remarks)
    }

    /// Reads the text of the OpenTelemetry variable; `None` where it says nothing about this setting.
    pub(super) fn read_otel(
        &self,
        text: &str,
        environment: &Environment,
        remarks: &mut Remarks,
    ) -> Result<Option<T>, Reason> {
        let Some(otel) = &self.otel else { return Ok(None) };
        let value = (otel.convert)(text, environment, remarks)?;
        value.map(|value| (self.check)(value, remarks)).transpose()
    }

    /// Whether this variable is one that gives the setting.
    pub(super) fn reads(&self, variable: &str) -> bool {
        self.name == variable || self.aliases.contains(&variable)
    }
}

/// The OpenTelemetry variable for a setting, and how its text is converted.
pub(super) struct Otel<T: 'static> {
    pub(super) name: &'static str,
    /// Other variables that `convert` reads as well.
    #[cfg_attr(not(test), expect(dead_code, reason = "read where the table is listed"))]
    pub(super) with: &'static [&'static str],
    /// `None` where the text says nothing about this setting.
    pub(super) convert: Convert<T>,
}

type Convert<T> = fn(&str, &Environment, &mut Remarks) -> Result<Option<T>, Reason>;

impl<T> Otel<T> {
    pub(super) const fn new(name: &'static str, convert: Convert<T>) -> Self {
        Otel { name, with: &[], convert }
    }
}

/// Why a value cannot be used; it follows the value in a sentence: "is not a whole number".
pub(super) type Reason = Cow<'static, str>;

/// Messages about a value that is used, but not exactly as it was given.
pub(super) type Remarks = Vec<String>;

/// A text of the user, for a log line: quoted, escaped, shortened, and without a password.
pub(crate) struct Quoted<'a>(pub(crate) &'a str);

const QUOTED_CHARS: usize = 60;

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Redacted before it is cut: without the `@` behind it, a password would not be recognized.
        let text = Redacted(self.0).to_string();
        match text.char_indices().nth(QUOTED_CHARS) {
            None => write!(f, "{text:?}"),
            Some((end, _)) => write!(f, "{:?}...", text.get(..end).unwrap_or_default()),
        }
    }
}

/// A row without its type parameter, for the tests of the table and for `docs/configuration.md`.
#[cfg(test)]
pub(super) struct Row {
    pub(super) name: &'static str,
    pub(super) setter: Option<&'static str>,
    pub(super) aliases: &'static [&'static str],
    /// The OpenTelemetry variables that are read.
    pub(super) otel: Vec<&'static str>,
    pub(super) doc: &'static str,
    pub(super) kind: &'static str,
    pub(super) default: Option<String>,
    /// The value of a text, as it is shown.
    pub(super) read: Box<ReadShown>,
}

#[cfg(test)]
type ReadShown = dyn Fn(&str) -> Result<Option<String>, Reason>;

#[cfg(test)]
impl<T: Value> Key<T> {
    pub(super) fn row(&'static self) -> Row {
        Row {
            name: self.name,
            setter: self.setter,
            aliases: self.aliases,
            otel: self.otel.as_ref().map_or(vec![], |otel| [&[otel.name], otel.with].concat()),
            doc: self.doc.trim(),
            kind: T::KIND,
            default: (self.default)().show(),
            read: Box::new(|text| Ok(self.read(text, &mut Remarks::default())?.show())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_or_strange_text_is_quoted_short_and_escaped() {
        assert_eq!(Quoted("a\nb").to_string(), r#""a\nb""#);
        let quoted = Quoted(&"é".repeat(100)).to_string();
        assert_eq!(quoted, format!("\"{}\"...", "é".repeat(60)));
        let long = Quoted(&format!("http://user:{}@host", "hunter2".repeat(20))).to_string();
        assert_eq!(long, r#""http://***@host""#);
    }
}
