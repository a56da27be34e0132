//! The mock tracer passes every check.

use std::sync::Arc;
use std::time::Duration;

use opentracing_rs::conformance::{self, BoxFuture, Check, Spawn, Subject};
use opentracing_rs::mock::MockTracer;

fn subject() -> Subject {
    Subject::from(MockTracer::new())
}

#[test]
fn calls() {
    conformance::run(conformance::API, subject);
}

#[test]
fn scopes() {
    conformance::run(conformance::SCOPES, subject);
}

#[test]
fn spans() {
    conformance::run(conformance::SPANS, subject);
}

#[test]
fn patterns_with_threads() {
    conformance::run(conformance::PATTERNS, subject);
}

fn spawn() -> Spawn {
    Arc::new(|task: BoxFuture| -> BoxFuture {
        let task = tokio::spawn(task);
        Box::pin(async move { drop(task.await) })
    })
}

async fn patterns_with_tasks() {
    let checks = conformance::run_tasks(conformance::TASKS, subject, spawn());
    let in_time = tokio::time::timeout(Duration::from_secs(60), checks).await;
    assert!(in_time.is_ok(), "a task waits for ever");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn patterns_with_tasks_that_move_between_threads() {
    patterns_with_tasks().await;
}

#[tokio::test]
async fn patterns_with_tasks_of_one_thread() {
    patterns_with_tasks().await;
}

#[test]
fn no_check_leaves_a_span_open() {
    let suites: [&[Check]; 3] = [conformance::SCOPES, conformance::SPANS, conformance::PATTERNS];
    for (name, check) in suites.concat() {
        let mock = MockTracer::new();
        check(&Subject::from(mock.clone()));
        assert!(mock.open_spans().is_empty(), "{name}: {:?}", mock.open_spans());
    }
}
