//! The headers of a live span.

use super::handle::Tracer;
use crate::propagation::{
    Extractor, Injector, Outgoing, Probability, ProbabilityRef, without_threshold,
};
use crate::trace::{Context, Mechanism, SpanContext, SpanRef};

impl Tracer {
    /// Writes the headers that let another process go on with the current trace.
    ///
    /// Takes the sampling decision of the trace if nobody has yet. Writes nothing where nothing is active,
    /// and baggage only where there is nothing else. The styles are those of
    /// `DD_TRACE_PROPAGATION_STYLE_INJECT`, by default Datadog's, W3C Trace Context and W3C Baggage.
    ///
    /// ```
    /// let (tracer, _) = tracehound::testing::tracer();
    /// let _span = tracer.trace("http.request");
    /// let mut headers = std::collections::HashMap::new();
    /// tracer.inject(&mut headers);
    /// assert!(headers.contains_key("traceparent"));
    /// ```
    pub fn inject(&self, carrier: &mut dyn Injector) {
        self.inject_context(&self.context(), carrier);
    }

    /// Writes the headers for a span that need not be active.
    pub fn inject_span(&self, span: &SpanRef, carrier: &mut dyn Injector) {
        self.inject_context(&span.into(), carrier);
    }

    /// Writes the headers for any place in a trace: a span, or what came in and is passed on.
    pub fn inject_context(&self, context: &Context, carrier: &mut dyn Injector) {
        let Some(parts) = self.parts() else { return };
        let open = context.span().and_then(SpanRef::nearest_open);
        for own in &parts.propagators {
            let live = open.as_ref().and_then(SpanRef::context);
            if let Some(context) = live.or_else(|| context.remote().cloned()) {
                own.inject(&context, carrier);
            }
        }
        let Some(span) = open else {
            if let Some(remote) = context.remote() {
                parts.propagator.inject_context(remote, carrier);
            }
            return;
        };
        let Some(at) = &span.at else { return };
        let segment = &at.segment;
        let decision = segment.decide();
        let baggage = context.baggage();
        let upstream = segment.upstream.as_deref();
        let inbound = upstream.and_then(|context| context.probability.as_deref());
        let by_hand = inbound.filter(|_| decision.mechanism == Some(Mechanism::MANUAL));
        // The threshold that came in does not explain a decision by hand.
        let by_hand = by_hand.and_then(without_threshold);
        let probability = if decision.mechanism == Some(Mechanism::MANUAL) {
            by_hand.as_deref().map(ProbabilityRef::Inbound)
        } else if upstream.and_then(|context| context.priority).is_some() {
            inbound.map(ProbabilityRef::Inbound)
        } else {
            Probability::of(segment.trace_id, &decision).map(ProbabilityRef::Computed)
        };
        let outgoing = Outgoing {
            trace_id: Some(segment.trace_id),
            span_id: Some(at.id),
            is_local_span: true,
            priority: Some(decision.priority),
            mechanism: decision.mechanism,
            origin: upstream.and_then(|context| context.origin.as_deref()),
            tags: upstream.map_or(&[], |context| &context.tags),
            vendors: upstream.and_then(|context| context.vendors.as_deref()),
            probability,
            baggage: baggage.as_deref(),
            ..Outgoing::default()
        };
        if let Some(error) = parts.propagator.inject_outgoing(outgoing, carrier) {
            span.local_root().set_tag("_dd.propagation_error", error);
        }
    }

    /// Reads the context that came in with headers, to be the parent of a span; `None` where none did.
    ///
    /// Headers that are malformed count as missing. The styles are those of
    /// `DD_TRACE_PROPAGATION_STYLE_EXTRACT`; propagators of the program's own are asked first.
    #[must_use]
    pub fn extract(&self, carrier: &dyn Extractor) -> Option<SpanContext> {
        let parts = self.parts()?;
        let own = parts.propagators.iter().find_map(|own| own.extract(carrier));
        own.or_else(|| parts.propagator.extract(carrier))
    }
}
