//! Wrapped functions without the attribute, and executors of the program. The attribute's tests are in `macros/tests`.

#![allow(missing_docs)]

use std::panic::{catch_unwind, panic_any};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tracehound::config::Environment;
use tracehound::testing::Captured;
use tracehound::{Span, SpanKind, Tracer, WrapCall, WrapExecutor};

fn tracer(executor: impl WrapExecutor + 'static) -> (Tracer, Captured) {
    let captured = Captured::default();
    let builder = Tracer::builder().environment(Environment::empty()).service("test");
    let builder = builder.wrap_executor(executor).log(|_, _| ());
    (builder.capture(&captured).build(), captured)
}

#[test]
fn a_wrapped_function_runs_in_a_span() {
    let (tracer, captured) = tracehound::testing::tracer();
    let owned = String::from("lamp");
    let found = tracer.wrap_fn("cart.load", || {
        tracer.current_span().unwrap().set_tag("items", 1);
        tracer.wrap_fn(String::from("cart.price"), || owned)
    });
    assert_eq!(found, "lamp");
    assert_eq!(captured.tree(), "cart.load items=1\n  cart.price\n");
    assert_eq!(Tracer::none().wrap_fn("cart.load", || 2), 2);
}

#[test]
fn an_executor_takes_the_place_of_the_span() {
    let (tracer, captured) = tracer(|call: WrapCall<'_>, run: &mut dyn FnMut()| {
        if call.name() == "quiet" {
            return run();
        }
        assert_eq!((call.service(), call.resource(), call.kind()), (None, None, None));
        let call = call.describe(|span| span.service("jobs").kind(SpanKind::Consumer).tag("a", 1));
        assert_eq!((call.name(), call.service()), ("job", Some("jobs")));
        assert_eq!((call.kind(), call.span_type()), (Some(SpanKind::Consumer), None));
        let tracer = call.tracer().clone();
        let span = call.enter();
        tracer.in_span("before", |_| ());
        run();
        span.set_tag("done", true);
    });
    let work = || tracer.wrap_fn("quiet", || tracer.in_span("inside", |_| 7));
    assert_eq!(tracer.wrap_fn("job", work), 7);
    assert_eq!(captured.tree(), "job @jobs done=true a=1\n  before @jobs\n  inside @jobs\n");
}

#[test]
fn the_function_runs_once_whatever_the_executor_does() {
    let runs = Arc::new(AtomicUsize::new(0));
    let work = || runs.fetch_add(1, Ordering::Relaxed);
    for (executor, panics) in [
        ((|_, _| ()) as fn(WrapCall<'_>, &mut dyn FnMut()), 0),
        (|_, run| [(); 3].iter().for_each(|()| run()), 0),
        (|_, _| panic!("before"), 1),
        (
            |_, run| {
                run();
                panic!("after")
            },
            1,
        ),
    ] {
        let (tracer, captured) = tracer(executor);
        let before = runs.load(Ordering::Relaxed);
        assert_eq!(tracer.wrap_fn("job", work), before);
        assert_eq!(runs.load(Ordering::Relaxed), before + 1);
        assert_eq!((tracer.caught_panics(), captured.tree()), (panics, String::new()));
    }
}

#[test]
fn a_panic_of_the_function_reaches_its_caller_as_it_was() {
    for executor in [
        (|call, run| {
            let _span = call.enter();
            run();
        }) as fn(WrapCall<'_>, &mut dyn FnMut()),
        |call, run| {
            let span = call.enter();
            let caught = catch_unwind(std::panic::AssertUnwindSafe(run));
            span.set_tag("caught", caught.is_err());
        },
    ] {
        let (tracer, captured) = tracer(executor);
        let work = || tracer.wrap_fn("job", || panic_any(7_u64));
        let payload = catch_unwind(std::panic::AssertUnwindSafe(work)).unwrap_err();
        assert_eq!(payload.downcast_ref(), Some(&7_u64));
        assert_eq!((captured.spans().len(), tracer.caught_panics()), (1, 0));
        let span = captured.span("job");
        assert!(span.is_error || span.tags.contains_key("caught"), "{span:?}");
    }
}

#[test]
fn the_span_of_a_panic_that_unwinds_through_an_executor_says_what_it_was() {
    let (tracer, captured) = tracer(|call: WrapCall<'_>, run: &mut dyn FnMut()| {
        let _span = call.enter();
        run();
    });
    let work = || tracer.wrap_fn("job", || panic!("out of eggs"));
    assert!(catch_unwind(std::panic::AssertUnwindSafe(work)).is_err());
    assert_eq!(captured.span("job").tags["error.message"], "out of eggs");
}

/// What async functions ask; the attribute's tests have them.
struct Spans;

impl WrapExecutor for Spans {
    fn execute(&self, call: WrapCall<'_>, run: &mut dyn FnMut()) {
        let _span = self.start(call).enter();
        run();
    }

    fn start(&self, call: WrapCall<'_>) -> Span {
        let span = call.start();
        span.set_tag("started", true);
        span
    }
}

#[test]
fn an_executor_may_be_a_type_and_is_kept_by_a_tracer_of_another_service() {
    use tracehound::bridge::{Identity, TracerExt};

    let (tracer, captured) = tracer(Spans);
    let other =
        tracer.with_identity(Identity { service: Some("other".into()), ..Default::default() });
    other.wrap_fn("job", || ());
    assert_eq!(captured.tree(), "job @other started=true\n");
}
