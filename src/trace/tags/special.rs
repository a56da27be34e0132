//! Tags that are more than tags: setting them changes the span, or the trace.

use super::digest::digest;
use super::special_keys::OWN;
use super::stored::StoredValue;
use crate::text::Text;
use crate::trace::values::{SamplingDecision, SpanKind, TagValue};

/// The metric that makes a span searchable for App Analytics.
const ANALYTICS: &str = "_dd1.sr.eausr";
const MEASURED: &str = "_dd.measured";

/// A tag whose name means something to the tracer. The names are those of every Datadog tracer.
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

    /// The user's own word on sampling, where this tag is one.
    pub(crate) fn decision(self, value: &TagValue<'_>) -> Option<SamplingDecision> {
        match self {
            Special::Keep if value.is_asked() => Some(SamplingDecision::manual(true)),
            Special::Drop if value.is_asked() => Some(SamplingDecision::manual(false)),
            Special::Priority => {
                value.as_number().map(|number| SamplingDecision::manual(number > 0.0))
            }
            _ => None,
        }
    }

    /// Whether it takes one text or nothing.
    fn is_one_text(self) -> bool {
        use Special::{Kind, Name, Resource, Service, StatusCode, Type, Version};
        matches!(self, Service | Resource | Name | Type | Kind | Version | StatusCode)
    }

    /// Turns the tag into the changes it stands for; sampling tags make none, see [`Special::decision`].
    ///
    /// What it cannot stand for is a tag as any other: a list is no service, and `often` no priority.
    pub(crate) fn changes(self, key: Text, value: TagValue<'_>, change: &mut impl FnMut(Change)) {
        if value.is_no_number() {
            return;
        }
        let is_several = matches!(value, TagValue::List(_) | TagValue::Map(_));
        if is_several && self.is_one_text() {
            return value.flatten(key, &mut |key, value| change(Change::Tag(key, value)));
        }
        match self {
            Special::Service => change(Change::Service(value.into_text().unwrap_or_default())),
            Special::Resource => change(Change::Resource(value.into_text().unwrap_or_default())),
            Special::Name => change(Change::Name(value.into_text().unwrap_or_default())),
            Special::Type => change(Change::Type(value.into_text().unwrap_or_default())),
            Special::Kind => match value.into_text() {
                Some(text) => match SpanKind::parse(&text) {
                    Some(kind) => change(Change::Kind(kind)),
                    None => change(Change::Tag(key, StoredValue::Text(text))),
                },
                None => change(Change::Tag(key, StoredValue::Absent)),
            },
            Special::Error => change(Change::Error(value.is_truthy())),
            Special::Keep | Special::Drop => {}
            Special::Priority => {
                if value.as_number().is_none() {
                    value.flatten(key, &mut |key, value| change(Change::Tag(key, value)));
                }
            }
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
                for key in [key, "version".into()] {
                    change(Change::Tag(
                        key,
                        text.clone().map_or(StoredValue::Absent, StoredValue::Text),
                    ));
                }
            }
            Special::StatusCode => {
                change(Change::Tag(
                    key,
                    value.into_text().map_or(StoredValue::Absent, StoredValue::Text),
                ));
            }
            Special::Port => match value.as_number() {
                Some(number) => change(Change::Tag(key, integral(number))),
                None => value.flatten(key, &mut |key, value| change(Change::Tag(key, value))),
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

/// Turns any tag into the changes it stands for.
pub(crate) fn changes(key: Text, value: TagValue<'_>, change: &mut impl FnMut(Change)) {
    match Special::of(&key) {
        Some(special) => special.changes(key, value, change),
        None => value.flatten(key, &mut |key, value| change(Change::Tag(key, value))),
    }
}

/// The forms that count as on and off; anything else leaves no tag at all.
fn analytics(value: &TagValue<'_>) -> Option<StoredValue> {
    if let Some(text) = value.as_text() {
        return match text {
            "1" | "t" | "T" | "TRUE" | "true" | "True" => Some(StoredValue::I64(1)),
            "0" | "f" | "F" | "FALSE" | "false" | "False" => Some(StoredValue::I64(0)),
            _ => None,
        };
    }
    match value {
        TagValue::Bool(on) => Some(StoredValue::I64((*on).into())),
        TagValue::None => Some(StoredValue::Absent),
        other => other.as_number().map(integral),
    }
}

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
    fn names_that_mean_something_are_not_stored_as_tags() {
        for (key, value, expected) in [
            ("service.name", "s", "service=s"),
            ("resource.name", "r", "resource=r"),
            ("span.name", "n", "name=n"),
            ("span.type", "web", "type=web"),
            ("span.kind", "client", "kind=client"),
            ("span.kind", "other", "span.kind='other'"),
            ("error", "true", "error=true"),
            ("error", "false", "error=false"),
        ] {
            assert_eq!(set(key, value), [expected]);
        }
        assert!(set("manual.keep", true).is_empty());
        assert!(set("manual.drop", "").is_empty());
    }

    #[test]
    fn typed_tags_take_their_type() {
        assert_eq!(set("http.status_code", 404), ["http.status_code='404'"]);
        assert_eq!(set("http.status_code", "200"), ["http.status_code='200'"]);
        assert_eq!(set("network.destination.port", "5432"), ["network.destination.port:5432"]);
        assert_eq!(set("service.version", "1"), ["service.version='1'", "version='1'"]);
        assert_eq!(set("_dd.measured", true), ["_dd.measured:1"]);
        assert_eq!(set("_dd.measured", 0), ["-_dd.measured"]);
        assert_eq!(set("_dd.measured", ()), ["_dd.measured:1"]);
        assert_eq!(set("_dd.measured", "0.0"), ["-_dd.measured"]);
        assert_eq!(set("analytics.event", "t"), ["_dd1.sr.eausr:1"]);
        assert_eq!(set("analytics.event", false), ["_dd1.sr.eausr:0"]);
        assert!(set("analytics.event", "fAlse").is_empty());
    }

    #[test]
    fn what_a_name_cannot_stand_for_is_a_tag_as_any_other() {
        assert_eq!(set("service.name", vec!["a"]), ["service.name.0='a'"]);
        assert_eq!(set("http.status_code", vec![200]), ["http.status_code.0:200"]);
        assert_eq!(set("sampling.priority", "often"), ["sampling.priority='often'"]);
        assert_eq!(set("network.destination.port", "x"), ["network.destination.port='x'"]);
        for key in SPECIAL.map(|(key, _)| key) {
            assert!(set(key, f64::NAN).is_empty() && set(key, f64::INFINITY).is_empty(), "{key}");
        }
    }

    #[test]
    fn no_value_takes_a_field_back() {
        for (key, expected) in [
            ("service.name", vec!["service="]),
            ("resource.name", vec!["resource="]),
            ("span.name", vec!["name="]),
            ("span.type", vec!["type="]),
            ("span.kind", vec!["-span.kind"]),
            ("error", vec!["error=false"]),
            ("analytics.event", vec!["-_dd1.sr.eausr"]),
            ("service.version", vec!["-service.version", "-version"]),
            ("http.status_code", vec!["-http.status_code"]),
            ("network.destination.port", vec!["-network.destination.port"]),
        ] {
            assert_eq!(set(key, ()), expected, "{key}");
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
        let yes: [TagValue; 12] = [
            ().into(),
            None::<bool>.into(),
            "".into(),
            "yes".into(),
            "no".into(),
            true.into(),
            1.into(),
            (-1).into(),
            u64::MAX.into(),
            0.5.into(),
            f64::NAN.into(),
            Vec::<i32>::new().into(),
        ];
        for yes in yes {
            assert_eq!(decision("manual.keep", yes.clone()), Some(SamplingDecision::manual(true)));
            assert_eq!(decision("manual.drop", yes), Some(SamplingDecision::manual(false)));
        }
        assert_eq!(decision("sampling.priority", 0.into()), Some(SamplingDecision::manual(false)));
        assert_eq!(decision("sampling.priority", 2.into()), Some(SamplingDecision::manual(true)));
    }
}
