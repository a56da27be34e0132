//! The resource: who the program is, given in code or by OpenTelemetry's variables.

#![allow(clippy::unwrap_used, clippy::string_slice)]

use std::sync::{Arc, Mutex};

use opentelemetry::trace::{Tracer as _, TracerProvider as _};
use opentelemetry::{KeyValue, Value};
use opentelemetry_sdk::Resource;
use tracehound::config::{Config, Environment};
use tracehound::{LogLevel, TracerBuilder};
use tracehound_opentelemetry::{ResourceExt as _, TracerProvider};

fn builder(pairs: &[(&str, &str)]) -> TracerBuilder {
    let environment = Environment::from_pairs(pairs.iter().copied());
    tracehound::Tracer::builder().environment(environment)
}

fn seen(builder: TracerBuilder) -> String {
    let tracer = builder.build();
    let config = tracer.config().unwrap();
    let identity = [Some(config.service()), config.env(), config.version()];
    let tags = config.tags().iter().map(|(key, value)| format!("{key}={value}"));
    let identity = identity.map(|text| text.unwrap_or("-").to_owned());
    identity.into_iter().chain(tags).collect::<Vec<_>>().join(" ")
}

fn given(pairs: &[(&'static str, &'static str)]) -> Vec<KeyValue> {
    pairs.iter().map(|(key, value)| KeyValue::new(*key, *value)).collect()
}

#[test]
fn attributes_in_code_are_service_environment_version_and_tags() {
    for (attributes, expected) in [
        (vec![], "unnamed-rust-service - -"),
        (
            given(&[
                ("service.name", "shop"),
                ("service.version", "1.2"),
                ("deployment.environment.name", "prod"),
                ("cloud.region", "eu"),
            ]),
            "shop prod 1.2 cloud.region=eu",
        ),
        // The older name of the environment, before and behind the newer one.
        (given(&[("deployment.environment", "old")]), "unnamed-rust-service old -"),
        (
            given(&[("deployment.environment", "old"), ("deployment.environment.name", "new")]),
            "unnamed-rust-service new -",
        ),
        (
            given(&[("deployment.environment.name", "new"), ("deployment.environment", "old")]),
            "unnamed-rust-service new -",
        ),
        // What an SDK says of itself.
        (
            given(&[("service.name", "unknown_service:x"), ("telemetry.sdk.language", "rust")]),
            "unnamed-rust-service - -",
        ),
        (
            vec![KeyValue::new("host.cpus", 8), KeyValue::new("spot", Value::Bool(true))],
            "unnamed-rust-service - - host.cpus=8 spot=true",
        ),
    ] {
        assert_eq!(seen(builder(&[]).resource_attributes(attributes)), expected);
    }
}

#[test]
fn a_resource_of_the_sdk_can_be_taken_over() {
    let resource = Resource::builder()
        .with_service_name("shop")
        .with_attribute(KeyValue::new("cloud.region", "eu"))
        .build();
    let attributes = resource.iter().map(|(key, value)| KeyValue::new(key.clone(), value.clone()));
    assert_eq!(seen(builder(&[]).resource_attributes(attributes)), "shop - - cloud.region=eu");
}

#[test]
fn code_wins_over_the_environment_key_by_key() {
    let variables = [(
        "OTEL_RESOURCE_ATTRIBUTES",
        "service.name=variable,service.version=1,cloud.region=us,team=a",
    )];
    let given = given(&[("service.name", "shop"), ("cloud.region", "eu")]);
    assert_eq!(
        seen(builder(&variables).resource_attributes(given)),
        "shop - 1 cloud.region=eu team=a"
    );
}

#[test]
fn the_variable_gives_ten_tags_at_most_and_code_any_number() {
    let many: Vec<_> = (0..15).map(|n| format!("k{n:02}=v")).collect();
    let variable = format!("{},service.name=shop", many.join(","));
    let by_variable = builder(&[("OTEL_RESOURCE_ATTRIBUTES", &variable)]).build();
    let config = by_variable.config().unwrap();
    assert_eq!(config.service(), "shop");
    // The service is one of the ten.
    assert_eq!(config.tags().len(), 9);
    let problems: Vec<_> = config.problems().iter().map(ToString::to_string).collect();
    assert!(problems.concat().contains("gives 16 tags; 10 are used"), "{problems:?}");

    let in_code = many.iter().map(|pair| KeyValue::new(pair[..3].to_owned(), "v"));
    let tracer = builder(&[]).resource_attributes(in_code).build();
    assert_eq!(tracer.config().unwrap().tags().len(), 15);
}

#[test]
fn tags_of_the_resource_are_on_every_span() {
    let captured = tracehound::testing::Captured::default();
    let builder = builder(&[("OTEL_RESOURCE_ATTRIBUTES", "service.name=shop,team=a")]);
    let tracer = builder.capture(&captured).build();
    let otel = TracerProvider::new(tracer.clone()).tracer("");
    drop(otel.start("otel"));
    assert_eq!(tracer.trace("native").tag("team").as_deref(), Some("a"));
    assert_eq!(captured.spans().first().unwrap().service, "shop");
}

// ===== the other variables =====

/// What the tracer says of its settings: each once.
fn warnings(pairs: &[(&str, &str)]) -> (Vec<String>, tracehound::Tracer) {
    let lines = Arc::new(Mutex::new(Vec::new()));
    let into = Arc::clone(&lines);
    let log = move |level: LogLevel, line: &str| {
        if level == LogLevel::Warn {
            into.lock().unwrap().push(line.to_owned());
        }
    };
    let captured = tracehound::testing::Captured::default();
    let tracer = builder(pairs).log(log).capture(&captured).build();
    for _ in 0..3 {
        drop(TracerProvider::new(tracer.clone()).tracer("t").start("n"));
    }
    tracehound::testing::wait_for_lines();
    let lines = lines.lock().unwrap().clone();
    (lines, tracer)
}

#[test]
fn a_variable_that_is_hidden_or_unusable_is_said_once() {
    for (pairs, said) in [
        (&[("DD_SERVICE", "a"), ("OTEL_SERVICE_NAME", "b")][..], "DD_SERVICE is set too, and wins"),
        (&[("DD_ENV", "a"), ("OTEL_TRACES_SAMPLER", "jaeger_remote")], "OTEL_TRACES_SAMPLER"),
        (
            &[("DD_TRACE_SAMPLE_RATE", "0.5"), ("OTEL_TRACES_SAMPLER", "parentbased_always_on")],
            "DD_TRACE_SAMPLE_RATE is set too, and wins",
        ),
        (&[("OTEL_TRACES_SAMPLER", "always_off")], "a decision that comes in stands"),
        (
            &[("DD_TRACE_OTEL_ENABLED", "true"), ("OTEL_SDK_DISABLED", "true")],
            "DD_TRACE_OTEL_ENABLED is set too, and wins",
        ),
        (&[("OTEL_PROPAGATORS", "xray,b3")], "OTEL_PROPAGATORS"),
        (&[("OTEL_SPAN_EVENT_COUNT_LIMIT", "many")], "OTEL_SPAN_EVENT_COUNT_LIMIT"),
        (&[("OTEL_BSP_MAX_QUEUE_SIZE", "1")], "OTEL_BSP_MAX_QUEUE_SIZE"),
    ] {
        let (lines, _) = warnings(pairs);
        let about: Vec<_> = lines.iter().filter(|line| line.contains(said)).collect();
        assert_eq!(about.len(), 1, "{pairs:?}: {lines:?}");
    }
    assert!(warnings(&[("OTEL_SERVICE_NAME", "b")]).0.is_empty());
}

#[test]
fn datadogs_name_of_a_setting_wins_over_opentelemetrys() {
    type Variables = &'static [(&'static str, &'static str)];
    type Read = fn(&Config) -> String;
    let cases: [(Variables, Read, &str); 5] = [
        (
            &[("DD_SERVICE", "a"), ("OTEL_SERVICE_NAME", "b")],
            |config| config.service().to_owned(),
            "a",
        ),
        (
            &[("DD_TRACE_SAMPLE_RATE", "0.5"), ("OTEL_TRACES_SAMPLER", "always_on")],
            |config| format!("{:?}", config.sample_rate()),
            "Some(0.5)",
        ),
        (
            &[("DD_TRACE_OTEL_ENABLED", "true"), ("OTEL_SDK_DISABLED", "true")],
            |config| config.otel_enabled().to_string(),
            "true",
        ),
        (
            &[("DD_TRACE_ENABLED", "true"), ("OTEL_TRACES_EXPORTER", "none")],
            |config| config.enabled().to_string(),
            "true",
        ),
        (
            &[("DD_TRACE_PROPAGATION_STYLE", "datadog"), ("OTEL_PROPAGATORS", "b3")],
            |config| format!("{:?}", config.inject_styles()),
            "[Datadog]",
        ),
    ];
    for (pairs, read, expected) in cases {
        let tracer = builder(pairs).build();
        assert_eq!(read(tracer.config().unwrap()), expected, "{pairs:?}");
    }
}

#[test]
fn a_provider_of_a_tracer_that_switches_opentelemetry_off_makes_no_spans() {
    for (pairs, exists) in [
        (&[("OTEL_SDK_DISABLED", "true")][..], false),
        (&[("DD_TRACE_OTEL_ENABLED", "false")], false),
        (&[("DD_TRACE_OTEL_ENABLED", "true"), ("OTEL_SDK_DISABLED", "true")], true),
        (&[("OTEL_SDK_DISABLED", "false")], true),
        (&[], true),
    ] {
        let (_, tracer) = warnings(pairs);
        let otel = TracerProvider::new(tracer.clone()).tracer("t");
        assert_eq!(otel.start("n").handle().is_some(), exists, "{pairs:?}");
        assert!(tracer.start_span("native").is_some());
    }
}
