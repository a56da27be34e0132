//! Processes that fork.

use std::thread;

use fork::{Fork, fork, waitpid};
use tracehound::TracerGuard;
use tracehound_test_support::FaultAgent;
use tracehound_test_support::fault_agent::scripts;

use crate::common::LIMIT;
use crate::meter::{begin_anew, report, traces};
use crate::row::{ALL, Row, healthy, nothing};

const CHILDREN: usize = 4;

/// Forks children that make traces of their own, and waits for them.
fn with_children(
    guard: TracerGuard,
    in_parent: impl Fn(),
    in_child: impl Fn(),
    at_the_end: impl FnOnce(),
) {
    in_parent();
    let mut children = Vec::new();
    for _ in 0..CHILDREN {
        match fork().unwrap() {
            Fork::Parent(child) => children.push(child),
            Fork::Child => {
                begin_anew();
                thread::spawn(|| {
                    thread::sleep(LIMIT);
                    std::process::abort();
                });
                in_child();
                let _ = tracehound::shutdown(LIMIT);
                report();
                std::process::exit(0);
            }
        }
    }
    in_parent();
    for child in children {
        if waitpid(child).unwrap() != 0 {
            println!("wrong a child failed");
        }
    }
    at_the_end();
    drop(guard);
    report();
}

fn prefork() {
    with_children(tracehound::init(), || traces(20, 4), || traces(20, 4), || ());
}

fn prefork_while_threads_trace() {
    let guard = tracehound::init();
    let threads: Vec<_> = (0..2).map(|_| thread::spawn(|| traces(2_000, 4))).collect();
    let join = || threads.into_iter().for_each(|thread| thread.join().unwrap());
    with_children(guard, || traces(20, 4), || traces(200, 4), join);
}

pub const ROWS: &[Row] = &[
    Row {
        fault: "a process forks workers",
        promise: "each process delivers what it made, once",
        program: prefork,
        settings: &[],
        agent: healthy,
        meanwhile: nothing,
        expect: ALL,
    },
    Row {
        fault: "a process forks workers, over a Unix socket",
        promise: "each process delivers what it made, once",
        program: prefork,
        settings: &[],
        agent: || FaultAgent::start_unix(scripts::healthy),
        meanwhile: nothing,
        expect: ALL,
    },
    Row {
        fault: "a process forks while its threads trace",
        promise: "each process delivers what it made, once",
        program: prefork_while_threads_trace,
        settings: &[],
        agent: healthy,
        meanwhile: nothing,
        expect: ALL,
    },
];
