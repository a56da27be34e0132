//! A child process that does not outlive its handle.

use std::io::{self, Read};
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::thread;

use super::Output;
use crate::fail::lock;
use crate::time::Deadline;

/// Killed when dropped.
#[derive(Debug)]
pub(super) struct Process {
    child: Child,
    stderr: Collected,
}

impl Process {
    /// Starts a command, its stdin as the command has it and the rest of its output to us.
    pub(super) fn start(mut command: Command) -> io::Result<Self> {
        let spawned = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
        let mut child = spawned.map_err(|error| {
            io::Error::new(
                error.kind(),
                format!("cannot start {:?}: {error}", command.get_program()),
            )
        })?;
        let stderr = Collected::from(child.stderr.take());
        Ok(Self { child, stderr })
    }

    /// Its stdin, once, if the command had a pipe there.
    pub(super) fn stdin(&mut self) -> Option<ChildStdin> {
        self.child.stdin.take()
    }

    /// Its stdout, once.
    pub(super) fn stdout(&mut self) -> Option<ChildStdout> {
        self.child.stdout.take()
    }

    /// What it has written to stderr so far.
    pub(super) fn stderr(&self) -> String {
        self.stderr.text()
    }

    /// Waits for its end.
    pub(super) fn wait(&mut self, deadline: Deadline) -> io::Result<ExitStatus> {
        deadline.poll(|| self.child.try_wait())
    }

    pub(super) fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Waits for its end and for all that it has written.
    pub(super) fn output(mut self, deadline: Deadline) -> io::Result<Output> {
        let stdout = Collected::from(self.stdout());
        match self.wait(deadline) {
            Ok(status) => {
                let (stdout, stderr) = (stdout.all(deadline)?, self.stderr.all(deadline)?);
                Ok(Output { status, stdout, stderr })
            }
            Err(error) => {
                let (stdout, stderr) = (stdout.text(), self.stderr());
                Err(io::Error::new(error.kind(), format!("{error}; until then:\n{stdout}{stderr}")))
            }
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Of one that has ended there is only the exit status to fetch.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A pipe being read, so that its writer never waits for us.
#[derive(Debug)]
struct Collected {
    bytes: Arc<Mutex<Vec<u8>>>,
    ended: Receiver<()>,
}

impl Collected {
    fn from(pipe: Option<impl Read + Send + 'static>) -> Self {
        let bytes = Arc::<Mutex<Vec<u8>>>::default();
        let (end, ended) = channel();
        if let Some(mut pipe) = pipe {
            let bytes = Arc::clone(&bytes);
            thread::spawn(move || {
                let _dropped_at_the_end = end;
                let mut buffer = [0; 8192];
                while let Ok(read @ 1..) = pipe.read(&mut buffer) {
                    lock(&bytes).extend(buffer.iter().take(read));
                }
            });
        }
        Self { bytes, ended }
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&lock(&self.bytes)).into_owned()
    }

    /// All of it. The deadline is for a pipe that a grandchild keeps open.
    fn all(&self, deadline: Deadline) -> io::Result<String> {
        let _ = self.ended.recv_timeout(deadline.remaining()?);
        Ok(self.text())
    }
}
