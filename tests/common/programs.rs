//! Tests whose subject is a whole program: the test file itself, started again with the program's name.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::disallowed_methods,
    clippy::arithmetic_side_effects
)]

use std::io::Read;
use std::panic::catch_unwind;
use std::process::{Command, ExitCode, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use tracehound_test_support::within;

use super::LIMIT;

/// A program or a test.
pub type Named = (&'static str, fn());

/// How a program has ended.
pub struct Ended {
    pub code: Option<i32>,
    /// That ended it.
    pub signal: Option<i32>,
    pub said: String,
    pub took: Duration,
}

/// A program that is not started yet, and knows nothing of this process's settings.
pub fn command(program: &str, settings: &[(&str, &str)]) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    let is_setting =
        |name: &str| ["DD_", "OTEL_", "RUST_"].iter().any(|prefix| name.starts_with(prefix));
    for (name, _) in std::env::vars_os() {
        if name.to_str().is_some_and(is_setting) {
            command.env_remove(name);
        }
    }
    command
        .args(["--program", program])
        .env("DD_SERVICE", "program")
        .envs(settings.iter().copied())
        .stdin(Stdio::null());
    command
}

/// Runs a program that knows nothing of this process's settings.
pub fn run(program: &str, settings: &[(&str, &str)]) -> Ended {
    let mut command = command(program, settings);
    command.stderr(Stdio::piped());
    let start = Instant::now();
    let mut child = command.spawn().unwrap();
    let mut stderr = child.stderr.take().unwrap();
    let reader = thread::spawn(move || {
        let mut said = String::new();
        stderr.read_to_string(&mut said).unwrap();
        said
    });
    let status = loop {
        match child.try_wait().unwrap() {
            Some(status) => break status,
            None if start.elapsed() < LIMIT / 2 => thread::sleep(Duration::from_millis(2)),
            None => {
                child.kill().unwrap();
                panic!("{program} hangs: {}", reader.join().unwrap());
            }
        }
    };
    let took = start.elapsed();
    Ended { code: status.code(), signal: signal(status), said: reader.join().unwrap(), took }
}

#[cfg(unix)]
fn signal(status: ExitStatus) -> Option<i32> {
    std::os::unix::process::ExitStatusExt::signal(&status)
}

#[cfg(not(unix))]
fn signal(_: ExitStatus) -> Option<i32> {
    None
}

/// The `main` of a test file: one of its programs, or its tests. Those whose name has a part that is given.
pub fn main(programs: &[Named], tests: &[Named]) -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [flag, name] = arguments.as_slice() {
        if flag == "--program" {
            let (_, program) = programs.iter().find(|(other, _)| other == name).unwrap();
            program();
            return ExitCode::SUCCESS;
        }
    }
    let filters: Vec<&String> =
        arguments.iter().filter(|argument| !argument.starts_with('-')).collect();
    let is_wanted = |name: &str| {
        filters.is_empty() || filters.iter().any(|filter| name.contains(filter.as_str()))
    };
    let mut failed = 0;
    for (name, test) in tests.iter().filter(|(name, _)| is_wanted(name)) {
        if arguments.iter().any(|argument| argument == "--list") {
            println!("{name}: test");
            continue;
        }
        let outcome = catch_unwind(|| within(LIMIT, *test));
        println!("test {name} ... {}", if outcome.is_ok() { "ok" } else { "FAILED" });
        failed += usize::from(outcome.is_err());
    }
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::from(101) }
}
