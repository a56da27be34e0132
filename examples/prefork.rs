//! How do the workers of a pre-fork server trace?
//!
//! The tracer is installed once, before the workers are forked. Each worker goes on with the trace that was
//! active then, begins traces of its own for what it serves, and sends what it has before it exits.
//!
//! `cargo run --example prefork` needs no agent: the traces are printed at the end.

#![cfg_attr(not(unix), allow(dead_code, unused_imports, reason = "there is no fork"))]

mod support;

use std::error::Error;
use std::time::Duration;

use tracehound::{Tracer, TracerGuard};

type AnyError = Box<dyn Error + Send + Sync>;

const WORKERS: u32 = 3;

#[cfg(unix)]
fn main() -> Result<(), AnyError> {
    use fork::{Fork, fork, waitpid};

    let agent = support::Agent::start()?;
    let guard = agent.receive_from(Tracer::builder().service("shop")).install();

    let startup = tracehound::trace("server.start");
    let mut workers = Vec::new();
    for number in 1..=WORKERS {
        match fork()? {
            Fork::Parent(worker) => workers.push(worker),
            Fork::Child => work(number, guard),
        }
    }
    // In the workers it is still open and never ends: it is this process's.
    drop(startup);
    for worker in workers {
        waitpid(worker)?;
    }

    guard.tracer().flush(Duration::from_secs(5))?;
    agent.print(7);
    Ok(())
}

#[cfg(not(unix))]
fn main() {}

fn work(number: u32, guard: TracerGuard) -> ! {
    // A child of `server.start`, in another process.
    tracehound::in_span("worker.start", |span| span.set_tag("worker.number", number));
    // What is served is not a part of the start.
    let request = tracehound::span("web.request").root().resource("GET /cart");
    request.in_scope(|span| span.set_tag("worker.number", number));
    // To exit drops nothing by itself.
    drop(guard);
    std::process::exit(0)
}
