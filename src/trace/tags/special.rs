//! Tags that the tracer itself understands: setting one changes the span or the trace.

use super::digest::digest;
use super::special_keys::OWN;
use super::stored::StoredValue;
use crate::text::Text;
use crate::trace::values::{SamplingDecision, SpanKind, TagValue};

/// The metric that makes a span searchable for App Analytics.
const ANALYTICS: &str = "_dd1.sr.eausr";
const MEASURED: &str = "_dd.measured";

/// A tag that the tracer understands. The names are those of every Datadog tracer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Special {
    Service,
    Resource,
    Name,
    Type,
    Kind,
    Error,
    Keep,
    Drop,
    Priority,
    Analytics,
    Measured,
    Version,
    /// Always text: `http.status_code`.
    StatusCode,
    /// Always a number: `network.destination.port`.
    Port,
}

pub(super) const SPECIAL: [(&str, Special); 15] = [
    ("service.name", Special::Service),
    ("resource.name", Special::Resource),
    ("span.name", Special::Name),
    ("span.type", Special::Type),
    ("span.kind", Special::Kind),
    ("error", Special::Error),
    ("manual.keep", Special::Keep),
    ("manual.drop", Special::Drop),
    ("sampling.priority", Special::Priority),
    ("analytics.event", Special::Analytics),
    (ANALYTICS, Special::Analytics),
    (MEASURED, Special::Measured),
    ("service.version", Special::Version),
    ("http.status_code", Special::StatusCode),
    ("network.destination.port", Special::Port),
];

impl Special {
    /// Whether a key with this digest may be special.
    #[inline]
    pub(crate) fn may_be(digest: u32) -> bool {
        OWN.may_have(digest)
    }

    pub(crate) fn of(key: &Text) -> Option<Self> {
        if !Special::may_be(digest(key.as_bytes())) {
            return None;
        }
        let named = |(name, _): &&(&str, Special)| *key == *name;
        SPECIAL.iter().find(named).map(|(_, special)| *special)
    }

    /// The sampling decision of the user, where this tag is one.
    pub(crate) fn decision(self, value: &TagValue<'_>) -> Option<SamplingDecision> {
        let keep = match self {
            Special::Keep | Special::Drop if value.is_asked() => self == Special::Keep,
            Special::Priority => value.as_number()? > 0.0,
            _ => return None,
        };
        Some(SamplingDecision::manual(keep))
    }

    /// Whether the value must be one text, so that a list or a map is an ordinary tag.
    fn is_one_text(self) -> bool {
        use Special::{Kind, Name, Resource, Service, StatusCode, Type, Version};
        matches!(self, Service | Resource | Name | Type | Kind | Version | StatusCode)
    }

    /// Turns the tag into the changes that it means. Sampling tags make none, see [`Special::decision`].
    ///
    /// A value that has no such meaning makes ordinary tags: a list is no service, and `often` no priority.
    pub(crate) fn changes(self, key: Text, value: TagValue<'_>, change: &mut impl FnMut(Change)) {
        if matches!(value, TagValue::F64(number) if !number.is_finite()) {
            return;
        }
        let is_several = matches!(value, TagValue::List(_) | TagValue::Map(_));
        if is_several && self.is_one_text() {
            return ordinary(key, value, change);
        }
        match self {
            Special::Service => change(Change::Service(value.into_text().unwrap_or_default())),
            Special::Resource => change(Change::Resource(value.into_text().unwrap_or_default())),
            Special::Name => change(Change::Name(value.into_text().unwrap_or_default())),
            Special::Type => change(Change::Type(value.into_text().unwrap_or_default())),
            Special::Kind => {
                let text = value.into_text();
                change(match text.as_deref().and_then(SpanKind::parse) {
                    Some(kind) => Change::Kind(kind),
                    None => text_tag(key, text),
                });
            }
            Special::Error => change(Change::Error(value.is_truthy())),
            Special::Keep | Special::Drop => {}
            Special::Priority if value.as_number().is_some() => {}
            Special::Priority => ordinary(key, value, change),
            Special::Analytics => {
                if let Some(rate) = analytics(&value) {
                    change(Change::Tag(ANALYTICS.into(), rate));
                }
            }
            Special::Measured => {
                let on = value.is_asked() && value.as_number().unwrap_or(1.0) != 0.0;
                let value = if on { StoredValue::I64(1) } else { StoredValue::Absent };
                change(Change::Tag(MEASURED.into(), value));
            }
            Special::Version => {
                let text = value.into_text();
                change(text_tag(key, text.clone()));
                change(text_tag("version".into(), text));
            }
            Special::StatusCode => change(text_tag(key, value.into_text())),
            Special::Port => match value.as_number() {
                Some(number) => change(Change::Tag(key, integral(number))),
                None => ordinary(key, value, change),
            },
        }
    }
}

/// What setting a tag does to a span, worked out before the lock of its trace is taken.
#[derive(Debug)]
pub(crate) enum Change {
    Service(Text),
    Resource(Text),
    Name(Text),
    Type(Text),
    Kind(SpanKind),
    Error(bool),
    Tag(Text, StoredValue),
}

/// Turns any tag into the changes that it means.
pub(crate) fn changes(key: Text, value: TagValue<'_>, change: &mut impl FnMut(Change)) {
    match Special::of(&key) {
        Some(special) => special.changes(key, value, change),
        None => ordinary(key, value, change),
    }
}

fn ordinary(key: Text, value: TagValue<'_>, change: &mut impl FnMut(Change)) {
    value.into_tags(key, &mut |key, value| change(Change::Tag(key, value)));
}

fn text_tag(key: Text, text: Option<Text>) -> Change {
    Change::Tag(key, text.map_or(StoredValue::Absent, StoredValue::Text))
}

/// The rate that a value of an analytics tag means: words for on and off, or a number. Other values leave no tag.
fn analytics(value: &TagValue<'_>) -> Option<StoredValue> {
    match (value.as_text(), value) {
        (Some("1" | "t" | "T" | "TRUE" | "true" | "True"), _) => Some(StoredValue::I64(1)),
        (Some("0" | "f" | "F" | "FALSE" | "false" | "False"), _) => Some(StoredValue::I64(0)),
        (Some(_), _) => None,
        (None, TagValue::None) => Some(StoredValue::Absent),
        (None, other) => other.as_number().map(integral),
    }
}

/// The number as an integer, where it is one.
fn integral(number: f64) -> StoredValue {
    #[expect(clippy::cast_possible_truncation, reason = "compared right after")]
    let whole = number as i64;
    #[expect(clippy::cast_precision_loss, clippy::float_cmp, reason = "asks for exactness")]
    let exact = whole as f64 == number;
    if exact { StoredValue::I64(whole) } else { StoredValue::F64(number) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set<'a>(key: &'static str, value: impl Into<TagValue<'a>>) -> Vec<String> {
        let mut seen = Vec::new();
        changes(key.into(), value.into(), &mut |change| {
            seen.push(match change {
                Change::Service(text) => format!("service={text}"),
                Change::Resource(text) => format!("resource={text}"),
                Change::Name(text) => format!("name={text}"),
                Change::Type(text) => format!("type={text}"),
                Change::Kind(kind) => format!("kind={kind}"),
                Change::Error(error) => format!("error={error}"),
                Change::Tag(key, value) => match value.read("") {
                    None => format!("-{key}"),
                    Some(value) => match value.number() {
                        Some(number) => format!("{key}:{number}"),
                        None => format!("{key}='{}'", value.text().unwrap()),
                    },
                },
            });
        });
        seen
    }

    #[test]
    fn each_special_tag_makes_its_changes() {
        let cases: [(&'static str, TagValue, &[&str]); 35] = [
            ("service.name", "s".into(), &["service=s"]),
            ("resource.name", "r".into(), &["resource=r"]),
            ("span.name", "n".into(), &["name=n"]),
            ("span.type", "web".into(), &["type=web"]),
            ("span.kind", "client".into(), &["kind=client"]),
            ("span.kind", "other".into(), &["span.kind='other'"]),
            ("error", "true".into(), &["error=true"]),
            ("error", "false".into(), &["error=false"]),
            ("manual.keep", true.into(), &[]),
            ("manual.drop", "".into(), &[]),
            ("http.status_code", 404.into(), &["http.status_code='404'"]),
            ("http.status_code", "200".into(), &["http.status_code='200'"]),
            ("network.destination.port", "5432".into(), &["network.destination.port:5432"]),
            ("service.version", "1".into(), &["service.version='1'", "version='1'"]),
            ("_dd.measured", true.into(), &["_dd.measured:1"]),
            ("_dd.measured", 0.into(), &["-_dd.measured"]),
            ("_dd.measured", ().into(), &["_dd.measured:1"]),
            ("_dd.measured", "0.0".into(), &["-_dd.measured"]),
            ("analytics.event", "t".into(), &["_dd1.sr.eausr:1"]),
            ("analytics.event", false.into(), &["_dd1.sr.eausr:0"]),
            ("analytics.event", "fAlse".into(), &[]),
            // A value that does not have the meaning of the key makes ordinary tags.
            ("service.name", vec!["a"].into(), &["service.name.0='a'"]),
            ("http.status_code", vec![200].into(), &["http.status_code.0:200"]),
            ("sampling.priority", "often".into(), &["sampling.priority='often'"]),
            ("network.destination.port", "x".into(), &["network.destination.port='x'"]),
            // No value takes a field or a tag back.
            ("service.name", ().into(), &["service="]),
            ("resource.name", ().into(), &["resource="]),
            ("span.name", ().into(), &["name="]),
            ("span.type", ().into(), &["type="]),
            ("span.kind", ().into(), &["-span.kind"]),
            ("error", ().into(), &["error=false"]),
            ("analytics.event", ().into(), &["-_dd1.sr.eausr"]),
            ("service.version", ().into(), &["-service.version", "-version"]),
            ("http.status_code", ().into(), &["-http.status_code"]),
            ("network.destination.port", ().into(), &["-network.destination.port"]),
        ];
        for (key, value, expected) in cases {
            assert_eq!(set(key, value.clone()), expected, "{key}: {value:?}");
        }
        for key in SPECIAL.map(|(key, _)| key) {
            assert!(set(key, f64::NAN).is_empty() && set(key, f64::INFINITY).is_empty(), "{key}");
        }
    }

    #[test]
    fn only_a_switch_that_is_on_decides() {
        let decision = |key: &'static str, value: TagValue| {
            Special::of(&Text::literal(key)).unwrap().decision(&value)
        };
        for no in ["false", "0", "f"] {
            assert_eq!(decision("manual.keep", no.into()), None);
        }
        for zero in [0.into(), 0_u8.into(), 0.0.into(), (-0.0).into(), false.into()] {
            assert_eq!(decision("manual.drop", zero), None);
        }
        let numbers: [TagValue; 5] =
            [1.into(), (-1).into(), u64::MAX.into(), 0.5.into(), f64::NAN.into()];
        let others: [TagValue; 7] = [
            ().into(),
            None::<bool>.into(),
            "".into(),
            "yes".into(),
            "no".into(),
            true.into(),
            Vec::<i32>::new().into(),
        ];
        for yes in numbers.into_iter().chain(others) {
            assert_eq!(decision("manual.keep", yes.clone()), Some(SamplingDecision::manual(true)));
            assert_eq!(decision("manual.drop", yes), Some(SamplingDecision::manual(false)));
        }
        assert_eq!(decision("sampling.priority", 0.into()), Some(SamplingDecision::manual(false)));
        assert_eq!(decision("sampling.priority", 2.into()), Some(SamplingDecision::manual(true)));
    }
}
