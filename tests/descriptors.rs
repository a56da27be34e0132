//! Programs that close every descriptor that they do not know, as process managers and daemons do: they go on
//! tracing, nothing that they open then is written to or closed, and their own runtime starts.
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
    use std::fs::File;
    use std::io::{Read as _, Seek as _, Write as _};
    use std::os::unix::net::UnixStream;
    use std::time::Duration;

    use fork::{Fork, waitpid};
    use tracehound_test_support::fault_agent::scripts;
    use tracehound_test_support::{FaultAgent, TestAgent};

    use crate::common::programs::{Named, run};

    const TIME: Duration = Duration::from_secs(20);

    // ===== the programs =====

    pub(crate) const PROGRAMS: [Named; 5] = [
        ("closes_all_itself", closes_all_itself),
        ("closes_all_in_a_child", closes_all_in_a_child),
        ("closes_all_in_a_child_that_has_traced", closes_all_in_a_child_that_has_traced),
        ("closes_all_in_a_grandchild", closes_all_in_a_grandchild),
        ("starts_a_runtime_in_a_child", starts_a_runtime_in_a_child),
    ];

    /// Closes all but the standard ones.
    fn close_all() {
        for descriptor in 3..1024 {
            let _ = nix::unistd::close(descriptor);
        }
    }

    /// What a program opens when the numbers of closed descriptors are free: the lowest are taken first.
    struct Opened {
        files: Vec<File>,
        pairs: Vec<(UnixStream, UnixStream)>,
    }

    impl Opened {
        fn many() -> Self {
            let opened = Opened {
                files: (0..8).map(|_| tempfile::tempfile().unwrap()).collect(),
                pairs: (0..8).map(|_| UnixStream::pair().unwrap()).collect(),
            };
            for (here, there) in &opened.pairs {
                here.set_nonblocking(true).unwrap();
                there.set_nonblocking(true).unwrap();
            }
            opened
        }

        /// Whether nobody else has written to them, read from them, or closed them.
        fn check(self) {
            for mut file in self.files {
                file.write_all(b"mine").unwrap();
                file.rewind().unwrap();
                let mut written = String::new();
                file.read_to_string(&mut written).unwrap();
                assert_eq!(written, "mine");
            }
            for (mut here, mut there) in self.pairs {
                here.write_all(b"mine").unwrap();
                let mut read = [0; 100];
                assert_eq!(there.read(&mut read).unwrap(), 4);
                assert!(read.starts_with(b"mine"));
                assert!(here.read(&mut read).is_err(), "nothing was said");
            }
        }
    }

    fn traces_on(name: &'static str) {
        for _ in 0..3 {
            tracehound::in_span(name, |_| ());
            tracehound::flush(TIME).unwrap();
        }
        assert_eq!(tracehound::tracer().losses().total(), 0);
    }

    /// Closes all; traces and ends well with other files in their places.
    fn closes_all_and_traces_on() {
        close_all();
        let opened = Opened::many();
        traces_on("after");
        tracehound::shutdown(TIME).unwrap();
        opened.check();
    }

    fn in_a_child(work: impl FnOnce()) {
        match fork::fork().unwrap() {
            // Its guard is its parent's.
            Fork::Child => {
                work();
                std::process::exit(0);
            }
            Fork::Parent(child) => assert_eq!(waitpid(child).unwrap(), 0),
        }
    }

    fn closes_all_itself() {
        let _guard = tracehound::init();
        traces_on("before");
        closes_all_and_traces_on();
    }

    fn closes_all_in_a_child() {
        let _guard = tracehound::init();
        traces_on("before");
        in_a_child(closes_all_and_traces_on);
    }

    fn closes_all_in_a_child_that_has_traced() {
        let _guard = tracehound::init();
        in_a_child(|| {
            traces_on("before");
            closes_all_and_traces_on();
        });
    }

    fn closes_all_in_a_grandchild() {
        let _guard = tracehound::init();
        traces_on("before");
        in_a_child(|| {
            fork::setsid().unwrap();
            in_a_child(closes_all_and_traces_on);
        });
    }

    /// tokio keeps a socket for signals in a static: whoever opens it before the fork leaves it to the child.
    fn starts_a_runtime_in_a_child() {
        use tokio::signal::unix::{SignalKind, signal};

        let _guard = tracehound::init();
        traces_on("before");
        in_a_child(|| {
            close_all();
            let _taken = tempfile::tempfile().unwrap();
            let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
                drop(signal(SignalKind::user_defined1()).unwrap());
            });
            traces_on("after");
        });
    }

    // ===== what arrives =====

    pub(crate) const TESTS: [Named; 6] = [
        ("a_program_that_closes_all_is_traced", || check("closes_all_itself")),
        ("a_child_that_closes_all_is_traced", || check("closes_all_in_a_child")),
        ("a_child_that_traces_and_closes_all_is_traced", || {
            check("closes_all_in_a_child_that_has_traced");
        }),
        ("a_daemon_is_traced", || check("closes_all_in_a_grandchild")),
        ("a_runtime_starts_in_a_child_that_closes_all", || check("starts_a_runtime_in_a_child")),
        ("over_a_unix_socket_as_well", over_a_unix_socket_as_well),
    ];

    fn check(program: &str) {
        let agent = FaultAgent::start(scripts::healthy);
        let ended = run(program, &[("DD_TRACE_AGENT_URL", &agent.url())]);
        assert_eq!((ended.code, ended.said.as_str()), (Some(0), ""), "{program}");
        let spans = agent.spans();
        let count = |name: &str| spans.iter().filter(|span| span.name == name).count();
        assert_eq!((count("before"), count("after"), spans.len()), (3, 3, 6), "{program}");
    }

    fn over_a_unix_socket_as_well() {
        let agent = TestAgent::start();
        let url = agent.socket().to_string();
        let ended = run("closes_all_itself", &[("DD_TRACE_AGENT_URL", &url)]);
        assert_eq!((ended.code, ended.said.as_str()), (Some(0), ""));
        assert_eq!(agent.traces().len(), 6);
    }
}
