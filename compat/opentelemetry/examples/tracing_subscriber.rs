//! How does a program that is instrumented with `tracing` send its traces to Datadog?
//!
//! `cargo run -p tracehound-opentelemetry --example tracing_subscriber` needs no Datadog agent: the trace goes
//! to a local agent inside this program, which prints it. With `DD_TRACE_AGENT_URL` set it goes there.
//!
//! Functions with `#[instrument]` are spans, fields are tags, records of the log are events, and an error
//! that is logged or returned is the error of its span.

#[path = "../../../examples/support/mod.rs"]
mod support;

use std::collections::HashMap;
use std::error::Error;
use std::time::Duration;

use opentelemetry::global;
use opentelemetry::trace::TracerProvider as _;
use support::Agent;
use tracehound::Tracer;
use tracing::{Instrument as _, info, info_span, instrument};
use tracing_opentelemetry::OpenTelemetrySpanExt as _;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let agent = Agent::start()?;
    let guard = agent.receive_from(Tracer::builder().service("shop").env("example")).install();

    let provider = tracehound_opentelemetry::install();
    let layer = tracing_opentelemetry::layer()
        .with_tracer(provider.tracer("shop"))
        // What the layer adds to every span by itself; leave it on if you want it.
        .with_location(false)
        .with_threads(false)
        .with_target(false)
        .with_tracked_inactivity(false);
    tracing_subscriber::registry().with(layer).init();

    for (trace, lamps) in [("1001", 2), ("1002", 200)] {
        // As they come in from another service that Datadog traces.
        let headers = HashMap::from([
            ("x-datadog-trace-id".to_owned(), trace.to_owned()),
            ("x-datadog-parent-id".to_owned(), "7".to_owned()),
            ("x-datadog-sampling-priority".to_owned(), "1".to_owned()),
        ]);
        let parent = global::get_text_map_propagator(|propagator| propagator.extract(&headers));
        let request = info_span!(
            "request",
            otel.name = "POST /orders",
            otel.kind = "server",
            http.request.method = "POST",
        );
        request.set_parent(parent)?;
        let _ = order(lamps).instrument(request).await;
    }

    guard.tracer().flush(Duration::from_secs(5))?;
    agent.print(8);
    Ok(())
}

#[instrument(err)]
async fn order(lamps: u32) -> Result<f64, String> {
    let price = price(lamps).await;
    // A native span among those of `tracing`.
    tracehound::in_span("stock.check", |span| {
        span.set_tag("stock.lamps", 100);
        if lamps > 100 { Err(format!("{lamps} lamps are more than there are")) } else { Ok(price) }
    })
}

#[instrument]
async fn price(lamps: u32) -> f64 {
    tokio::task::yield_now().await;
    let total = f64::from(lamps) * 40.0;
    info!(total, "priced");
    total
}
