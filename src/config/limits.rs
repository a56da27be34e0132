//! How much a span made through OpenTelemetry's API may hold.

/// The default of every count in OpenTelemetry's specification.
pub(super) const DEFAULT_COUNT: usize = 128;
/// Larger than any count.
const NO_LIMIT: usize = usize::MAX;

macro_rules! limits {
    (
        $(#[$meta:meta])+
        pub struct $limits:ident {
            $($(#[$doc:meta])+ $name:ident: $read:ident = $default:expr,)+
        }
    ) => {
        $(#[$meta])+
        pub struct $limits {
            $($name: usize,)+
        }

        impl $limits {
            /// The limits where nobody says otherwise.
            pub const DEFAULT: $limits = $limits { $($name: $default,)+ };

            $(
                $(#[$doc])+
                #[must_use]
                pub fn $name(mut self, limit: impl Into<Option<usize>>) -> Self {
                    self.$name = limit.into().unwrap_or(NO_LIMIT);
                    self
                }

                /// The limit in force; `usize::MAX` where there is none.
                #[must_use]
                pub const fn $read(&self) -> usize {
                    self.$name
                }
            )+
        }
    };
}

limits! {
    /// How much a span that is made through OpenTelemetry's API may hold.
    ///
    /// The defaults are OpenTelemetry's own for what only grows, events and links (128 of each, with 128
    /// attributes each); attributes of the span are not counted and texts not cut, as by every Datadog tracer:
    /// a tag that is set again takes the place of the old one, and the payload has bounds of its own.
    ///
    /// Each may be `None`, for "no limit". In code, give it to the provider of the OpenTelemetry bridge; the
    /// variables are those of the [OpenTelemetry specification].
    ///
    /// ```
    /// use tracehound::config::SpanLimits;
    ///
    /// let limits = SpanLimits::default().attributes(64).value_chars(1024).events(None);
    /// assert_eq!(limits.max_attributes(), 64);
    /// ```
    ///
    /// [OpenTelemetry specification]: https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/#attribute-limits
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct SpanLimits {
        /// Different attributes of a span (`OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT`, `OTEL_ATTRIBUTE_COUNT_LIMIT`); no
        /// limit by default.
        attributes: max_attributes = NO_LIMIT,
        /// Characters of a text, also in a list (`OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT`,
        /// `OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT`); no limit by default.
        value_chars: max_value_chars = NO_LIMIT,
        /// Events of a span (`OTEL_SPAN_EVENT_COUNT_LIMIT`); 128 by default.
        events: max_events = DEFAULT_COUNT,
        /// Links of a span (`OTEL_SPAN_LINK_COUNT_LIMIT`); 128 by default.
        links: max_links = DEFAULT_COUNT,
        /// Attributes of an event (`OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT`); 128 by default.
        event_attributes: max_event_attributes = DEFAULT_COUNT,
        /// Attributes of a link (`OTEL_LINK_ATTRIBUTE_COUNT_LIMIT`); 128 by default.
        link_attributes: max_link_attributes = DEFAULT_COUNT,
    }
}

impl Default for SpanLimits {
    fn default() -> Self {
        SpanLimits::DEFAULT
    }
}
