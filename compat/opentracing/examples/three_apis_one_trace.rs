//! How do spans of OpenTracing, OpenTelemetry and the native API become one trace, across `.await` and threads?
//!
//! `cargo run -p tracehound-opentracing --example three_apis_one_trace` needs no Datadog agent: the traces go to
//! a local agent inside this program, which prints them as trees. With `DD_TRACE_AGENT_URL` set they go there.

#[path = "../../../examples/support/mod.rs"]
mod support;

use std::error::Error;
use std::thread;
use std::time::Duration;

use opentelemetry::trace::Tracer as _;
use opentelemetry::{Context as OtelContext, KeyValue};
use opentracing_rs::{FutureExt as _, global_tracer, tags};
use support::Agent;
use tracehound_opentracing::{TracerBuilder, set_global_tracer};

fn main() -> Result<(), Box<dyn Error>> {
    let agent = Agent::start()?;
    let native = agent.receive_from(tracehound::Tracer::builder().env("example"));
    let tracer = TracerBuilder::from(native).service("shop").build()?;
    let guard = set_global_tracer(&tracer)?; // OpenTracing's and the native one
    tracehound_opentelemetry::install(); // OpenTelemetry's, on the same

    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(handle("cart-42"));

    guard.tracer().flush(Duration::from_secs(5))?;
    agent.print(8);
    Ok(())
}

/// A request, by a framework that is instrumented with OpenTracing.
async fn handle(cart: &str) {
    let request = global_tracer()
        .build_span("web.request")
        .tag(tags::SPAN_KIND, tags::SPAN_KIND_SERVER)
        .tag("resource.name", "POST /checkout")
        .start();
    request.set_baggage_item("tenant", "acme");
    checkout(cart).with_active_span(request.clone()).await;
    request.set_tag(tags::HTTP_STATUS_CODE, 201).finish();
}

/// Your own code, with native spans: two branches, each in a span of its own, and a thread.
async fn checkout(cart: &str) {
    let priced = price(cart);
    let stocked = stock();
    let (total, ()) = tokio::join!(
        tracehound::FutureExt::in_span(priced, tracehound::span("cart.price").start()),
        tracehound::FutureExt::in_span(stocked, tracehound::span("cart.stock").start()),
    );

    // A thread inherits nothing: the place in the trace goes along.
    let here = tracehound::tracer().context();
    let mailed = thread::spawn(move || {
        let _scope = tracehound::activate(here);
        let mail = global_tracer().start_active_span("mail.send");
        mail.set_tag("order.total", total).log_event("queued");
        if let Some(tenant) = mail.baggage_item("tenant") {
            mail.set_tag("tenant", tenant);
        }
    });
    let _ = mailed.join();
}

/// A library that is instrumented with OpenTelemetry.
async fn price(cart: &str) -> f64 {
    let tracer = opentelemetry::global::tracer("prices");
    let builder = tracer.span_builder("SELECT prices");
    let span = builder.with_attributes([KeyValue::new("db.system", "postgresql")]).start(&tracer);
    let span = opentelemetry::trace::TraceContextExt::with_span(&OtelContext::current(), span);
    let queried = async {
        tokio::time::sleep(Duration::from_millis(3)).await;
        // The active span is OpenTelemetry's; OpenTracing sees and changes it.
        if let Some(active) = global_tracer().active_span() {
            active.set_tag("cart.id", cart);
        }
        40.0
    };
    opentelemetry::context::FutureExt::with_context(queried, span).await
}

/// A library that is instrumented with OpenTracing.
async fn stock() {
    let span = global_tracer().build_span("redis.command").tag(tags::DB_STATEMENT, "DECR lamps");
    let reserved: Result<u32, _> = async {
        tokio::task::yield_now().await;
        tracehound::in_span("reply.parse", |_| "none left".parse::<u32>())
    }
    .try_in_span(span.start())
    .await;
    if reserved.is_err() {
        global_tracer().in_span("stock.reorder", |_| thread::sleep(Duration::from_millis(1)));
    }
}
