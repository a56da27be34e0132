//! Functions of the user that name spans.

use std::sync::{Arc, Mutex, OnceLock};

use opentelemetry::trace::{Tracer as _, TracerProvider as _};
use opentelemetry::{Key, KeyValue};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{
    SdkTracer, SdkTracerProvider, SimpleSpanProcessor, SpanExporter as _,
};
use tracehound::Tracer;
use tracehound::config::Environment;
use tracehound::testing::Captured;
use tracehound_opentelemetry::SpanExporter;
use tracehound_test_support::within;

use super::support::{LIMIT, NEVER, captured, export, flushed, only, patient, span, tracer, with};

#[test]
fn what_they_say_counts_over_attributes_and_what_they_leave_open_does_not() {
    let (builder, captured) = captured();
    let mut exporter = builder
        .name_mapping(|span, _| Some(format!("my.{}", span.name)))
        .service_mapping(|span, resource| {
            let team = resource.get(&Key::from_static_str("team"))?.to_string();
            (span.name == "span_name").then_some(team)
        })
        .resource_mapping(|_, _| None::<String>)
        .build();
    let resource = Resource::builder_empty().with_attribute(KeyValue::new("team", "payments"));
    exporter.set_resource(&resource.build());
    let named = [
        KeyValue::new("operation.name", "attribute"),
        KeyValue::new("service.name", "attribute"),
        KeyValue::new("resource.name", "attribute"),
    ];
    export(&exporter, vec![with(span(1, 0), named)]).unwrap();
    let span = only(&exporter, &captured);
    assert_eq!(
        (&*span.name, &*span.service, &*span.resource),
        ("my.span_name", "payments", "attribute")
    );
    assert_eq!(exporter.mapping_panics(), 0);
}

#[test]
fn the_services_of_the_resource_and_of_attributes_are_mapped_by_the_setting() {
    let captured = Captured::default();
    let variables = [("DD_SERVICE_MAPPING", "shop:store,db:store-db")];
    let tracer = Tracer::builder().environment(Environment::from_pairs(variables));
    let mut exporter = patient(tracer.capture(&captured)).build();
    exporter.set_resource(&Resource::builder_empty().with_service_name("shop").build());
    let named = [KeyValue::new("service.name", "db")];
    export(&exporter, vec![span(1, 0), with(span(2, 1), named)]).unwrap();
    let mut services: Vec<_> =
        flushed(&exporter, &captured).concat().into_iter().map(|span| span.service).collect();
    services.sort();
    assert_eq!(services, ["store", "store-db"]);
}

#[test]
fn setters_win_over_the_tracer_whichever_comes_first() {
    let given = |captured: &Captured| {
        tracer().service("tracer").env("tracer").version("tracer").capture(captured)
    };
    for tracer_first in [true, false] {
        let captured = Captured::default();
        let builder = SpanExporter::builder();
        let builder = match tracer_first {
            true => builder.tracer(given(&captured)).service("setter").env("setter"),
            false => builder.service("setter").env("setter").tracer(given(&captured)),
        };
        let exporter = builder.wait_for_root(NEVER).wait_for_late_spans(NEVER).build();
        export(&exporter, vec![span(1, 0)]).unwrap();
        assert_eq!(only(&exporter, &captured).service, "setter");
        let tracer = exporter.tracer();
        let config = tracer.config().unwrap();
        assert_eq!((config.env(), config.version()), (Some("setter"), Some("tracer")));
    }
}

#[test]
fn a_service_is_said_to_be_missing_only_where_the_resource_names_none_either() {
    for (name, expected) in [("shop", 0), ("unknown_service:shop", 1)] {
        let said = Arc::new(Mutex::new(Vec::new()));
        let lines = Arc::clone(&said);
        let tracer = Tracer::builder()
            .environment(Environment::empty())
            .capture(&Captured::default())
            .log(move |_, line: &str| lines.lock().unwrap().push(line.to_owned()));
        let mut exporter = SpanExporter::builder().tracer(tracer).build();
        let resource = Resource::builder_empty().with_service_name(name).build();
        exporter.set_resource(&resource);
        exporter.set_resource(&resource);
        tracehound::testing::wait_for_lines();
        let said = said.lock().unwrap();
        assert_eq!(said.len(), expected, "{said:?}");
        assert!(said.iter().all(|line| line.contains("unnamed-rust-service")), "{said:?}");
    }
}

#[test]
fn one_that_panics_is_counted_and_said_once_and_nothing_is_lost() {
    let said = Arc::new(Mutex::new(Vec::new()));
    let lines = Arc::clone(&said);
    let captured = Captured::default();
    let tracer = tracer()
        .capture(&captured)
        .log(move |_, line: &str| lines.lock().unwrap().push(line.to_owned()));
    let exporter = patient(tracer)
        .name_mapping(|span, _| {
            assert_ne!(
                span.parent_span_id,
                opentelemetry::trace::SpanId::INVALID,
                "as the test wants"
            );
            Some("fine")
        })
        .build();
    export(&exporter, vec![span(1, 0), span(2, 1), span(3, 0)]).unwrap();
    let mut names: Vec<_> =
        flushed(&exporter, &captured).concat().into_iter().map(|span| span.name).collect();
    names.sort();
    assert_eq!(names, ["fine", "internal", "internal"]);
    assert_eq!(exporter.mapping_panics(), 2);
    tracehound::testing::wait_for_lines();
    let said = said.lock().unwrap();
    assert_eq!(said.len(), 1, "{said:?}");
}

/// They run on the exporter's thread: what they trace must not come back for ever.
#[test]
fn what_they_trace_themselves_does_not_exist() {
    within(LIMIT, || {
        let (builder, captured) = captured();
        let native = Captured::default();
        let beside = tracer().capture(&native).build();
        let otel = Arc::new(OnceLock::<SdkTracer>::new());
        let own = Arc::clone(&otel);
        let exporter = builder
            .resource_mapping(move |span, _| {
                beside.in_span("mapping", |_| ());
                own.get().unwrap().in_span("mapping", |_| Some(span.name.to_string()))
            })
            .build();
        let processor = SimpleSpanProcessor::new(exporter.clone());
        let provider = SdkTracerProvider::builder().with_span_processor(processor).build();
        let tracer = provider.tracer("test");
        otel.set(tracer.clone()).unwrap();
        drop(tracer.start("traced"));
        exporter.flush(LIMIT).unwrap();
        assert_eq!(only(&exporter, &captured).resource, "traced");
        assert!(native.spans().is_empty());
    });
}
