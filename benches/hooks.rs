//! What hooks cost the thread that makes a span.
//!
//! `cargo bench --bench hooks`. A trace of one span, as `root` of `span.rs`: without hooks, with a start hook that does
//! nothing, and with one of each kind. The first is measured before the process has any hook.
//!
//! Median of 500 samples of 100 traces, rustc 1.95, two processors that others kept busy; the same in three of four
//! runs, within 3 ns.
//!
//! | | ns for a trace |
//! | --- | --- |
//! | none | 113 |
//! | at the start | 120 |
//! | at both ends | 138 |

#![allow(clippy::unwrap_used, missing_docs)]

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use divan::Bencher;
use tracehound::Tracer;
use tracehound::config::Environment;
use tracehound_test_support::FaultAgent;
use tracehound_test_support::fault_agent::scripts;

fn main() {
    divan::main();
}

/// Traces between two flushes.
const TRACES: u32 = 100;

fn measure(bencher: Bencher<'_, '_>, prepare: impl FnOnce(&Tracer)) {
    let agent = FaultAgent::start(scripts::healthy);
    let tracer = Tracer::builder()
        .environment(Environment::empty())
        .agent_url(agent.url())
        .flush_interval(Duration::from_secs(3600))
        .build();
    prepare(&tracer);
    let made = AtomicUsize::new(0);
    bencher
        .with_inputs(|| {
            if made.fetch_add(1, Ordering::Relaxed) % TRACES as usize == 0 {
                tracer.flush(Duration::from_secs(10)).unwrap();
            }
        })
        .bench_refs(|()| drop(tracer.start_span("root")));
}

#[divan::bench(name = "1: none", sample_count = 500, sample_size = TRACES)]
fn none(bencher: Bencher<'_, '_>) {
    measure(bencher, |_| ());
}

#[divan::bench(name = "2: at the start", sample_count = 500, sample_size = TRACES)]
fn at_the_start(bencher: Bencher<'_, '_>) {
    measure(bencher, |tracer| drop(tracer.on_start_span(|_| ())));
}

#[divan::bench(name = "3: at both ends", sample_count = 500, sample_size = TRACES)]
fn at_both_ends(bencher: Bencher<'_, '_>) {
    measure(bencher, |tracer| {
        tracer.on_start_span(|_| ());
        tracer.on_finish_span(|_| ());
    });
}
