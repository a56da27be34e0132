//! The program's side of a row: it counts what it makes, and how long that keeps it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use serde_json::{Map, Value, json};
use tracehound::{LossReason, Losses};

static MADE: AtomicU64 = AtomicU64::new(0);
static LONGEST_US: AtomicU64 = AtomicU64::new(0);

/// Runs work of the program that starts so many spans, and takes the time that it keeps its thread.
pub fn make<T>(spans: u64, work: impl FnOnce() -> T) -> T {
    let start = Instant::now();
    let made = work();
    let took = u64::try_from(start.elapsed().as_micros()).unwrap();
    LONGEST_US.fetch_max(took, Ordering::Relaxed);
    MADE.fetch_add(spans, Ordering::Relaxed);
    made
}

pub fn made() -> u64 {
    MADE.load(Ordering::Relaxed)
}

/// A trace of one span.
pub fn one(name: &'static str) {
    make(1, || tracehound::start_span(name).finish());
}

/// Traces of a root and so many children.
pub fn traces(count: u64, children: u64) {
    for _ in 0..count {
        make(1 + children, || {
            let _root = tracehound::trace("root");
            for _ in 0..children {
                tracehound::in_span("child", |_| ());
            }
        });
    }
}

/// Tells the test what was made and lost so far. The last of these lines counts; a process that was forked from
/// the program begins anew, and tells for itself.
pub fn report() {
    report_of(&tracehound::tracer().losses());
}

/// The same where another tracer than the process's made the spans.
pub fn report_of(losses: &Losses) {
    let lost: Map<String, Value> = LossReason::ALL
        .into_iter()
        .map(|reason| (reason.as_str().to_owned(), Value::from(losses.spans(reason))))
        .filter(|(_, spans)| *spans != 0)
        .collect();
    println!(
        "report {}",
        json!({
            "process": std::process::id(),
            "made": MADE.load(Ordering::Relaxed),
            "longest_us": LONGEST_US.load(Ordering::Relaxed),
            "lost": lost,
        })
    );
}

/// Forgets what the parent made: a forked process counts its own.
pub fn begin_anew() {
    MADE.store(0, Ordering::Relaxed);
    LONGEST_US.store(0, Ordering::Relaxed);
}
