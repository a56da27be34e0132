//! How does a trace go on in the worker of a job queue?
//!
//! `cargo run -p tracehound-opentracing --example redis_job_queue` starts a `redis-server` of its own, the installed
//! one or else that of a Python package, which it installs into `target/`; and it needs no Datadog agent: the traces
//! go to a local agent inside this program, which prints them. With `DD_TRACE_AGENT_URL` set they go there.
//!
//! The producer injects its span into the job, and the worker goes on with what it extracts. The client of
//! Redis is what two commands need of its protocol, so that the trace is all that is to be looked at here.

mod redis;
#[path = "../../../../examples/support/mod.rs"]
mod support;

use std::collections::HashMap;
use std::error::Error;
use std::thread;
use std::time::Duration;

use opentracing_rs::{Format, Reference, tags};
use redis::{Redis, Server};
use support::Agent;
use tracehound_opentracing::{Tracer, TracerBuilder};
use tracehound_test_support::redis_server;

type AnyError = Box<dyn Error + Send + Sync>;

/// What the trace needs to go on, and what there is to do.
type Job = (HashMap<String, String>, String);

const QUEUE: &str = "jobs";
const ORDERS: [&str; 3] = ["3 lamps", "1 desk", "no chairs"];

fn main() -> Result<(), AnyError> {
    let server = Server::start(redis_server())?;
    let agent = Agent::start()?;
    let native = agent.receive_from(tracehound::Tracer::builder().env("example"));
    let shop = TracerBuilder::from(native).service("shop").build()?;
    // In life the worker is another program, with a tracer of its own.
    let worker = shop.with_service("warehouse");

    let mut jobs = server.connect()?;
    let worker = thread::spawn(move || work(&worker, &mut jobs));
    let mut jobs = server.connect()?;
    for order in ORDERS {
        place(&shop, &mut jobs, order)?;
    }
    jobs.push(QUEUE, "null")?; // the end of the day
    worker.join().map_err(|_| "the worker panicked")??;

    shop.native().flush(Duration::from_secs(5))?;
    agent.print(ORDERS.len().saturating_mul(4));
    Ok(())
}

// ===== the producer =====

fn place(tracer: &Tracer, jobs: &mut Redis, order: &str) -> Result<(), AnyError> {
    let scope = tracer.start_active_span("order.place");
    scope.set_tag("resource.name", order).set_baggage_item("tenant", "acme");

    let send = tracer
        .build_span("job.send")
        .tag(tags::SPAN_KIND, tags::SPAN_KIND_PRODUCER)
        .tag(tags::COMPONENT, "redis")
        .tag(tags::MESSAGE_BUS_DESTINATION, QUEUE)
        .start_active();
    let mut headers: HashMap<String, String> = HashMap::new();
    tracer.inject(&send.context(), Format::TextMap, &mut headers)?;
    jobs.push(QUEUE, &serde_json::to_string(&Some((headers, order)))?)?;
    Ok(())
}

// ===== the worker =====

fn work(tracer: &Tracer, jobs: &mut Redis) -> Result<(), AnyError> {
    while let Some(job) = jobs.pop(QUEUE, Duration::from_secs(5))? {
        let Some((headers, order)) = serde_json::from_str::<Option<Job>>(&job)? else {
            return Ok(());
        };
        let caller = tracer.extract(Format::TextMap, &headers)?.unwrap_or_default();
        // The one who sent the job does not wait for it: it is not only a child, it follows from him.
        let scope = tracer
            .build_span("job.run")
            .reference(Reference::follows_from(caller))
            .tag(tags::SPAN_KIND, tags::SPAN_KIND_CONSUMER)
            .tag(tags::COMPONENT, "redis")
            .tag(tags::MESSAGE_BUS_DESTINATION, QUEUE)
            .start_active();
        if let Some(tenant) = scope.baggage_item("tenant") {
            scope.set_tag("tenant", tenant);
        }
        // A job that fails is marked, and the next one gets its turn.
        let _ = pack(tracer, &order).inspect_err(|error| scope.log_error(error));
    }
    Err("there came no job for too long".into())
}

fn pack(tracer: &Tracer, order: &str) -> Result<u32, std::num::ParseIntError> {
    let (count, things) = order.split_once(' ').unwrap_or_default();
    tracer.build_span("order.pack").tag("things", things).try_in_span(|_| {
        thread::sleep(Duration::from_millis(2));
        count.parse()
    })
}
