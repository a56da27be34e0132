//! What an OpenTracing span allocates, exact: beside the native one, an object for each span and one for each
//! activation, which the handles of `opentracing-rs` hold.
//!
//! One test in one process: the counter is the process's, and anything else that ran would be counted too.

#![allow(clippy::unwrap_used)]

use std::alloc::System;
use std::time::Duration;

use opentracing_rs::Span;
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use tracehound::config::Environment;
use tracehound_opentracing::Tracer;
use tracehound_test_support::FaultAgent;
use tracehound_test_support::fault_agent::scripts;

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const LIMIT: Duration = Duration::from_secs(20);
/// Fewer spans than wake the worker, which would be counted too.
const TRACES: usize = 100;
const SPANS: usize = 10;

fn tag(span: &Span) {
    span.set_tag("http.method", "GET").set_tag("http.route", "/users/{id}");
    span.set_tag("cached", true).set_tag("cart.items", 3).set_tag("cart.total", 9.5);
}

#[test]
fn a_span_is_one_allocation_and_an_activation_another() {
    let agent = FaultAgent::start(scripts::healthy);
    let native = tracehound::Tracer::builder()
        .environment(Environment::empty())
        .agent_url(agent.url())
        .flush_interval(Duration::from_secs(3600))
        .build();
    let tracer = Tracer::new(native.clone()).with_service("a service with a long name of its own");

    let run = |program: &dyn Fn(), rounds: usize| {
        for _ in 0..rounds {
            (0..TRACES).for_each(|_| program());
            native.flush(LIMIT).unwrap();
        }
    };
    let count = |program: &dyn Fn()| {
        run(program, 10);
        let region = Region::new(ALLOCATOR);
        (0..TRACES).for_each(|_| program());
        let change = region.change();
        native.flush(LIMIT).unwrap();
        change.allocations + change.reallocations
    };

    let natively = || {
        native.in_span("root", |_| (1..SPANS).for_each(|_| native.in_span("child", |_| ())));
    };
    assert_eq!(count(&natively), 0, "natively");

    let active = || {
        tracer.in_span("root", |_| (1..SPANS).for_each(|_| tracer.in_span("child", |_| ())));
    };
    assert_eq!(count(&active), 2 * SPANS * TRACES, "active");

    let tagged = || {
        tracer.in_span("root", |root| {
            tag(root);
            (1..SPANS).for_each(|_| tracer.in_span("child", tag));
        });
    };
    assert_eq!(count(&tagged), 2 * SPANS * TRACES, "with tags");

    let inactive = || {
        let _root = tracer.start_active_span("root");
        (1..SPANS).for_each(|_| tracer.start_span("child").finish());
    };
    assert_eq!(count(&inactive), (SPANS + 1) * TRACES, "not active");

    // A parent that is named costs its context.
    let named = || {
        let root = tracer.start_span("root");
        (1..SPANS).for_each(|_| tracer.build_span("child").child_of(&root).start().finish());
        root.finish();
    };
    assert_eq!(count(&named), (SPANS + SPANS - 1) * TRACES, "named parents");
}
