//! The workloads through OpenTelemetry's API, the same code for everyone who implements it.

mod carrier;
#[cfg(feature = "sdk")]
mod sdk;

use std::any::Any;
use std::hint::black_box;
use std::time::Duration;

use http::HeaderMap;
use opentelemetry::propagation::TextMapPropagator;
use opentelemetry::trace::{TraceContextExt as _, Tracer};
use opentelemetry::{Context, KeyValue};
use workload::{CountAllocations, KEYS, Peer, Request, Sent, Shape, URL};

use carrier::{Incoming, Map, Out};
#[cfg(feature = "sdk")]
pub use sdk::Sdk;

/// What OpenTelemetry's API leaves to the implementation.
pub trait Provider: Sync {
    /// See [`Peer::flush`].
    fn flush(&self);
    /// See [`Peer::shutdown`].
    fn shutdown(&self, timeout: Duration);
    /// See [`Peer::lost`].
    fn lost(&self) -> Option<u64> {
        None
    }
}

struct ThroughOpenTelemetry<T, P> {
    tracer: T,
    provider: P,
    /// `None` where the peer does not know both styles.
    propagator: Option<Box<dyn TextMapPropagator + Send + Sync>>,
}

/// Serves commands with a tracer of OpenTelemetry's API.
pub fn serve<T>(
    tracer: T,
    provider: impl Provider,
    propagator: Option<Box<dyn TextMapPropagator + Send + Sync>>,
    count: Option<CountAllocations>,
) where
    T: Tracer + Sync,
    T::Span: Send + Sync + 'static,
{
    workload::serve(&ThroughOpenTelemetry { tracer, provider, propagator }, count);
}

fn tag(cx: &Context) {
    let span = cx.span();
    span.set_attribute(KeyValue::new("http.method", "GET"));
    span.set_attribute(KeyValue::new("http.route", "/users/{id}"));
    span.set_attribute(KeyValue::new("http.url", URL));
    span.set_attribute(KeyValue::new("cart.items", 3));
    span.set_attribute(KeyValue::new("cart.gift", true));
}

fn tag_as(cx: &Context, shape: Shape) {
    let span = cx.span();
    for key in &KEYS[..shape.tags] {
        span.set_attribute(KeyValue::new(*key, "value"));
    }
}

impl<T, P: Provider> Peer for ThroughOpenTelemetry<T, P>
where
    T: Tracer + Sync,
    T::Span: Send + Sync + 'static,
{
    fn hot(&self) {
        self.tracer.in_span("root", |cx| {
            tag(&cx);
            for _ in 0..9 {
                self.tracer.in_span("child", |cx| tag(&cx));
            }
        });
    }

    fn root(&self) {
        self.tracer.in_span("root", drop);
    }

    fn shaped(&self, shape: Shape) {
        self.tracer.in_span("root", |cx| {
            tag_as(&cx, shape);
            for _ in 1..shape.spans {
                self.tracer.in_span("child", |cx| tag_as(&cx, shape));
            }
        });
    }

    fn open(&self) -> Option<Box<dyn Any>> {
        Some(Box::new(self.tracer.start_with_context("open", &Context::new())))
    }

    fn injecting(&self, into_map: bool, measure: &mut dyn FnMut(&mut dyn FnMut())) -> bool {
        let Some(propagator) = &self.propagator else { return false };
        self.tracer.in_span("client", |_| {
            inject(&**propagator, Context::current, into_map, measure);
        });
        true
    }

    fn extracting(&self, measure: &mut dyn FnMut(&mut dyn FnMut())) -> bool {
        let Some(propagator) = &self.propagator else { return false };
        extract(&**propagator, measure);
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

/// See [`Peer::injecting`]; `context` is where the API says the active span is.
pub fn inject(
    propagator: &dyn TextMapPropagator,
    context: impl Fn() -> Context,
    into_map: bool,
    measure: &mut dyn FnMut(&mut dyn FnMut()),
) {
    match into_map {
        false => measure(&mut || propagator.inject_context(&context(), &mut Out(Sent))),
        true => measure(&mut || {
            let mut headers = HeaderMap::with_capacity(16);
            propagator.inject_context(&context(), &mut Map(&mut headers));
            black_box(headers);
        }),
    }
}

/// See [`Peer::extracting`].
pub fn extract(propagator: &dyn TextMapPropagator, measure: &mut dyn FnMut(&mut dyn FnMut())) {
    let Request(headers) = Request::default();
    measure(&mut || drop(black_box(propagator.extract(&Incoming(black_box(&headers))))));
}
