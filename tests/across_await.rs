//! Debug builds say, once, that a span was held active across an `.await`.

#![cfg(feature = "agent")]
#![allow(clippy::unwrap_used)]

mod common;

use tokio::task::{LocalSet, yield_now};
use tracehound::testing::Captured;
use tracehound::{FutureExt, Tracer};
use tracehound_test_support::within;

use common::{LIMIT, Said};

/// Runs two futures on one thread, in turns; gives what was finished and said.
fn side_by_side<A: Future<Output = ()> + 'static, B: Future<Output = ()> + 'static>(
    tasks: impl FnOnce(Tracer) -> (A, B) + Send + 'static,
) -> (String, Vec<String>) {
    within(LIMIT, || {
        let (captured, said) = (Captured::default(), Said::default());
        let tracer = common::builder("http://127.0.0.1:1", &said).capture(&captured).build();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let (first, second) = tasks(tracer);
        LocalSet::new().block_on(&runtime, async move {
            let first = tokio::task::spawn_local(first);
            let second = tokio::task::spawn_local(second);
            first.await.unwrap();
            second.await.unwrap();
        });
        (captured.tree().replace(" @shop", ""), said.warnings())
    })
}

/// As many lines as debug builds say.
fn assert_said(said: &[String]) {
    assert_eq!(said.len(), usize::from(cfg!(debug_assertions)), "{said:?}");
    assert!(said.iter().all(|line| line.contains("`.in_span(span)`")), "{said:?}");
}

#[test]
fn a_span_that_is_held_across_an_await_is_noticed_when_it_ends() {
    let (tree, said) = side_by_side(|tracer| {
        let of_second = tracer.clone();
        let first = async move {
            for _ in 0..2 {
                let _held = tracer.trace("first");
                yield_now().await;
            }
        };
        let second = async move {
            for _ in 0..2 {
                let _held = of_second.trace("second");
                yield_now().await;
                yield_now().await;
            }
        };
        (first, second)
    });
    assert!(tree.contains("  second"), "what it warns of: {tree}");
    assert_said(&said);
}

#[test]
fn a_future_in_a_span_that_leaves_another_active_is_noticed_when_it_waits() {
    let (_, said) = side_by_side(|tracer| {
        let span = tracer.span("outer").start();
        let first = async move {
            let _held = tracer.trace("inner");
            yield_now().await;
        };
        (first.in_span(span), async {})
    });
    assert_said(&said);
}

#[test]
fn futures_in_their_spans_are_fine() {
    let (tree, said) = side_by_side(|tracer| {
        let spans = ["first", "second"].map(|name| tracer.span(name).start());
        let [first, second] = spans.map(|span| {
            let tracer = tracer.clone();
            async move {
                for _ in 0..3 {
                    tracer.in_span("step", |_| ());
                    yield_now().await;
                }
            }
            .in_span(span)
        });
        (first, second)
    });
    let step = "  step\n".repeat(3);
    let mut lines: Vec<&str> = tree.lines().collect();
    lines.sort_unstable();
    assert_eq!(lines.len(), 8, "{tree}");
    assert!(tree.contains(&format!("first\n{step}")) && tree.contains(&format!("second\n{step}")));
    assert!(said.is_empty(), "{said:?}");
}
