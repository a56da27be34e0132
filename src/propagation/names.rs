//! The table of all headers: for each its style, its name, and the name of its environment variable.

use crate::config::Style;

macro_rules! fields {
    ($($field:ident of $style:ident: $header:literal, $variable:literal;)*) => {
        /// A header that some style reads and writes.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(super) enum Field {
            $($field,)*
        }

        const ALL: [Field; FIELDS] = [$(Field::$field),*];

        /// How many there are.
        pub(super) const FIELDS: usize = [$($header),*].len();

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

            /// The style that reads and writes it.
            fn style(self) -> Style {
                match self {
                    $(Field::$field => Style::$style,)*
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

fields! {
    DatadogTraceId of Datadog: "x-datadog-trace-id", "X_DATADOG_TRACE_ID";
    DatadogParentId of Datadog: "x-datadog-parent-id", "X_DATADOG_PARENT_ID";
    DatadogPriority of Datadog: "x-datadog-sampling-priority", "X_DATADOG_SAMPLING_PRIORITY";
    DatadogOrigin of Datadog: "x-datadog-origin", "X_DATADOG_ORIGIN";
    DatadogTags of Datadog: "x-datadog-tags", "X_DATADOG_TAGS";
    Traceparent of TraceContext: "traceparent", "TRACEPARENT";
    Tracestate of TraceContext: "tracestate", "TRACESTATE";
    Baggage of Baggage: "baggage", "BAGGAGE";
    B3 of B3Single: "b3", "B3";
    B3TraceId of B3Multi: "x-b3-traceid", "X_B3_TRACEID";
    B3SpanId of B3Multi: "x-b3-spanid", "X_B3_SPANID";
    B3Sampled of B3Multi: "x-b3-sampled", "X_B3_SAMPLED";
    B3Flags of B3Multi: "x-b3-flags", "X_B3_FLAGS";
}

/// OpenTracing's way: one header for each item, `ot-baggage-<key>`, key and value unencoded.
pub(super) const LEGACY_BAGGAGE: &str = "ot-baggage-";

impl Field {
    pub(super) fn all() -> impl Iterator<Item = Field> {
        ALL.into_iter()
    }

    /// The fields of some styles, in the order of the styles.
    pub(super) fn of_styles(styles: &[Style]) -> impl Iterator<Item = Field> {
        styles.iter().flat_map(|style| Self::all().filter(move |field| field.style() == *style))
    }

    /// Whether a name has the length and the first letter of one in the table: of all the headers of a request hardly any
    /// gets as far as a comparison. A header that begins with another letter, or is longer, needs a change here.
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
