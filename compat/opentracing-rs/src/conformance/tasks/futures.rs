//! Futures that carry their span.

use std::future::{Future, poll_fn};
use std::panic::resume_unwind;
use std::task::Poll;

use super::Spawn;
use super::tools::{Queue, join, root, start, steps, wait_a_little};
use crate::FutureExt;
use crate::conformance::subject::Subject;

pub(super) async fn in_its_span(subject: Subject, _: Spawn) {
    let span = subject.tracer().start_span("future");
    steps(subject.clone(), span.clone(), "child").in_span(span).await;
    subject.expect_active(None);
    assert!(subject.one("child").is_child_of(&subject.one("future")));
}

pub(super) async fn joined(subject: Subject, _: Spawn) {
    let (one, two) = (root(subject.tracer(), "one"), root(subject.tracer(), "two"));
    let first = steps(subject.clone(), one.clone(), "of one").in_span(one);
    let second = steps(subject.clone(), two.clone(), "of two").in_span(two);
    join(vec![Box::pin(first), Box::pin(second)]).await;
    subject.expect_active(None);
    assert!(subject.one("of one").is_child_of(&subject.one("one")));
    assert!(subject.one("of two").is_child_of(&subject.one("two")));
}

pub(super) async fn done(subject: Subject, _: Spawn) {
    let span = subject.tracer().start_span("finished");
    let mut future = Box::pin(wait_a_little().in_span(span));
    future.as_mut().await;
    // Already, though the future is still there.
    subject.one("finished");
    drop(future);
    let span = subject.tracer().start_span("kept");
    wait_a_little().with_active_span(span.clone()).await;
    subject.expect_open(&span, "kept");
}

/// Traces when it is dropped.
struct Traces(Subject);

impl Drop for Traces {
    fn drop(&mut self) {
        self.0.tracer().start_span("cleanup").finish();
    }
}

pub(super) async fn dropped(subject: Subject, _: Spawn) {
    let held = Traces(subject.clone());
    let future = async move {
        let _held = held;
        std::future::pending::<()>().await;
    };
    let mut future = Box::pin(future.in_span(subject.tracer().start_span("cancelled")));
    poll_fn(|task| {
        assert!(future.as_mut().poll(task).is_pending());
        Poll::Ready(())
    })
    .await;
    drop(future);
    subject.expect_active(None);
    let cancelled = subject.one("cancelled");
    assert!(!cancelled.is_error);
    assert!(subject.one("cleanup").is_child_of(&cancelled));
}

pub(super) async fn error(subject: Subject, _: Spawn) {
    for (name, text) in [("failed", "x"), ("worked", "7")] {
        let work = async {
            wait_a_little().await;
            text.parse::<u8>()
        };
        let parsed = work.try_in_span(subject.tracer().start_span(name)).await;
        assert_eq!(parsed.is_err(), subject.one(name).is_error, "{name}");
    }
    assert!(subject.one("failed").is_error);
}

pub(super) async fn panic(subject: Subject, spawn: Spawn) {
    let span = subject.tracer().start_span("panic");
    let work = async {
        wait_a_little().await;
        resume_unwind(Box::new("meant"));
    };
    spawn(Box::pin(work.in_span(span))).await;
    subject.expect_active(None);
    assert!(subject.one("panic").is_error);
}

pub(super) async fn inherits_nothing(subject: Subject, spawn: Spawn) {
    let seen = Queue::new();
    let parent = subject.tracer().start_span("parent");
    let task = {
        let (subject, seen) = (subject.clone(), seen.clone());
        async move { seen.send(subject.active()) }
    };
    async move { start(&spawn, Box::pin(task)).await }.in_span(parent).await;
    assert_eq!(seen.receive().await, None, "what a task finds active");
}
