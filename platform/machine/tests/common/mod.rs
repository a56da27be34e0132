//! An allocator that traces: what code of the program may do at any moment of the tracer's own.

#![allow(unreachable_pub, clippy::unwrap_used)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tracehound::config::Environment;
use tracehound::{ActiveSpan, Tracer};
use tracehound_test_support::fault_agent::scripts;
use tracehound_test_support::{FaultAgent, within};

const LIMIT: Duration = Duration::from_secs(120);

#[derive(Debug)]
struct Tracing;

#[global_allocator]
static ALLOCATOR: Tracing = Tracing;

static TRACER: OnceLock<Tracer> = OnceLock::new();
/// Calls of the allocator that traced, and spans that were made there and elsewhere.
static CALLS: AtomicUsize = AtomicUsize::new(0);
static MADE: AtomicUsize = AtomicUsize::new(0);
/// Calls inside of which the active ids were there.
static WITH_IDS: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    static IS_WANTED: Cell<bool> = const { Cell::new(false) };
    /// As every allocator of its kind does: its own allocations do not come back to it.
    static IS_INSIDE: Cell<bool> = const { Cell::new(false) };
}

// SAFETY: every block is one of the system's allocator, asked with the same layout, before or after code that does
// not touch it and cannot unwind, because no panic leaves the tracer.
#[expect(unsafe_code, reason = "an allocator")]
unsafe impl GlobalAlloc for Tracing {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        trace(layout.size());
        // SAFETY: the caller's promise on the layout.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise on the block, which is one of `alloc`.
        unsafe { System.dealloc(block, layout) }
        trace(layout.size());
    }
}

fn trace(size: usize) {
    if !IS_WANTED.get() || IS_INSIDE.replace(true) {
        return;
    }
    if let Some(tracer) = TRACER.get() {
        use_tracer(tracer, size);
    }
    IS_INSIDE.set(false);
}

/// What a program could want to do with an allocation, and more.
fn use_tracer(tracer: &Tracer, size: usize) {
    CALLS.fetch_add(1, Ordering::Relaxed);
    if tracer.active_ids().is_some() {
        WITH_IDS.fetch_add(1, Ordering::Relaxed);
    }
    if let Some(active) = tracer.current_span() {
        active.set_tag("allocated", size);
        let _ = (active.tag("key"), active.is_open(), active.local_root().name());
    }
    let mut headers: Vec<(String, String)> = Vec::new();
    tracer.inject(&mut headers);
    let span = made(tracer.trace("allocation"));
    span.set_tag("size", size);
    span.set_tag(format!("key {size}"), "a value that was made for it");
}

/// Counts a span, unless it does not exist.
fn made(span: ActiveSpan) -> ActiveSpan {
    if span.is_some() {
        count();
    }
    span
}

pub fn count() {
    MADE.fetch_add(1, Ordering::Relaxed);
}

/// Runs `work` on two threads whose allocations are traced. It counts the spans that it makes itself.
pub fn traced(has_ids: bool, work: fn(&Tracer)) {
    within(LIMIT, move || {
        let agent = FaultAgent::start(scripts::healthy);
        let tracer = Tracer::builder()
            .environment(Environment::empty())
            .agent_url(agent.url())
            .log(|_, _| ())
            .build();
        TRACER.set(tracer.clone()).unwrap();
        std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    IS_WANTED.set(true);
                    work(&tracer);
                    IS_WANTED.set(false);
                });
            }
        });
        tracer.flush(LIMIT).unwrap();
        let (calls, made) = (CALLS.load(Ordering::Relaxed), MADE.load(Ordering::Relaxed));
        assert!(calls > 1000, "{calls}");
        assert_eq!(WITH_IDS.load(Ordering::Relaxed) > 100, has_ids);
        let lost = usize::try_from(tracer.losses().total()).unwrap();
        assert_eq!(agent.spans().len() + lost, made, "{:?}", tracer.losses());
        assert!(lost < made / 2, "{:?}", tracer.losses());
    });
}
