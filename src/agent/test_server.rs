//! A server whose connections follow scripts, for the tests of this folder.

use std::io::{self, Read, Write};
use std::net::TcpListener;
use std::sync::mpsc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::config::Endpoint;

/// The longest time that a test waits.
const DEADLINE: Duration = Duration::from_secs(10);

/// What the server does with one connection.
pub(super) type Script = Box<dyn FnOnce(&mut Peer) + Send>;

pub(super) fn script(script: impl FnOnce(&mut Peer) + Send + 'static) -> Script {
    Box::new(script)
}

/// A script that reads one request, answers with these bytes, and closes.
pub(super) fn answer(bytes: &'static str) -> Script {
    script(move |peer| {
        peer.request();
        peer.write(bytes);
    })
}

/// A server on a thread of its own.
pub(super) struct Server {
    endpoint: Endpoint,
    thread: JoinHandle<()>,
    done: mpsc::Receiver<()>,
}

impl Server {
    /// Accepts as many connections as there are scripts, one after the other.
    pub(super) fn start(scripts: Vec<Script>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        Self::serve(&url, scripts, move || {
            let (stream, _) = listener.accept()?;
            stream.set_read_timeout(Some(DEADLINE))?;
            stream.set_write_timeout(Some(DEADLINE))?;
            Ok(Peer(Box::new(stream)))
        })
    }

    #[cfg(unix)]
    pub(super) fn start_unix(path: &std::path::Path, scripts: Vec<Script>) -> Self {
        let listener = std::os::unix::net::UnixListener::bind(path).unwrap();
        Self::serve(&format!("unix://{}", path.display()), scripts, move || {
            let (stream, _) = listener.accept()?;
            stream.set_read_timeout(Some(DEADLINE))?;
            Ok(Peer(Box::new(stream)))
        })
    }

    fn serve(
        url: &str,
        scripts: Vec<Script>,
        mut accept: impl FnMut() -> io::Result<Peer> + Send + 'static,
    ) -> Self {
        let (finished, done) = mpsc::channel();
        let thread = thread::spawn(move || {
            for script in scripts {
                script(&mut accept().unwrap());
            }
            finished.send(()).unwrap();
        });
        Server { endpoint: Endpoint::parse(url).unwrap(), thread, done }
    }

    pub(super) fn endpoint(&self) -> Endpoint {
        self.endpoint.clone()
    }

    /// Waits until all scripts have run. Fails if one has failed.
    pub(super) fn finish(self) {
        if self.done.recv_timeout(DEADLINE) == Err(mpsc::RecvTimeoutError::Timeout) {
            panic!("a script still waits for its connection");
        }
        if let Err(panic) = self.thread.join() {
            std::panic::resume_unwind(panic);
        }
    }
}

trait Stream: Read + Write + Send {}

impl<T: Read + Write + Send> Stream for T {}

/// The server's end of a connection.
pub(super) struct Peer(Box<dyn Stream>);

impl Peer {
    /// Reads one request: its head, and its body by `Content-Length`.
    pub(super) fn request(&mut self) -> (String, Vec<u8>) {
        let head = self.head();
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        let mut body = vec![0; length.map_or(0, |length| length.parse().unwrap())];
        self.0.read_exact(&mut body).unwrap();
        (head, body)
    }

    pub(super) fn head(&mut self) -> String {
        let mut head = Vec::new();
        let mut byte = [0];
        while !head.ends_with(b"\r\n\r\n") {
            self.0.read_exact(&mut byte).unwrap();
            head.push(byte[0]);
        }
        String::from_utf8(head).unwrap()
    }

    /// Reads this many bytes of a body.
    pub(super) fn read(&mut self, bytes: usize) {
        self.0.read_exact(&mut vec![0; bytes]).unwrap();
    }

    /// Writes, whether or not the client is still there: that is checked by the test.
    pub(super) fn write(&mut self, bytes: &str) {
        let _ = self.0.write_all(bytes.as_bytes());
        let _ = self.0.flush();
    }

    /// Waits until the client closes.
    pub(super) fn closed(&mut self) {
        let mut rest = Vec::new();
        // Fails if the client closes before it has read all of the answer: that resets the connection.
        let _ = self.0.read_to_end(&mut rest);
        assert!(rest.is_empty(), "{rest:?}");
    }
}
