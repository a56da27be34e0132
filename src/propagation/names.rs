//! The names of all headers.

use crate::config::Style;

macro_rules! fields {
    ($($field:ident: $header:literal, $variable:literal;)*) => {
        /// One header that is understood.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(super) enum Field {
            $($field,)*
        }

        const ALL: [Field; FIELDS] = [$(Field::$field),*];

        /// A bit for each length of a name.
        const LENGTHS: u32 = $(1 << $header.len())|*;

        impl Field {
            /// The header's name, in lower case.
            #[inline]
            pub(super) fn header(self) -> &'static str {
                match self {
                    $(Field::$field => $header,)*
                }
            }

            /// The same for `http`, made by the compiler: making one allocates, and a copy of one takes longer.
            #[cfg(feature = "http")]
            #[inline]
            pub(super) fn header_name(self) -> http::HeaderName {
                match self {
                    $(Field::$field => const { http::HeaderName::from_static($header) },)*
                }
            }

            /// The name of the environment variable, and behind `HTTP_` that of CGI.
            pub(super) fn variable(self) -> &'static str {
                match self {
                    $(Field::$field => $variable,)*
                }
            }

            /// The field of a header's name in any case.
            pub(super) fn of(name: &str) -> Option<Field> {
                match name {
                    _ if !Self::may_be(name) => None,
                    $($header => Some(Field::$field),)*
                    _ => ALL.into_iter().find(|field| field.header().eq_ignore_ascii_case(name)),
                }
            }
        }
    };
}

pub(super) const FIELDS: usize = 13;

fields! {
    DatadogTraceId: "x-datadog-trace-id", "X_DATADOG_TRACE_ID";
    DatadogParentId: "x-datadog-parent-id", "X_DATADOG_PARENT_ID";
    DatadogPriority: "x-datadog-sampling-priority", "X_DATADOG_SAMPLING_PRIORITY";
    DatadogOrigin: "x-datadog-origin", "X_DATADOG_ORIGIN";
    DatadogTags: "x-datadog-tags", "X_DATADOG_TAGS";
    Traceparent: "traceparent", "TRACEPARENT";
    Tracestate: "tracestate", "TRACESTATE";
    Baggage: "baggage", "BAGGAGE";
    B3: "b3", "B3";
    B3TraceId: "x-b3-traceid", "X_B3_TRACEID";
    B3SpanId: "x-b3-spanid", "X_B3_SPANID";
    B3Sampled: "x-b3-sampled", "X_B3_SAMPLED";
    B3Flags: "x-b3-flags", "X_B3_FLAGS";
}

/// OpenTracing's way: one header for each item, `ot-baggage-<key>`, key and value unencoded.
pub(super) const LEGACY_BAGGAGE: &str = "ot-baggage-";

impl Field {
    pub(super) fn all() -> impl Iterator<Item = Field> {
        ALL.into_iter()
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

    /// Whether a name has the length and the first letter of one that is understood: of all the headers of a request
    /// hardly any gets as far as a comparison.
    #[inline]
    pub(super) fn may_be(name: &str) -> bool {
        let bytes = name.as_bytes();
        bytes.len() < 32
            && (LENGTHS >> bytes.len()) & 1 == 1
            && bytes.first().is_some_and(|first| matches!(first | 0x20, b'x' | b't' | b'b'))
    }

    /// The field of an environment variable. Exact: variables have one case.
    pub(super) fn of_variable(name: &str) -> Option<Field> {
        Self::all().find(|field| field.variable() == name)
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
