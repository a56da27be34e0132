//! The configuration keys, and what is wrong with them.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod common;

use std::sync::{Arc, Mutex};

use tracehound::config::Environment;
use tracehound::testing::Captured;
use tracehound::{
    LogLevel, Sampler, SamplingDecision, SamplingMechanism, SamplingPriority, SpanView,
};
use tracehound_opentracing::{ConfigValue, ErrorKind, Tracer, TracerBuilder};

type Lines = Arc<Mutex<Vec<String>>>;

/// A tracer that sends nothing before a day has passed, and the warnings it gives.
fn builder() -> (TracerBuilder, Lines) {
    with(&[("DD_SERVICE", "from-environment")])
}

fn with(variables: &[(&str, &str)]) -> (TracerBuilder, Lines) {
    let lines = Lines::default();
    let said = Arc::clone(&lines);
    let native = tracehound::Tracer::builder()
        .environment(Environment::from_pairs(variables.iter().copied()))
        .log(move |level, line| {
            if level == LogLevel::Warn {
                said.lock().unwrap().push(line.to_owned());
            }
        });
    (TracerBuilder::from(native), lines)
}

fn key(key: &'static str, value: impl Into<ConfigValue>) -> [(&'static str, ConfigValue); 1] {
    [(key, value.into())]
}

fn url(tracer: &Tracer) -> Option<&str> {
    tracer.native().agent_url()
}

#[test]
fn keys_by_name_are_the_setters() {
    let by_name = builder().0.service("shop").config([
        ("agent_hostname", ConfigValue::from("agent.local")),
        ("agent_port", 9126.into()),
        ("agent_https", false.into()),
        ("uds_path", ConfigValue::Null),
        ("enabled", false.into()),
        ("debug", false.into()),
        ("priority_sampling", true.into()),
        ("sampler", ConfigValue::Null),
        ("settings", ConfigValue::map([("FILTERS", ConfigValue::List(Vec::new()))])),
    ]);
    let in_code = builder().0.service("shop").agent_hostname("agent.local").agent_port(9126);
    for builder in [by_name, in_code.enabled(false).priority_sampling(true)] {
        let tracer = builder.strict(true).build().unwrap();
        assert_eq!(tracer.service(), "shop");
        assert_eq!(tracer.native().service(), Some("shop"));
        assert_eq!(url(&tracer), Some("http://agent.local:9126"));
        assert!(!tracer.native().is_enabled());
    }
}

#[test]
fn the_agent_is_where_the_keys_say_before_the_environment() {
    let environment = [("DD_TRACE_AGENT_URL", "http://elsewhere:1"), ("DD_SERVICE", "s")];
    let at = |set: fn(TracerBuilder) -> TracerBuilder| {
        let tracer = set(with(&environment).0).build().unwrap();
        url(&tracer).unwrap().to_owned()
    };
    assert_eq!(at(|builder| builder), "http://elsewhere:1");
    assert_eq!(at(|builder| builder.agent_hostname("a")), "http://a:8126");
    assert_eq!(at(|builder| builder.agent_port(7)), "http://localhost:7");
    assert_eq!(at(|builder| builder.agent_hostname("::1")), "http://[::1]:8126");
    assert_eq!(at(|builder| builder.agent_port(7).uds_path("/run/a.sock")), "unix:///run/a.sock");
}

#[test]
fn global_tags_are_on_every_span() {
    let captured = Captured::default();
    let native = tracehound::Tracer::builder().environment(Environment::empty());
    let tags = ConfigValue::map([
        ("team", ConfigValue::from("payments")),
        ("shard", 3.into()),
        ("canary", true.into()),
    ]);
    let tracer = TracerBuilder::from(native.capture(&captured))
        .config([("global_tags", tags)])
        .global_tag("region", "eu")
        .build()
        .unwrap();
    let tag = |key: &str| {
        let span = tracer.start_span("one");
        tracehound_opentracing::native_span(&span).unwrap().tag(key)
    };
    for (key, value) in [("team", "payments"), ("shard", "3"), ("canary", "true"), ("region", "eu")]
    {
        assert_eq!(tag(key).as_deref(), Some(value));
    }
}

#[test]
fn a_sampler_decides() {
    struct Reject;
    impl Sampler for Reject {
        fn sample(&self, _: &SpanView<'_>) -> SamplingDecision {
            SamplingDecision::new(SamplingPriority::USER_REJECT, SamplingMechanism::RULE)
        }
    }
    let tracer = builder().0.sampler(Reject).build().unwrap();
    let span = tracer.start_span("one");
    let mut headers: Vec<(String, String)> = Vec::new();
    tracer.inject(&span.context(), opentracing_rs::Format::TextMap, &mut headers).unwrap();
    assert!(headers.contains(&("x-datadog-sampling-priority".into(), "-1".into())), "{headers:?}");
}

#[test]
fn mistakes_are_one_warning_and_in_strict_mode_an_error() {
    let cases = [
        (
            key("agent_hostnam", "x"),
            ErrorKind::UnknownKey,
            "\"agent_hostnam\" is no configuration key",
        ),
        (key("", 1), ErrorKind::UnknownKey, "\"\" is no configuration key"),
        (key("agent_hostname", 1), ErrorKind::InvalidValue, "agent_hostname is to be text"),
        (key("agent_port", "x"), ErrorKind::InvalidValue, "agent_port is to be a number"),
        (key("agent_port", 0), ErrorKind::InvalidValue, "agent_port is to be a number"),
        (key("agent_port", 70_000), ErrorKind::InvalidValue, "agent_port is to be a number"),
        (key("enabled", "no"), ErrorKind::InvalidValue, "enabled is to be true or false"),
        (key("global_tags", "a:b"), ErrorKind::InvalidValue, "global_tags is to be a map"),
        (key("sampler", "all"), ErrorKind::InvalidValue, "sampler is to be given in code"),
        (key("priority_sampling", false), ErrorKind::InvalidValue, "priority_sampling cannot be"),
        (
            key("settings", ConfigValue::map([("FILTER", 1)])),
            ErrorKind::UnknownKey,
            "\"settings.FILTER\" is no configuration key",
        ),
    ];
    for (config, kind, text) in cases {
        let (lenient, lines) = builder();
        // Told with another one, in one line.
        lenient.config(config.clone()).config(key("unknown", 1)).build().unwrap();
        tracehound::testing::wait_for_lines();
        let lines = lines.lock().unwrap().clone();
        assert_eq!(lines.len(), 1, "{lines:?}");
        assert!(
            lines.concat().starts_with(&format!("OpenTracing configuration: {text}")),
            "{lines:?}"
        );
        assert!(lines.concat().contains("; \"unknown\" is no"), "{lines:?}");
        assert!(lines.concat().ends_with("; ignored"), "{lines:?}");

        for strict in [builder().0.strict(true), builder().0.debug(true)] {
            let error = strict.config(config.clone()).build().unwrap_err();
            assert_eq!(error.kind(), kind);
            assert!(error.to_string().starts_with(text), "{error}");
            assert!(!error.to_string().contains("ignored"), "{error}");
        }
        // Whether strictness is asked for before or after makes no difference.
        assert!(builder().0.config(config).config(key("debug", true)).build().is_err());
    }
}

#[test]
fn what_would_send_traces_where_they_should_not_go_is_always_an_error() {
    let filters = ConfigValue::map([("FILTERS", ConfigValue::List(vec!["drop_health".into()]))]);
    for config in [key("agent_https", true), key("settings", filters)] {
        let error = builder().0.config(config).build().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
    }
}

#[test]
fn a_good_configuration_says_nothing() {
    let (builder, lines) = builder();
    builder.config(key("agent_port", 8126)).build().unwrap();
    tracehound::testing::wait_for_lines();
    assert_eq!(*lines.lock().unwrap(), [""; 0]);
}

#[test]
fn the_service_is_the_given_one_else_the_configured_one_else_the_programs() {
    assert_eq!(builder().0.service("given").build().unwrap().service(), "given");
    assert_eq!(builder().0.build().unwrap().service(), "from-environment");
    let (unnamed, lines) = with(&[]);
    let unnamed = unnamed.strict(true).build().unwrap();
    assert!(unnamed.service().starts_with("configuration"), "{}", unnamed.service());
    // That it is only the program's is said, and nothing takes it for another service than the tracer's.
    assert_eq!(unnamed.native().service(), Some(unnamed.service()));
    tracehound::testing::wait_for_lines();
    let lines = lines.lock().unwrap();
    assert!(lines.len() == 1 && lines[0].contains(unnamed.service()), "{lines:?}");
    let function = with(&[("AWS_LAMBDA_FUNCTION_NAME", "resize")]).0.build().unwrap();
    assert_eq!(function.service(), "resize");
}
