//! The workloads through OpenTelemetry's API, the same code for everyone who implements it.

mod carrier;

use std::any::Any;
use std::time::Duration;

use http::HeaderMap;
use opentelemetry::propagation::TextMapPropagator;
use opentelemetry::trace::{TraceContextExt as _, Tracer};
use opentelemetry::{Context, KeyValue};
use std::hint::black_box;
use workload::{KEYS, Peer, Request, Sent, Shape, URL};

use carrier::{Incoming, Map, Out};

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

/// A peer that is traced through OpenTelemetry's API.
pub struct ThroughOpenTelemetry<T, P> {
    /// Makes the spans.
    pub tracer: T,
    /// Sends them.
    pub provider: P,
    /// Carries their context; `None` where the peer does not know both styles.
    pub propagator: Option<Box<dyn TextMapPropagator + Send + Sync>>,
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
        self.tracer.in_span("root", |cx| drop(cx));
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
        self.tracer.in_span("client", |_| match into_map {
            false => measure(&mut || {
                propagator.inject_context(&Context::current(), &mut Out(Sent));
            }),
            true => measure(&mut || {
                let mut headers = HeaderMap::with_capacity(16);
                propagator.inject_context(&Context::current(), &mut Map(&mut headers));
                black_box(headers);
            }),
        });
        true
    }

    fn extracting(&self, measure: &mut dyn FnMut(&mut dyn FnMut())) -> bool {
        let Some(propagator) = &self.propagator else { return false };
        let Request(headers) = Request::default();
        measure(&mut || drop(black_box(propagator.extract(&Incoming(black_box(&headers))))));
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
