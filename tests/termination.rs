//! Programs that are told to end by a signal: what they finished arrives, and they end as they would have.
//!
//! Each program is this file again, started with its name.

#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::process::{Command, ExitCode, exit};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use signal_hook::consts::{SIGINT, SIGTERM};
use tracehound_test_support::fault_agent::scripts;
use tracehound_test_support::{FaultAgent, Reply};

use common::LIMIT;
use common::programs::{self, Ended, run, run_interruptible};

// ===== the programs =====

const PROGRAMS: &[programs::Named] = &[
    ("is_terminated", || is_sent("TERM", LIMIT)),
    ("is_interrupted", || is_sent("INT", LIMIT)),
    ("is_in_a_hurry", || is_sent("TERM", Duration::from_millis(100))),
    ("ends_in_its_own_way", ends_in_its_own_way),
    ("is_told_again_and_again", is_told_again_and_again),
    ("ignores_it", ignores_it),
    ("has_a_child", has_a_child),
    ("is_such_a_child", is_such_a_child),
    ("has_closed_all", has_closed_all),
    ("has_closed_all_and_a_handler", has_closed_all_and_a_handler),
];

fn kill(signal: &str, process: i32) {
    let arguments = [format!("-{signal}"), process.to_string()];
    assert!(Command::new("kill").args(arguments).status().unwrap().success());
}

fn own_id() -> i32 {
    std::process::id().try_into().unwrap()
}

/// Two spans that nobody has sent when the signal comes.
fn begin(timeout: Duration) {
    std::mem::forget(tracehound::Tracer::builder().flush_interval(LIMIT).install());
    tracehound::on_signals(timeout).unwrap();
    tracehound::on_signals(timeout).unwrap();
    tracehound::in_span("main", |_| tracehound::in_span("work", |_| ()));
}

fn is_sent(signal: &str, timeout: Duration) {
    begin(timeout);
    kill(signal, own_id());
    thread::sleep(LIMIT);
}

fn ends_in_its_own_way() {
    let is_told = Arc::new(AtomicBool::new(false));
    signal_hook::flag::register(SIGTERM, Arc::clone(&is_told)).unwrap();
    begin(LIMIT);
    kill("TERM", own_id());
    while !is_told.load(Ordering::SeqCst) {
        thread::yield_now();
    }
    tracehound::in_span("the last", |_| ());
    exit(7);
}

fn is_told_again_and_again() {
    begin(LIMIT);
    let start = Instant::now();
    while start.elapsed() < LIMIT {
        kill("TERM", own_id());
    }
}

/// Started where the signal is ignored.
fn ignores_it() {
    begin(LIMIT);
    kill("INT", own_id());
    exit(5);
}

/// The child ends by the signal, and its parent does not hear of it.
fn has_a_child() {
    begin(LIMIT);
    match fork::fork().unwrap() {
        fork::Fork::Child => thread::sleep(LIMIT),
        fork::Fork::Parent(child) => {
            kill("TERM", child);
            fork::waitpid(child).unwrap();
            tracehound::in_span("afterwards", |_| ());
            exit(4);
        }
    }
}

/// A child that asks for it has it.
fn is_such_a_child() {
    std::mem::forget(tracehound::Tracer::builder().flush_interval(LIMIT).install());
    tracehound::on_signals(LIMIT).unwrap();
    match fork::fork().unwrap() {
        fork::Fork::Child => {
            tracehound::on_signals(LIMIT).unwrap();
            tracehound::in_span("main", |_| tracehound::in_span("work", |_| ()));
            kill("TERM", own_id());
            thread::sleep(LIMIT);
        }
        fork::Fork::Parent(child) => {
            fork::waitpid(child).unwrap();
            exit(6);
        }
    }
}

/// Closes all descriptors but the standard ones, and opens others in their places.
///
/// Not while the worker starts, which opens files and its connection: between the opening of a descriptor and the first
/// look at what it stands for, nobody can tell that it has become another one.
fn close_all() -> Vec<(UnixStream, UnixStream)> {
    for descriptor in 3..1024 {
        let _ = nix::unistd::close(descriptor);
    }
    (0..16).map(|_| UnixStream::pair().unwrap()).collect()
}

fn has_closed_all() {
    begin(LIMIT);
    tracehound::flush(LIMIT).unwrap();
    tracehound::in_span("the last", |_| ());
    let _opened = close_all();
    kill("TERM", own_id());
    thread::sleep(LIMIT);
}

fn has_closed_all_and_a_handler() {
    let is_told = Arc::new(AtomicBool::new(false));
    signal_hook::flag::register(SIGTERM, Arc::clone(&is_told)).unwrap();
    begin(LIMIT);
    tracehound::flush(LIMIT).unwrap();
    tracehound::in_span("the last", |_| ());
    let opened = close_all();
    kill("TERM", own_id());
    while !is_told.load(Ordering::SeqCst) {
        thread::yield_now();
    }
    for (mut here, mut there) in opened {
        for end in [&here, &there] {
            end.set_nonblocking(true).unwrap();
        }
        assert!(
            (&here).read(&mut [0]).is_err() && (&there).read(&mut [0]).is_err(),
            "nobody wrote"
        );
        here.write_all(b"mine").unwrap();
        there.read_exact(&mut [0; 4]).unwrap();
    }
    exit(9);
}

// ===== how they end =====

/// Runs a program with an agent that must then have these spans, each once.
fn delivers(program: &str, spans: &[&str]) -> Ended {
    let agent = FaultAgent::start(scripts::healthy);
    let ended = run_interruptible(program, &[("DD_TRACE_AGENT_URL", &agent.url())]);
    let mut names: Vec<String> = agent.spans().into_iter().map(|span| span.name).collect();
    names.sort();
    assert_eq!(names, spans, "{}", ended.said);
    assert!(ended.took < LIMIT / 4, "{:?}: {}", ended.took, ended.said);
    ended
}

const TESTS: &[programs::Named] = &[
    ("what_has_finished_is_sent_before_the_signal_ends_the_program", || {
        for (program, signal) in [("is_terminated", SIGTERM), ("is_interrupted", SIGINT)] {
            let ended = delivers(program, &["main", "work"]);
            assert_eq!((ended.signal, ended.said.as_str()), (Some(signal), ""));
        }
    }),
    ("an_agent_that_is_silent_costs_the_time_given_and_the_loss_is_said", || {
        let agent = FaultAgent::start(|_| Reply::hang());
        let ended = run("is_in_a_hurry", &[("DD_TRACE_AGENT_URL", &agent.url())]);
        assert_eq!(ended.signal, Some(SIGTERM), "{}", ended.said);
        assert!(ended.said.contains("lost 2 spans"), "{}", ended.said);
        assert!(ended.took < LIMIT / 4, "{:?}: {}", ended.took, ended.said);
    }),
    ("the_second_signal_ends_the_program_at_once", || {
        let agent = FaultAgent::start(|_| Reply::hang());
        let ended = run("is_told_again_and_again", &[("DD_TRACE_AGENT_URL", &agent.url())]);
        assert_eq!(ended.signal, Some(SIGTERM), "{}", ended.said);
        assert!(ended.took < LIMIT / 4, "{:?}: {}", ended.took, ended.said);
    }),
    ("a_handler_of_the_program_decides", || {
        let ended = delivers("ends_in_its_own_way", &["main", "the last", "work"]);
        assert_eq!((ended.code, ended.said.as_str()), (Some(7), ""));
    }),
    ("a_signal_that_is_ignored_stays_ignored", || {
        let agent = FaultAgent::start(scripts::healthy);
        let program = std::env::current_exe().unwrap();
        let script = r#"trap "" INT; exec "$0" --program ignores_it"#;
        let mut shell = Command::new("sh");
        shell.args(["-c", script]).arg(program).env("DD_TRACE_AGENT_URL", agent.url());
        assert_eq!(shell.status().unwrap().code(), Some(5));
        assert_eq!(agent.spans().len(), 2);
    }),
    ("a_child_ends_without_its_parent", || {
        let ended = delivers("has_a_child", &["afterwards", "main", "work"]);
        assert_eq!((ended.code, ended.said.as_str()), (Some(4), ""));
    }),
    ("a_child_may_ask_for_it_itself", || {
        let ended = delivers("is_such_a_child", &["main", "work"]);
        assert_eq!((ended.code, ended.said.as_str()), (Some(6), ""));
    }),
    ("a_program_that_has_closed_all_descriptors_ends_as_without_this", || {
        let agent = FaultAgent::start(scripts::healthy);
        let url = [("DD_TRACE_AGENT_URL", agent.url())];
        let url = url.each_ref().map(|(name, url)| (*name, url.as_str()));
        let ended = run("has_closed_all", &url);
        assert_eq!(ended.signal, Some(SIGTERM), "{}", ended.said);
        assert!(ended.took < LIMIT / 4, "{:?}: {}", ended.took, ended.said);
        let ended = run("has_closed_all_and_a_handler", &url);
        assert_eq!(ended.code, Some(9), "{}", ended.said);
    }),
];

fn main() -> ExitCode {
    programs::main(PROGRAMS, TESTS)
}
