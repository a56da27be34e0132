//! Times in which something is short, or taken away.

use fork::{Fork, fork, waitpid};
use nix::sys::resource::{Resource, getrlimit, setrlimit};

use crate::common::LIMIT;
use crate::meter::{begin_anew, report, traces};
use crate::row::{ALL, Row, healthy, nothing};

const fn shortage(fault: &'static str, promise: &'static str, program: fn()) -> Row {
    let settings = &[];
    Row { fault, promise, program, settings, agent: healthy, meanwhile: nothing, expect: ALL }
}

/// Runs `work` while the process can open nothing.
fn without_descriptors(work: impl FnOnce()) {
    let (before, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    setrlimit(Resource::RLIMIT_NOFILE, 3, hard).unwrap();
    work();
    setrlimit(Resource::RLIMIT_NOFILE, before, hard).unwrap();
}

fn starts_without_descriptors() {
    let mut guard = None;
    without_descriptors(|| {
        guard = Some(tracehound::init());
        traces(10, 1);
        let _ = tracehound::flush(std::time::Duration::from_secs(1));
    });
    traces(10, 1);
    while tracehound::flush(LIMIT).is_err() {}
    drop(guard);
    report();
}

/// As process managers and daemons do.
fn closes_all_in_a_child() {
    let guard = tracehound::init();
    traces(10, 1);
    tracehound::flush(LIMIT).unwrap();
    match fork().unwrap() {
        Fork::Parent(child) => {
            if waitpid(child).unwrap() != 0 {
                println!("wrong the child failed");
            }
        }
        Fork::Child => {
            begin_anew();
            for descriptor in 3..1024 {
                let _ = nix::unistd::close(descriptor);
            }
            traces(10, 1);
            let _ = tracehound::shutdown(LIMIT);
            report();
            std::process::exit(0);
        }
    }
    traces(10, 1);
    drop(guard);
    report();
}

fn closes_all_itself() {
    let guard = tracehound::init();
    traces(10, 1);
    tracehound::flush(LIMIT).unwrap();
    for descriptor in 3..1024 {
        let _ = nix::unistd::close(descriptor);
    }
    traces(10, 1);
    while tracehound::flush(LIMIT).is_err() {}
    drop(guard);
    report();
}

pub const ROWS: &[Row] = &[
    shortage(
        "no descriptor can be had at the start",
        "spans wait until there is one: every span arrives, once",
        starts_without_descriptors,
    ),
    shortage(
        "the program closes all descriptors",
        "the connection is made anew: every span arrives, once",
        closes_all_itself,
    ),
    shortage(
        "a child of `fork` closes all descriptors",
        "each process delivers what it made, once",
        closes_all_in_a_child,
    ),
];
