//! What the handles cost: the same work on the no-op tracer, and on one whose spans are a reference count
//! and a counter, so that what is measured is this crate's part.
//!
//! `cargo bench -p opentracing-rs --bench span`. Median, rustc 1.95, two shared cores of a Xeon at 2.6 GHz:
//!
//! | ns | no-op | counting |
//! | --- | --- | --- |
//! | `start_and_finish` | 9 | 49 |
//! | `active_span`: start, activate, close, finish | 22 | 113 |
//! | `activate_again`: a span that is there | 13 | 87 |
//! | `set_tag` | under 1 | 10 |

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

use divan::{Bencher, black_box};
use opentracing_rs::backend::{
    ExtractFrom, InjectInto, ScopeManagerBackend, SpanBackend, TracerBackend,
};
use opentracing_rs::{Error, SpanContext, StartOptions, ThreadLocalScopeManager, Tracer, Value};

fn main() {
    divan::main();
}

#[derive(Debug, Default)]
struct Counting {
    changes: Arc<AtomicU64>,
    scopes: ThreadLocalScopeManager,
}

impl TracerBackend for Counting {
    fn start_span(&self, _: &Tracer, options: StartOptions<'_>) -> Arc<dyn SpanBackend> {
        black_box(options.parent());
        Arc::new(CountingSpan(Arc::clone(&self.changes)))
    }
    fn scope_manager(&self) -> &dyn ScopeManagerBackend {
        &self.scopes
    }
    fn inject(&self, _: &SpanContext, _: InjectInto<'_>) -> Result<(), Error> {
        Ok(())
    }
    fn extract(&self, _: ExtractFrom<'_>) -> Result<Option<SpanContext>, Error> {
        Ok(None)
    }
}

#[derive(Debug)]
struct CountingSpan(Arc<AtomicU64>);

impl SpanBackend for CountingSpan {
    fn context(&self) -> SpanContext {
        SpanContext::empty()
    }
    fn set_operation_name(&self, _: &str) {}
    fn set_tag(&self, _: &str, value: Value<'_>) {
        black_box(value);
        self.0.fetch_add(1, Ordering::Relaxed);
    }
    fn log(&self, _: &[(&str, Value<'_>)], _: Option<SystemTime>) {}
    fn set_baggage_item(&self, _: &str, _: &str) {}
    fn finish(&self, _: Option<SystemTime>) {}
}

const TRACERS: [&str; 2] = ["noop", "counting"];

fn tracer(name: &str) -> Tracer {
    if name == "noop" { Tracer::noop() } else { Tracer::new(Counting::default()) }
}

#[divan::bench(args = TRACERS)]
fn start_and_finish(bencher: Bencher<'_, '_>, name: &str) {
    let tracer = tracer(name);
    bencher.bench(|| tracer.start_span("work").finish());
}

#[divan::bench(args = TRACERS)]
fn active_span(bencher: Bencher<'_, '_>, name: &str) {
    let tracer = tracer(name);
    bencher.bench(|| tracer.start_active_span("work").close());
}

#[divan::bench(args = TRACERS)]
fn activate_again(bencher: Bencher<'_, '_>, name: &str) {
    let tracer = tracer(name);
    let span = tracer.start_span("work");
    bencher.bench(|| span.activate().close());
}

#[divan::bench(args = TRACERS)]
fn set_tag(bencher: Bencher<'_, '_>, name: &str) {
    let span = tracer(name).start_span("work");
    bencher.bench(|| {
        span.set_tag("count", black_box(3));
    });
}
