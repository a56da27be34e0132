//! [`Config`]: the settings in force, after all sources were asked.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::api_version::ApiVersion;

use crate::text::Text;

use super::http::{NamingSchema, QueryObfuscation, StatusRanges};
use super::integrations::{IntegrationSettings, Integrations};
use super::propagation::{BaggageTagKeys, ExtractBehavior, Style};
use super::report::{Problem, Report};
use super::serverless::Platform;
use super::table::{Settings, getters};
use super::{ConfigBuilder, Origin, SpanLimits, StatsLimits, StatsSettings};

/// The settings of a tracer: read once, when built, and unchanging after that.
///
/// What a setting means, its limits and its default are told at the setter of the same name in
/// [`ConfigBuilder`].
#[derive(Clone)]
pub struct Config {
    pub(super) settings: Settings,
    pub(super) tags: Vec<(Text, Text)>,
    pub(super) integrations: Integrations,
    pub(super) service_is_user_set: bool,
    pub(super) platform: Platform,
    pub(super) agent_ca_file: Option<PathBuf>,
    pub(super) report: Report,
    pub(super) problems: Vec<Problem>,
}

impl Config {
    /// A builder: without any call to a setter, everything comes from the environment.
    pub fn builder() -> ConfigBuilder {
        ConfigBuilder::default()
    }

    /// The value of every setting, and what every source said about it.
    #[must_use]
    pub fn report(&self) -> &Report {
        &self.report
    }

    /// Adds to the report a value that code gave to another builder, where it wins over the setting.
    pub(crate) fn report_code(&mut self, name: &str, value: String) {
        self.report.add(name, Origin::Code, Some(value));
    }

    /// What could not be used, or not as it was given. To be logged once, when tracing starts.
    #[must_use]
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }

    /// Whether somebody named the service: it is neither the default nor a serverless function's name.
    #[must_use]
    pub fn service_is_user_set(&self) -> bool {
        self.service_is_user_set
    }

    /// The name that a serverless platform gave the function, where that is the service.
    pub(crate) fn inferred_service(&self) -> Option<&str> {
        let is_inferred = self.settings.service.origin == Origin::Calculated;
        Some(self.service()).filter(|_| is_inferred && !self.service_is_user_set)
    }

    /// Whether the service has its default name, and nobody tried to name it. A name that cannot be used is a try;
    /// there is a problem about it.
    pub(crate) fn service_is_default(&self) -> bool {
        let is_told = |problem: &Problem| ["DD_SERVICE", "service"].contains(&problem.name());
        self.settings.service.origin == Origin::Default && !self.problems.iter().any(is_told)
    }

    /// The tags of every span, without service, environment, version and git metadata, each key once.
    #[must_use]
    pub fn tags(&self) -> &[(Text, Text)] {
        &self.tags
    }

    /// What was said about an integration, in code or by `DD_TRACE_<NAME>_ENABLED` and the like. Names are compared
    /// without regard to case, with `-` and `.` as `_`.
    #[must_use]
    pub fn integration(&self, name: &str) -> &IntegrationSettings {
        self.integrations.get(name)
    }

    /// The integrations about which something was said, in order: in lower case, with `_` for what is no letter or
    /// digit.
    pub fn integration_names(&self) -> impl Iterator<Item = &str> {
        self.integrations.names()
    }

    /// The repository of the program; `None` also with `DD_TRACE_GIT_METADATA_ENABLED=false`.
    #[must_use]
    pub fn git_repository_url(&self) -> Option<&str> {
        let url = self.settings.git_repository_url.value.as_deref();
        url.filter(|_| self.settings.git_metadata.value)
    }

    /// The commit that the program was built from; `None` also with `DD_TRACE_GIT_METADATA_ENABLED=false`.
    #[must_use]
    pub fn git_commit_sha(&self) -> Option<&str> {
        let commit = self.settings.git_commit_sha.value.as_deref();
        commit.filter(|_| self.settings.git_metadata.value)
    }

    /// The file with the authorities that may sign the certificate of an agent behind `https://`; `None` for the roots
    /// of the platform.
    #[must_use]
    pub fn agent_ca_file(&self) -> Option<&Path> {
        self.agent_ca_file.as_deref()
    }

    /// After how many finished spans a trace with open ones is sent in parts; `None` for never.
    #[must_use]
    pub fn partial_flush(&self) -> Option<usize> {
        let min_spans = self.settings.partial_flush_min_spans.value;
        self.settings.partial_flush.value.then_some(min_spans)
    }

    /// How spans are counted.
    pub(crate) fn stats(&self) -> StatsSettings {
        let of = &self.settings;
        StatsSettings {
            is_on: of.client_stats.value && of.apm_tracing.value,
            obfuscates: of.stats_obfuscation.value,
            additional_tags: of.stats_additional_tags.value.clone(),
            limits: StatsLimits {
                resources: of.stats_resource_limit.value,
                http_endpoints: of.stats_http_endpoint_limit.value,
                peer_tags: of.stats_peer_tag_limit.value,
                additional_tags: of.stats_additional_tag_limit.value,
                keys: of.stats_limit.value,
            },
        }
    }

    /// How much a span made through the OpenTelemetry API may hold, by the `OTEL_*_LIMIT` variables.
    #[must_use]
    pub fn otel_span_limits(&self) -> SpanLimits {
        let of = &self.settings;
        SpanLimits::default()
            .attributes(of.otel_attributes.value)
            .value_chars(of.otel_value_chars.value)
            .events(of.otel_events.value)
            .links(of.otel_links.value)
            .event_attributes(of.otel_event_attributes.value)
            .link_attributes(of.otel_link_attributes.value)
    }

    getters!();
}

impl fmt::Debug for Config {
    /// What is not at its default, without secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.report.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::config::related::DEFAULT_URL;
    use crate::config::testkit::with;

    /// Of each getter: what it gives where nothing is set, and where a variable says this.
    macro_rules! getters_read {
        ($($getter:ident: $default:expr, $variable:literal = $text:literal: $value:expr;)+) => {$(
            assert_eq!(with(&[]).build().$getter(), $default, stringify!($getter));
            let config = with(&[($variable, $text)]).build();
            assert_eq!((config.$getter(), config.problems()), ($value, &[][..]), $variable);
        )+};
    }

    #[test]
    fn every_setting_has_its_documented_default_and_comes_from_its_variable() {
        let none = SpanLimits::default();
        let (none_of, ab): (&[Text], &[Text]) = (&[], &["a".into(), "b".into()]);
        getters_read! {
            agent_host: None, "DATADOG_TRACE_AGENT_HOSTNAME" = "agent": Some("agent");
            agent_port: None, "DD_AGENT_PORT" = "9126": Some(9126);
            agent_timeout: Duration::from_secs(2),
                "DD_TRACE_AGENT_TIMEOUT_SECONDS" = "0.5": Duration::from_millis(500);
            agent_url: DEFAULT_URL.as_str(), "DD_TRACE_AGENT_URL" = "http://a:1": "http://a:1";
            agent_protocol_version: None, "DD_TRACE_AGENT_PROTOCOL_VERSION" = "1.0": Some(ApiVersion::V1);
            api_version: None, "DD_TRACE_API_VERSION" = "v0.5": Some(ApiVersion::V05);
            apm_tracing: true, "DD_APM_TRACING_ENABLED" = "0": false;
            baggage_tag_keys: &BaggageTagKeys::Only(["user.id", "session.id", "account.id"].map(Text::from).into()),
                "DD_TRACE_BAGGAGE_TAG_KEYS" = "": &BaggageTagKeys::Only(vec![]);
            client_stats: true, "DD_TRACE_COMPUTE_STATS" = "false": false;
            buffer_bytes: 20_971_520, "DD_TRACE_WRITER_BUFFER_SIZE_BYTES" = "1000": 1000;
            datadog_tags_max_length: 512, "DD_TRACE_X_DATADOG_TAGS_MAX_LENGTH" = "0": 0;
            debug: false, "DD_TRACE_DEBUG" = "1": true;
            enabled: true, "DD_TRACE_ENABLED" = "F": false;
            env: None, "DD_ENV" = "prod": Some("prod");
            external_env: None, "DD_EXTERNAL_ENV" = "it-false,cn-a": Some("it-false,cn-a");
            extract_behavior: ExtractBehavior::Continue,
                "DD_TRACE_PROPAGATION_BEHAVIOR_EXTRACT" = "IGNORE": ExtractBehavior::Ignore;
            extract_first: false, "DD_TRACE_PROPAGATION_EXTRACT_FIRST" = "true": true;
            flush_interval: Duration::from_secs(1),
                "DD_TRACE_WRITER_INTERVAL_SECONDS" = "3": Duration::from_secs(3);
            hostname: None, "DD_HOSTNAME" = "host": Some("host");
            http_baggage: false, "DD_TRACE_PROPAGATION_HTTP_BAGGAGE_ENABLED" = "true": true;
            long_running_first: Duration::from_secs(10),
                "DD_TRACE_EXPERIMENTAL_LONG_RUNNING_INITIAL_FLUSH_INTERVAL" = "1": Duration::from_secs(1);
            long_running_interval: Duration::from_secs(120),
                "DD_TRACE_EXPERIMENTAL_LONG_RUNNING_FLUSH_INTERVAL" = "60": Duration::from_secs(60);
            max_payload_bytes: 9_500_000, "DD_TRACE_WRITER_MAX_PAYLOAD_SIZE_BYTES" = "500": 500;
            main_package: None, "DD_MAIN_PACKAGE" = "shop": Some("shop");
            native_span_events: false, "DD_TRACE_NATIVE_SPAN_EVENTS" = "true": true;
            org_guard: false, "DD_TRACE_ORG_GUARD_ENABLED" = "true": true;
            org_guard_strict: false, "DD_TRACE_ORG_GUARD_STRICT" = "true": true;
            org_guard_trusted: <&[Text]>::default(),
                "DD_TRACE_ORG_GUARD_TRUSTED_OPMS" = "x, y": &["x", "y"].map(Text::from)[..];
            flush_deadline: Duration::from_millis(100),
                "DD_APM_FLUSH_DEADLINE_MILLISECONDS" = "0": Duration::ZERO;
            otel_semantics: false, "DD_TRACE_OTEL_SEMANTICS_ENABLED" = "true": true;
            otel_enabled: true, "OTEL_SDK_DISABLED" = "true": false;
            otel_span_limits: none, "OTEL_ATTRIBUTE_COUNT_LIMIT" = "40": none.attributes(40);
            otel_span_limits: none, "OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT" = "4": none.attributes(4);
            otel_span_limits: none, "OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT" = "1": none.value_chars(1);
            otel_span_limits: none, "OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT" = "2": none.event_attributes(2);
            otel_span_limits: none, "OTEL_LINK_ATTRIBUTE_COUNT_LIMIT" = "3": none.link_attributes(3);
            otel_span_limits: none, "OTEL_SPAN_EVENT_COUNT_LIMIT" = "5": none.events(5);
            otel_span_limits: none, "OTEL_SPAN_LINK_COUNT_LIMIT" = "6": none.links(6);
            partial_flush: Some(300), "DD_TRACE_PARTIAL_FLUSH_ENABLED" = "false": None;
            partial_flush: Some(300), "DD_TRACE_PARTIAL_FLUSH_MIN_SPANS" = "9": Some(9);
            process_tags: true, "DD_EXPERIMENTAL_PROPAGATE_PROCESS_TAGS_ENABLED" = "0": false;
            rate_limit: Some(100), "DD_TRACE_RATE_LIMIT" = "7": Some(7);
            rate_limit: Some(100), "DD_TRACE_RATE_LIMIT" = "0": Some(0);
            rate_limit: Some(100), "DD_TRACE_RATE_LIMIT" = "-7": None;
            remove_integration_service_names: false,
                "DD_TRACE_REMOVE_INTEGRATION_SERVICE_NAMES_ENABLED" = "1": true;
            report_hostname: false, "DD_TRACE_REPORT_HOSTNAME" = "true": true;
            sample_rate: None, "DD_TRACE_SAMPLE_RATE" = "0.1": Some(0.1);
            sampling_rules: None, "DD_TRACE_SAMPLING_RULES" = "[{}]": Some("[{}]");
            service: "unnamed-rust-service", "DD_SERVICE" = "shop": "shop";
            naming_schema: NamingSchema::V0, "DD_TRACE_SPAN_ATTRIBUTE_SCHEMA" = "v1": NamingSchema::V1;
            http_server_query: true, "DD_HTTP_SERVER_TAG_QUERY_STRING" = "false": false;
            http_client_query: true, "DD_TRACE_HTTP_CLIENT_TAG_QUERY_STRING" = "false": false;
            query_disabled: false, "DD_TRACE_HTTP_URL_QUERY_STRING_DISABLED" = "true": true;
            query_allowlist: none_of, "DD_TRACE_HTTP_URL_QUERY_STRING_ALLOWLIST" = "a, b": ab;
            client_query_allowlist: none_of,
                "DD_TRACE_HTTP_URL_QUERY_STRING_ALLOWLIST_CLIENT" = "a,b": ab;
            server_query_allowlist: none_of,
                "DD_TRACE_HTTP_URL_QUERY_STRING_ALLOWLIST_SERVER" = "a,b": ab;
            query_obfuscation: &QueryObfuscation::Default,
                "DD_TRACE_OBFUSCATION_QUERY_STRING_REGEXP" = " ": &QueryObfuscation::Off;
            query_obfuscation: &QueryObfuscation::Default,
                "DD_TRACE_OBFUSCATION_QUERY_STRING_REGEXP" = "a": &QueryObfuscation::Expression("a".into());
            http_server_error_statuses: &StatusRanges::one(500, 599),
                "DD_TRACE_HTTP_SERVER_ERROR_STATUSES" = "404": &StatusRanges::one(404, 404);
            http_client_error_statuses: &StatusRanges::one(400, 499),
                "DD_TRACE_HTTP_CLIENT_ERROR_STATUSES" = "404": &StatusRanges::one(404, 404);
            header_tags: none_of, "DD_TRACE_HEADER_TAGS" = "a b": ab;
            client_ip: false, "DD_TRACE_CLIENT_IP_ENABLED" = "true": true;
            client_ip_header: None, "DD_TRACE_CLIENT_IP_HEADER" = "X-Ip": Some("X-Ip");
            http_endpoint: false, "DD_TRACE_RESOURCE_RENAMING_ENABLED" = "true": true;
            always_simplified_endpoint: false,
                "DD_TRACE_RESOURCE_RENAMING_ALWAYS_SIMPLIFIED_ENDPOINT" = "true": true;
            peer_service_defaults: false, "DD_TRACE_PEER_SERVICE_DEFAULTS_ENABLED" = "1": true;
            peer_service_mapping: &[][..],
                "DD_TRACE_PEER_SERVICE_MAPPING" = "a:b": &[("a".into(), "b".into())][..];
            service_mapping: &[][..], "DD_SERVICE_MAPPING" = "a:b": &[("a".into(), "b".into())][..];
            source_hostname: None, "DD_TRACE_SOURCE_HOSTNAME" = "host": Some("host");
            tags: &[][..], "DD_TAGS" = "a:b": &[("a".into(), "b".into())][..];
            trace_id_128_bit: true, "DD_TRACE_128_BIT_TRACEID_GENERATION_ENABLED" = "false": false;
            traceback_max_frames: 30, "DD_TRACE_SPAN_TRACEBACK_MAX_SIZE" = "5": 5;
            version: None, "DD_VERSION" = "2": Some("2");
        }
        stats_are_read();
        let rate = [
            ("OTEL_TRACES_SAMPLER", "parentbased_traceidratio"),
            ("OTEL_TRACES_SAMPLER_ARG", "0.1"),
        ];
        assert_eq!(with(&rate).build().sample_rate(), Some(0.1));
        let two = [("OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", "4"), ("OTEL_ATTRIBUTE_COUNT_LIMIT", "40")];
        assert_eq!(with(&two).build().otel_span_limits(), none.attributes(4));
    }

    fn stats_are_read() {
        let limits = StatsLimits::DEFAULT;
        let default = StatsSettings { is_on: true, limits, ..StatsSettings::default() };
        for (variable, text, expected) in [
            ("DD_SERVICE", "shop", default.clone()),
            ("DD_TRACE_STATS_COMPUTATION_ENABLED", "0", StatsSettings::default()),
            ("DD_APM_TRACING_ENABLED", "0", StatsSettings::default()),
            (
                "_DD_TRACE_STATS_COMPUTATION_EXPERIMENTAL_CLIENT_OBFUSCATION_ENABLED",
                "1",
                StatsSettings { obfuscates: true, ..default.clone() },
            ),
            (
                "DD_TRACE_STATS_ADDITIONAL_TAGS",
                "b, a,,b",
                StatsSettings { additional_tags: vec!["a".into(), "b".into()], ..default.clone() },
            ),
        ] {
            assert_eq!(with(&[(variable, text)]).build().stats(), expected, "{variable}");
        }
        let name = |part| format!("DD_TRACE_STATS_{part}CARDINALITY_LIMIT");
        for (part, limits) in [
            ("", StatsLimits { keys: 7, ..limits }),
            ("RESOURCE_", StatsLimits { resources: 7, ..limits }),
            ("HTTP_ENDPOINT_", StatsLimits { http_endpoints: 7, ..limits }),
            ("PEER_TAGS_", StatsLimits { peer_tags: 7, ..limits }),
            ("ADDITIONAL_TAGS_", StatsLimits { additional_tags: 7, ..limits }),
        ] {
            assert_eq!(with(&[(&name(part), "7")]).build().stats().limits, limits, "{part}");
        }
    }

    #[test]
    fn code_wins_over_the_environment() {
        let config = with(&[
            ("DD_SERVICE", "env"),
            ("DD_TRACE_ENABLED", "false"),
            ("DD_TRACE_PARTIAL_FLUSH_MIN_SPANS", "9"),
            ("DD_TRACE_RATE_LIMIT", "9"),
        ])
        .service(" code ")
        .enabled(true)
        .partial_flush(Some(4))
        .rate_limit(5)
        .agent_socket("/run/agent.sock")
        .build();
        assert_eq!((config.service(), config.enabled()), ("code", true));
        assert_eq!((config.partial_flush(), config.rate_limit()), (Some(4), Some(5)));
        assert_eq!(config.agent_url(), "unix:///run/agent.sock");
        let none = with(&[]).partial_flush(None).rate_limit(None).build();
        assert_eq!((none.partial_flush(), none.rate_limit()), (None, None));
    }

    #[test]
    fn a_value_in_code_that_is_out_of_range_gives_way_and_is_reported() {
        let config = with(&[("DD_TRACE_SAMPLE_RATE", "0.5")])
            .sample_rate(f64::NAN)
            .agent_port(0)
            .agent_timeout(Duration::ZERO)
            .env("  ")
            .partial_flush(Some(0))
            .build();
        assert_eq!((config.sample_rate(), config.partial_flush()), (Some(0.5), Some(1)));
        assert_eq!((config.agent_port(), config.env()), (None, None));
        assert_eq!(config.agent_timeout(), Duration::from_secs(2));
        assert_eq!(
            config.said(),
            [
                "env (code): \"  \" says nothing; it stays unset",
                "agent_port (code): \"0\" is not a number from 1 to 65535; it stays unset",
                "agent_timeout (code): \"0\" is not between 0.001 and 3600 seconds; using \"2\" (default)",
                "partial_flush (code): less than 1 makes no sense; 1 is used",
                "sample_rate (code): \"NaN\" is not a number from 0 to 1; using \"0.5\" (env_var)",
            ]
        );
    }

    #[test]
    fn the_report_has_every_setting_once_with_its_default_first() {
        let config = with(&[("DD_ENV", "prod")]).env("dev").build();
        let names: Vec<_> = config.report().iter().map(|row| row.name()).collect();
        assert!(names.is_sorted() && names.contains(&"DD_TRACE_WRITER_INTERVAL_SECONDS"));
        for row in config.report() {
            let origins: Vec<_> = row.candidates().iter().map(|entry| entry.origin()).collect();
            assert!(origins.is_sorted() && origins.first() == Some(&Origin::Default));
        }
    }
}
