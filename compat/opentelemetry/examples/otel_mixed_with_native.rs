//! How do spans of OpenTelemetry and native ones become one trace?
//!
//! `cargo run -p tracehound-opentelemetry --example otel_mixed_with_native` needs no Datadog agent: the trace
//! goes to a local agent inside this program, which prints it. With `DD_TRACE_AGENT_URL` set it goes there.
//!
//! A framework makes the request's span through OpenTelemetry, the program its own natively, and both change
//! whichever is active.

#[path = "../../../examples/support/mod.rs"]
mod support;

use std::error::Error;
use std::time::Duration;

use opentelemetry::context::FutureExt as _;
use opentelemetry::trace::{SpanKind, Status, TraceContextExt as _, Tracer as _};
use opentelemetry::{Context, KeyValue, global};
use support::{Agent, say};
use tracehound::{FutureExt as _, Tracer};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let agent = Agent::start()?;
    let guard = agent.receive_from(Tracer::builder().service("shop").env("example")).install();
    tracehound_opentelemetry::install();

    // A web framework would do this, through OpenTelemetry's API.
    let tracer = global::tracer("framework");
    let request = tracer
        .span_builder("POST /orders")
        .with_kind(SpanKind::Server)
        .with_attributes([KeyValue::new("http.request.method", "POST")])
        .start(&tracer);
    let cx = Context::current_with_span(request);
    async { charge(price(2).await) }.with_context(cx.clone()).await;
    cx.span().set_attribute(KeyValue::new("http.response.status_code", 201));
    cx.span().end();

    guard.tracer().flush(Duration::from_secs(5))?;
    say("One trace: native spans below OpenTelemetry's, and the other way round.\n");
    agent.print(5);
    Ok(())
}

/// Code of your own, instrumented natively; the span goes along with the future.
async fn price(lamps: u32) -> f64 {
    let span = tracehound::span("cart.price").tag("cart.lamps", lamps).start();
    async {
        tokio::task::yield_now().await;
        // A library that is instrumented with OpenTelemetry: its span is below the native one.
        global::tracer("tax").in_span("tax rate", |cx| {
            cx.span().set_attribute(KeyValue::new("tax.country", "DK"));
        });
        f64::from(lamps) * 40.0 * 1.25
    }
    .in_span(span)
    .await
}

/// Through both APIs: each sees and changes what the other has made active.
fn charge(total: f64) {
    global::tracer("payments").in_span("charge", |cx| {
        if let Some(span) = tracehound::current_span() {
            span.set_service("payments");
            span.set_tag("order.total", total);
        }
        tracehound::in_span("card.check", |_| {
            Context::current().span().set_status(Status::error("card expired"));
        });
        cx.span().add_event("retried with another card", vec![]);
    });
}
