//! How trace context crosses process boundaries: the types of the propagation settings.

use crate::text::Text;

use super::key::{Quoted, Reason, Remarks};
use super::parse;
use super::value::{Value, join, values};
use super::words::words;

words! {
    /// A family of headers that carries the context of a trace.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
    pub enum Style {
        /// `x-datadog-*`.
        Datadog = "datadog",
        /// W3C Trace Context: `traceparent` and `tracestate`.
        TraceContext = "tracecontext",
        /// The single header `b3`.
        B3Single = "b3" | "b3single" | "b3 single header",
        /// `x-b3-*`.
        B3Multi = "b3multi",
        /// W3C Baggage: `baggage`; it carries no trace.
        Baggage = "baggage",
    }
}

impl Style {
    /// What is used when nothing is set.
    pub(super) const DEFAULT: [Style; 3] = [Style::Datadog, Style::TraceContext, Style::Baggage];
}

/// The word for no style at all. It is ignored beside a style.
const NONE: &str = "none";

/// Reads a list of styles. Unknown names are left out; a text without any known name is refused.
pub(super) fn styles(text: &str, remarks: &mut Remarks) -> Result<Vec<Style>, Reason> {
    let (mut styles, mut unknown) = (Vec::new(), Vec::new());
    let mut none = false;
    for name in parse::items(text) {
        match Style::from_word(name) {
            Some(style) => styles.push(style),
            None if name.eq_ignore_ascii_case(NONE) => none = true,
            None => unknown.push(name),
        }
    }
    if styles.is_empty() && !none {
        return Err("names no propagation style".into());
    }
    for name in unknown {
        remarks.push(format!("{} is no propagation style; left out", Quoted(name)));
    }
    if none && !styles.is_empty() {
        remarks.push("`none` has no meaning beside a style; left out".into());
    }
    Ok(styles)
}

/// Removes repeated styles; the first of them stays.
pub(super) fn each_once(styles: Vec<Style>) -> Vec<Style> {
    let mut once = Vec::with_capacity(styles.len());
    for style in styles {
        if !once.contains(&style) {
            once.push(style);
        }
    }
    once
}

words! {
    /// What to do with the context that a request brings along.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
    pub enum ExtractBehavior {
        /// Continue its trace.
        #[default]
        Continue = "continue",
        /// Begin a new trace that links to it, and keep its baggage.
        Restart = "restart",
        /// Begin a new trace as if nothing had come, baggage included.
        Ignore = "ignore",
    }
}

impl ExtractBehavior {
    pub(super) fn parse(text: &str) -> Result<Self, Reason> {
        let words = "is none of `continue`, `restart` and `ignore`";
        ExtractBehavior::from_word(text).ok_or_else(|| words.into())
    }
}

/// Which items of extracted baggage become tags of the local root span.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BaggageTagKeys {
    /// Every item.
    All,
    /// The items with these keys, compared exactly.
    Only(Vec<Text>),
}

impl BaggageTagKeys {
    /// Whether the item with this key becomes a tag.
    #[must_use]
    pub fn contains(&self, key: &str) -> bool {
        match self {
            BaggageTagKeys::All => true,
            BaggageTagKeys::Only(keys) => keys.iter().any(|known| *known == *key),
        }
    }
}

/// `*` alone stands for all; nothing stands for none.
impl From<Vec<Text>> for BaggageTagKeys {
    fn from(keys: Vec<Text>) -> Self {
        match keys.as_slice() {
            [only] if *only == "*" => BaggageTagKeys::All,
            _ => BaggageTagKeys::Only(keys),
        }
    }
}

values! {
    Vec<Style>: "list of styles", |styles| match styles.as_slice() {
        [] => NONE.to_owned(),
        styles => join(styles.iter().map(ToString::to_string)),
    };
    ExtractBehavior: "`continue`, `restart` or `ignore`", |behavior| behavior.to_string();
    BaggageTagKeys: "list", |keys| match keys {
        BaggageTagKeys::All => "*".to_owned(),
        BaggageTagKeys::Only(keys) => return keys.show(),
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_in_any_case_in_order_and_once() {
        use Style::{B3Multi, B3Single, Baggage, Datadog, TraceContext};

        let unknown = r#""xray" is no propagation style; left out"#;
        let none = "`none` has no meaning beside a style; left out";
        for (text, expected, said) in [
            ("datadog", Some(&[Datadog][..]), &[][..]),
            (" TraceContext , DATADOG,tracecontext", Some(&[TraceContext, Datadog]), &[]),
            ("b3", Some(&[B3Single]), &[]),
            ("B3 single header", Some(&[B3Single]), &[]),
            ("b3single,b3multi,b3", Some(&[B3Single, B3Multi]), &[]),
            ("baggage,", Some(&[Baggage]), &[]),
            ("none", Some(&[]), &[]),
            ("NONE,none", Some(&[]), &[]),
            ("xray,datadog", Some(&[Datadog]), &[unknown]),
            ("xray,none", Some(&[]), &[unknown]),
            ("none,b3", Some(&[B3Single]), &[none]),
            ("xray,jaeger", None, &[]),
            (" , ", None, &[]),
        ] {
            let mut remarks = Remarks::default();
            let styles = styles(text, &mut remarks).map(each_once);
            assert_eq!(styles.ok().as_deref(), expected, "{text}");
            assert_eq!(remarks, said, "{text}");
        }
    }

    #[test]
    fn a_star_alone_stands_for_every_baggage_item() {
        for (text, key, is_tag) in [
            ("*", "anything", true),
            ("*,a", "anything", false),
            ("a, b", "b", true),
            ("a, b", "B", false),
            ("", "", false),
        ] {
            assert_eq!(
                BaggageTagKeys::from(parse::list(text)).contains(key),
                is_tag,
                "{text} {key}"
            );
        }
    }
}
