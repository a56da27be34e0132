//! A script to run.

use std::io::{self, Write};
use std::process::{ChildStdin, ExitStatus, Stdio};
use std::time::Duration;

use serde_json::json;

use super::environ::isolated;
use super::process::Process;
use super::{Environment, Peer};
use crate::fail::must;
use crate::time::Deadline;

/// Runs every script; the file says how.
const LAUNCHER: &str = include_str!("../../python/peer.py");

/// What is off by default in a peer, as nobody here answers to it and its threads cost time.
const QUIET: [(&str, &str); 4] = [
    ("DD_INSTRUMENTATION_TELEMETRY_ENABLED", "false"),
    ("DD_REMOTE_CONFIGURATION_ENABLED", "false"),
    ("DD_CRASHTRACKING_ENABLED", "false"),
    ("DD_TRACE_STARTUP_LOGS", "false"),
];

/// A Python script, with the pinned packages at hand.
///
/// Its process sees none of the `DD_*` and `OTEL_*` variables of the test, ends with the test
/// however that ends, and is killed after a deadline.
#[derive(Debug, Clone)]
#[must_use = "run or serve it"]
pub struct Script {
    name: String,
    source: String,
    arguments: Vec<String>,
    variables: Vec<(String, String)>,
    limit: Duration,
}

impl Script {
    /// A script from its source.
    pub fn new(source: impl Into<String>) -> Self {
        Self {
            name: "<script>".to_owned(),
            source: source.into(),
            arguments: Vec::new(),
            variables: QUIET.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
            limit: Duration::from_secs(60),
        }
    }

    /// What tracebacks call it.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// Adds an argument to its `sys.argv`.
    pub fn arg(mut self, argument: impl ToString) -> Self {
        self.arguments.push(argument.to_string());
        self
    }

    /// Sets a variable of its environment.
    pub fn env(mut self, name: &str, value: impl ToString) -> Self {
        self.variables.push((name.to_owned(), value.to_string()));
        self
    }

    /// How long it may run, or a [`Peer`] take to answer; 60 seconds by default.
    pub fn limit(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    /// Runs it to its end; panics if that does not come in time. A script that fails is for the
    /// caller to judge, or see [`Output::ok`].
    #[track_caller]
    pub fn run(&self) -> Output {
        let run = || {
            // Its stdin stays open until it has ended: the end of one is the end of the other.
            let (process, _stdin) = self.start(false)?;
            process.output(Deadline::after(self.limit))
        };
        must(&self.name, run())
    }

    /// Starts it as a peer: its `handle(message)` answers each [`Peer::call`].
    #[track_caller]
    pub fn serve(&self) -> Peer {
        must(&self.name, self.try_serve())
    }

    pub(crate) fn try_serve(&self) -> io::Result<Peer> {
        let (process, stdin) = self.start(true)?;
        Ok(Peer::new(self.name.clone(), process, stdin, self.limit))
    }

    fn start(&self, serve: bool) -> io::Result<(Process, ChildStdin)> {
        let mut command = isolated(Environment::try_shared()?.python());
        let variables = self.variables.iter().map(|(name, value)| (name, value));
        command.args(["-c", LAUNCHER]).envs(variables).stdin(Stdio::piped());
        let mut process = Process::start(command)?;
        let mut stdin = process.stdin().ok_or(io::ErrorKind::BrokenPipe)?;
        let Self { name, source, arguments, .. } = self;
        let start = json!({"name": name, "source": source, "argv": arguments, "serve": serve});
        stdin.write_all(format!("{start}\n").as_bytes())?;
        Ok((process, stdin))
    }
}

/// What a script left.
#[derive(Debug, Clone)]
pub struct Output {
    /// How it ended.
    pub status: ExitStatus,
    /// What it wrote to stdout.
    pub stdout: String,
    /// What it wrote to stderr.
    pub stderr: String,
}

impl Output {
    /// Its stdout, if it succeeded; panics with its stderr if it did not.
    #[track_caller]
    pub fn ok(self) -> String {
        assert!(self.status.success(), "{}\n{}{}", self.status, self.stdout, self.stderr);
        self.stdout
    }
}
