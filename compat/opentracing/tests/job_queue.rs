//! A trace that goes on behind a list of a real Redis, which the test support brings where none is installed.

#![allow(clippy::unwrap_used, reason = "a test may fail loudly")]

mod common;
#[path = "../examples/redis_job_queue/redis.rs"]
mod redis;

use std::collections::HashMap;
use std::thread;
use std::time::Duration;

use opentracing_rs::{Format, Reference};
use redis::Server;
use tracehound_test_support::{redis_server, within};

use common::{LIMIT, tracers};

#[test]
fn the_worker_goes_on_with_the_trace_of_the_job() {
    within(LIMIT, || {
        let server = Server::start(redis_server()).unwrap();
        let (tracer, _, captured) = tracers();
        let worker = tracer.with_service("worker");
        let mut jobs = server.connect().unwrap();
        let worker = thread::spawn(move || {
            while let Some(job) = jobs.pop("jobs", Duration::from_secs(10)).unwrap() {
                let headers: Option<HashMap<String, String>> = serde_json::from_str(&job).unwrap();
                let Some(headers) = headers else { break };
                let caller = worker.extract(Format::TextMap, &headers).unwrap().unwrap();
                let builder = worker.build_span("run").reference(Reference::follows_from(caller));
                let run = builder.start_active();
                let number = run.baggage_item("number").unwrap();
                run.set_tag("number", number);
            }
        });
        let mut jobs = server.connect().unwrap();
        for number in ["1", "2", "3"] {
            let send = tracer.build_span("send").tag("number", number).start_active();
            send.set_baggage_item("number", number);
            let mut headers: HashMap<String, String> = HashMap::new();
            tracer.inject(&send.context(), Format::TextMap, &mut headers).unwrap();
            jobs.push("jobs", &serde_json::to_string(&headers).unwrap()).unwrap();
        }
        jobs.push("jobs", "null").unwrap();
        worker.join().unwrap();

        let mut trees: Vec<String> = Vec::new();
        let spans = captured.spans();
        for send in spans.iter().filter(|span| span.name == "send") {
            let run = spans.iter().find(|span| span.parent_id == send.span_id).unwrap();
            assert_eq!((run.name.as_str(), run.trace_id), ("run", send.trace_id));
            assert_eq!((run.service.as_str(), run.links.len()), ("worker", 1));
            assert_eq!(run.tags, send.tags);
            trees.extend(run.tags.get("number").cloned());
        }
        trees.sort();
        assert_eq!(trees, ["1", "2", "3"]);
    });
}
