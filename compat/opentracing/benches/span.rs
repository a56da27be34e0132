//! What an OpenTracing span costs the thread that makes it, beside a native one, with a real pipeline behind
//! both.
//!
//! `cargo bench -p tracehound-opentracing --bench span`. Each measured call is one whole trace; divide by its
//! spans. Allocations are exact, and gated in `tests/allocations.rs`.
//!
//! Median of 300 samples of 100 traces, rustc 1.95, two shared cores of a Xeon:
//!
//! | a root and nine children, all active | ns for a span | allocations for a trace |
//! | --- | --- | --- |
//! | native | 179 | 1 |
//! | OpenTracing | 341 | 21 |
//! | native, five tags each | 373 | 1 |
//! | OpenTracing, five tags each | 637 | 21 |
//!
//! What it is more are the objects behind the handles of `opentracing-rs`, and that the baggage of a span is
//! looked at when it ends.

#![allow(clippy::unwrap_used, missing_docs)]

use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use divan::Bencher;
use tracehound::config::Environment;
use tracehound_opentracing::Tracer;
use tracehound_test_support::FaultAgent;
use tracehound_test_support::fault_agent::scripts;

fn main() {
    divan::main();
}

/// Traces between two flushes: fewer spans than wake the worker by themselves.
const TRACES: u32 = 100;

fn tracer() -> &'static Tracer {
    static TRACER: OnceLock<(FaultAgent, Tracer)> = OnceLock::new();
    let (_, tracer) = TRACER.get_or_init(|| {
        let agent = FaultAgent::start(scripts::healthy);
        let native = tracehound::Tracer::builder()
            .environment(Environment::empty())
            .agent_url(agent.url())
            .flush_interval(Duration::from_secs(3600))
            .build();
        (agent, Tracer::new(native))
    });
    tracer
}

fn measure(bencher: Bencher<'_, '_>, trace: impl Fn(&Tracer) + Sync) {
    let tracer = tracer();
    let made = AtomicUsize::new(0);
    bencher
        .with_inputs(|| {
            if made.fetch_add(1, Ordering::Relaxed) % TRACES as usize == 0 {
                tracer.native().flush(Duration::from_secs(10)).unwrap();
            }
        })
        .bench_refs(|()| trace(tracer));
}

#[divan::bench_group(sample_count = 300, sample_size = TRACES)]
mod root_and_9_active_children {
    use super::{Bencher, measure};

    #[divan::bench]
    fn native(bencher: Bencher<'_, '_>) {
        measure(bencher, |tracer| {
            let _root = tracer.native().trace("root");
            (0..9).for_each(|_| drop(tracer.native().trace("child")));
        });
    }

    #[divan::bench]
    fn opentracing(bencher: Bencher<'_, '_>) {
        measure(bencher, |tracer| {
            let _root = tracer.start_active_span("root");
            (0..9).for_each(|_| tracer.start_active_span("child").close());
        });
    }
}

#[divan::bench_group(sample_count = 300, sample_size = TRACES)]
mod the_same_with_five_tags_each {
    use super::{Bencher, measure};

    #[divan::bench]
    fn native(bencher: Bencher<'_, '_>) {
        fn tag(span: &tracehound::SpanRef) {
            span.set_tag("http.method", "GET");
            span.set_tag("http.route", "/users/{id}");
            span.set_tag("user.name", "somebody");
            span.set_tag("cart.items", 3);
            span.set_tag("cart.total", 9.5);
        }
        measure(bencher, |tracer| {
            let root = tracer.native().trace("root");
            tag(&root);
            (0..9).for_each(|_| tag(&tracer.native().trace("child")));
        });
    }

    #[divan::bench]
    fn opentracing(bencher: Bencher<'_, '_>) {
        fn tag(span: &opentracing_rs::Span) {
            span.set_tag("http.method", "GET").set_tag("http.route", "/users/{id}");
            span.set_tag("user.name", "somebody").set_tag("cart.items", 3);
            span.set_tag("cart.total", 9.5);
        }
        measure(bencher, |tracer| {
            let root = tracer.start_active_span("root");
            tag(&root);
            (0..9).for_each(|_| tag(&tracer.start_active_span("child")));
        });
    }
}
