//! How do native spans, OpenTelemetry's and those of `tracing` become one trace?
//!
//! `cargo run -p tracehound-opentelemetry --example mixed` needs no agent: the tracer keeps what it finishes,
//! as in a test, and prints it. In a program, `tracehound::init()` takes the place of the first lines of
//! `main`, and the trace goes to the agent.

#![allow(clippy::print_stdout)]

use opentelemetry::context::FutureExt as _;
use opentelemetry::trace::{SpanKind, Status, TraceContextExt, Tracer as _, TracerProvider as _};
use opentelemetry::{Context, KeyValue, global};
use tracehound::testing::Captured;
use tracing::instrument;
use tracing_subscriber::layer::SubscriberExt as _;

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let captured = Captured::default();
    let _guard = tracehound::Tracer::builder().service("shop").capture(&captured).install();

    let otel = tracehound_opentelemetry::install();
    let layer = tracing_opentelemetry::layer().with_tracer(otel.tracer("shop"));
    let layer = layer.with_location(false).with_threads(false).with_tracked_inactivity(false);
    let subscriber = tracing_subscriber::registry().with(layer.with_target(false));
    let _subscribed = tracing::subscriber::set_default(subscriber);

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

    println!("{}", captured.tree());
}

/// Code of your own, instrumented with `tracing`.
#[instrument]
async fn price(lamps: u32) -> f64 {
    tokio::task::yield_now().await;
    // A library that is instrumented natively.
    tracehound::in_span("tax.rate", |span| {
        span.set_tag("tax.country", "DK");
        f64::from(lamps) * 40.0 * 1.25
    })
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
