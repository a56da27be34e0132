//! A stream inside a span: what makes its items is below it, on whatever thread, and nothing else is.

#![cfg(feature = "stream")]
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::task::{Context as TaskContext, Poll, Waker};

use futures_util::stream::{self, Stream};
use futures_util::{StreamExt as _, future};
use tracehound::testing::{self, Captured};
use tracehound::{FutureExt as _, StreamExt as _, Tracer};
use tracehound_test_support::within;

mod common;

use common::LIMIT;

/// `count` items that take a while each, and a span, and say which span is theirs.
fn items(tracer: &Tracer, count: usize) -> impl Stream<Item = Option<String>> + Send + use<> {
    let tracer = tracer.clone();
    stream::iter(0..count).then(move |number| {
        let tracer = tracer.clone();
        async move {
            tokio::task::yield_now().await;
            tracer.in_span("load", |span| {
                span.set_tag("n", number);
                span.parent().and_then(|parent| parent.name())
            })
        }
    })
}

fn poll<S: Stream>(stream: Pin<&mut S>) -> Poll<Option<S::Item>> {
    stream.poll_next(&mut TaskContext::from_waker(Waker::noop()))
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap()
}

fn names(captured: &Captured) -> Vec<String> {
    captured.spans().into_iter().map(|span| span.name).collect()
}

#[test]
fn items_are_made_below_their_span_whatever_thread_makes_them() {
    within(LIMIT, || {
        let (tracer, captured) = testing::tracer();
        let runtime = runtime();
        runtime.block_on(async {
            let consume = |name: &'static str| {
                let body = items(&tracer, 3).in_span(tracer.start_span(name));
                tokio::spawn(async move { body.collect::<Vec<_>>().await })
            };
            let (one, other) = future::join(consume("one"), consume("other")).await;
            assert_eq!(one.unwrap(), vec![Some("one".to_owned()); 3]);
            assert_eq!(other.unwrap(), vec![Some("other".to_owned()); 3]);
        });
        let mut trees: Vec<_> =
            captured.tree().split_inclusive("n=2\n").map(str::to_owned).collect();
        trees.sort();
        let tree = |name| format!("{name}\n  load n=0\n  load n=1\n  load n=2\n");
        assert_eq!(trees, [tree("one"), tree("other")]);
    });
}

#[test]
fn the_span_ends_with_the_stream_and_not_with_who_holds_it() {
    let (tracer, captured) = testing::tracer();
    let mut body = pin!(stream::iter([1]).in_span(tracer.span("body").start()));
    assert_eq!(poll(body.as_mut()), Poll::Ready(Some(1)));
    assert!(tracer.current_span().is_none(), "not active between two items");
    assert!(captured.spans().is_empty(), "open until the end");
    assert_eq!(poll(body.as_mut()), Poll::Ready(None));
    assert_eq!(names(&captured), ["body"]);
}

#[test]
fn a_stream_that_is_dropped_half_way_ends_its_span_and_drops_inside_it() {
    struct Bell(Tracer);

    impl Drop for Bell {
        fn drop(&mut self) {
            self.0.in_span("cleanup", |_| ());
        }
    }

    let (tracer, captured) = testing::tracer();
    let bell = Bell(tracer.clone());
    let rows = stream::iter(0..3).map(move |number| (number, bell.0.is_enabled()).0);
    let mut body = Box::pin(rows.in_span(tracer.span("body").start()));
    assert_eq!(poll(body.as_mut()), Poll::Ready(Some(0)));
    drop(body);
    assert_eq!(captured.tree(), "body\n  cleanup\n");
}

#[test]
fn a_stream_in_a_context_works_for_a_span_that_somebody_else_ends() {
    within(LIMIT, || {
        let (tracer, captured) = testing::tracer();
        runtime().block_on(async {
            let request = tracer.span("request").start();
            let body = items(&tracer, 2).in_context(&request);
            let made = tokio::spawn(body.collect::<Vec<_>>()).await.unwrap();
            assert_eq!(made, vec![Some("request".to_owned()); 2]);
            assert!(request.is_open());
        });
        assert_eq!(captured.tree(), "request\n  load n=0\n  load n=1\n");
    });
}

#[test]
fn a_stream_in_a_future_in_a_stream_keeps_its_own_place() {
    within(LIMIT, || {
        let (tracer, captured) = testing::tracer();
        runtime().block_on(async {
            let inner = tracer.clone();
            let outer = stream::iter(0..2).then(move |_| {
                let below = items(&inner, 1).in_span(inner.span("inner").start());
                below.collect::<Vec<_>>().in_span(inner.span("between").root().start())
            });
            outer.in_span(tracer.start_span("outer")).collect::<Vec<_>>().await;
        });
        let tree = captured.tree();
        assert_eq!(tree.matches("  inner\n    load n=0\n").count(), 2, "{tree}");
        assert_eq!(tree.lines().filter(|line| *line == "between").count(), 2, "{tree}");
    });
}

#[test]
fn how_many_items_are_left_is_still_known() {
    let (tracer, _) = testing::tracer();
    let span = tracer.span("body").start();
    assert_eq!(stream::iter(0..3).in_context(&span).size_hint(), (3, Some(3)));
    assert_eq!(stream::iter(0..3).in_span(span).size_hint(), (3, Some(3)));
}

#[test]
fn a_stream_that_panics_says_so_whoever_catches_it() {
    let (tracer, captured) = testing::tracer();
    let body = stream::poll_fn(|_| -> Poll<Option<()>> { panic!("in an item") });
    let mut body = Box::pin(body.in_span(tracer.span("body").start()));
    // Caught before the stream is dropped, as runtimes do it.
    assert!(catch_unwind(AssertUnwindSafe(|| poll(body.as_mut()))).is_err());
    drop(body);
    let span = captured.span("body");
    assert!(span.is_error);
    assert_eq!(span.tags["error.message"], "in an item");
}
