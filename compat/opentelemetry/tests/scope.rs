//! What a span says of the library that made it: OpenTelemetry's instrumentation scope.

#![allow(clippy::unwrap_used)]

use opentelemetry::trace::{Tracer as _, TracerProvider as _};
use opentelemetry::{InstrumentationScope, KeyValue};
use tracehound_opentelemetry::{TracerProvider, share_context};

fn provider() -> (tracehound::Tracer, TracerProvider, tracehound::testing::Captured) {
    assert!(share_context());
    let (native, captured) = tracehound::testing::tracer();
    (native.clone(), TracerProvider::new(native), captured)
}

fn scope() -> InstrumentationScope {
    InstrumentationScope::builder("hyper-otel")
        .with_version("1.2.0")
        .with_schema_url("https://opentelemetry.io/schemas/1.30.0")
        .with_attributes([KeyValue::new("library.language", "rust"), KeyValue::new("tier", 2)])
        .build()
}

#[test]
fn a_span_says_the_scope_with_its_attributes() {
    let (_, provider, captured) = provider();
    drop(provider.tracer_with_scope(scope()).start("n"));
    assert_eq!(
        captured.tree(),
        "internal [n] library.language=rust otel.scope.name=hyper-otel otel.scope.version=1.2.0 tier=2\n"
    );
}

#[test]
fn the_first_span_of_a_scope_says_it_for_those_below() {
    let (native, provider, captured) = provider();
    let (a, b) = (provider.tracer("a"), provider.tracer("b"));
    a.in_span("a", |_| {
        a.in_span("a.a", |_| {
            b.in_span("b", |_| {
                // The same scope, from another tracer.
                provider.tracer("b").in_span("b.b", |_| ());
                a.in_span("a again", |_| ());
            });
        });
        native.in_span("native", |_| a.in_span("below a native span", |_| ()));
    });
    assert_eq!(
        captured.tree(),
        "internal [a] otel.scope.name=a\n  \
           internal [a.a]\n    \
             internal [b] otel.scope.name=b\n      \
               internal [b.b]\n      \
               internal [a again] otel.scope.name=a\n  \
           native\n    \
             internal [below a native span] otel.scope.name=a\n"
    );
}

#[test]
fn another_version_is_another_scope() {
    let (_, provider, captured) = provider();
    let version = |version| InstrumentationScope::builder("lib").with_version(version).build();
    provider.tracer_with_scope(version("1")).in_span("one", |_| {
        provider.tracer_with_scope(version("2")).in_span("two", |_| ());
    });
    assert_eq!(
        captured.tree(),
        "internal [one] otel.scope.name=lib otel.scope.version=1\n  \
           internal [two] otel.scope.name=lib otel.scope.version=2\n"
    );
}

#[test]
fn a_scope_without_a_name_says_nothing() {
    let (_, provider, captured) = provider();
    provider.tracer("").in_span("n", |_| ());
    assert_eq!(captured.tree(), "internal [n]\n");
}

#[test]
fn attributes_of_the_span_count_over_those_of_the_scope() {
    let (_, provider, captured) = provider();
    let tracer = provider.tracer_with_scope(scope());
    drop(tracer.span_builder("n").with_attributes([KeyValue::new("tier", 3)]).start(&tracer));
    assert!(captured.tree().contains("tier=3"), "{}", captured.tree());
}

/// Longer than what is kept for ever, and than what a text holds in place.
#[test]
fn a_long_name_is_said_in_full() {
    let (_, provider, captured) = provider();
    let name = "n".repeat(300);
    provider
        .tracer_with_scope(InstrumentationScope::builder(name.clone()).build())
        .in_span("n", |_| ());
    assert!(captured.tree().contains(&name));
}
