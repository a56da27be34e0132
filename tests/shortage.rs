//! A process that is short of something when the library starts, or later, is traced once that has passed, with
//! what finished meanwhile.
//!
//! Each program is this file again, started with its name.

#![allow(clippy::unwrap_used)]
#![cfg_attr(not(target_os = "linux"), allow(dead_code, unused_imports))]

mod common;

use std::process::ExitCode;

#[cfg(not(target_os = "linux"))]
fn main() {}

#[cfg(target_os = "linux")]
fn main() -> ExitCode {
    common::programs::main(&linux::PROGRAMS, &linux::TESTS)
}

#[cfg(target_os = "linux")]
mod linux {
    use std::fs;
    use std::thread::sleep;
    use std::time::{Duration, Instant};

    use fork::{Fork, waitpid};
    use nix::sys::resource::{Resource, getrlimit, setrlimit};
    use tracehound_test_support::FaultAgent;
    use tracehound_test_support::fault_agent::scripts;

    use crate::common::programs::{Named, run};

    const TIME: Duration = Duration::from_secs(20);

    // ===== the programs =====

    pub(crate) const PROGRAMS: [Named; 4] = [
        ("starts_without_descriptors", starts_without_descriptors),
        ("starts_without_room_for_a_thread", starts_without_room_for_a_thread),
        ("forks_without_room_for_a_thread", forks_without_room_for_a_thread),
        ("runs_out_of_descriptors", runs_out_of_descriptors),
    ];

    fn without<T>(what: Resource, most: u64, work: impl FnOnce() -> T) -> T {
        let (before, hard) = getrlimit(what).unwrap();
        setrlimit(what, most.min(hard), hard).unwrap();
        let done = work();
        setrlimit(what, before, hard).unwrap();
        done
    }

    fn without_descriptors<T>(work: impl FnOnce() -> T) -> T {
        without(Resource::RLIMIT_NOFILE, 3, work)
    }

    /// There is memory for some spans, and none for the stack of a thread.
    fn without_threads<T>(work: impl FnOnce() -> T) -> T {
        let status = fs::read_to_string("/proc/self/statm").unwrap();
        let pages: u64 = status.split(' ').next().unwrap().parse().unwrap();
        without(Resource::RLIMIT_AS, pages * 4096 + 500_000, || {
            // A child has the stacks of its parent's threads.
            let fits = |_: &i32| std::thread::Builder::new().spawn(std::thread::park).is_ok();
            assert!((0..10).take_while(fits).count() < 10, "nothing is short");
            work()
        })
    }

    fn has_worker() -> bool {
        let tasks = fs::read_dir("/proc/self/task").unwrap().flatten();
        let mut names = tasks.map(|task| fs::read_to_string(task.path().join("comm")).unwrap());
        names.any(|name| name.starts_with("tracehound-work"))
    }

    /// Spans finish until one has started the worker; all of them are to arrive.
    fn traces_until_there_is_a_worker() {
        let start = Instant::now();
        while !has_worker() {
            assert!(start.elapsed() < TIME, "there is no worker");
            tracehound::in_span("between", |_| ());
            sleep(Duration::from_millis(20));
        }
    }

    fn ends_well() {
        tracehound::in_span("after", |_| ());
        tracehound::flush(TIME).unwrap();
        assert_eq!(tracehound::tracer().losses().total(), 0);
    }

    fn starts_without_descriptors() {
        let guard = without_descriptors(|| {
            let guard = tracehound::init();
            tracehound::in_span("short", |_| ());
            assert!(tracehound::flush(TIME).is_err());
            guard
        });
        ends_well();
        drop(guard);
    }

    fn starts_without_room_for_a_thread() {
        let guard = without_threads(|| {
            let guard = tracehound::init();
            tracehound::in_span("short", |_| ());
            let error = tracehound::flush(TIME).unwrap_err();
            assert!(!error.is_timeout() && !error.is_undelivered(), "{error}");
            guard
        });
        traces_until_there_is_a_worker();
        ends_well();
        drop(guard);
    }

    fn forks_without_room_for_a_thread() {
        let _guard = tracehound::init();
        match fork::fork().unwrap() {
            Fork::Child => {
                without_threads(|| tracehound::in_span("short", |_| ()));
                traces_until_there_is_a_worker();
                ends_well();
                std::process::exit(0);
            }
            Fork::Parent(child) => assert_eq!(waitpid(child).unwrap(), 0),
        }
    }

    fn runs_out_of_descriptors() {
        let guard = tracehound::init();
        tracehound::in_span("before", |_| ());
        tracehound::flush(TIME).unwrap();
        // The connection has been closed by the agent.
        without_descriptors(|| {
            tracehound::in_span("short", |_| ());
            assert!(tracehound::flush(TIME).is_err());
        });
        ends_well();
        drop(guard);
    }

    // ===== what arrives =====

    pub(crate) const TESTS: [Named; 4] = [
        ("descriptors_at_the_start", || check("starts_without_descriptors", 1)),
        ("threads_at_the_start", || check("starts_without_room_for_a_thread", 1)),
        ("threads_in_a_child", || check("forks_without_room_for_a_thread", 1)),
        ("descriptors_later", || check("runs_out_of_descriptors", 1)),
    ];

    fn check(program: &str, short: usize) {
        // On a kept connection nothing would be short.
        let agent = FaultAgent::start(|request| {
            scripts::healthy(request).header("Connection", "close").and_close()
        });
        let ended = run(program, &[("DD_TRACE_AGENT_URL", &agent.url())]);
        assert_eq!(ended.code, Some(0), "{program}: {}", ended.said);
        let spans = agent.spans();
        let count = |name: &str| spans.iter().filter(|span| span.name == name).count();
        assert_eq!((count("short"), count("after")), (short, 1), "{program}");
    }
}
