//! The names of all headers.

use crate::config::Style;

/// One header that is understood. The value is its place in [`NAMES`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Field {
    DatadogTraceId,
    DatadogParentId,
    DatadogPriority,
    DatadogOrigin,
    DatadogTags,
    Traceparent,
    Tracestate,
    Baggage,
    B3,
    B3TraceId,
    B3SpanId,
    B3Sampled,
    B3Flags,
}

/// A name as it is written into headers, and as CGI and environment variables have it.
#[derive(Debug)]
pub(super) struct Name {
    field: Field,
    header: &'static str,
    variable: &'static str,
}

const fn name(field: Field, header: &'static str, variable: &'static str) -> Name {
    Name { field, header, variable }
}

pub(super) const FIELDS: usize = 13;

static NAMES: [Name; FIELDS] = [
    name(Field::DatadogTraceId, "x-datadog-trace-id", "X_DATADOG_TRACE_ID"),
    name(Field::DatadogParentId, "x-datadog-parent-id", "X_DATADOG_PARENT_ID"),
    name(Field::DatadogPriority, "x-datadog-sampling-priority", "X_DATADOG_SAMPLING_PRIORITY"),
    name(Field::DatadogOrigin, "x-datadog-origin", "X_DATADOG_ORIGIN"),
    name(Field::DatadogTags, "x-datadog-tags", "X_DATADOG_TAGS"),
    name(Field::Traceparent, "traceparent", "TRACEPARENT"),
    name(Field::Tracestate, "tracestate", "TRACESTATE"),
    name(Field::Baggage, "baggage", "BAGGAGE"),
    name(Field::B3, "b3", "B3"),
    name(Field::B3TraceId, "x-b3-traceid", "X_B3_TRACEID"),
    name(Field::B3SpanId, "x-b3-spanid", "X_B3_SPANID"),
    name(Field::B3Sampled, "x-b3-sampled", "X_B3_SAMPLED"),
    name(Field::B3Flags, "x-b3-flags", "X_B3_FLAGS"),
];

/// OpenTracing's way: one header for each item, `ot-baggage-<key>`, key and value unencoded.
pub(super) const LEGACY_BAGGAGE: &str = "ot-baggage-";

impl Field {
    /// The header's name, in lower case.
    #[inline]
    pub(super) fn header(self) -> &'static str {
        self.name().map_or("", |name| name.header)
    }

    /// The name of the environment variable.
    pub(super) fn variable(self) -> &'static str {
        self.name().map_or("", |name| name.variable)
    }

    #[inline]
    fn name(self) -> Option<&'static Name> {
        NAMES.get(self as usize)
    }

    pub(super) fn all() -> impl Iterator<Item = Field> {
        NAMES.iter().map(|name| name.field)
    }

    /// The fields that some styles use.
    pub(super) fn of_styles(styles: &[Style]) -> impl Iterator<Item = Field> {
        let fields = |style: &Style| -> &'static [Field] {
            match style {
                Style::Datadog => &[
                    Field::DatadogTraceId,
                    Field::DatadogParentId,
                    Field::DatadogPriority,
                    Field::DatadogOrigin,
                    Field::DatadogTags,
                ],
                Style::TraceContext => &[Field::Traceparent, Field::Tracestate],
                Style::B3Single => &[Field::B3],
                Style::B3Multi => {
                    &[Field::B3TraceId, Field::B3SpanId, Field::B3Sampled, Field::B3Flags]
                }
                Style::Baggage => &[Field::Baggage],
            }
        };
        styles.iter().flat_map(fields).copied()
    }

    /// The field of a header's name in any case.
    ///
    /// By the length first: of all the headers of a request hardly any gets as far as a comparison.
    pub(super) fn of(name: &str) -> Option<Field> {
        if !Self::may_be(name) {
            return None;
        }
        let candidates: &[Field] = match name.len() {
            2 => &[Field::B3],
            7 => &[Field::Baggage],
            10 => &[Field::Tracestate, Field::B3Flags],
            11 => &[Field::Traceparent, Field::B3SpanId],
            12 => &[Field::B3TraceId, Field::B3Sampled],
            14 => &[Field::DatadogTags],
            16 => &[Field::DatadogOrigin],
            18 => &[Field::DatadogTraceId],
            19 => &[Field::DatadogParentId],
            27 => &[Field::DatadogPriority],
            _ => return None,
        };
        let is =
            |field: &Field| field.header() == name || field.header().eq_ignore_ascii_case(name);
        candidates.iter().copied().find(is)
    }

    /// Whether a name has the length and the first letter of one that is understood.
    #[inline]
    pub(super) fn may_be(name: &str) -> bool {
        const LENGTHS: u32 = 1 << 2
            | 1 << 7
            | 1 << 10
            | 1 << 11
            | 1 << 12
            | 1 << 14
            | 1 << 16
            | 1 << 18
            | 1 << 19
            | 1 << 27;
        let bytes = name.as_bytes();
        bytes.len() < 32
            && (LENGTHS >> bytes.len()) & 1 == 1
            && bytes.first().is_some_and(|first| matches!(first | 0x20, b'x' | b't' | b'b'))
    }

    /// The field of an environment variable. Exact: variables have one case.
    pub(super) fn of_variable(name: &str) -> Option<Field> {
        NAMES.iter().find(|known| known.variable == name).map(|known| known.field)
    }
}

/// The key of a legacy baggage header, in the case it came in.
pub(super) fn legacy_baggage_key(name: &str) -> Option<&str> {
    let (prefix, key) = name.split_at_checked(LEGACY_BAGGAGE.len())?;
    (prefix.eq_ignore_ascii_case(LEGACY_BAGGAGE) && !key.is_empty()).then_some(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_is_found_by_its_names_and_in_its_place() {
        for (place, field) in Field::all().enumerate() {
            assert_eq!(field as usize, place);
            assert_eq!(Field::of(field.header()), Some(field));
            assert_eq!(Field::of(&field.header().to_uppercase()), Some(field));
            assert_eq!(field.variable(), field.header().to_uppercase().replace('-', "_"));
            assert_eq!(Field::of_variable(field.variable()), Some(field));
        }
        assert_eq!(Field::of("x_datadog_tags"), None);
        assert_eq!(Field::of_variable("x_datadog_tags"), None);
    }

    #[test]
    fn a_legacy_key_keeps_its_case() {
        assert_eq!(legacy_baggage_key("OT-Baggage-userId"), Some("userId"));
        for other in ["ot-baggage-", "ot-baggage", "baggage", "éé-baggage-a"] {
            assert_eq!(legacy_baggage_key(other), None, "{other}");
        }
    }
}
