//! The agent: one process for each peer, so that what it counts came from that peer.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, ChildStdin, Command, Stdio};

use crate::Result;
use crate::answer::Answer;
use crate::build::Binaries;

/// Ends with this handle.
pub(crate) struct Agent {
    address: String,
    child: Child,
    _input: Option<ChildStdin>,
}

impl Agent {
    /// Answers after so many seconds. Perhaps it takes statistics, and need not be sent what is not sampled.
    pub(crate) fn start(
        binaries: &Binaries,
        delay_seconds: u64,
        takes_stats: bool,
    ) -> Result<Agent> {
        let mut child = Command::new(binaries.path("sink"))
            .arg(delay_seconds.to_string())
            .args(takes_stats.then_some("stats"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut address = String::new();
        let output = child.stdout.take().ok_or("no output")?;
        BufReader::new(output).read_line(&mut address)?;
        let input = child.stdin.take();
        Ok(Agent { address: address.trim().to_owned(), child, _input: input })
    }

    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// What it has received: `requests`, `bytes`, `spans`, `malformed`.
    pub(crate) fn counts(&self) -> Result<Answer> {
        let mut stream = TcpStream::connect(&self.address)?;
        write!(stream, "GET /counts HTTP/1.1\r\nHost: agent\r\n\r\n")?;
        let mut reader = BufReader::new(stream);
        let mut length = 0;
        loop {
            let mut line = String::new();
            reader.read_line(&mut line)?;
            if line.trim().is_empty() {
                break;
            }
            if let Some(value) = line.strip_prefix("Content-Length:") {
                length = value.trim().parse()?;
            }
        }
        let mut body = String::new();
        reader.take(length).read_to_string(&mut body)?;
        Ok(Answer(body))
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
