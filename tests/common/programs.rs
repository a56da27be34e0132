//! Tests whose subject is a whole program: the test file itself, started again with the program's name.

#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, clippy::disallowed_methods)]

use std::io::Read;
use std::panic::catch_unwind;
use std::process::{Child, Command, ExitCode, ExitStatus, Stdio};
use std::thread::{self, JoinHandle};
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
    /// What it wrote to its standard error stream.
    pub said: String,
    /// What it wrote to its standard output.
    pub told: String,
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

/// A program that runs.
pub struct Running {
    name: String,
    child: Child,
    said: JoinHandle<String>,
    told: JoinHandle<String>,
    start: Instant,
}

/// The same program with the default action for `SIGINT`: what a shell runs in the background inherits that it is
/// ignored.
fn interruptible(program: &Command) -> Command {
    const SCRIPT: &str = "import os, signal, sys\n\
                          signal.signal(signal.SIGINT, signal.SIG_DFL)\n\
                          os.execv(sys.argv[1], sys.argv[1:])";
    let mut command = Command::new("python3");
    command.args(["-c", SCRIPT]).arg(program.get_program()).args(program.get_args());
    for (name, value) in program.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    command.stdin(Stdio::null());
    command
}

/// Starts a program that knows nothing of this process's settings.
pub fn start(program: &str, settings: &[(&str, &str)]) -> Running {
    launch(program, command(program, settings))
}

fn launch(program: &str, mut command: Command) -> Running {
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let start = Instant::now();
    let mut child = command.spawn().unwrap();
    let (told, said) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
    let (told, said) = (read_all(told), read_all(said));
    Running { name: program.to_owned(), child, said, told, start }
}

fn read_all(mut stream: impl Read + Send + 'static) -> JoinHandle<String> {
    thread::spawn(move || {
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        text
    })
}

impl Running {
    pub fn process(&self) -> u32 {
        self.child.id()
    }

    /// Waits for the end; a program that takes longer is stopped, and the test fails.
    pub fn wait(mut self, limit: Duration) -> Ended {
        let status = loop {
            match self.child.try_wait().unwrap() {
                Some(status) => break status,
                None if self.start.elapsed() < limit => thread::sleep(Duration::from_millis(2)),
                None => {
                    self.child.kill().unwrap();
                    panic!("{} hangs: {}", self.name, self.said.join().unwrap());
                }
            }
        };
        let took = self.start.elapsed();
        let (said, told) = (self.said.join().unwrap(), self.told.join().unwrap());
        Ended { code: status.code(), signal: signal(status), said, told, took }
    }
}

/// Runs a program to its end.
pub fn run(program: &str, settings: &[(&str, &str)]) -> Ended {
    start(program, settings).wait(LIMIT / 2)
}

/// Runs a program to its end, in which `SIGINT` has its default action.
pub fn run_interruptible(program: &str, settings: &[(&str, &str)]) -> Ended {
    launch(program, interruptible(&command(program, settings))).wait(LIMIT / 2)
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
