//! Which finished traces are sent, and how do I change them on the way?
//!
//! Filters look at each finished trace, one after the other, until one decides: addresses are removed from all, errors
//! and slow requests are kept, health checks go, and of the rest one in three stays. Later the program changes its
//! mind.
//!
//! `cargo run --example filter_traces` needs no agent: the traces are printed at the end.

mod support;

use std::error::Error;
use std::thread;
use std::time::Duration;

use support::{Agent, say};
use tracehound::{
    FilterRequestsOnUrl, FinishedTrace, KeepErrors, KeepOneIn, KeepSlow, SpanRef, Tracer, Verdict,
};

fn main() -> Result<(), Box<dyn Error>> {
    let agent = Agent::start()?;
    let tracer = Tracer::builder()
        .service("shop")
        // It changes traces, so it stands before all that decide.
        .trace_filter(remove_addresses)
        .trace_filter(KeepErrors)
        .trace_filter(KeepSlow(Duration::from_millis(50)))
        .trace_filter(FilterRequestsOnUrl::new(r"https?://[^/]+/health")?)
        .trace_filter(KeepOneIn::new(3, "GET /catalogue"));
    let guard = agent.receive_from(tracer).install();

    request("GET /health/live", |_| {});
    request("GET /health/deep", |span| span.set_error_message("the disk is full"));
    request("POST /orders", |span| span.set_tag("customer.email", "a@example.com"));
    request("GET /report", |_| thread::sleep(Duration::from_millis(60)));
    for _ in 0..6 {
        request("GET /catalogue", |_| {});
    }
    guard.tracer().flush(Duration::from_secs(5))?;
    say(&guard.tracer().filtered().to_string());

    // From now on all of the catalogue, and no errors: these filters take the place of all others.
    guard.tracer().reconfigure(|change| {
        change.trace_filter(|trace: &mut FinishedTrace<'_>| match trace.has_error() {
            true => Verdict::Drop,
            false => Verdict::Next,
        })
    })?;
    request("GET /catalogue", |_| {});
    request("GET /crash", |span| span.set_error_message("out of lamps"));
    guard.tracer().flush(Duration::from_secs(5))?;
    say(&guard.tracer().filtered().to_string());

    agent.print(6);
    Ok(())
}

fn remove_addresses(trace: &mut FinishedTrace<'_>) -> Verdict {
    trace.for_each_span(|span| {
        if span.tag("customer.email").is_some() {
            span.set_tag("customer.email", "removed");
        }
    });
    Verdict::Next
}

fn request(resource: &'static str, work: impl FnOnce(&SpanRef)) {
    let path = resource.split(' ').next_back().unwrap_or_default();
    tracehound::span("web.request")
        .resource(resource)
        .tag("http.url", format!("http://shop.example.com{path}"))
        .in_scope(work);
}
