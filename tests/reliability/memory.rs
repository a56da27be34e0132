//! More than there is room for, or in shapes that are hard to keep.

use std::thread;
use std::time::{Duration, Instant};

use tracehound::LossReason;
use tracehound_test_support::fault_agent::scripts;
use tracehound_test_support::{FaultAgent, Reply};

use crate::common::LIMIT;
use crate::meter::{make, report, traces};
use crate::row::{ALL, Expect, Row, healthy, nothing};

const fn memory(
    fault: &'static str,
    promise: &'static str,
    program: fn(),
    agent: fn() -> FaultAgent,
    expect: Expect,
) -> Row {
    Row { fault, promise, program, settings: &[], agent, meanwhile: nothing, expect }
}

fn ended(work: impl FnOnce()) {
    let guard = tracehound::init();
    work();
    let _ = tracehound::flush(LIMIT);
    drop(guard);
    report();
}

/// 20 MB a second, for two seconds.
fn large_texts() {
    ended(|| {
        let (text, start) = ("v".repeat(10_000), Instant::now());
        for tenth in 1..=20 {
            for _ in 0..200 {
                make(1, || tracehound::trace("request").set_tag("text", text.as_str()));
            }
            let due = Duration::from_millis(100 * tenth);
            thread::sleep(due.saturating_sub(start.elapsed()));
        }
    });
}

/// Waits for the worker now and then: how much of a burst has room is another row.
fn let_it_follow(number: u32) {
    if number % 10_000 == 0 {
        let _ = tracehound::flush(LIMIT);
    }
}

fn fan_out() {
    ended(|| {
        let root = make(1, || tracehound::start_span("root"));
        for number in 0..99_000 {
            make(1, || tracehound::span("child").child_of(&root).start().finish());
            let_it_follow(number);
        }
    });
}

fn high_slot() {
    ended(|| {
        let root = make(1, || tracehound::start_span("root"));
        let child = || make(1, || tracehound::span("child").child_of(&root).start());
        let mut open: Vec<_> = (0..10_000).map(|_| child()).collect();
        let long = open.pop();
        drop(open);
        for number in 0..200_000 {
            child().finish();
            let_it_follow(number);
        }
        drop(long);
    });
}

fn oversized_chunk() {
    ended(|| {
        // As long as texts may be: together more than the 9.5 MB of a request, and less than what may wait.
        let text = "v".repeat(25_000);
        make(501, || {
            let _root = tracehound::trace("root");
            for _ in 0..500 {
                tracehound::in_span("child", |span| span.set_tag("text", text.as_str()));
            }
        });
    });
}

fn oversized_span() {
    ended(|| {
        // Longer texts are cut.
        let text = "v".repeat(25_000);
        make(2, || {
            let _root = tracehound::trace("root");
            tracehound::in_span("child", |span| {
                for number in 0..500 {
                    span.set_tag(format!("text.{number}"), text.as_str());
                }
            });
        });
    });
}

fn flood() {
    ended(|| {
        let threads: Vec<_> = (0..2).map(|_| thread::spawn(|| traces(10_000, 9))).collect();
        threads.into_iter().for_each(|thread| thread.join().unwrap());
    });
}

pub const ROWS: &[Row] = &[
    memory(
        "20 MB of texts a second",
        "the worker is woken by bytes: every span arrives, once",
        large_texts,
        healthy,
        ALL,
    ),
    memory(
        "a trace of 99,001 spans",
        "sent in parts: every span arrives, once",
        fan_out,
        healthy,
        ALL,
    ),
    memory(
        "one span stays open after 10,000 were at once",
        "every span arrives, once",
        high_slot,
        healthy,
        ALL,
    ),
    Row {
        settings: &[("DD_TRACE_PARTIAL_FLUSH_ENABLED", "false")],
        ..memory(
            "a trace larger than a request may be",
            "divided: every span arrives, once",
            oversized_chunk,
            healthy,
            ALL,
        )
    },
    memory(
        "a span larger than a request may be",
        "counted as `too_large`, and named; the others of its trace arrive",
        oversized_span,
        healthy,
        ALL.losing(&[LossReason::TooLarge]),
    ),
    memory(
        "spans come faster than a slow agent takes them",
        "the queue stays within its bound; what does not fit is counted as `queue_full`",
        flood,
        || FaultAgent::start(|request| scripts::healthy(request).after(Duration::from_millis(300))),
        ALL.perhaps_losing(&[LossReason::QueueFull, LossReason::AgentUnreachable]),
    ),
    memory(
        "spans come while the agent refuses all of them",
        "the queue stays within its bound; counted as `agent_rejected`",
        flood,
        || {
            FaultAgent::start(|request| match request.path.as_str() {
                "/info" => scripts::healthy(request),
                _ => Reply::status(403),
            })
        },
        ALL.losing(&[LossReason::QueueFull, LossReason::AgentRejected]),
    ),
];
