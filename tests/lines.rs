//! Programs whose lines nobody reads: they go on and end, and know what they lost.
//!
//! Each program is this file again, started with its name.

#![cfg_attr(not(unix), allow(dead_code, unused_imports))]
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout)]

mod common;

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{ExitCode, Stdio};
use std::thread;

use tracehound::{LossReason, Tracer};

use common::LIMIT;
use common::programs::{self, command, run};

/// An address that nobody listens at.
const NOBODY: &str = "http://127.0.0.1:1";

// ===== the programs =====

const PROGRAMS: &[programs::Named] = &[
    ("loses_and_warns", || loses_and_warns(Tracer::builder())),
    ("has_a_log_that_waits", has_a_log_that_waits),
    ("says_much", says_much),
    ("says_nothing", says_nothing),
    ("warns_and_ends", warns_and_ends),
    #[cfg(unix)]
    ("forks_while_it_warns", forks_while_it_warns),
];

const MADE: u64 = 5_000;

/// Warns on this thread (the queue is full, the tracer has been shut down) and on the worker's (no agent).
fn loses_and_warns(builder: tracehound::TracerBuilder) {
    let tracer = builder.agent_url(NOBODY).buffer_bytes(100_000).build();
    for _ in 0..MADE {
        drop(tracer.trace("span"));
    }
    assert!(tracer.flush(LIMIT).is_err());
    assert!(tracer.shutdown(LIMIT).is_err());
    tracer.in_span("late", |_| ());
    let losses = tracer.losses();
    assert_eq!(losses.total(), MADE + 1);
    assert!(losses.spans(LossReason::QueueFull) > 0 && losses.spans(LossReason::Shutdown) == 1);
    println!("went on");
}

fn has_a_log_that_waits() {
    loses_and_warns(Tracer::builder().log(|_, _| {
        loop {
            thread::park();
        }
    }));
}

const LINES: usize = 1_000;

/// More lines than wait; it says another one when it is told that somebody reads.
fn says_much() {
    let tracer = Tracer::builder().agent_url(NOBODY).debug(true).build();
    let span = tracer.span("span").start();
    let change = span.handle();
    span.finish();
    for _ in 0..LINES {
        change.set_tag("late", true);
    }
    println!("went on");
    std::io::stdin().read_exact(&mut [0]).unwrap();
    tracehound::testing::wait_for_lines();
    change.set_tag("late", true);
    tracehound::testing::wait_for_lines();
    println!("has said it");
    std::io::stdin().read_exact(&mut [0]).unwrap();
}

fn says_nothing() {
    let tracer = Tracer::builder().agent_url(NOBODY).build();
    drop(tracer.span("span").start());
    let tasks = std::fs::read_dir("/proc/self/task").unwrap();
    for task in tasks {
        let name = std::fs::read_to_string(task.unwrap().path().join("comm")).unwrap();
        assert_ne!(name.trim(), "tracehound-lines");
    }
}

fn warns_and_ends() {
    std::mem::forget(tracehound::init());
}

#[cfg(unix)]
fn forks_while_it_warns() {
    drop(Tracer::builder().build());
    match fork::fork().unwrap() {
        fork::Fork::Child => drop(Tracer::builder().service("child").sample_rate(7.0).build()),
        fork::Fork::Parent(child) => drop(fork::waitpid(child).unwrap()),
    }
}

// ===== how they get on =====

/// A stream that takes nothing more, and the end to read it at.
#[cfg(unix)]
fn stalled() -> (std::os::fd::OwnedFd, std::os::unix::net::UnixStream) {
    let (full, reader) = std::os::unix::net::UnixStream::pair().unwrap();
    full.set_nonblocking(true).unwrap();
    while (&full).write(b"x").is_ok() {}
    full.set_nonblocking(false).unwrap();
    (full.into(), reader)
}

/// Runs a program whose standard error nobody reads, until it has ended.
#[cfg(unix)]
fn goes_on(program: &str) {
    let (stderr, _unread) = stalled();
    let mut command = command(program, &[]);
    let child = command.stdout(Stdio::piped()).stderr(stderr).spawn().unwrap();
    let ended = child.wait_with_output().unwrap();
    assert!(ended.status.success(), "{:?}", ended.status);
    assert_eq!(String::from_utf8_lossy(&ended.stdout), "went on\n");
}

#[cfg(unix)]
fn what_is_left_out_is_counted() {
    let (stderr, mut unread) = stalled();
    let mut command = command("says_much", &[]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(stderr);
    let mut child = command.spawn().unwrap();
    drop(command);
    let mut stdin = child.stdin.take().unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap()).lines();
    assert_eq!(stdout.next().unwrap().unwrap(), "went on");

    let reader = thread::spawn(move || {
        let mut said = String::new();
        unread.read_to_string(&mut said).unwrap();
        said
    });
    stdin.write_all(b"1").unwrap();
    assert_eq!(stdout.next().unwrap().unwrap(), "has said it");
    stdin.write_all(b"1").unwrap();
    assert!(child.wait().unwrap().success());

    let said = reader.join().unwrap();
    let said = said.trim_start_matches('x');
    let late = said.lines().filter(|line| line.contains("has finished")).count();
    let left_out: usize = said
        .lines()
        .filter_map(|line| Some(line.split_once(" lines left out")?.0.rsplit_once('(')?.1))
        .map(|count| count.parse::<usize>().unwrap())
        .sum();
    let others = said.lines().count() - late;
    assert!(left_out > 0 && late < LINES, "{late} of {LINES}");
    // What else is said in between may be left out as well.
    let all = LINES + 1;
    assert!((all..=all + 8).contains(&(late + left_out)), "{late} and {left_out}, {others} others");
}

#[cfg(unix)]
const TESTS: &[programs::Named] = &[
    ("a_stream_that_nobody_reads_stops_nobody", || goes_on("loses_and_warns")),
    ("a_log_function_that_waits_stops_nobody", || goes_on("has_a_log_that_waits")),
    ("what_is_left_out_is_counted", what_is_left_out_is_counted),
    #[cfg(target_os = "linux")]
    ("a_program_that_is_told_nothing_has_no_thread_for_it", || {
        assert_eq!(run("says_nothing", &[]).code, Some(0));
    }),
    ("a_short_program_has_its_lines_printed", || {
        let junk = [("DD_TRACE_SAMPLE_RATE", "many"), ("DD_TRACE_AGENT_URL", NOBODY)];
        let ended = run("warns_and_ends", &junk);
        assert_eq!(ended.said.lines().count(), 1, "{}", ended.said);
        assert!(ended.said.starts_with("tracehound: DD_TRACE_SAMPLE_RATE"), "{}", ended.said);
    }),
    ("a_child_has_a_thread_of_its_own_for_it", || {
        let ended = run("forks_while_it_warns", &[("DD_TRACE_RATE_LIMIT", "many")]);
        assert_eq!(ended.code, Some(0));
        let count = |part: &str| ended.said.lines().filter(|line| line.contains(part)).count();
        assert_eq!((count("DD_TRACE_RATE_LIMIT"), count("7")), (2, 1), "{}", ended.said);
    }),
];

#[cfg(not(unix))]
const TESTS: &[programs::Named] = &[];

fn main() -> ExitCode {
    programs::main(PROGRAMS, TESTS)
}
