//! The bridge as the global one, and threads that end.

#![allow(clippy::unwrap_used)]

use std::cell::RefCell;
use std::mem;
use std::sync::OnceLock;
use std::thread;
use std::time::Duration;

use opentelemetry::trace::{
    Span as _, TraceContextExt, Tracer as _, TracerProvider as _, get_active_span,
};
use opentelemetry::{Context, InstrumentationScope, KeyValue, global};
use tracehound::config::Environment;
use tracehound::testing::{Captured, CapturedSpan};
use tracehound::{Tracer, TracerGuard};
use tracehound_test_support::within;

const LIMIT: Duration = Duration::from_secs(20);

/// What the one tracer of this process has finished; the tests tell theirs by the trace.
fn captured() -> &'static Captured {
    static INSTALLED: OnceLock<(Captured, TracerGuard)> = OnceLock::new();
    let (captured, _) = INSTALLED.get_or_init(|| {
        // Before there is a tracer: the order does not matter.
        tracehound_opentelemetry::install();
        let captured = Captured::default();
        let builder = Tracer::builder().environment(Environment::empty()).service("test");
        let guard = builder.capture(&captured).install();
        (captured, guard)
    });
    captured
}

fn trace_of(root: &str) -> Vec<CapturedSpan> {
    let chunks = captured().chunks();
    let has_root = |chunk: &Vec<CapturedSpan>| chunk.iter().any(|span| span.resource == root);
    chunks.into_iter().find(has_root).unwrap_or_default()
}

#[test]
fn the_global_tracer_makes_spans_of_the_tracer_of_the_process() {
    captured();
    let tracer = global::tracer("checkout");
    let root = tracer.in_span("global root", |cx| {
        cx.span().set_attribute(KeyValue::new("order.id", 42));
        let root = tracehound::current_span().unwrap();
        tracehound::in_span("native child", |span| {
            assert_eq!(span.parent().unwrap(), root);
            drop(tracer.start("grandchild"));
        });
        root
    });
    assert!(tracehound::current_span().is_none());
    let trace = trace_of("global root");
    assert_eq!(trace.len(), 3);
    assert_eq!(trace.first().unwrap().span_id, root.span_id());
    assert_eq!(trace.first().unwrap().metrics.get("order.id"), Some(&42.0));
}

#[test]
fn a_tracer_with_a_scope_is_a_tracer() {
    captured();
    let scope = InstrumentationScope::builder("lib").with_version("1.0").build();
    let mut span = global::tracer_with_scope(scope).start("scoped");
    span.end();
    drop(global::tracer_provider().tracer("again").start("provided"));
    assert_eq!(trace_of("scoped").len(), 1);
    assert_eq!(trace_of("provided").len(), 1);
}

#[test]
fn the_global_provider_can_be_installed_again() {
    captured();
    let provider = tracehound_opentelemetry::install();
    provider.force_flush(LIMIT).unwrap();
    drop(provider.tracer("t").start("installed again"));
    assert_eq!(trace_of("installed again").len(), 1);
}

// ===== threads that end =====

/// Runs something when the thread's locals are destroyed.
struct AtExit(RefCell<Option<Box<dyn FnOnce()>>>);

impl AtExit {
    const fn new() -> Self {
        AtExit(RefCell::new(None))
    }

    fn run(&self, last: impl FnOnce() + 'static) {
        *self.0.borrow_mut() = Some(Box::new(last));
    }
}

impl Drop for AtExit {
    fn drop(&mut self) {
        if let Some(last) = self.0.take() {
            last();
        }
    }
}

thread_local! {
    static AT_EXIT: AtExit = const { AtExit::new() };
}

fn trace_natively() {
    tracehound::in_span("native", |span| {
        span.set_tag("late", true);
        let _again = tracehound::activate(tracehound::ActiveContext::empty());
        let _ = tracehound::current_span();
    });
    let _ = tracehound::propagation_context();
}

/// What OpenTelemetry itself can do when its own thread-local is gone; the rest panics in there.
fn trace_by_otel_without_its_context() {
    let tracer = global::tracer("t");
    let cx = Context::new().with_span(tracer.start_with_context("otel", &Context::new()));
    let mut child = tracer.start_with_context("child", &cx);
    child.set_attribute(KeyValue::new("late", true));
    child.add_event("late", vec![]);
    child.end();
}

fn on_a_thread(work: impl FnOnce() + Send + 'static) {
    captured();
    within(LIMIT, || thread::spawn(work).join().unwrap());
}

#[test]
fn a_thread_local_made_before_can_trace_when_the_thread_ends() {
    // Destroyed after OpenTelemetry's.
    on_a_thread(|| {
        AT_EXIT.with(|at_exit| {
            at_exit.run(|| {
                trace_natively();
                trace_by_otel_without_its_context();
                drop(global::tracer("t").start_with_context("made before", &Context::new()));
            });
        });
        tracehound::in_span("first", |_| global::tracer("t").in_span("second", |_| ()));
    });
    assert_eq!(trace_of("made before").len(), 1);
}

#[test]
fn a_thread_local_made_afterwards_can_trace_when_the_thread_ends() {
    // Destroyed before OpenTelemetry's, whose whole interface is there.
    on_a_thread(|| {
        tracehound::in_span("first", |_| global::tracer("t").in_span("second", |_| ()));
        AT_EXIT.with(|at_exit| {
            at_exit.run(|| {
                trace_natively();
                trace_by_otel_without_its_context();
                global::tracer("t").in_span("made afterwards", |_| {
                    tracehound::in_span("child", |_| {
                        get_active_span(|span| span.set_attribute(KeyValue::new("k", 1)));
                    });
                });
            });
        });
    });
    assert!(!trace_of("made afterwards").is_empty());
}

#[test]
fn a_thread_that_used_otels_context_without_us_can_trace_when_it_ends() {
    on_a_thread(|| {
        AT_EXIT.with(|at_exit| {
            at_exit.run(|| {
                trace_natively();
                trace_by_otel_without_its_context();
                drop(global::tracer("t").start_with_context("without us", &Context::new()));
            });
        });
        drop(Context::new().attach());
    });
    assert_eq!(trace_of("without us").len(), 1);
}

#[test]
fn a_thread_local_can_trace_where_nothing_did_before() {
    on_a_thread(|| {
        AT_EXIT.with(|at_exit| {
            at_exit.run(|| {
                trace_natively();
                trace_by_otel_without_its_context();
                drop(global::tracer("t").start_with_context("nothing before", &Context::new()));
            });
        });
    });
    assert_eq!(trace_of("nothing before").len(), 1);
}

#[test]
fn scopes_and_guards_that_outlive_their_thread_are_no_harm() {
    for before in [true, false] {
        on_a_thread(move || {
            if !before {
                tracehound::in_span("first", |_| ());
            }
            AT_EXIT.with(|_| ());
            let scope = tracehound::start_span("held").detach();
            let active = scope.activate();
            let child = tracehound::trace("child");
            AT_EXIT.with(|at_exit| at_exit.run(move || drop((active, child))));
        });
    }
    on_a_thread(|| {
        mem::forget(tracehound::trace("forgotten"));
        let span = global::tracer("t").start("forgotten, too");
        mem::forget(Context::current_with_span(span).attach());
        tracehound::in_span("below", |_| ());
    });
}

#[test]
fn a_span_that_only_the_context_of_an_ended_thread_held_is_sent() {
    on_a_thread(|| {
        let span = global::tracer("t").start("held by the context");
        mem::forget(Context::current_with_span(span).attach());
    });
    assert_eq!(trace_of("held by the context").len(), 1);
}
