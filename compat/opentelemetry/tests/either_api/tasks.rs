//! Futures, tasks and threads take either API's context along.

use std::future::Future;
use std::thread;
use std::time::Duration;

use opentelemetry::Context;
use opentelemetry::context::FutureExt as _;
use opentelemetry::trace::TraceContextExt as _;
use tokio::task::yield_now;
use tracehound::FutureExt as _;
use tracehound_test_support::within;

use super::{Api, PAIRS, Started, Tracers};

const LIMIT: Duration = Duration::from_secs(20);

/// On one thread, and on several between which tasks move.
fn on_both<F: Future<Output = ()> + Send + 'static>(program: impl Fn() -> F) {
    for workers in [1, 4] {
        let program = program();
        within(LIMIT, move || {
            let mut builder = match workers {
                1 => tokio::runtime::Builder::new_current_thread(),
                _ => tokio::runtime::Builder::new_multi_thread(),
            };
            let runtime = builder.build().unwrap();
            runtime.block_on(async { tokio::spawn(program).await.unwrap() });
        });
    }
}

/// Runs a future in a span, by the API's own means.
async fn in_span<T>(
    tracers: &Tracers,
    api: Api,
    name: &'static str,
    work: impl Future<Output = T>,
) -> T {
    match tracers.start(api, name) {
        Started::Native(span) => work.in_span(span).await,
        Started::Otel(span) => work.with_context(Context::current_with_span(span)).await,
    }
}

/// A future that runs where this is called, wherever it is spawned.
fn carried<F: Future>(
    tracers: &Tracers,
    api: Api,
    work: F,
) -> impl Future<Output = F::Output> + use<F> {
    let native = (api == Api::Native).then(|| tracers.native.context());
    let otel = (api == Api::Otel).then(Context::current);
    let tracers = tracers.clone();
    let mut work = Box::pin(work);
    std::future::poll_fn(move |task| {
        let _native = native.clone().map(|context| tracers.native.activate(context));
        let _otel = otel.clone().map(Context::attach);
        work.as_mut().poll(task)
    })
}

#[test]
fn a_future_keeps_its_span_across_awaits() {
    for (outer, inner) in PAIRS {
        on_both(|| async move {
            let tracers = Tracers::new();
            in_span(&tracers, outer, "a", async {
                yield_now().await;
                in_span(&tracers, inner, "b", async {
                    yield_now().await;
                    drop(tracers.start(outer, "c"));
                })
                .await;
                yield_now().await;
                drop(tracers.start(inner, "d"));
            })
            .await;
            assert!(tracers.native.current_span().is_none());
            assert_eq!(tracers.shape(), "a(b(c) d)", "{outer:?}, {inner:?}");
        });
    }
}

#[test]
fn joined_futures_do_not_see_each_other() {
    for (left, right) in PAIRS {
        on_both(|| async move {
            let tracers = Tracers::new();
            let turns = |api: Api, name: &'static str, below: &'static str| {
                let tracers = &tracers;
                in_span(tracers, api, name, async move {
                    for _ in 0..3 {
                        yield_now().await;
                        drop(tracers.start(api, below));
                    }
                })
            };
            in_span(&tracers, left, "root", async {
                tokio::join!(turns(left, "left", "l"), turns(right, "right", "r"));
            })
            .await;
            assert_eq!(tracers.shape(), "root(left(l l l) right(r r r))", "{left:?}, {right:?}");
        });
    }
}

#[test]
fn spawned_tasks_go_on_where_they_were_spawned() {
    for (outer, carrier) in PAIRS {
        on_both(|| async move {
            let tracers = Tracers::new();
            in_span(&tracers, outer, "root", async {
                let tasks: Vec<_> = ["a", "b", "c"]
                    .into_iter()
                    .map(|name| {
                        let inside = tracers.clone();
                        let work = async move {
                            yield_now().await;
                            inside.inside(outer, name, || drop(inside.start(carrier, "below")));
                        };
                        tokio::spawn(carried(&tracers, carrier, work))
                    })
                    .collect();
                for task in tasks {
                    task.await.unwrap();
                }
            })
            .await;
            assert_eq!(
                tracers.shape(),
                "root(a(below) b(below) c(below))",
                "{outer:?}, {carrier:?}"
            );
            assert_eq!(tracers.captured.chunks().len(), 1);
        });
    }
}

#[test]
fn spawned_tasks_without_a_context_begin_traces_of_their_own() {
    for (outer, inner) in PAIRS {
        on_both(|| async move {
            let tracers = Tracers::new();
            in_span(&tracers, outer, "root", async {
                let inside = tracers.clone();
                tokio::spawn(async move { drop(inside.start(inner, "apart")) }).await.unwrap();
            })
            .await;
            assert_eq!(tracers.shape(), "apart root", "{outer:?}, {inner:?}");
        });
    }
}

#[test]
fn threads_go_on_where_their_context_was_taken() {
    for (outer, carrier) in PAIRS {
        for inner in [Api::Native, Api::Otel] {
            let tracers = Tracers::new();
            tracers.inside(outer, "root", || {
                let (native, otel) = (tracers.native.context(), Context::current());
                let inside = tracers.clone();
                let work = move || {
                    let _native = (carrier == Api::Native).then(|| inside.native.activate(native));
                    let _otel = (carrier == Api::Otel).then(|| otel.attach());
                    inside.inside(inner, "thread", || drop(inside.start(outer, "below")));
                };
                within(LIMIT, || thread::spawn(work).join().unwrap());
            });
            assert_eq!(tracers.shape(), "root(thread(below))", "{outer:?}, {carrier:?}, {inner:?}");
        }
    }
}

#[test]
fn a_future_that_is_dropped_half_way_ends_its_span() {
    for (outer, inner) in PAIRS {
        on_both(|| async move {
            let tracers = Tracers::new();
            in_span(&tracers, outer, "root", async {
                let endless = in_span(&tracers, inner, "endless", std::future::pending::<()>());
                tokio::select! {
                    biased;
                    () = endless => {}
                    () = yield_now() => {}
                }
                drop(tracers.start(inner, "next"));
            })
            .await;
            assert_eq!(tracers.shape(), "root(endless next)", "{outer:?}, {inner:?}");
        });
    }
}
