//! What a span tells of the panic that ends it.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use std::future::Future as _;
use std::panic::{AssertUnwindSafe, catch_unwind, panic_any, resume_unwind};
use std::task::{Context, Waker};
use std::thread;

use tracehound::testing::{self, Captured};
use tracehound::{FutureExt, Tracer};
use tracehound_test_support::within;

use common::LIMIT;

/// Runs what panics.
fn catch(work: impl FnOnce()) {
    assert!(catch_unwind(AssertUnwindSafe(work)).is_err());
}

/// What the error of a span says: message, type, and the place.
#[track_caller]
fn error(captured: &Captured, name: &str) -> (String, Option<String>) {
    let span = captured.span(name);
    assert!(span.is_error);
    assert_eq!(span.tags["error.type"], "panic");
    // The lines below are there where the environment asks for stacks.
    let place = span.tags.get("error.stack").map(|stack| stack.lines().next().unwrap().to_owned());
    (span.tags["error.message"].clone(), place)
}

#[track_caller]
fn says(captured: &Captured, name: &str, message: &str) {
    let (said, place) = error(captured, name);
    assert_eq!(said, message);
    let place = place.unwrap();
    assert!(place.starts_with("panicked at tests/panics.rs:"), "{place}");
}

/// What there is to say where the panic hook knows of none.
const UNKNOWN: &str = "the span was dropped by a panic";

#[test]
fn every_span_that_a_panic_leaves_says_what_it_said_and_where() {
    let (tracer, captured) = testing::tracer();
    catch(|| {
        tracer.in_span("closure", |_| {
            let _active = tracer.trace("active");
            let _span = tracer.span("span").start();
            tracer.span("scope").in_scope(|_| panic!("egg {}", 7));
        });
    });
    for name in ["closure", "active", "span", "scope"] {
        says(&captured, name, "egg 7");
    }
}

#[test]
fn a_future_says_it_whoever_catches_the_panic() {
    within(LIMIT, || {
        let (tracer, captured) = testing::tracer();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let span = tracer.span("task").start();
        let task = runtime.spawn(async { panic!("in a task") }.in_span(span));
        runtime.block_on(task).unwrap_err();
        says(&captured, "task", "in a task");

        // Caught before the future is dropped.
        let span = tracer.span("polled").start();
        let mut future = Box::pin(async { panic!("in a poll") }.in_span(span));
        catch(|| {
            let _ = future.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        });
        drop(future);
        says(&captured, "polled", "in a poll");
    });
}

#[test]
fn a_panic_that_was_caught_is_not_told_of_later_spans() {
    let (tracer, captured) = testing::tracer();
    catch(|| tracer.in_span("first", |_| panic!("first")));
    says(&captured, "first", "first");
    // Past the hook: a panic of another thread that is handed on.
    catch(|| tracer.in_span("second", |_| resume_unwind(Box::new("second"))));
    assert_eq!(error(&captured, "second"), (UNKNOWN.to_owned(), None));
    tracer.in_span("third", |_| ());
    assert!(!captured.span("third").is_error);
    catch(|| tracer.in_span("fourth", |_| panic!("fourth")));
    says(&captured, "fourth", "fourth");
}

#[test]
fn a_panic_of_another_thread_is_not_mixed_up_with_this_one() {
    let (tracer, captured) = testing::tracer();
    catch(|| {
        tracer.in_span("here", |_| {
            thread::spawn(|| panic!("there")).join().unwrap_err();
            panic!("here");
        });
    });
    says(&captured, "here", "here");
}

#[test]
fn a_payload_that_is_no_text_still_has_a_place() {
    let (tracer, captured) = testing::tracer();
    catch(|| tracer.in_span("span", |_| panic_any(7)));
    says(&captured, "span", "a panic without a message");
    catch(|| tracer.in_span("owned", |_| panic_any("text".to_owned())));
    says(&captured, "owned", "text");
}

#[test]
fn what_the_program_said_before_counts() {
    let (tracer, captured) = testing::tracer();
    catch(|| {
        tracer.in_span("span", |span| {
            span.set_error_message("the disk is full");
            panic!("give up");
        });
    });
    assert_eq!(captured.tree(), "span ! error.message=the disk is full\n");
}

#[test]
fn a_panic_that_the_program_caught_has_its_place() {
    let (tracer, captured) = testing::tracer();
    let span = tracer.trace("span");
    let caught = catch_unwind(|| panic!("egg {}", 8)).unwrap_err();
    span.set_panic(&*caught);
    span.set_current_panic();
    drop(span);
    says(&captured, "span", "egg 8");
}

#[test]
fn functions_of_the_program_that_panic_meanwhile_change_nothing() {
    /// Describes an error that panics while it is described, while a panic unwinds.
    struct Parting(Tracer);

    #[derive(Debug)]
    struct Broken;

    impl std::fmt::Display for Broken {
        fn fmt(&self, _: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            panic!("inner")
        }
    }

    impl std::error::Error for Broken {}

    impl Drop for Parting {
        fn drop(&mut self) {
            self.0.trace("parting").set_error(&Broken);
        }
    }

    let (tracer, captured) = testing::tracer();
    catch(|| {
        tracer.in_span("span", |_| {
            let _parting = Parting(tracer.clone());
            panic!("outer");
        });
    });
    says(&captured, "span", "outer");
    let inner = captured.span("parting").tags["error.message"].clone();
    assert_eq!(inner, "an error whose text cannot be written");
}
