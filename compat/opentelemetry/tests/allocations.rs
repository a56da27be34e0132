//! What the bridge adds to OpenTelemetry's own allocations, exact: none. OpenTelemetry's own are those of a provider that stores nothing.
//!
//! One test in one process: the counter is the process's, and anything else that ran would be counted too.

#![allow(clippy::unwrap_used)]

#[path = "common/nothing.rs"]
#[allow(unreachable_pub)]
mod nothing;

use std::alloc::System;
use std::time::Duration;

use opentelemetry::baggage::BaggageExt as _;
use opentelemetry::global::BoxedTracer;
use opentelemetry::trace::{
    SpanContext, SpanKind, TraceContextExt, TraceFlags, TraceState, Tracer, TracerProvider as _,
};
use opentelemetry::{Context, KeyValue};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use tracehound::config::Environment;
use tracehound_opentelemetry::{TracerProvider, share_context};
use tracehound_test_support::FaultAgent;
use tracehound_test_support::fault_agent::scripts;

use nothing::Nothing;

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const LIMIT: Duration = Duration::from_secs(20);
/// Fewer spans than wake the worker, which would be counted too.
const TRACES: usize = 100;
const SPANS: usize = 10;

fn attributes() -> [KeyValue; 5] {
    [
        KeyValue::new("http.request.method", "GET"),
        KeyValue::new("http.route", "/users/{id}"),
        KeyValue::new("http.response.body.size.of.the.exchange", 1234),
        KeyValue::new("cached", true),
        KeyValue::new("cart.total", 9.5),
    ]
}

/// A local root and its children, each active.
fn plain<T: Tracer>(tracer: &T)
where
    T::Span: Send + Sync + 'static,
{
    tracer.in_span("root", |_| (1..SPANS).for_each(|_| tracer.in_span("child", |_| ())));
}

/// The same with five attributes set on each.
fn tagged<T: Tracer>(tracer: &T)
where
    T::Span: Send + Sync + 'static,
{
    let set =
        |cx: &Context| attributes().into_iter().for_each(|pair| cx.span().set_attribute(pair));
    tracer.in_span("root", |cx| {
        set(&cx);
        (1..SPANS).for_each(|_| tracer.in_span("child", |cx| set(&cx)));
    });
}

/// The same with the attributes and a kind given to the builder.
fn built<T: Tracer>(tracer: &T)
where
    T::Span: Send + Sync + 'static,
{
    let builder =
        |name| tracer.span_builder(name).with_kind(SpanKind::Client).with_attributes(attributes());
    tracer.in_span_with_builder(builder("root"), |_| {
        (1..SPANS).for_each(|_| tracer.in_span_with_builder(builder("child"), |_| ()));
    });
}

/// Spans that are not made active.
fn inactive<T: Tracer>(tracer: &T)
where
    T::Span: Send + Sync + 'static,
{
    tracer.in_span("root", |_| (1..SPANS).for_each(|_| drop(tracer.start("child"))));
}

#[test]
fn the_bridge_allocates_nothing() {
    let agent = FaultAgent::start(scripts::healthy);
    let native = tracehound::Tracer::builder()
        .environment(Environment::empty())
        .agent_url(agent.url())
        .flush_interval(Duration::from_secs(3600))
        .build();
    assert!(share_context());
    let ours = TracerProvider::new(native.clone()).tracer("ours");
    let ours_boxed = BoxedTracer::new(Box::new(ours.clone()));
    let nothing_boxed = BoxedTracer::new(Box::new(Nothing));

    let run = |program: &dyn Fn(), rounds: usize| {
        for _ in 0..rounds {
            (0..TRACES).for_each(|_| program());
            native.flush(LIMIT).unwrap();
        }
    };
    // Often enough for every shard of the registry of spans to have been used.
    run(&|| tagged(&ours), 30);
    let count = |program: &dyn Fn()| {
        run(program, 3);
        let region = Region::new(ALLOCATOR);
        (0..TRACES).for_each(|_| program());
        let change = region.change();
        change.allocations + change.reallocations
    };
    let added = |ours: &dyn Fn(), nothing: &dyn Fn()| count(ours) - count(nothing);

    assert_eq!(added(&|| plain(&ours), &|| plain(&Nothing)), 0, "plain");
    assert_eq!(added(&|| tagged(&ours), &|| tagged(&Nothing)), 0, "attributes");
    assert_eq!(added(&|| built(&ours), &|| built(&Nothing)), 0, "builders");
    assert_eq!(added(&|| inactive(&ours), &|| inactive(&Nothing)), 0, "not active");

    let (ours, nothing) = (&ours_boxed, &nothing_boxed);
    assert_eq!(added(&|| plain(ours), &|| plain(nothing)), 0, "plain, type-erased");
    assert_eq!(added(&|| tagged(ours), &|| tagged(nothing)), 0, "attributes, type-erased");
    assert_eq!(added(&|| built(ours), &|| built(nothing)), 0, "builders, type-erased");

    // Below a remote parent, whose decision is known from the start, and with baggage: children cost nothing but what
    // their trace state is made of, a list and the two texts of its member `dd`, and OpenTelemetry's copy of it.
    let of_parent = |parent: &Context, program: &dyn Fn()| {
        let _active = parent.clone().attach();
        program();
    };
    let flags = TraceFlags::SAMPLED;
    let ids = SpanContext::new(77.into(), 88.into(), flags, true, TraceState::NONE);
    let remote = Context::new().with_remote_span_context(ids);
    let baggage = remote.with_baggage([KeyValue::new("user", "7")]);
    for (what, parent) in [("a remote parent", &remote), ("a remote parent and baggage", &baggage)]
    {
        let whole = added(&|| of_parent(parent, &|| plain(ours)), &|| {
            of_parent(parent, &|| plain(nothing));
        });
        let root = added(&|| of_parent(parent, &|| ours.in_span("root", |_| ())), &|| {
            of_parent(parent, &|| nothing.in_span("root", |_| ()));
        });
        assert_eq!(whole, root + (SPANS - 1) * TRACES * 6, "{what}");
    }

    // A native span that is made active costs the two boxes in which OpenTelemetry keeps any active span.
    let natively = || {
        native.in_span("root", |_| (1..SPANS).for_each(|_| native.in_span("child", |_| ())));
    };
    assert_eq!(count(&natively), 2 * SPANS * TRACES, "native spans in OpenTelemetry's context");
}
