//! One trace across awaits, tasks and threads, with the futures of both APIs mixed.

#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use std::future::Future;
use std::time::Duration;

use opentelemetry::Context;
use opentelemetry::context::FutureExt as _;
use opentelemetry::trace::{Status, TraceContextExt, Tracer as _, get_active_span};
use tokio::task::yield_now;
use tracehound::FutureExt as _;
use tracehound_test_support::within;

use common::tracers;

const LIMIT: Duration = Duration::from_secs(30);

/// Runs a program on either runtime of tokio.
fn on_both<F: Future<Output = ()> + Send + 'static>(program: impl Fn() -> F) {
    let current = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let many = tokio::runtime::Builder::new_multi_thread().worker_threads(4).build().unwrap();
    for runtime in [current, many] {
        let program = program();
        within(LIMIT, move || {
            // In a task, so that a runtime of several threads can move it.
            runtime.block_on(async { tokio::spawn(program).await.unwrap() });
        });
    }
}

#[test]
fn futures_of_both_apis_nest() {
    on_both(|| async {
        let (native, otel, captured) = tracers();
        async {
            yield_now().await;
            let cx = Context::current_with_span(otel.start("otel"));
            async {
                yield_now().await;
                async {
                    yield_now().await;
                    drop(otel.start("innermost"));
                }
                .in_span(native.span("inner").start())
                .await;
                yield_now().await;
                assert!(!native.current_span().unwrap().parent().unwrap().is_none());
            }
            .with_context(cx)
            .await;
            assert_eq!(native.current_span().unwrap().name().unwrap(), "outer");
        }
        .in_span(native.span("outer").start())
        .await;
        assert!(native.current_span().is_none());
        assert!(!Context::current().has_active_span());
        assert_eq!(
            captured.tree(),
            "outer\n  internal [otel]\n    inner\n      internal [innermost]\n"
        );
        assert_eq!(captured.chunks().len(), 1);
    });
}

#[test]
fn siblings_that_run_in_turns_do_not_see_each_other() {
    on_both(|| async {
        let (native, otel, captured) = tracers();
        let by_otel = |name: &'static str| {
            let (otel, cx) = (otel.clone(), Context::current_with_span(otel.start(name)));
            async move {
                for _ in 0..5 {
                    yield_now().await;
                    otel.in_span("step", |_| ());
                }
            }
            .with_context(cx)
        };
        let natively = |name: &'static str| {
            let span = native.span(name).start();
            let native = native.clone();
            async move {
                for _ in 0..5 {
                    yield_now().await;
                    native.in_span("step", |_| ());
                }
            }
            .in_span(span)
        };
        tokio::join!(by_otel("a"), natively("b"), by_otel("c"), natively("d"));
        let spans = captured.spans();
        assert_eq!(spans.len(), 4 * 6);
        for parent in ["a", "b", "c", "d"] {
            let parent = spans.iter().find(|span| span.resource == parent).unwrap();
            let steps = spans.iter().filter(|span| span.parent_id == parent.span_id);
            assert_eq!(steps.count(), 5);
        }
    });
}

#[test]
fn tasks_and_threads_take_either_context_along() {
    on_both(|| async {
        let (native, otel, captured) = tracers();
        let cx = Context::current_with_span(otel.start("root"));
        let (tasks, native_2) = (native.clone(), native.clone());
        async move {
            let (otel_1, otel_2, native_3) = (otel.clone(), otel.clone(), tasks.clone());
            let by_otel = tokio::spawn(
                async move {
                    yield_now().await;
                    native_3.in_span("native in a task", |_| ());
                }
                .with_current_context(),
            );
            let natively = tokio::spawn(
                async move {
                    yield_now().await;
                    otel_1.in_span("otel in a task", |_| ());
                }
                .in_context(tasks.context()),
            );
            let here = tasks.context();
            let thread = tokio::task::spawn_blocking(move || {
                let _there = native_2.activate(here);
                otel_2.in_span("otel in a thread", |_| ());
            });
            let (one, two, three) = tokio::join!(by_otel, natively, thread);
            one.and(two).and(three).unwrap();
        }
        .with_context(cx)
        .await;
        let spans = captured.spans();
        let root = spans.iter().find(|span| span.resource == "root").unwrap();
        assert_eq!(spans.len(), 4);
        assert_eq!(spans.iter().filter(|span| span.parent_id == root.span_id).count(), 3);
        assert_eq!(captured.chunks().len(), 1);
    });
}

#[test]
fn many_tasks_keep_their_own_parents_wherever_they_run() {
    on_both(|| async {
        let (native, otel, captured) = tracers();
        let mut tasks = Vec::new();
        for number in 0..TASKS {
            let (native, otel) = (native.clone(), otel.clone());
            let root = native.span("root").root().start();
            let cx = Context::new().with_span(otel.start_with_context("root", &Context::new()));
            let task = async move {
                for round in 0..ROUNDS {
                    yield_now().await;
                    let step = native.span("step").start();
                    let parent = native.current_span();
                    assert_eq!(step.parent(), parent);
                    async {
                        yield_now().await;
                        otel.in_span("leaf", |_| {
                            let leaf = native.current_span().unwrap();
                            assert_eq!(leaf.parent().unwrap().name().unwrap(), "step");
                        });
                    }
                    .in_span(step)
                    .await;
                    assert_eq!(native.current_span(), parent, "task {number}, round {round}");
                }
            };
            tasks.push(match number % 2 {
                0 => tokio::spawn(task.in_span(root)),
                _ => tokio::spawn(task.with_context(cx)),
            });
        }
        for task in tasks {
            task.await.unwrap();
        }
        let whole = captured.chunks().into_iter().filter(|chunk| chunk.len() == 1 + 2 * ROUNDS);
        assert_eq!(whole.count(), TASKS);
    });
}

const TASKS: usize = 64;
const ROUNDS: usize = 8;

#[test]
fn a_future_that_is_dropped_ends_its_span() {
    on_both(|| async {
        let (native, otel, captured) = tracers();
        let cx = Context::current_with_span(otel.start("otel"));
        let pending = std::future::pending().in_span(native.span("native").start());
        tokio::select! {
            biased;
            () = pending.with_context(cx) => {}
            () = yield_now() => {}
        }
        assert_eq!(captured.spans().len(), 2);
        assert!(native.current_span().is_none());
    });
}

#[test]
fn a_status_stays_final_from_one_poll_to_the_next() {
    on_both(|| async {
        let (native, _, captured) = tracers();
        async {
            get_active_span(|span| span.set_status(Status::Ok));
            yield_now().await;
            get_active_span(|span| span.set_status(Status::error("too late")));
        }
        .in_span(native.span("n").start())
        .await;
        assert!(!captured.span("n").is_error);
    });
}
