//! Settings that make no sense are said once, and the tracer works all the same.

#![cfg(feature = "agent")]
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use std::path::Path;
use std::time::Duration;

use tracehound::config::{Config, ConfigBuilder, Environment, Origin, Style};
use tracehound::{Tracer, TracerBuilder};
use tracehound_test_support::fault_agent::scripts;
use tracehound_test_support::{FaultAgent, within};

use common::{LIMIT, Said};

/// Where traces go when nothing usable is said.
fn default_url() -> &'static str {
    if Path::new("/var/run/datadog/apm.socket").exists() {
        "unix:///var/run/datadog/apm.socket"
    } else {
        "http://localhost:8126"
    }
}

#[test]
fn an_address_that_is_none_is_said_once_and_not_used() {
    for url in [
        "",
        "localhost:8126",
        "ftp://agent:8126",
        "https://me@agent:8126",
        "http://",
        "http://agent:70000",
        "http://user:password@agent:8126",
        "http://agent:8126/?query",
        "unix://relative/path",
        "unix:///nul%00",
        "::",
        "\u{0}",
        &"http://x".repeat(10_000),
    ] {
        let said = Said::default();
        let tracer = common::builder(url, &said).build();
        assert_eq!(tracer.agent_url(), Some(default_url()), "{url:.50}");
        let warnings = said.warnings();
        assert_eq!(warnings.len(), 1, "{url:.50}: {warnings:?}");
        assert!(warnings[0].starts_with("agent_url (code): "), "{warnings:?}");
        assert!(!warnings[0].contains("password@"), "{warnings:?}");
        assert!(warnings[0].len() < 500, "a short line");
    }
}

#[test]
fn an_address_that_is_odd_is_used() {
    for (url, used) in [
        (" http://agent ", "http://agent:80"),
        ("HTTP://agent:8126//", "http://agent:8126"),
        ("http://[::1]:8126/a/b/", "http://[::1]:8126/a/b"),
        ("unix:///tmp/no%20such.socket", "unix:///tmp/no%20such.socket"),
    ] {
        let said = Said::default();
        let tracer = common::builder(url, &said).build();
        assert_eq!((tracer.agent_url(), said.warnings().len()), (Some(used), 0), "{url}");
    }
}

/// Builds a tracer with a setting, lets it send a trace, and gives the number of its warnings.
fn warnings(agent: &FaultAgent, setting: fn(TracerBuilder) -> TracerBuilder) -> usize {
    let said = Said::default();
    let before = agent.spans().len();
    let tracer = setting(common::builder(&agent.url(), &said)).build();
    for _ in 0..3 {
        let root = tracer.trace("root");
        root.set_traceback(None);
        tracer.in_span("child", |_| ());
    }
    tracer.flush(LIMIT).unwrap();
    assert_eq!((agent.spans().len() - before, tracer.losses().total()), (6, 0));
    tracer.shutdown(LIMIT).unwrap();
    said.warnings().len()
}

macro_rules! settings {
    ($($name:ident: $warnings:literal of $setting:expr;)*) => {
        $(#[test] fn $name() {
            within(LIMIT, || {
                let agent = FaultAgent::start(scripts::healthy);
                assert_eq!(warnings(&agent, $setting), $warnings);
            });
        })*
    };
}

fn variables(builder: TracerBuilder, pairs: &[(&str, &str)]) -> TracerBuilder {
    builder.environment(Environment::from_pairs(pairs.iter().copied()))
}

settings! {
    no_interval: 1 of |builder| builder.flush_interval(Duration::ZERO);
    an_endless_interval: 1 of |builder| builder.flush_interval(Duration::MAX);
    a_tiny_interval: 0 of |builder| builder.flush_interval(Duration::from_millis(1));
    no_time_for_the_agent: 1 of |builder| builder.agent_timeout(Duration::ZERO);
    endless_time_for_the_agent: 1 of |builder| builder.agent_timeout(Duration::MAX);
    no_buffer: 1 of |builder| builder.buffer_bytes(0);
    a_huge_buffer: 0 of |builder| builder.buffer_bytes(usize::MAX);
    no_payload: 1 of |builder| builder.max_payload_bytes(0);
    a_huge_payload: 1 of |builder| builder.max_payload_bytes(usize::MAX);
    parts_of_nothing: 1 of |builder| builder.partial_flush(Some(0));
    parts_of_one: 0 of |builder| builder.partial_flush(Some(1));
    huge_parts: 1 of |builder| builder.partial_flush(Some(usize::MAX));
    no_parts: 0 of |builder| builder.partial_flush(None);
    no_name: 1 of |builder| builder.service("");
    a_blank_environment: 1 of |builder| builder.env(" ");
    a_tag_without_a_name: 1 of |builder| builder.tag("", "value");
    a_huge_name: 0 of |builder| builder.service("s".repeat(1_000_000));
    no_port: 1 of |builder| builder.agent_port(0);
    variables_of_nonsense: 5 of |builder| variables(builder, &[
        ("DD_TRACE_ENABLED", "perhaps"),
        ("DD_TRACE_PARTIAL_FLUSH_MIN_SPANS", "1e400"),
        ("DD_TRACE_WRITER_INTERVAL_SECONDS", "NaN"),
        ("DD_TRACE_AGENT_TIMEOUT_SECONDS", "-1"),
        ("DD_TRACE_SPAN_TRACEBACK_MAX_SIZE", "99999999999999999999999"),
    ]);
    nonsense_about_http: 7 of |builder| variables(builder, &[
        ("DD_TRACE_HTTP_SERVER_ERROR_STATUSES", "all"),
        ("DD_TRACE_HTTP_CLIENT_ERROR_STATUSES", "404,9999"),
        ("DD_TRACE_HEADER_TAGS", ":a,b:,c"),
        ("DD_TRACE_OBFUSCATION_QUERY_STRING_REGEXP", "(token"),
        ("DD_TRACE_PEER_SERVICE_MAPPING", "a"),
        ("DD_TRACE_SPAN_ATTRIBUTE_SCHEMA", "v9"),
        ("DD_TRACE_CLIENT_IP_ENABLED", "perhaps"),
    ]);
    no_stacks: 0 of |builder| variables(builder, &[("DD_TRACE_SPAN_TRACEBACK_MAX_SIZE", "0")]);
}

// ===== what is given in code and cannot be used =====

/// A setting that code can give a value which cannot be used.
struct Row {
    variable: &'static str,
    setter: &'static str,
    /// Gives such a value.
    give: fn(ConfigBuilder) -> ConfigBuilder,
    /// A text of the variable that can be used.
    usable: &'static str,
}

macro_rules! rows {
    ($($variable:ident: $setter:ident($($argument:expr),*), $usable:literal;)*) => {
        &[$(Row {
            variable: stringify!($variable),
            setter: stringify!($setter),
            give: |config| config.$setter($($argument),*),
            usable: $usable,
        },)*]
    };
}

const ROWS: &[Row] = rows! {
    DD_AGENT_HOST: agent_host("a b"), "agent";
    DD_AGENT_HOST: agent_host(""), "agent";
    DD_APM_FLUSH_DEADLINE_MILLISECONDS: flush_deadline(60_001), "250";
    DD_ENV: env(" "), "prod";
    DD_HOSTNAME: hostname(""), "host";
    DD_MAIN_PACKAGE: main_package(" "), "shop";
    DD_SERVICE: service("\t"), "shop";
    DD_SERVICE_MAPPING: service_mapping([("", "b")]), "a:b";
    DD_SPAN_SAMPLING_RULES: span_sampling_rules("{}"), "[]";
    DD_SPAN_SAMPLING_RULES_FILE: span_sampling_rules_file(" "), "/rules.json";
    DD_TAGS: tag(" ", "value"), "a:b";
    DD_TRACE_AGENT_PORT: agent_port(0), "9126";
    DD_TRACE_AGENT_TIMEOUT_SECONDS: agent_timeout(Duration::ZERO), "3";
    DD_TRACE_AGENT_TIMEOUT_SECONDS: agent_timeout(Duration::MAX), "3";
    DD_TRACE_AGENT_URL: agent_url("localhost:8126"), "http://agent:9126";
    DD_TRACE_AGENT_URL: agent_url("https://me@agent:8126"), "http://agent:9126";
    DD_TRACE_AGENT_URL: agent_socket("relative/path"), "http://agent:9126";
    DD_TRACE_AGENT_URL: agent_socket(""), "http://agent:9126";
    DD_TRACE_EXPERIMENTAL_LONG_RUNNING_FLUSH_INTERVAL: long_running_interval(Duration::ZERO), "60";
    DD_TRACE_EXPERIMENTAL_LONG_RUNNING_INITIAL_FLUSH_INTERVAL: long_running_first(Duration::MAX), "5";
    DD_TRACE_PARTIAL_FLUSH_MIN_SPANS: partial_flush(Some(100_001)), "10";
    DD_TRACE_SAMPLE_RATE: sample_rate(1.5), "0.5";
    DD_TRACE_SAMPLE_RATE: sample_rate(f64::NAN), "0.5";
    DD_TRACE_SAMPLING_RULES: sampling_rules("[{"), "[]";
    DD_TRACE_SAMPLING_RULES: sampling_rules(""), "[]";
    DD_TRACE_SAMPLING_RULES_FILE: sampling_rules_file(""), "/rules.json";
    DD_TRACE_SOURCE_HOSTNAME: source_hostname(""), "host";
    DD_TRACE_STATS_ADDITIONAL_TAGS_CARDINALITY_LIMIT: stats_additional_tag_limit(0), "10";
    DD_TRACE_STATS_CARDINALITY_LIMIT: stats_limit(100_001), "10";
    DD_TRACE_STATS_HTTP_ENDPOINT_CARDINALITY_LIMIT: stats_http_endpoint_limit(0), "10";
    DD_TRACE_STATS_PEER_TAGS_CARDINALITY_LIMIT: stats_peer_tag_limit(0), "10";
    DD_TRACE_STATS_RESOURCE_CARDINALITY_LIMIT: stats_resource_limit(0), "10";
    DD_TRACE_WRITER_BUFFER_SIZE_BYTES: buffer_bytes(0), "1000";
    DD_TRACE_WRITER_INTERVAL_SECONDS: flush_interval(Duration::ZERO), "2";
    DD_TRACE_WRITER_INTERVAL_SECONDS: flush_interval(Duration::MAX), "2";
    DD_TRACE_WRITER_MAX_PAYLOAD_SIZE_BYTES: max_payload_bytes(0), "5000";
    DD_TRACE_CLIENT_IP_HEADER: client_ip_header(" "), "x-real-ip";
    DD_TRACE_PEER_SERVICE_MAPPING: peer_service_mapping([("a", "")]), "a:b";
    DD_VERSION: version(""), "1.4.2";
};

/// Each value that a setter takes can be used, if only as its nearest limit, or there is no setter.
const WITHOUT_ROW: &[&str] = &[
    "DD_APM_TRACING_ENABLED",
    "DD_EXPERIMENTAL_PROPAGATE_PROCESS_TAGS_ENABLED",
    "DD_EXTERNAL_ENV",
    "DD_GIT_COMMIT_SHA",
    "DD_GIT_REPOSITORY_URL",
    "DD_HTTP_SERVER_TAG_QUERY_STRING",
    "DD_TRACE_128_BIT_TRACEID_GENERATION_ENABLED",
    "DD_TRACE_AGENT_PROTOCOL_VERSION",
    "DD_TRACE_API_VERSION",
    "DD_TRACE_BAGGAGE_TAG_KEYS",
    "DD_TRACE_CLIENT_IP_ENABLED",
    "DD_TRACE_DEBUG",
    "DD_TRACE_ENABLED",
    "DD_TRACE_GIT_METADATA_ENABLED",
    "DD_TRACE_HEADER_TAGS",
    "DD_TRACE_HTTP_CLIENT_ERROR_STATUSES",
    "DD_TRACE_HTTP_CLIENT_TAG_QUERY_STRING",
    "DD_TRACE_HTTP_SERVER_ERROR_STATUSES",
    "DD_TRACE_HTTP_URL_QUERY_STRING_ALLOWLIST",
    "DD_TRACE_HTTP_URL_QUERY_STRING_ALLOWLIST_CLIENT",
    "DD_TRACE_HTTP_URL_QUERY_STRING_ALLOWLIST_SERVER",
    "DD_TRACE_HTTP_URL_QUERY_STRING_DISABLED",
    "DD_TRACE_NATIVE_SPAN_EVENTS",
    "DD_TRACE_OBFUSCATION_QUERY_STRING_REGEXP",
    "DD_TRACE_ORG_GUARD_ENABLED",
    "DD_TRACE_ORG_GUARD_STRICT",
    "DD_TRACE_ORG_GUARD_TRUSTED_OPMS",
    "DD_TRACE_OTEL_ENABLED",
    "DD_TRACE_OTEL_SEMANTICS_ENABLED",
    "DD_TRACE_PARTIAL_FLUSH_ENABLED",
    "DD_TRACE_PEER_SERVICE_DEFAULTS_ENABLED",
    "DD_TRACE_PROPAGATION_BEHAVIOR_EXTRACT",
    "DD_TRACE_PROPAGATION_EXTRACT_FIRST",
    "DD_TRACE_PROPAGATION_HTTP_BAGGAGE_ENABLED",
    "DD_TRACE_PROPAGATION_STYLE",
    "DD_TRACE_PROPAGATION_STYLE_EXTRACT",
    "DD_TRACE_PROPAGATION_STYLE_INJECT",
    "DD_TRACE_RATE_LIMIT",
    "DD_TRACE_REMOVE_INTEGRATION_SERVICE_NAMES_ENABLED",
    "DD_TRACE_REPORT_HOSTNAME",
    "DD_TRACE_RESOURCE_RENAMING_ALWAYS_SIMPLIFIED_ENDPOINT",
    "DD_TRACE_RESOURCE_RENAMING_ENABLED",
    "DD_TRACE_SPAN_ATTRIBUTE_SCHEMA",
    "DD_TRACE_SPAN_TRACEBACK_MAX_SIZE",
    "DD_TRACE_STATS_ADDITIONAL_TAGS",
    "DD_TRACE_STATS_COMPUTATION_ENABLED",
    "DD_TRACE_X_DATADOG_TAGS_MAX_LENGTH",
    "OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT",
    "OTEL_EXPORTER_OTLP_ENDPOINT",
    "OTEL_EXPORTER_OTLP_HEADERS",
    "OTEL_EXPORTER_OTLP_PROTOCOL",
    "OTEL_EXPORTER_OTLP_TIMEOUT",
    "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
    "OTEL_EXPORTER_OTLP_TRACES_HEADERS",
    "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL",
    "OTEL_EXPORTER_OTLP_TRACES_TIMEOUT",
    "OTEL_LINK_ATTRIBUTE_COUNT_LIMIT",
    "OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT",
    "OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT",
    "OTEL_SPAN_EVENT_COUNT_LIMIT",
    "OTEL_SPAN_LINK_COUNT_LIMIT",
    "OTEL_TRACES_EXPORTER",
    "_DD_TRACE_STATS_COMPUTATION_EXPERIMENTAL_CLIENT_OBFUSCATION_ENABLED",
];

fn config(pairs: &[(&str, &str)]) -> ConfigBuilder {
    Config::builder().environment(Environment::from_pairs(pairs.iter().copied()))
}

#[test]
fn every_setting_is_in_the_table() {
    for setting in config(&[]).build().report() {
        let is_in_table = ROWS.iter().any(|row| row.variable == setting.name());
        assert_ne!(is_in_table, WITHOUT_ROW.contains(&setting.name()), "{}", setting.name());
    }
}

#[test]
fn a_value_in_code_that_cannot_be_used_gives_way_to_the_next_source() {
    for Row { variable, setter, give, usable } in ROWS {
        for pairs in [&[][..], &[(*variable, *usable)]] {
            let case = format!("{setter} {pairs:?}");
            let without = config(pairs).build();
            let with = give(config(pairs)).build();
            // As if it had not been given, and the report says so.
            let expected = without.report().get(variable).unwrap();
            let found = with.report().get(variable).unwrap();
            assert_eq!(found, expected, "{case}");
            if !pairs.is_empty() {
                assert_eq!((found.value(), found.origin()), (Some(*usable), Origin::Env), "{case}");
            }
            // The one to blame is the code.
            let problems = with.problems();
            assert_eq!(problems.len(), 1, "{case}: {problems:?}");
            assert_eq!((problems[0].name(), problems[0].origin()), (*setter, Origin::Code));
            if *variable != "DD_TAGS" {
                let instead = match expected.value() {
                    Some(value) => format!("using {value:?} ({})", expected.origin()),
                    None => "it stays unset".to_owned(),
                };
                assert!(problems[0].reason().ends_with(&instead), "{case}: {}", problems[0]);
            }
        }
    }
}

#[test]
fn a_tracer_goes_where_the_next_source_says() {
    let said = Said::default();
    let variables = Environment::from_pairs([("DD_TRACE_AGENT_URL", "http://127.0.0.1:1")]);
    let builder = common::builder("localhost:8126", &said).environment(variables);
    let tracer = builder.build();
    assert_eq!(tracer.agent_url(), Some("http://127.0.0.1:1"));
    let warnings = said.warnings();
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(warnings[0].starts_with("agent_url (code): "), "{warnings:?}");
    assert!(warnings[0].ends_with("using \"http://127.0.0.1:1\" (env_var)"), "{warnings:?}");
}

// ===== the order of setters =====

#[test]
fn setters_win_over_a_whole_configuration_whichever_comes_first() {
    type Set = fn(TracerBuilder) -> TracerBuilder;
    let setters: [Set; 3] = [
        |builder| builder.service("setter").tag("both", "setter").agent_port(9126),
        |builder| {
            let config = config(&[("DD_ENV", "variable"), ("DD_TRACE_ENABLED", "false")])
                .service("config")
                .version("config")
                .agent_url("http://config:1")
                .tag("both", "config")
                .tag("one", "config");
            builder.config(config)
        },
        |builder| builder.propagation_styles([Style::B3Single]).debug(false),
    ];
    for order in [[0, 1, 2], [1, 0, 2], [2, 1, 0], [1, 2, 0], [0, 2, 1], [2, 0, 1]] {
        let builder =
            order.iter().fold(Tracer::builder(), |builder, place| setters[*place](builder));
        let tracer = builder.log(|_, _| ()).build();
        let config = tracer.config().unwrap();
        assert_eq!((config.service(), config.version()), ("setter", Some("config")), "{order:?}");
        assert_eq!(config.env(), Some("variable"), "{order:?}");
        assert_eq!(config.inject_styles(), [Style::B3Single], "{order:?}");
        // A port takes the place of an address as a whole.
        assert_eq!(tracer.agent_url(), Some("http://localhost:9126"), "{order:?}");
        let tags: Vec<_> = config.tags().iter().map(|(key, tag)| format!("{key}:{tag}")).collect();
        assert_eq!(tags, ["both:setter", "one:config"], "{order:?}");
    }
}

#[test]
fn of_two_configurations_the_later_wins_one_by_one() {
    let first = config(&[]).service("first").env("first").inject_styles([Style::Datadog]);
    let second = config(&[]).service("second").propagation_styles([Style::B3Multi]);
    let tracer = Tracer::builder().config(first).config(second).enabled(false).build();
    let config = tracer.config().unwrap();
    assert_eq!((config.service(), config.env()), ("second", Some("first")));
    assert_eq!(config.inject_styles(), [Style::B3Multi]);
}

#[test]
fn what_only_a_configuration_has_reaches_the_spans() {
    within(LIMIT, || {
        let agent = FaultAgent::start(scripts::healthy);
        let config = config(&[])
            .agent_url(agent.url())
            .traceback_max_frames(usize::MAX)
            .native_span_events(true);
        let tracer = Tracer::builder().service("before").config(config).env("after").build();
        tracer.in_span("span", |span| span.set_traceback(None));
        tracer.flush(LIMIT).unwrap();
        let span = &agent.spans()[0];
        assert_eq!((span.service.as_str(), span.meta("env")), ("before", Some("after")));
        assert!(span.meta("error.stack").unwrap().lines().count() > 2);
    });
}

// ===== rules =====

/// What is said of a rule with a misspelt condition, and whether a trace that it would drop is kept.
fn rule_with_a_misspelt_condition(
    set: impl FnOnce(ConfigBuilder, &str) -> ConfigBuilder,
) -> String {
    let rules = r#"[{"nam": "health", "sample_rate": 0}]"#;
    let said = Said::default();
    let tracer = Tracer::builder()
        .service("shop")
        .config(set(Config::builder(), rules))
        .log(said.listener())
        .build();
    let priority = tracer.trace("checkout").propagation_context().unwrap().priority();
    assert!(priority.unwrap().is_keep());
    let warnings = said.warnings();
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    warnings[0].clone()
}

#[test]
fn a_rule_with_a_misspelt_condition_drops_nothing_wherever_it_comes_from() {
    let problem =
        r#"rule 1: "nam" is not a field of a rule, did you mean name?; the rule is skipped"#;
    let by_variable = rule_with_a_misspelt_condition(|config, rules| {
        config.environment(Environment::from_pairs([("DD_TRACE_SAMPLING_RULES", rules)]))
    });
    assert_eq!(by_variable, format!("DD_TRACE_SAMPLING_RULES (env_var): {problem}"));
    let by_code = rule_with_a_misspelt_condition(|config, rules| {
        config.environment(Environment::empty()).sampling_rules(rules.to_owned())
    });
    assert_eq!(by_code, format!("sampling_rules (code): {problem}"));

    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("rules.json");
    let path = file.to_str().unwrap();
    let by_file = rule_with_a_misspelt_condition(|config, rules| {
        std::fs::write(&file, rules).unwrap();
        config.environment(Environment::from_pairs([("DD_TRACE_SAMPLING_RULES_FILE", path)]))
    });
    assert_eq!(by_file, format!("DD_TRACE_SAMPLING_RULES_FILE (env_var): {problem}"));
}

#[test]
fn rules_for_spans_are_as_strict() {
    let rules = r#"[{"name": "a", "max_per_secnd": 1}, {"name": "b", "sample_rate": "1"}]"#;
    let said = Said::default();
    let variables = Environment::from_pairs([("DD_SPAN_SAMPLING_RULES", rules)]);
    let _tracer =
        Tracer::builder().service("shop").environment(variables).log(said.listener()).build();
    assert_eq!(
        said.warnings(),
        [
            "DD_SPAN_SAMPLING_RULES (env_var): rule 1: \"max_per_secnd\" is not a field of a rule, \
             did you mean max_per_second?; the rule is skipped",
            "DD_SPAN_SAMPLING_RULES (env_var): rule 2: sample_rate: \"1\" is not a number; \
             the rule is skipped",
        ]
    );
}

#[test]
fn the_report_has_what_is_given_past_the_settings() {
    let variables =
        [("DD_TRACE_SAMPLING_RULES", "[]"), ("DD_TRACE_AGENT_URL", "http://127.0.0.1:1")];
    let tracer = Tracer::builder()
        .service("shop")
        .environment(Environment::from_pairs(variables))
        .sampling_rule(tracehound::SamplingRule::new(1.0).unwrap())
        .build();
    let row = tracer.config().unwrap().report().get("DD_TRACE_SAMPLING_RULES").unwrap();
    assert_eq!((row.value(), row.origin()), (Some("1 given in code"), Origin::Code));
}

// ===== what nobody named =====

#[test]
fn the_default_service_is_said_once_and_only_where_none_is_named() {
    for (pairs, expected) in [
        (&[][..], 1),
        (&[("DD_SERVICE", "")], 1),
        (&[("DD_SERVICE", "shop")], 0),
        (&[("DD_TAGS", "service:shop")], 0),
        (&[("OTEL_SERVICE_NAME", "shop")], 0),
        (&[("OTEL_RESOURCE_ATTRIBUTES", "service.name=shop")], 0),
        (&[("K_SERVICE", "shop")], 0),
        (&[("DD_TRACE_ENABLED", "false")], 0),
    ] {
        let said = Said::default();
        let builder = Tracer::builder().environment(Environment::from_pairs(pairs.iter().copied()));
        let tracer = builder.log(said.listener()).build();
        tracer.in_span("a", |_| ());
        tracer.in_span("b", |_| ());
        let warnings = said.warnings();
        assert_eq!(warnings.len(), expected, "{pairs:?}: {warnings:?}");
        for warning in warnings {
            assert!(warning.contains("unnamed-rust-service") && warning.contains("DD_SERVICE"));
        }
    }
}

#[test]
fn variables_without_effect_are_one_warning() {
    let said = Said::default();
    let pairs = [("DD_SERVCE", "a"), ("DD_TRACE_SAMPEL_RATE", "1"), ("DD_TRACE_METHODS", "a")];
    let builder = Tracer::builder().service("shop").environment(Environment::from_pairs(pairs));
    let _tracer = builder.log(said.listener()).build();
    let warnings = said.warnings();
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    for text in [
        "DD_SERVCE (did you mean DD_SERVICE?)",
        "DD_TRACE_SAMPEL_RATE (did you mean DD_TRACE_SAMPLE_RATE?)",
        "DD_TRACE_METHODS",
    ] {
        assert!(warnings[0].contains(text), "{warnings:?}");
    }
}

#[test]
fn a_wait_without_end_ends_when_the_work_is_done() {
    within(LIMIT, || {
        let agent = FaultAgent::start(scripts::healthy);
        let tracer = common::builder(&agent.url(), &Said::default()).build();
        tracer.in_span("span", |_| ());
        tracer.flush(Duration::MAX).unwrap();
        tracer.shutdown(Duration::MAX).unwrap();
        assert_eq!(agent.spans().len(), 1);
    });
}
