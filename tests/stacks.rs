//! Stacks are taken and written while std's own lock for stacks is held: nothing of the library waits for it, nor
//! holds it.
//!
//! Each program is this file again, started with its name.

#![cfg_attr(
    not(all(target_os = "linux", feature = "symbols")),
    allow(dead_code, unused_imports, reason = "std takes and writes the stacks elsewhere")
)]
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout)]

mod common;

use std::backtrace::Backtrace;
use std::io::Write;
use std::process::{ExitCode, Stdio, exit};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use tracehound::Tracer;
use tracehound_test_support::FaultAgent;
use tracehound_test_support::fault_agent::scripts;

use common::LIMIT;
use common::programs::{self, command, run};

// ===== the programs =====

const PROGRAMS: &[programs::Named] = &[
    ("reports_errors", || reports_errors(|| ())),
    ("reports_errors_beside_a_panic", beside_a_panic),
];

#[inline(never)]
fn fails_here(tracer: &Tracer) {
    tracer.in_span("error", |span| span.set_error(&"x".parse::<u8>().unwrap_err()));
    tracer.in_span("stack", |span| span.set_traceback(Some(2)));
}

/// Two spans with a stack each, taken here and written by the worker.
fn reports_errors(before: impl FnOnce()) {
    let agent = FaultAgent::start(scripts::healthy);
    let tracer = Tracer::builder().agent_url(agent.url()).build();
    before();
    fails_here(&tracer);
    tracer.flush(LIMIT).unwrap();
    for (name, frames) in [("error", 30), ("stack", 2)] {
        let spans = agent.spans();
        let span = spans.iter().find(|span| span.name == name).unwrap();
        let stack = span.meta("error.stack").unwrap();
        let lines: Vec<_> = stack.lines().collect();
        let title = |line: &&&str| !line.trim_start().starts_with("at ");
        let count = lines.iter().filter(title).count();
        assert!(count <= frames && (frames > 2 || count == 2), "{stack}");
        assert!(lines.iter().take(4).any(|line| line.contains("fails_here")), "{stack}");
        let place = |line: &&str| line.trim_start().starts_with("at ./tests/stacks.rs:");
        assert!(lines.iter().take(4).any(place), "{stack}");
    }
    println!("went on");
}

fn beside_a_panic() {
    reports_errors(hold_the_lock_of_std);
    // The threads that wait do not end.
    exit(0);
}

/// Nobody reads what a thread says of its panic. Meanwhile it holds std's lock: no other thread can take a stack.
fn hold_the_lock_of_std() {
    thread::spawn(|| panic!("said to nobody"));
    loop {
        let (send, taken) = mpsc::channel();
        thread::spawn(move || {
            drop(Backtrace::force_capture());
            let _ = send.send(());
        });
        // Where one takes longer because the machine is slow, the test proves less, and does not fail.
        if taken.recv_timeout(Duration::from_secs(1)).is_err() {
            return;
        }
    }
}

// ===== how they get on =====

#[cfg(all(target_os = "linux", feature = "symbols"))]
fn nobody_waits_for_the_lock_of_std() {
    let (full, _unread) = std::os::unix::net::UnixStream::pair().unwrap();
    full.set_nonblocking(true).unwrap();
    while (&full).write(b"x").is_ok() {}
    full.set_nonblocking(false).unwrap();
    let mut command = command("reports_errors_beside_a_panic", &[("RUST_BACKTRACE", "1")]);
    let stderr = std::os::fd::OwnedFd::from(full);
    let child = command.stdout(Stdio::piped()).stderr(stderr).spawn().unwrap();
    let ended = child.wait_with_output().unwrap();
    assert!(ended.status.success(), "{:?}", ended.status);
    assert_eq!(String::from_utf8_lossy(&ended.stdout), "went on\n");
}

const TESTS: &[programs::Named] = &[
    ("a_stack_names_functions_files_and_lines", || {
        let ended = run("reports_errors", &[("RUST_BACKTRACE", "1")]);
        assert_eq!(ended.code, Some(0), "{}", ended.said);
    }),
    #[cfg(all(target_os = "linux", feature = "symbols"))]
    ("nobody_waits_for_the_lock_of_std", nobody_waits_for_the_lock_of_std),
];

fn main() -> ExitCode {
    programs::main(PROGRAMS, TESTS)
}
