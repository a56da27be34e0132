//! Programs that handle signals as they like: the library takes none of them, and causes none.
//!
//! Each program is this file again, started with its name.

#![allow(clippy::unwrap_used)]
#![cfg_attr(not(unix), allow(dead_code, unused_imports))]

mod common;

use std::process::ExitCode;

#[cfg(not(unix))]
fn main() {}

#[cfg(unix)]
fn main() -> ExitCode {
    common::programs::main(&unix::PROGRAMS, &unix::TESTS)
}

#[cfg(unix)]
mod unix {
    use std::io::{Read, Write};
    use std::net::TcpListener;
    use std::os::unix::net::UnixListener;
    use std::thread;
    use std::time::Duration;

    use nix::sys::signal::{SigSet, Signal, kill};
    use nix::unistd::Pid;
    use tracehound_test_support::FaultAgent;
    use tracehound_test_support::fault_agent::scripts;

    use crate::common::programs::{Named, run};

    pub(crate) const PROGRAMS: [Named; 2] =
        [("takes_sigterm_itself", takes_sigterm_itself), ("dies_of_sigpipe", dies_of_sigpipe)];

    /// The signal is blocked after the library has started its threads.
    fn takes_sigterm_itself() {
        let _guard = tracehound::init();
        tracehound::in_span("before", |_| ());
        // The worker runs.
        tracehound::flush(Duration::from_secs(20)).unwrap();
        let mut signals = SigSet::empty();
        signals.add(Signal::SIGTERM);
        signals.add(Signal::SIGCHLD);
        signals.thread_block().unwrap();
        kill(Pid::this(), Signal::SIGTERM).unwrap();
        assert_eq!(signals.wait().unwrap(), Signal::SIGTERM);
        tracehound::in_span("after", |_| ());
    }

    /// The action of command line tools, and of programs whose `main` is not Rust's.
    fn dies_of_sigpipe() {
        sigpipe::reset();
        let _guard = tracehound::init();
        for _ in 0..20 {
            for _ in 0..3_000 {
                let root = tracehound::trace("root");
                root.set_tag("text", "so that a payload is more than a socket's buffer");
            }
            let _ = tracehound::flush(Duration::from_millis(300));
        }
    }

    pub(crate) const TESTS: [Named; 3] = [
        ("a_signal_that_a_program_waits_for_is_its_own", a_signal_is_its_own),
        ("an_agent_that_goes_away_in_a_payload_ends_no_program", over_tcp),
        ("nor_over_a_unix_socket", over_a_unix_socket),
    ];

    fn a_signal_is_its_own() {
        let agent = FaultAgent::start(scripts::healthy);
        let ended = run("takes_sigterm_itself", &[("DD_TRACE_AGENT_URL", &agent.url())]);
        assert_eq!((ended.code, ended.said.as_str()), (Some(0), ""));
        assert_eq!(agent.spans().len(), 2);
    }

    /// Says that it has no `/info`, and closes in the middle of each payload, as one that is restarted does.
    fn goes_away(mut stream: impl Read + Write) {
        let mut begin = [0; 2_000];
        let read = stream.read(&mut begin).unwrap_or(0);
        if begin.get(..read).is_some_and(|begin| begin.starts_with(b"GET")) {
            let _ = stream
                .write_all(b"HTTP/1.1 404 x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        }
    }

    fn survives(url: &str) {
        let settings = [("DD_TRACE_AGENT_URL", url), ("DD_TRACE_AGENT_TIMEOUT_SECONDS", "5")];
        assert_eq!(run("dies_of_sigpipe", &settings).code, Some(0));
    }

    fn over_tcp() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        thread::spawn(move || listener.incoming().flatten().for_each(goes_away));
        survives(&url);
    }

    fn over_a_unix_socket() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("agent.socket");
        let listener = UnixListener::bind(&path).unwrap();
        thread::spawn(move || listener.incoming().flatten().for_each(goes_away));
        survives(&format!("unix://{}", path.display()));
    }
}
