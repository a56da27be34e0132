//! The one table of settings.

use std::time::Duration;

use crate::text::Text;

use super::key::{Key, Reason};
use super::limits::DEFAULT_COUNT;
use super::origin::Setting;
use super::propagation::{BaggageTagKeys, ExtractBehavior, Style, each_once, styles};
use super::resolve::Resolver;
use super::value::Map;
use super::{json, otel, parse};

/// The setter of a row: that of its field, another one, or none.
macro_rules! setter {
    ($field:ident) => {
        Some(stringify!($field))
    };
    ($field:ident none) => {
        None
    };
    ($field:ident $setter:ident) => {
        Some(stringify!($setter))
    };
}

/// Rows, and what follows from them: a [`Key`] for each, the values given in code, and the values that
/// all sources came to.
macro_rules! settings {
    ($(
        $(#[doc = $doc:literal])+
        $name:ident as $field:ident $(by $setter:ident)?: $type:ty { $($facts:tt)+ }
    )+) => {
        $(
            pub(super) static $name: Key<$type> = Key {
                name: stringify!($name),
                setter: setter!($field $($setter)?),
                doc: concat!($($doc),+),
                $($facts)+
            };
        )+

        /// Values given in code.
        #[derive(Clone, Default)]
        pub(super) struct Given {
            $(pub(super) $field: Option<$type>,)+
        }

        impl Given {
            /// These, and others where there are none.
            pub(super) fn or(self, others: Given) -> Given {
                Given { $($field: self.$field.or(others.$field),)+ }
            }
        }

        /// The values, each with its origin.
        #[derive(Clone)]
        pub(super) struct Settings {
            $(pub(super) $field: Setting<$type>,)+
        }

        impl Settings {
            pub(super) fn resolve(given: Given, resolver: &mut Resolver<'_>) -> Self {
                Settings { $($field: resolver.resolve(&$name, given.$field),)+ }
            }
        }

        /// The variables by their first names, in order.
        pub(super) static NAMES: &[&str] = &[$(stringify!($name),)+];

        /// Whether a variable gives a setting, by its first name or another one.
        pub(super) fn is_read(variable: &str) -> bool {
            false $(|| $name.reads(variable))+
        }

        #[cfg(test)]
        pub(super) static ROWS: &[&dyn super::key::Row] = &[$(&$name,)+];
    };
}

// ===== what most rows of a kind share =====

const OFF: Key<bool> = Key::new(|| false, |text, _| parse::boolean(text));
const ON: Key<bool> = Key { default: || true, ..OFF };

const TEXT: Key<Option<Text>> = Key {
    check: |text, _| text.map(parse::not_blank).transpose(),
    ..Key::new(|| None, |text, _| Ok(Some(Text::copy(text))))
};

const COUNT: Key<usize> = Key::new(|| 0, |text, _| parse::integer(text));

const OPTIONAL_COUNT: Key<Option<usize>> =
    Key::new(|| None, |text, _| parse::integer(text).map(Some));

const SPAN_LIMIT: Key<usize> = Key { default: || DEFAULT_COUNT, ..COUNT };

const SECONDS: Key<Duration> = Key {
    check: |duration, _| a_millisecond_to_an_hour(duration),
    ..Key::new(|| Duration::from_secs(1), |text, _| parse::seconds(text))
};

const MAP: Key<Map> = Key::new(Map::default, parse::map_of_some);

/// Read when the sampler is made; here it is only seen whether there is a list.
const RULES: Key<Option<Text>> = Key {
    check: |text, _| text.map(|text| parse::not_blank(text).and_then(json::list)).transpose(),
    ..TEXT
};

const STYLES: Key<Vec<Style>> = Key {
    check: |styles, _| Ok(each_once(styles)),
    ..Key::new(|| Style::DEFAULT.to_vec(), styles)
};

/// No wait and no period of ours makes sense outside of these.
fn a_millisecond_to_an_hour(duration: Duration) -> Result<Duration, Reason> {
    if (Duration::from_millis(1)..=Duration::from_secs(3600)).contains(&duration) {
        Ok(duration)
    } else {
        Err("is not between 0.001 and 3600 seconds".into())
    }
}

// ===== limits =====

/// The agent refuses larger payloads: 10 MB by its older limit, less a margin for headers.
pub(super) const MAX_PAYLOAD_BYTES: usize = 9_500_000;

/// A trace holds no more spans, so that a greater number would mean never, which
/// `DD_TRACE_PARTIAL_FLUSH_ENABLED` says better.
const MAX_PARTIAL_FLUSH_SPANS: usize = 100_000;

/// The other tracers send no longer `x-datadog-tags`, and read none.
const MAX_DATADOG_TAGS_LENGTH: usize = 512;

settings! {
    /// Host of the Datadog Agent; `localhost` when only the port is set.
    DD_AGENT_HOST as agent_host: Option<Text> {
        aliases: &["DD_TRACE_AGENT_HOSTNAME", "DATADOG_TRACE_AGENT_HOSTNAME"],
        check: |host, _| host.map(parse::host).transpose(),
        repeats: false,
        ..TEXT
    }

    /// `false` for a process that sends traces only on behalf of other products: one trace per minute,
    /// marked as such.
    DD_APM_TRACING_ENABLED as apm_tracing: bool { ..ON }

    /// Environment of the program: `prod`, `staging`. Unset: the tag `env` of `DD_TAGS`, then
    /// `deployment.environment.name` or `deployment.environment` of `OTEL_RESOURCE_ATTRIBUTES`.
    DD_ENV as env: Option<Text> { ..TEXT }

    /// Set by Datadog's admission controller and passed on to the agent as it is.
    DD_EXTERNAL_ENV as external_env by none: Option<Text> { ..TEXT }

    /// Commit that the program was built from. Unset: the tag `git.commit.sha` of `DD_TAGS`.
    DD_GIT_COMMIT_SHA as git_commit_sha by none: Option<Text> { ..TEXT }

    /// Repository of the program's source code. Unset: the tag `git.repository_url` of `DD_TAGS`. A user name
    /// and a password in it are left out.
    DD_GIT_REPOSITORY_URL as git_repository_url by none: Option<Text> {
        check: |url, _| url.map(parse::repository_url).transpose(),
        repeats: false,
        ..TEXT
    }

    /// Name of the host, where the one of the operating system is not meant.
    DD_HOSTNAME as hostname: Option<Text> { ..TEXT }

    /// Name of the service. Unset: the tag `service` of `DD_TAGS`, then `service.name` of
    /// `OTEL_RESOURCE_ATTRIBUTES`, then the name that a serverless platform gave the function.
    DD_SERVICE as service: Text {
        otel: Some(otel::SERVICE_NAME),
        check: |text, _| parse::not_blank(text),
        ..Key::new(|| Text::literal("unnamed-rust-service"), |text, _| Ok(Text::copy(text)))
    }

    /// Services to rename: `from:to,from:to`. Spans of the service `from`, the configured one included, get the
    /// service `to`.
    DD_SERVICE_MAPPING as service_mapping: Map {
        check: parse::mapping,
        ..MAP
    }

    /// JSON list of rules that keep single spans of traces that are not kept.
    DD_SPAN_SAMPLING_RULES as span_sampling_rules: Option<Text> { ..RULES }

    /// File to read `DD_SPAN_SAMPLING_RULES` from, where that is unset.
    DD_SPAN_SAMPLING_RULES_FILE as span_sampling_rules_file: Option<Text> { ..TEXT }

    /// Tags of every span: `key:value,key:value`, or with spaces instead of the commas. `service`, `env` and
    /// `version` fill gaps of their own settings, `git.repository_url` and `git.commit.sha` say where the
    /// source code is.
    DD_TAGS as tags by tag: Map { otel: Some(otel::RESOURCE_ATTRIBUTES), ..MAP }

    /// Ids of new traces have 128 bits; with `false` they have 64.
    DD_TRACE_128_BIT_TRACEID_GENERATION_ENABLED as trace_id_128_bit: bool { ..ON }

    /// Port of the Datadog Agent, from 1 to 65535; `8126` when only the host is set.
    DD_TRACE_AGENT_PORT as agent_port: Option<u16> {
        aliases: &["DD_AGENT_PORT"],
        check: |port, _| port.map(|port| parse::within(port, 1..=u16::MAX)).transpose(),
        ..Key::new(|| None, |text, _| parse::integer(text).map(Some))
    }

    /// How long a request waits while nothing of it moves: for a connection, for the agent to read more of it, for
    /// more of the answer. A large request to a slow agent may take longer in all, an answer five times as long; from
    /// 0.001 to 3600.
    DD_TRACE_AGENT_TIMEOUT_SECONDS as agent_timeout: Duration {
        aliases: &["DD_TRACE_AGENT_TIMEOUT"],
        default: || Duration::from_secs(2),
        ..SECONDS
    }

    /// Address of the Datadog Agent: `http://host:port` or `unix:///path`; there is no TLS to the agent, and
    /// `https://` is refused. It wins over host and port. With none of the three set it is
    /// `unix:///var/run/datadog/apm.socket` where that exists, and otherwise `http://localhost:8126`.
    DD_TRACE_AGENT_URL as agent_url: Option<Text> {
        check: |url, _| url.map(parse::agent_url).transpose(),
        repeats: false,
        ..TEXT
    }

    /// Keys of the incoming baggage that become tags `baggage.<key>` of the local root span; `*` for all,
    /// nothing for none.
    DD_TRACE_BAGGAGE_TAG_KEYS as baggage_tag_keys: BaggageTagKeys {
        blank_counts: true,
        ..Key::new(
            || BaggageTagKeys::Only(["user.id", "session.id", "account.id"].map(Text::literal).to_vec()),
            |text, _| Ok(BaggageTagKeys::parse(text)),
        )
    }

    /// The tracer says on the standard error stream what it does and how it is misused.
    DD_TRACE_DEBUG as debug: bool { otel: Some(otel::LOG_LEVEL), ..OFF }

    /// `false`: nothing is sent to the agent; spans are made, and context travels, all the same.
    DD_TRACE_ENABLED as enabled: bool { otel: Some(otel::TRACES_EXPORTER), ..ON }

    /// Commit and repository of the source code are tags of the first span of each chunk.
    DD_TRACE_GIT_METADATA_ENABLED as git_metadata by none: bool { ..ON }

    /// Span events are sent in their own field, whether or not the agent announces that it knows it.
    DD_TRACE_NATIVE_SPAN_EVENTS as native_span_events: bool { ..OFF }

    /// Trace context is accepted only from the own organisation and from trusted ones.
    DD_TRACE_ORG_GUARD_ENABLED as org_guard: bool { ..OFF }

    /// With the organisation guard, trace context without a marker counts as foreign.
    DD_TRACE_ORG_GUARD_STRICT as org_guard_strict: bool { ..OFF }

    /// Markers of other organisations whose trace context is accepted.
    DD_TRACE_ORG_GUARD_TRUSTED_OPMS as org_guard_trusted: Vec<Text> {
        ..Key::new(Vec::new, |text, _| Ok(parse::list(text)))
    }

    /// Spans made through the OpenTelemetry API are traced, where its bridge is installed.
    DD_TRACE_OTEL_ENABLED as otel_enabled: bool { otel: Some(otel::SDK_DISABLED), ..ON }

    /// The finished spans of a long trace are sent while others are still open.
    DD_TRACE_PARTIAL_FLUSH_ENABLED as partial_flush: bool { ..ON }

    /// So many finished spans of one trace are sent without waiting for the rest; from 1 to 100000.
    DD_TRACE_PARTIAL_FLUSH_MIN_SPANS as partial_flush_min_spans by partial_flush: usize {
        default: || 300,
        parse: parse::nearest_integer,
        check: |spans, remarks| {
            parse::within(parse::at_least_one(spans, remarks), 1..=MAX_PARTIAL_FLUSH_SPANS)
        },
        ..COUNT
    }

    /// What to do with the trace context of an incoming request: continue its trace, start a new trace
    /// that links to it, or ignore it.
    DD_TRACE_PROPAGATION_BEHAVIOR_EXTRACT as extract_behavior: ExtractBehavior {
        ..Key::new(ExtractBehavior::default, |text, _| ExtractBehavior::parse(text))
    }

    /// Incoming headers are read up to the first style that gives a trace; the others are not compared
    /// with it.
    DD_TRACE_PROPAGATION_EXTRACT_FIRST as extract_first: bool { ..OFF }

    /// Baggage is also sent and read as `ot-baggage-<key>` headers.
    DD_TRACE_PROPAGATION_HTTP_BAGGAGE_ENABLED as http_baggage: bool { ..OFF }

    /// Families of headers that carry trace context, in both directions: any of `datadog`,
    /// `tracecontext`, `b3` (the single header), `b3multi` and `baggage`, or `none`.
    DD_TRACE_PROPAGATION_STYLE as propagation_styles: Vec<Style> {
        otel: Some(otel::PROPAGATORS),
        ..STYLES
    }

    /// The same for incoming requests alone. Unset: `DD_TRACE_PROPAGATION_STYLE`.
    DD_TRACE_PROPAGATION_STYLE_EXTRACT as extract_styles: Vec<Style> { ..STYLES }

    /// The same for outgoing requests alone. Unset: `DD_TRACE_PROPAGATION_STYLE`.
    DD_TRACE_PROPAGATION_STYLE_INJECT as inject_styles: Vec<Style> { ..STYLES }

    /// So many traces per second may be kept by sampling rules or the sample rate; a negative number is no limit.
    DD_TRACE_RATE_LIMIT as rate_limit: i64 {
        ..Key::new(|| 100, |text, _| parse::integer(text))
    }

    /// The name of the host is a tag of local root spans.
    DD_TRACE_REPORT_HOSTNAME as report_hostname: bool { ..OFF }

    /// Share of the traces to keep where no rule matches, from 0 to 1. Unset: the agent decides.
    DD_TRACE_SAMPLE_RATE as sample_rate: Option<f64> {
        otel: Some(otel::TRACES_SAMPLER),
        check: |rate, _| rate.map(|rate| parse::within(rate, 0.0..=1.0)).transpose(),
        ..Key::new(|| None, |text, _| parse::number(text).map(Some))
    }

    /// JSON list of rules that decide which traces to keep; the first that matches counts.
    DD_TRACE_SAMPLING_RULES as sampling_rules: Option<Text> { ..RULES }

    /// File to read `DD_TRACE_SAMPLING_RULES` from, where that is unset.
    DD_TRACE_SAMPLING_RULES_FILE as sampling_rules_file: Option<Text> { ..TEXT }

    /// So many frames of a stack trace are kept in a span.
    DD_TRACE_SPAN_TRACEBACK_MAX_SIZE as traceback_max_frames: usize { default: || 30, ..COUNT }

    /// So many bytes of finished spans may wait to be sent, from the end of a trace until the agent has it; what comes
    /// beyond is dropped and counted.
    DD_TRACE_WRITER_BUFFER_SIZE_BYTES as buffer_bytes: usize {
        default: || 20 * 1024 * 1024,
        check: |bytes, _| parse::within(bytes, 1..=usize::MAX),
        ..COUNT
    }

    /// Spans are sent so often, and earlier when there are many.
    DD_TRACE_WRITER_INTERVAL_SECONDS as flush_interval: Duration { ..SECONDS }

    /// Largest request to send; at most 9500000, which every agent accepts, and what the agent says it takes where that
    /// is less. Larger traces go in parts.
    DD_TRACE_WRITER_MAX_PAYLOAD_SIZE_BYTES as max_payload_bytes: usize {
        default: || MAX_PAYLOAD_BYTES,
        parse: parse::nearest_integer,
        check: |bytes, remarks| {
            // Not the nearest that is allowed: in one byte nothing would ever be sent.
            Ok(parse::at_most(parse::within(bytes, 1..=usize::MAX)?, MAX_PAYLOAD_BYTES, remarks))
        },
        ..COUNT
    }

    /// Longest `x-datadog-tags` header to send or read, in bytes; at most 512, and 0 for none.
    DD_TRACE_X_DATADOG_TAGS_MAX_LENGTH as datadog_tags_max_length: usize {
        default: || MAX_DATADOG_TAGS_LENGTH,
        parse: parse::nearest_integer,
        check: |length, remarks| Ok(parse::at_most(length, MAX_DATADOG_TAGS_LENGTH, remarks)),
        ..COUNT
    }

    /// Version of the program. Unset: the tag `version` of `DD_TAGS`, then `service.version` of
    /// `OTEL_RESOURCE_ATTRIBUTES`.
    DD_VERSION as version: Option<Text> { ..TEXT }

    /// Attributes that an event keeps, of a span made through the OpenTelemetry API.
    OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT as otel_event_attributes by none: usize { ..SPAN_LIMIT }

    /// Attributes that a link keeps, of a span made through the OpenTelemetry API.
    OTEL_LINK_ATTRIBUTE_COUNT_LIMIT as otel_link_attributes by none: usize { ..SPAN_LIMIT }

    /// Different attributes that a span keeps which is made through the OpenTelemetry API. Unset: all.
    OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT as otel_attributes by none: Option<usize> {
        aliases: &["OTEL_ATTRIBUTE_COUNT_LIMIT"],
        ..OPTIONAL_COUNT
    }

    /// Characters that a text keeps, as an attribute or in a list, of a span, an event or a link made
    /// through the OpenTelemetry API. Unset: all.
    OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT as otel_value_chars by none: Option<usize> {
        aliases: &["OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT"],
        ..OPTIONAL_COUNT
    }

    /// Events that a span keeps which is made through the OpenTelemetry API.
    OTEL_SPAN_EVENT_COUNT_LIMIT as otel_events by none: usize { ..SPAN_LIMIT }

    /// Links that a span keeps which is made through the OpenTelemetry API.
    OTEL_SPAN_LINK_COUNT_LIMIT as otel_links by none: usize { ..SPAN_LIMIT }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Environment;
    use proptest::prelude::*;

    #[test]
    fn names_are_unique_and_in_order() {
        let names: Vec<_> = ROWS.iter().map(|row| row.name()).collect();
        assert!(names.is_sorted(), "{names:?}");
        let mut all: Vec<_> = ROWS.iter().flat_map(|row| row.aliases().to_vec()).collect();
        all.extend(&names);
        all.sort_unstable();
        all.dedup();
        assert_eq!(
            all.len(),
            names.len() + ROWS.iter().map(|row| row.aliases().len()).sum::<usize>()
        );
    }

    #[test]
    fn every_row_says_what_it_means() {
        for row in ROWS {
            let doc = row.doc();
            assert!(doc.len() > 10 && doc.ends_with('.'), "{}: {doc:?}", row.name());
        }
    }

    #[test]
    fn every_setter_is_there_and_only_these_rows_have_none() {
        let builder = include_str!("builder.rs");
        let mut without = Vec::new();
        for row in ROWS {
            match row.setter() {
                Some(name) => {
                    let starts = ["(", "<"].map(|next| format!("    pub fn {name}{next}"));
                    assert!(starts.iter().any(|start| builder.contains(start)), "{name}");
                }
                None => without.push(row.name()),
            }
        }
        without.retain(|name| !name.starts_with("OTEL_"));
        assert_eq!(
            without,
            [
                "DD_EXTERNAL_ENV",
                "DD_GIT_COMMIT_SHA",
                "DD_GIT_REPOSITORY_URL",
                "DD_TRACE_GIT_METADATA_ENABLED",
            ]
        );
    }

    #[test]
    fn defaults_are_what_their_own_text_says() {
        for row in ROWS {
            if let Some(text) = row.default_text() {
                if !text.is_empty() {
                    assert_eq!(row.read(&text), Ok(Some(text)), "{}", row.name());
                }
            }
        }
    }

    /// The registry of the existing tracers, so that no name is misspelt.
    #[test]
    fn names_are_those_of_the_other_tracers() {
        let known: serde_json::Value =
            serde_json::from_str(include_str!("../../tests/vectors/env-vars.json")).unwrap();
        // Newer than the registry; and the OpenTelemetry specification's, which no other tracer reads.
        let newer = |name: &str| {
            name.starts_with("DD_TRACE_ORG_GUARD_")
                || (name.starts_with("OTEL_") && name.ends_with("_LIMIT"))
        };
        for row in ROWS {
            for name in row.otel().into_iter().chain([row.name()]) {
                assert!(known["variables"].get(name).is_some() || newer(name), "{name}");
            }
        }
    }

    fn row(name: &str) -> &'static dyn crate::config::key::Row {
        *ROWS.iter().find(|row| row.name() == name).unwrap()
    }

    #[test]
    fn limits_hold() {
        for (name, text, expected) in [
            ("DD_TRACE_AGENT_PORT", "8126", Some("8126")),
            ("DD_TRACE_AGENT_PORT", "0", None),
            ("DD_TRACE_AGENT_PORT", "65536", None),
            ("DD_TRACE_PARTIAL_FLUSH_MIN_SPANS", "-5", Some("1")),
            ("DD_TRACE_PARTIAL_FLUSH_MIN_SPANS", "0", Some("1")),
            ("DD_TRACE_PARTIAL_FLUSH_MIN_SPANS", "100000", Some("100000")),
            ("DD_TRACE_PARTIAL_FLUSH_MIN_SPANS", "100001", None),
            ("DD_TRACE_X_DATADOG_TAGS_MAX_LENGTH", "-1", Some("0")),
            ("DD_TRACE_X_DATADOG_TAGS_MAX_LENGTH", "0", Some("0")),
            ("DD_TRACE_X_DATADOG_TAGS_MAX_LENGTH", "513", Some("512")),
            ("DD_TRACE_RATE_LIMIT", "0", Some("0")),
            ("DD_TRACE_RATE_LIMIT", "-1", Some("-1")),
            ("DD_TRACE_WRITER_MAX_PAYLOAD_SIZE_BYTES", "20971520", Some("9500000")),
            ("DD_TRACE_WRITER_MAX_PAYLOAD_SIZE_BYTES", "0", None),
            ("DD_TRACE_WRITER_BUFFER_SIZE_BYTES", "0", None),
            ("DD_TRACE_WRITER_INTERVAL_SECONDS", "0.5", Some("0.5")),
            ("DD_TRACE_WRITER_INTERVAL_SECONDS", "0", None),
            ("DD_TRACE_AGENT_TIMEOUT_SECONDS", "3601", None),
            ("DD_TRACE_SAMPLE_RATE", "1.5", None),
            ("DD_SERVICE_MAPPING", "a:b,c,d:", Some("a:b")),
            ("DD_TRACE_PROPAGATION_BEHAVIOR_EXTRACT", "Restart", Some("restart")),
            ("DD_TRACE_PROPAGATION_BEHAVIOR_EXTRACT", "stop", None),
        ] {
            assert_eq!(row(name).read(text).ok().flatten().as_deref(), expected, "{name}={text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_upsets_any_row(text in ".{0,60}") {
            let environment = Environment::from_pairs([("OTEL_TRACES_SAMPLER_ARG", text.clone())]);
            for row in ROWS {
                let _ = row.read(&text);
                let _ = row.read_otel(&text, &environment);
            }
        }

        #[test]
        fn what_a_row_shows_it_reads_back(text in "[-+.0-9a-z:,*]{1,20}") {
            for row in ROWS {
                if let Ok(Some(shown)) = row.read(&text) {
                    if !shown.is_empty() {
                        prop_assert_eq!(row.read(&shown), Ok(Some(shown)), "{}", row.name());
                    }
                }
            }
        }
    }
}
