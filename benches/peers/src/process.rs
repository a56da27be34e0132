//! A peer that runs and waits for commands.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use crate::Result;
use crate::agent::Agent;
use crate::answer::Answer;
use crate::build::Binaries;
use crate::peers::Peer;

/// Its agent is its own, and ends with it.
pub(crate) struct Process {
    pub(crate) agent: Agent,
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

/// What a peer is started with.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Start<'a> {
    /// Counts allocations.
    pub(crate) counting: bool,
    /// The agent answers after so many seconds.
    pub(crate) agent_delay: u64,
    /// More settings.
    pub(crate) environment: &'a [(&'a str, &'a str)],
    /// A program to run it under, with its arguments.
    pub(crate) under: &'a [String],
}

impl Process {
    pub(crate) fn start(binaries: &Binaries, peer: &Peer, start: Start<'_>) -> Result<Process> {
        let agent = Agent::start(binaries, start.agent_delay)?;
        let suffix = if start.counting { "-counting" } else { "" };
        let program = binaries.path(&format!("{}{suffix}", peer.program));
        let mut command = match start.under {
            [] => Command::new(program),
            [first, rest @ ..] => {
                let mut command = Command::new(first);
                command.args(rest).arg(program);
                command
            }
        };
        command.arg(peer.way).stdin(Stdio::piped()).stdout(Stdio::piped());
        // The settings of the process that measures are not the peer's.
        for (name, _) in std::env::vars() {
            if name.starts_with("DD_") || name.starts_with("OTEL_") {
                command.env_remove(name);
            }
        }
        command
            .env("DD_SERVICE", "shop")
            .env("DD_ENV", "bench")
            .env("DD_VERSION", "1.0.0")
            .env("DD_TRACE_AGENT_URL", format!("http://{}", agent.address()))
            .env("DD_TRACE_PROPAGATION_STYLE", "datadog,tracecontext")
            // Work that not everyone does.
            .env("DD_INSTRUMENTATION_TELEMETRY_ENABLED", "false")
            .env("DD_REMOTE_CONFIGURATION_ENABLED", "false")
            .env("OTEL_EXPORTER_OTLP_ENDPOINT", format!("http://{}", agent.address()))
            .envs(peer.environment.iter().copied())
            .envs(start.environment.iter().copied());
        let mut child = command.spawn()?;
        let input = child.stdin.take();
        let output = BufReader::new(child.stdout.take().ok_or("no output")?);
        let mut process = Process { agent, child, input, output };
        if process.line()? != "ready" {
            return Err(format!("{} did not start", peer.name).into());
        }
        Ok(process)
    }

    fn line(&mut self) -> Result<String> {
        let mut line = String::new();
        self.output.read_line(&mut line)?;
        Ok(line.trim().to_owned())
    }

    /// `None` where the peer is not able to do it.
    pub(crate) fn ask(&mut self, command: &str) -> Result<Option<Answer>> {
        writeln!(self.input.as_mut().ok_or("the peer has ended")?, "{command}")?;
        match self.line()?.as_str() {
            "unable" => Ok(None),
            "" => Err(format!("the peer ended at {command:?}").into()),
            line => Ok(Some(Answer(line.to_owned()))),
        }
    }

    /// What every peer is able to do.
    pub(crate) fn demand(&mut self, command: &str) -> Result<Answer> {
        self.ask(command)?.ok_or_else(|| format!("the peer is not able to {command:?}").into())
    }

    /// Ends the process as a program ends.
    pub(crate) fn end(mut self) -> Result<()> {
        self.demand("shutdown 10000")?;
        drop(self.input.take());
        self.child.wait()?;
        Ok(())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
