//! OpenTelemetry's text map propagator on the core's headers.

use std::sync::Arc;

use opentelemetry::Context as OtelContext;
use opentelemetry::propagation::text_map_propagator::FieldIter;
use opentelemetry::propagation::{Extractor, Injector, TextMapPropagator};
use tracehound::{HeaderBlock, HttpPropagator};

use super::state::State;
use crate::context::active::{activated, native};
use crate::context::baggage;

/// Carries the context in the headers of `DD_TRACE_PROPAGATION_STYLE`, for libraries that inject and extract
/// through OpenTelemetry's API.
///
/// [`install`](crate::install) makes it the global one. What is written is the trace as it is at that
/// moment, sampling decision included: it is taken now if nobody has yet, and OpenTelemetry's own copy of
/// the span context, which was made when the span started, is not asked. OpenTelemetry's baggage and
/// Datadog's are one and travel as one.
///
/// ```
/// use std::collections::HashMap;
/// use opentelemetry::propagation::TextMapPropagator;
/// use opentelemetry::trace::{TraceContextExt, Tracer, TracerProvider as _};
/// use tracehound_opentelemetry::TracerProvider;
///
/// let (tracer, _) = tracehound::testing::tracer();
/// let provider = TracerProvider::new(tracer);
/// provider.tracer("client").in_span("GET", |cx| {
///     let mut headers = HashMap::new();
///     provider.propagator().inject_context(&cx, &mut headers);
///     assert!(headers.contains_key("x-datadog-trace-id"));
/// });
/// ```
#[derive(Debug)]
pub struct Propagator {
    state: Arc<State>,
    fields: Vec<String>,
}

impl Propagator {
    pub(super) fn new(state: Arc<State>) -> Self {
        let fields = state
            .tracer()
            .config()
            .map_or_else(HttpPropagator::default, HttpPropagator::new)
            .fields()
            .map(str::to_owned)
            .collect();
        Propagator { state, fields }
    }
}

impl TextMapPropagator for Propagator {
    fn inject_context(&self, context: &OtelContext, injector: &mut dyn Injector) {
        self.state.tracer().inject_context(&native(context), &mut Outgoing(injector));
    }

    fn extract_with_context(
        &self,
        context: &OtelContext,
        extractor: &dyn Extractor,
    ) -> OtelContext {
        match self.state.tracer().extract(&Incoming(extractor)) {
            Some(remote) => {
                // Without baggage of its own it leaves what another propagator has put there.
                activated(context, baggage::keeping(context, remote.into()))
            }
            None => context.clone(),
        }
    }

    fn fields(&self) -> FieldIter<'_> {
        FieldIter::new(&self.fields)
    }
}

/// An OpenTelemetry carrier for the core to write to.
struct Outgoing<'c>(&'c mut dyn Injector);

impl tracehound::Injector for Outgoing<'_> {
    fn set(&mut self, name: &str, value: String) {
        self.0.set(name, value);
    }

    fn set_all(&mut self, headers: &HeaderBlock<'_>) {
        self.0.reserve(headers.len());
        headers.for_each_owned(|name, value| self.0.set(name, value));
    }
}

/// An OpenTelemetry carrier for the core to read from.
struct Incoming<'c>(&'c dyn Extractor);

impl Incoming<'_> {
    fn show<'a>(&'a self, key: &'a str, visit: &mut dyn FnMut(&'a str, &'a [u8])) -> bool {
        let values = self.0.get_all(key).unwrap_or_default();
        values.iter().for_each(|value| visit(key, value.as_bytes()));
        !values.is_empty()
    }
}

impl tracehound::Extractor for Incoming<'_> {
    fn for_each<'a>(&'a self, visit: &mut dyn FnMut(&'a str, &'a [u8])) {
        for key in self.0.keys() {
            self.show(key, visit);
        }
    }

    /// By name, as OpenTelemetry's own propagators ask: a list of all keys, and one of values for each key,
    /// would be some thirty allocations for a request.
    fn for_each_of<'a>(&'a self, names: &[&'static str], visit: &mut dyn FnMut(&'a str, &'a [u8])) {
        let mut found = false;
        for name in names {
            // Of all others the first value counts.
            if matches!(*name, "traceparent" | "tracestate" | "baggage") {
                found |= self.show(name, visit);
            } else if let Some(value) = self.0.get(name) {
                found = true;
                visit(name, value.as_bytes());
            }
        }
        if found {
            return;
        }
        // A carrier may know its keys only in the case in which it got them.
        for key in self.0.keys() {
            if names.iter().any(|name| name.eq_ignore_ascii_case(key)) {
                self.show(key, visit);
            }
        }
    }
}
