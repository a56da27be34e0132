//! Programs that end in one way or another.

use std::thread;
use std::time::Duration;

use tracehound::LossReason;

use crate::common::LIMIT;
use crate::meter::{make, report, traces};
use crate::row::{ALL, Expect, Row, healthy, nothing};

const fn ending(fault: &'static str, promise: &'static str, program: fn(), expect: Expect) -> Row {
    let settings = &[];
    Row { fault, promise, program, settings, agent: healthy, meanwhile: nothing, expect }
}

fn ends_with_the_guard() {
    let guard = tracehound::init();
    traces(20, 4);
    drop(guard);
    report();
}

fn exits() {
    let _guard = tracehound::init();
    traces(20, 4);
    std::process::exit(3);
}

fn exits_within_a_trace() {
    let _guard = tracehound::init();
    let _root = tracehound::trace("main");
    for _ in 0..50 {
        tracehound::in_span("work", |_| ());
    }
    std::process::exit(3);
}

fn forgets_the_guard() {
    std::mem::forget(tracehound::init());
    traces(20, 4);
}

fn panics() {
    let _guard = tracehound::init();
    traces(20, 4);
    panic!("on purpose");
}

fn leaves_spans_open() {
    let guard = tracehound::init();
    thread::spawn(|| {
        let _root = make(1, || tracehound::trace("consumer.loop"));
        for _ in 0..200 {
            make(1, || tracehound::in_span("message", |_| ()));
        }
        thread::park();
    });
    while made_so_far() < 201 {
        thread::sleep(Duration::from_millis(1));
    }
    drop(guard);
    report();
}

fn made_so_far() -> u64 {
    crate::meter::made()
}

fn goes_on_after_the_shutdown() {
    let guard = tracehound::init();
    traces(10, 1);
    drop(guard);
    traces(10, 1);
    report();
}

fn shuts_down_while_threads_trace() {
    let guard = tracehound::init();
    let threads: Vec<_> = (0..3).map(|_| thread::spawn(|| traces(3_000, 4))).collect();
    while made_so_far() < 5_000 {
        thread::yield_now();
    }
    drop(guard);
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    report();
}

fn is_in_a_hurry() {
    let guard = tracehound::init().timeout(Duration::ZERO);
    traces(500, 4);
    drop(guard);
    // The worker goes on for a while in a process that does.
    thread::sleep(Duration::from_secs(1));
    report();
}

fn flushes_from_many_threads() {
    let guard = tracehound::init();
    let threads: Vec<_> = (0..4)
        .map(|_| {
            thread::spawn(|| {
                for _ in 0..20 {
                    traces(5, 1);
                    tracehound::flush(LIMIT).unwrap();
                }
            })
        })
        .collect();
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    drop(guard);
    report();
}

pub const ROWS: &[Row] = &[
    ending(
        "`main` returns, with a guard",
        "every finished span arrives before the process is gone",
        ends_with_the_guard,
        ALL,
    ),
    ending(
        "`std::process::exit`",
        "every finished span arrives, within the guard's time",
        exits,
        ALL.made(100).code(3),
    ),
    ending(
        "`std::process::exit` within a trace",
        "what has finished arrives; the open spans are counted as `unfinished` and named",
        exits_within_a_trace,
        ALL.made(50).code(3),
    ),
    ending(
        "`main` returns, with a guard that was leaked",
        "every finished span arrives, within the guard's time",
        forgets_the_guard,
        ALL.made(100),
    ),
    ending(
        "a panic through `main`",
        "every span arrives, those that it passed through as failed",
        panics,
        ALL.made(100).code(101),
    ),
    ending(
        "spans are open at the shutdown",
        "what has finished arrives; the open ones are counted as `unfinished` and named",
        leaves_spans_open,
        ALL.losing(&[LossReason::Unfinished]),
    ),
    ending(
        "spans finish after the shutdown",
        "counted as `shutdown`",
        goes_on_after_the_shutdown,
        ALL.losing(&[LossReason::Shutdown]),
    ),
    ending(
        "the shutdown comes while threads trace",
        "each span arrives or is counted: `shutdown`, `unfinished`",
        shuts_down_while_threads_trace,
        ALL.losing(&[LossReason::Shutdown, LossReason::Unfinished]),
    ),
    ending(
        "the time for the shutdown is over before it is done",
        "what was not sent is counted as `shutdown_timeout`, and not sent later",
        is_in_a_hurry,
        ALL.perhaps_losing(&[LossReason::ShutdownTimeout, LossReason::Unconfirmed]),
    ),
    ending(
        "many threads flush at the same time",
        "every span arrives, once",
        flushes_from_many_threads,
        ALL,
    ),
];
