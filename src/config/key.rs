//! The type of a row: how one setting is named, read and checked.

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
    /// The setter of the same meaning; `None` for what is not for code to say.
    pub(super) setter: Option<&'static str>,
    /// Older or other names of the variable, asked in this order when the name gives nothing usable.
    pub(super) aliases: &'static [&'static str],
    /// The OpenTelemetry variable that says the same.
    pub(super) otel: Option<Otel<T>>,
    /// The meaning, for users, in Markdown.
    #[cfg_attr(not(test), expect(dead_code, reason = "read where the table is listed"))]
    pub(super) doc: &'static str,
    pub(super) default: fn() -> T,
    /// Text to value: syntax only.
    pub(super) parse: fn(&str, &mut Remarks) -> Result<T, Reason>,
    /// What holds for a value from any source: limits, and the form it is kept in.
    pub(super) check: fn(T, &mut Remarks) -> Result<T, Reason>,
    /// Whether a variable that is set to nothing says something, and goes to `parse`.
    pub(super) blank_counts: bool,
    /// Whether a value that cannot be used is repeated in the problem: an address may hold a password.
    pub(super) repeats: bool,
}

impl<T> Key<T> {
    /// A row that takes every value of its type, to be completed.
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

    /// The name of what gave a value: the setter or the variable.
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

    /// Reads the text of OpenTelemetry's variable; `None` where it says nothing about this setting.
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

/// How an OpenTelemetry variable says what a row says.
pub(super) struct Otel<T: 'static> {
    pub(super) name: &'static str,
    /// Variables that `convert` reads besides.
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

/// What is to be said about a value that was used, though not quite as it was given.
pub(super) type Remarks = Vec<String>;

/// A user's text inside one of our lines: quoted, escaped, not longer than is of use, and without a password.
pub(crate) struct Quoted<'a>(pub(crate) &'a str);

const QUOTED_CHARS: usize = 60;

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Before it is cut, which may leave the password without the `@` that tells it.
        let text = Redacted(self.0).to_string();
        match text.char_indices().nth(QUOTED_CHARS) {
            None => write!(f, "{text:?}"),
            Some((end, _)) => write!(f, "{:?}...", text.get(..end).unwrap_or_default()),
        }
    }
}

/// A row without its type: what the table's tests and `docs/configuration.md` are made of.
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
