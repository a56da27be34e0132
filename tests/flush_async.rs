//! A task that flushes or shuts down blocks no thread, and needs no runtime.

#![cfg(feature = "agent")]
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::task::{Context, Poll, Wake, Waker};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tracehound::{LossReason, Tracer};
use tracehound_test_support::fault_agent::scripts;
use tracehound_test_support::{FaultAgent, Reply, within};

use common::{LIMIT, Said};

fn tracer(url: &str) -> Tracer {
    common::builder(url, &Said::default()).agent_timeout(Duration::from_secs(600)).build()
}

/// Says that it was woken.
struct Call(Sender<()>);

impl Wake for Call {
    fn wake(self: Arc<Self>) {
        let _ = self.0.send(());
    }
}

fn waker() -> (Waker, Receiver<()>) {
    let (call, called) = channel();
    (Waker::from(Arc::new(Call(call))), called)
}

/// The smallest of all runtimes: it polls only what was woken.
fn block_on<T>(future: impl Future<Output = T>) -> T {
    let (waker, called) = waker();
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(value) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return value;
        }
        called.recv_timeout(LIMIT).unwrap();
    }
}

#[test]
fn a_task_needs_no_runtime() {
    within(LIMIT, || {
        let agent = FaultAgent::start(scripts::healthy);
        let tracer = tracer(&agent.url());
        for count in 1..=20 {
            tracer.trace("root").finish();
            block_on(tracer.flush_async(LIMIT)).unwrap();
            assert_eq!(agent.spans().len(), count);
        }
        tracer.trace("root").finish();
        block_on(tracer.shutdown_async(LIMIT)).unwrap();
        assert_eq!(agent.spans().len(), 21);
        tracer.trace("root").finish();
        assert_eq!(tracer.losses().spans(LossReason::Shutdown), 1);
        block_on(tracer.flush_async(LIMIT)).unwrap();
        block_on(tracer.shutdown_async(LIMIT)).unwrap();
    });
}

/// Takes whatever comes, on the runtime that the tests run on.
async fn serve(listener: TcpListener) {
    loop {
        let (mut stream, _) = listener.accept().await.unwrap();
        tokio::spawn(async move {
            let mut bytes = vec![0; 1 << 16];
            while stream.read(&mut bytes).await.is_ok_and(|read| read > 0) {
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}").await;
            }
        });
    }
}

#[test]
fn an_agent_on_the_same_thread_can_answer() {
    within(LIMIT, || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().unwrap();
        runtime.block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let url = format!("http://{}", listener.local_addr().unwrap());
            tokio::spawn(serve(listener));
            let tracer = tracer(&url);
            tracer.trace("root").finish();
            tracer.flush_async(LIMIT).await.unwrap();
            tracer.trace("root").finish();
            tracer.shutdown_async(LIMIT).await.unwrap();
            assert_eq!(tracer.losses().total(), 0);
        });
    });
}

#[test]
fn the_time_is_over_though_nobody_else_wakes_the_task() {
    within(LIMIT, || {
        let agent = FaultAgent::start(|_| Reply::hang());
        let tracer = tracer(&agent.url());
        tracer.trace("root").finish();
        let short = Duration::from_millis(50);
        for _ in 0..3 {
            let start = Instant::now();
            assert!(block_on(tracer.flush_async(short)).unwrap_err().is_timeout());
            assert!(start.elapsed() >= short && start.elapsed() < LIMIT / 4);
        }
        assert!(block_on(tracer.flush_async(Duration::ZERO)).unwrap_err().is_timeout());
        assert!(block_on(tracer.shutdown_async(short)).unwrap_err().is_timeout());
        assert_eq!(tracer.losses().spans(LossReason::ShutdownTimeout), 1);
    });
}

#[test]
fn the_time_is_over_while_the_worker_is_idle_or_waits_to_try_again() {
    within(LIMIT, || {
        let agent = FaultAgent::start(scripts::healthy);
        agent.refuse();
        let tracer = tracer(&agent.url());
        tracer.trace("root").finish();
        for _ in 0..20 {
            let error = block_on(tracer.flush_async(Duration::from_millis(20))).unwrap_err();
            assert!(error.is_timeout() || error.is_undelivered());
        }
        agent.accept();
        block_on(tracer.flush_async(LIMIT)).unwrap();
        assert_eq!(agent.spans().len(), 1);
    });
}

#[test]
fn many_tasks_wait_at_once_and_some_give_up() {
    within(LIMIT, || {
        let agent = FaultAgent::start(scripts::healthy);
        let tracer = tracer(&agent.url());
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(3).build();
        runtime.unwrap().block_on(async {
            let tasks: Vec<_> = (0..100)
                .map(|number| {
                    let tracer = tracer.clone();
                    tokio::spawn(async move {
                        tracer.trace("root").finish();
                        let mut flush = pin!(tracer.flush_async(LIMIT));
                        if number % 3 == 0 {
                            // Asked for, and dropped.
                            poll_fn(|cx| Poll::Ready(flush.as_mut().poll(cx).is_ready())).await;
                            return;
                        }
                        flush.await.unwrap();
                    })
                })
                .collect();
            for task in tasks {
                task.await.unwrap();
            }
            tracer.flush_async(LIMIT).await.unwrap();
        });
        assert_eq!(agent.spans().len(), 100);
    });
}

/// A runtime whose code panics when it is told of an end.
struct Panics;

impl Wake for Panics {
    fn wake(self: Arc<Self>) {
        panic!("on purpose");
    }
}

#[test]
fn a_runtime_that_panics_does_not_end_the_worker() {
    within(LIMIT, || {
        let agent = FaultAgent::start(scripts::healthy);
        let tracer = tracer(&agent.url());
        let waker = Waker::from(Arc::new(Panics));
        for _ in 0..10 {
            let mut flush = pin!(tracer.flush_async(LIMIT));
            let _ = flush.as_mut().poll(&mut Context::from_waker(&waker));
            tracer.trace("root").finish();
            tracer.flush(LIMIT).unwrap();
        }
        assert_eq!((agent.spans().len(), tracer.losses().total()), (10, 0));
    });
}

#[test]
fn a_tracer_that_sends_nothing_is_done_at_once() {
    let mut flush = pin!(Tracer::none().flush_async(LIMIT));
    let polled = flush.as_mut().poll(&mut Context::from_waker(&waker().0));
    assert_eq!(polled, Poll::Ready(Ok(())));
}
