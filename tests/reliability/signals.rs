//! Signals, and standard streams that nobody reads.

use std::io::Write as _;
use std::os::fd::AsRawFd as _;
use std::os::unix::net::UnixStream;
use std::thread;
use std::time::Duration;

use nix::sys::signal::{SigSet, Signal, kill};
use nix::unistd::{Pid, dup2};
use tracehound_test_support::fault_agent::Greeting;

use crate::common::LIMIT;
use crate::meter::{make, report, traces};
use crate::row::{ALL, Expect, Row, healthy, nothing};

const fn signal(fault: &'static str, promise: &'static str, program: fn(), expect: Expect) -> Row {
    let settings = &[];
    Row { fault, promise, program, settings, agent: healthy, meanwhile: nothing, expect }
}

/// `SIGPIPE` has its default action, as in command line tools and programs whose `main` is not Rust's.
fn dies_of_sigpipe() {
    sigpipe::reset();
    let guard = tracehound::init();
    let text = "v".repeat(20_000);
    for _ in 0..3 {
        for _ in 0..100 {
            make(1, || tracehound::trace("request").set_tag("text", text.as_str()));
        }
        while tracehound::flush(LIMIT).is_err() {}
    }
    drop(guard);
    report();
}

/// The program blocks the signal after the library has started its threads, and waits for it.
fn waits_for_sigterm() {
    let guard = tracehound::init();
    traces(10, 1);
    let mut signals = SigSet::empty();
    signals.add(Signal::SIGTERM);
    signals.thread_block().unwrap();
    kill(Pid::this(), Signal::SIGTERM).unwrap();
    if signals.wait() != Ok(Signal::SIGTERM) {
        println!("wrong the signal was taken by somebody else");
    }
    traces(10, 1);
    drop(guard);
    report();
}

fn is_terminated() {
    let _guard = tracehound::init();
    tracehound::on_signals(LIMIT).unwrap();
    traces(20, 4);
    kill(Pid::this(), Signal::SIGTERM).unwrap();
    thread::sleep(LIMIT);
}

/// The standard error stream is a full pipe.
fn nobody_reads() {
    let (_unread, mut full) = UnixStream::pair().unwrap();
    full.set_nonblocking(true).unwrap();
    while full.write(&[b'x'; 4096]).is_ok() {}
    while full.write(b"x").is_ok() {}
    full.set_nonblocking(false).unwrap();
    dup2(full.as_raw_fd(), 2).unwrap();
    let guard = tracehound::Tracer::builder().buffer_bytes(50_000).install();
    // Much to say: a full queue, and spans after the end.
    for _ in 0..50 {
        traces(20, 4);
        thread::sleep(Duration::from_millis(1));
    }
    drop(guard);
    traces(20, 4);
    report();
}

pub const ROWS: &[Row] = &[
    Row {
        fault: "`SIGPIPE` at its default, and an agent that resets connections",
        promise: "no signal is raised: every span arrives, once",
        program: dies_of_sigpipe,
        settings: &[],
        agent: || {
            let agent = healthy();
            agent.greet(Greeting::ResetAfter(50_000));
            agent
        },
        meanwhile: |agent, _| {
            thread::sleep(Duration::from_secs(1));
            agent.greet(Greeting::Serve);
        },
        expect: ALL,
    },
    signal(
        "the program waits for `SIGTERM` with `sigwait`",
        "no thread of the library takes it: every span arrives, once",
        waits_for_sigterm,
        ALL,
    ),
    signal(
        "`SIGTERM`, with `on_signals`",
        "every finished span arrives, and then the signal ends the process",
        is_terminated,
        ALL.made(100).code(-15),
    ),
    signal(
        "nobody reads the standard error stream",
        "no thread of the program waits; each span arrives or is counted",
        nobody_reads,
        ALL.losing(&[tracehound::LossReason::QueueFull, tracehound::LossReason::Shutdown]),
    ),
];
