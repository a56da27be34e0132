//! The panic hook goes before the program's, and only where it may. One test: the hook is the process's.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use std::panic::{AssertUnwindSafe, catch_unwind, set_hook};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use tracehound::Tracer;
use tracehound::config::Environment;
use tracehound::testing::Captured;

/// A hook that counts.
fn count(panics: &Arc<AtomicU32>) {
    let panics = Arc::clone(panics);
    set_hook(Box::new(move |_| {
        panics.fetch_add(1, Ordering::Relaxed);
    }));
}

/// What a span says of a panic.
fn message(tracer: &Tracer, captured: &Captured, text: &'static str) -> String {
    let work = AssertUnwindSafe(|| tracer.in_span(text, |_| panic!("{text}")));
    assert!(catch_unwind(work).is_err());
    captured.span(text).tags["error.message"].clone()
}

#[test]
fn the_hook_of_the_program_stays() {
    const UNKNOWN: &str = "the span was dropped by a panic";
    let (first, second) = (Arc::default(), Arc::default());
    count(&first);
    let build = |wanted| {
        let captured = Captured::default();
        let builder = Tracer::builder().environment(Environment::empty()).panic_hook(wanted);
        (builder.capture(&captured).build(), captured)
    };
    let (without, captured) = build(false);
    assert_eq!(message(&without, &captured, "forbidden"), UNKNOWN);
    assert_eq!(first.load(Ordering::Relaxed), 1);

    let (with, captured) = build(true);
    let (_another, _) = build(true);
    assert_eq!(message(&with, &captured, "allowed"), "allowed");
    assert_eq!(first.load(Ordering::Relaxed), 2, "called once, after ours");

    // One that the program sets later, which calls nobody.
    count(&second);
    assert_eq!(message(&with, &captured, "replaced"), UNKNOWN);
    assert_eq!((first.load(Ordering::Relaxed), second.load(Ordering::Relaxed)), (2, 1));
}
