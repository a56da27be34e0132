//! A script that answers messages.

use std::io::{self, BufRead, BufReader, ErrorKind, Write};
use std::process::ChildStdin;
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use super::process::Process;
use crate::fail::{lock, must};
use crate::time::Deadline;

/// A running script whose `handle(message)` a test calls, made by
/// [`Script::serve`](super::Script::serve).
///
/// Dropping it kills it; [`stop`](Self::stop) lets it end the normal way.
#[derive(Debug)]
pub struct Peer {
    name: String,
    limit: Duration,
    /// Locked for the whole of a call: a script does one thing at a time.
    pipes: Mutex<Pipes>,
}

#[derive(Debug)]
struct Pipes {
    process: Process,
    stdin: ChildStdin,
    lines: Receiver<String>,
    calls: u64,
}

impl Peer {
    pub(super) fn new(
        name: String,
        mut process: Process,
        stdin: ChildStdin,
        limit: Duration,
    ) -> Self {
        let (send, lines) = channel();
        if let Some(stdout) = process.stdout() {
            thread::spawn(move || {
                for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                    if send.send(line).is_err() {
                        return;
                    }
                }
            });
        }
        Self { name, limit, pipes: Mutex::new(Pipes { process, stdin, lines, calls: 0 }) }
    }

    /// What `handle(message)` returns; panics with the traceback if it raises, and if there is no
    /// answer in time or the script has ended.
    #[track_caller]
    pub fn call(&self, message: &Value) -> Value {
        must(&self.name, self.try_call(message))
    }

    pub(crate) fn try_call(&self, message: &Value) -> io::Result<Value> {
        let deadline = Deadline::after(self.limit);
        let pipes = &mut *lock(&self.pipes);
        pipes.calls = pipes.calls.wrapping_add(1);
        let id = pipes.calls;
        let line = json!({"id": id, "message": message});
        if pipes.stdin.write_all(format!("{line}\n").as_bytes()).is_err() {
            return Err(pipes.ended(deadline));
        }
        loop {
            let line = match pipes.lines.recv_timeout(deadline.remaining()?) {
                Ok(line) => line,
                Err(RecvTimeoutError::Disconnected) => return Err(pipes.ended(deadline)),
                Err(RecvTimeoutError::Timeout) => {
                    let said = pipes.process.stderr();
                    let what = format!("no answer within {:?}; until then:\n{said}", self.limit);
                    return Err(io::Error::new(ErrorKind::TimedOut, what));
                }
            };
            let mut answer: Value = serde_json::from_str(&line).map_err(io::Error::other)?;
            // An answer to an earlier call, which did not wait for it.
            if answer.get("id").and_then(Value::as_u64) != Some(id) {
                continue;
            }
            return match answer.get_mut("reply") {
                Some(reply) => Ok(reply.take()),
                None => {
                    let error = answer.get("error").and_then(Value::as_str).unwrap_or_default();
                    Err(io::Error::other(error.to_owned()))
                }
            };
        }
    }

    /// Ends it as a program ends, with its exit handlers: `ddtrace` sends what it still has. Panics
    /// if it does not end in time, or fails.
    #[track_caller]
    pub fn stop(self) {
        let name = self.name.clone();
        must(&name, self.try_stop());
    }

    fn try_stop(self) -> io::Result<()> {
        let deadline = Deadline::after(self.limit);
        let pipes = &mut *lock(&self.pipes);
        let written = pipes.stdin.write_all(b"{\"stop\": true}\n");
        let status = written.and_then(|()| pipes.process.wait(deadline));
        match status {
            Ok(status) if status.success() => Ok(()),
            _ => Err(pipes.ended(deadline)),
        }
    }

    pub(crate) fn is_running(&self) -> bool {
        lock(&self.pipes).process.is_running()
    }
}

impl Pipes {
    /// Why there is nobody to talk to.
    fn ended(&mut self, deadline: Deadline) -> io::Error {
        let how = match self.process.wait(deadline) {
            Ok(status) => format!("has ended, {status}"),
            Err(error) => format!("does not end, {error}"),
        };
        io::Error::new(ErrorKind::BrokenPipe, format!("{how}\n{}", self.process.stderr()))
    }
}
