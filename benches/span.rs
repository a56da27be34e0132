//! What a span costs the thread that makes it, with a real pipeline behind it.
//!
//! `cargo bench --bench span`. Each measured call is one whole trace; divide by its spans. Between the
//! samples, outside of the time, the worker sends what there is, so that its vectors come back as they do in
//! a program that is not overloaded.
//!
//! Median of 300 samples of 100 traces, rustc 1.95, two shared cores of a Xeon at 2.8 GHz; the counting
//! allocator is part of the time. Allocations are exact, and gated in `tests/allocations.rs`.
//!
//! | | ns for a trace | ns for a span | allocations for a trace |
//! | --- | --- | --- | --- |
//! | `root` | 150 | 150 | 0 |
//! | `root_active` | 212 | 212 | 0 |
//! | `root_and_9_children`, active | 1,602 (fastest 1,223) | 160 | 0 |
//! | `hot`: the same with five tags each | 2,547 | 255 | 0 |

#![allow(clippy::unwrap_used, missing_docs)]

use std::hint::black_box;
use std::mem;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Once, OnceLock};
use std::time::Duration;

use divan::{AllocProfiler, Bencher};
use tracehound::Tracer;
use tracehound::config::Environment;
use tracehound_test_support::FaultAgent;
use tracehound_test_support::fault_agent::scripts;

#[global_allocator]
static ALLOCATOR: AllocProfiler = AllocProfiler::system();

fn main() {
    divan::main();
}

/// Traces between two flushes: fewer spans than wake the worker by themselves.
const TRACES: u32 = 100;
const MANY_TAGS_TRACES: u32 = 20;

fn tracer() -> &'static Tracer {
    static TRACER: OnceLock<(FaultAgent, Tracer)> = OnceLock::new();
    let (_, tracer) = TRACER.get_or_init(|| {
        let agent = FaultAgent::start(scripts::healthy);
        let tracer = Tracer::builder()
            .environment(Environment::empty())
            .agent_url(agent.url())
            .flush_interval(Duration::from_secs(3600))
            .build();
        (agent, tracer)
    });
    tracer
}

fn measure(bencher: Bencher<'_, '_>, spans: usize, trace: impl Fn(&Tracer) + Sync) {
    measure_in_batches(bencher, TRACES, spans, trace);
}

fn measure_in_batches(
    bencher: Bencher<'_, '_>,
    traces: u32,
    spans: usize,
    trace: impl Fn(&Tracer) + Sync,
) {
    let tracer = tracer();
    let made = AtomicUsize::new(0);
    bencher
        .counter(divan::counter::ItemsCount::new(spans))
        .with_inputs(|| {
            if made.fetch_add(1, Ordering::Relaxed) % traces as usize == 0 {
                tracer.flush(Duration::from_secs(10)).unwrap();
            }
        })
        .bench_refs(|()| trace(tracer));
}

#[divan::bench(sample_count = 300, sample_size = TRACES)]
fn root(bencher: Bencher<'_, '_>) {
    measure(bencher, 1, |tracer| drop(tracer.start_span("root")));
}

#[divan::bench(sample_count = 300, sample_size = TRACES)]
fn root_active(bencher: Bencher<'_, '_>) {
    measure(bencher, 1, |tracer| drop(tracer.trace("root")));
}

#[divan::bench(sample_count = 300, sample_size = TRACES)]
fn root_and_9_children(bencher: Bencher<'_, '_>) {
    measure(bencher, 10, |tracer| {
        let _root = tracer.trace("root");
        for _ in 0..9 {
            drop(tracer.trace("child"));
        }
    });
}

/// Of the tracer of the process, as the next two.
#[divan::bench(sample_count = 300, sample_size = TRACES)]
fn in_span(bencher: Bencher<'_, '_>) {
    fn work() {
        tracehound::in_span("work", |_| black_box(()));
    }

    measure_installed(bencher, work);
}

#[divan::bench(sample_count = 300, sample_size = TRACES)]
fn wrap_fn(bencher: Bencher<'_, '_>) {
    fn work() {
        tracehound::wrap_fn("work", || black_box(()));
    }

    measure_installed(bencher, work);
}

#[divan::bench(sample_count = 300, sample_size = TRACES)]
fn wrap(bencher: Bencher<'_, '_>) {
    #[tracehound::wrap(name = "work")]
    fn work() {
        black_box(());
    }

    measure_installed(bencher, work);
}

fn measure_installed(bencher: Bencher<'_, '_>, trace: impl Fn() + Sync) {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| mem::forget(tracer().clone().install()));
    measure(bencher, 1, |_| trace());
}

/// A root and nine children, all active, five tags each.
#[divan::bench(sample_count = 300, sample_size = TRACES)]
fn hot(bencher: Bencher<'_, '_>) {
    measure(bencher, 10, |tracer| {
        let root = tracer.trace("root");
        tag(&root);
        for _ in 0..9 {
            let child = tracer.trace("child");
            tag(&child);
        }
    });
}

/// A root and nine children, all active, a hundred short texts each: what a tag costs where there are many.
#[divan::bench(name = "native: 100 tags", sample_count = 100, sample_size = MANY_TAGS_TRACES)]
fn many_tags(bencher: Bencher<'_, '_>) {
    let keys: Vec<&'static str> =
        (0..100).map(|number| &*Box::leak(format!("tag.{number:02}").into_boxed_str())).collect();
    measure_in_batches(bencher, MANY_TAGS_TRACES, 10, |tracer| {
        let root = tracer.trace("root");
        keys.iter().for_each(|key| root.set_tag(*key, "short text"));
        for _ in 0..9 {
            let child = tracer.trace("child");
            keys.iter().for_each(|key| child.set_tag(*key, "short text"));
        }
    });
}

fn tag(span: &tracehound::SpanRef) {
    span.set_tag("http.method", "GET");
    span.set_tag("http.route", "/users/{id}");
    span.set_tag("user.name", "somebody");
    span.set_tag("cart.items", 3);
    span.set_tag("cart.total", 9.5);
}
