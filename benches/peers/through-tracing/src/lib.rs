//! The workloads through `tracing`, the same code for everyone who is behind it.
//!
//! Tags are the fields that a span is made with, as is usual there, and the layer is as it is by default:
//! it adds the place in the code, the thread and the times of activity.

use std::any::Any;
use std::time::Duration;

use opentelemetry::propagation::TextMapPropagator;
use opentelemetry::trace::Tracer;
use through_opentelemetry::{Provider, extract, inject};
use tracing::{Span, info_span};
use tracing_opentelemetry::OpenTelemetrySpanExt as _;
use tracing_subscriber::layer::SubscriberExt as _;
use workload::{CountAllocations, KEYS, Peer, Shape, URL};

/// Makes `tracer` the one behind `tracing`, and serves commands.
pub fn serve<T>(
    tracer: T,
    provider: impl Provider,
    propagator: impl TextMapPropagator + Send + Sync,
    count: Option<CountAllocations>,
) where
    T: Tracer + Send + Sync + 'static,
    T::Span: Send + Sync,
{
    let layer = tracing_opentelemetry::layer().with_tracer(tracer);
    let subscriber = tracing_subscriber::registry().with(layer);
    if let Err(error) = tracing::subscriber::set_global_default(subscriber) {
        eprintln!("tracing: {error}");
    }
    workload::serve(&ThroughTracing { provider, propagator }, count);
}

struct ThroughTracing<P, C> {
    provider: P,
    propagator: C,
}

macro_rules! tagged {
    ($name:literal) => {
        info_span!(
            $name,
            http.method = "GET",
            http.route = "/users/{id}",
            http.url = URL,
            cart.items = 3,
            cart.gift = true,
        )
    };
}

fn tag_as(span: &Span, shape: Shape) {
    for key in &KEYS[..shape.tags] {
        span.set_attribute(*key, "value");
    }
}

impl<P: Provider, C: TextMapPropagator + Sync> Peer for ThroughTracing<P, C> {
    fn hot(&self) {
        let _root = tagged!("root").entered();
        for _ in 0..9 {
            let _child = tagged!("child").entered();
        }
    }

    fn root(&self) {
        let _root = info_span!("root").entered();
    }

    fn shaped(&self, shape: Shape) {
        let root = info_span!("root").entered();
        tag_as(&root, shape);
        for _ in 1..shape.spans {
            let child = info_span!("child").entered();
            tag_as(&child, shape);
        }
    }

    fn open(&self) -> Option<Box<dyn Any>> {
        Some(Box::new(info_span!(parent: None, "open")))
    }

    fn injecting(&self, into_map: bool, measure: &mut dyn FnMut(&mut dyn FnMut())) -> bool {
        let _client = info_span!("client").entered();
        inject(&self.propagator, || Span::current().context(), into_map, measure);
        true
    }

    fn extracting(&self, measure: &mut dyn FnMut(&mut dyn FnMut())) -> bool {
        extract(&self.propagator, measure);
        true
    }

    fn flush(&self) {
        self.provider.flush();
    }

    fn shutdown(&self, timeout: Duration) {
        self.provider.shutdown(timeout);
    }

    fn lost(&self) -> Option<u64> {
        self.provider.lost()
    }
}
