//! The headers of a live span.

use super::handle::{Parts, Tracer};
use crate::propagation::{Draft, Extractor, Injector, Outgoing, send, with_tracestate};
use crate::trace::{
    ActiveContext, Baggage, DecisionMark, Lineage, Location, SamplingDecision, SpanContext, SpanRef,
};
use crate::trace::{ContextExt as _, SpanExt as _};
use crate::user_code::{self, UserCode};

impl Tracer {
    /// Writes the headers that let another process go on with the current trace.
    ///
    /// Takes the sampling decision of the trace if nobody has yet, but inside of a sampler: there the headers say
    /// none. Writes nothing where nothing is active, and baggage only where there is nothing else. The styles are
    /// those of `DD_TRACE_PROPAGATION_STYLE_INJECT`, by default Datadog's, W3C Trace Context and W3C Baggage.
    ///
    /// Propagators of the program's own are called first, but not from within one of them. A panic of one is
    /// caught; a panic of the carrier itself, which is the caller's own, goes to the caller.
    ///
    /// ```
    /// let (tracer, _) = tracehound::testing::tracer();
    /// let _span = tracer.trace("http.request");
    /// let mut headers = std::collections::HashMap::new();
    /// tracer.inject(&mut headers);
    /// assert!(headers.contains_key("traceparent"));
    /// ```
    pub fn inject(&self, carrier: &mut dyn Injector) {
        let Some(parts) = self.parts() else { return };
        if parts.inject_active(carrier) {
            return;
        }
        let mut context = self.context();
        // As for a child that starts here: a span that has finished gives way to its ancestors.
        if !context.span.is_open() {
            context.span = context.span.nearest_open().unwrap_or_default();
        }
        self.inject_context(&context, carrier);
    }

    /// Writes the headers for a span that need not be active, nor open: a message may leave after the span
    /// that made it has finished. It keeps its baggage as long as its handle is held, sent or not: of the spans of a
    /// trace that were sent, the last 128 with baggage do.
    pub fn inject_span(&self, span: &SpanRef, carrier: &mut dyn Injector) {
        self.inject_context(&span.into(), carrier);
    }

    /// Writes the headers for any place in a trace: a span, or what came in and is passed on.
    pub fn inject_context(&self, context: &ActiveContext, carrier: &mut dyn Injector) {
        let Some(parts) = self.parts() else { return };
        if context.span().is_some_and(SpanRef::is_inherited) {
            let mut context = context.clone();
            context.replace_inherited(Lineage::Explicit);
            return self.inject_context(&context, carrier);
        }
        let baggage = context.baggage();
        if !parts.propagators.is_empty() {
            let live = context.span().and_then(SpanRef::propagation_context);
            let passed_on = || context.remote().cloned().unwrap_or_default();
            let whole = SpanContext { baggage: baggage.clone(), ..live.unwrap_or_else(passed_on) };
            if whole.trace_id.is_some() || whole.baggage.is_some() {
                for own in parts.propagators.iter() {
                    parts.guard(|| own.inject(&whole, carrier));
                }
            }
        }
        if let Some(span) = context.span() {
            return parts.inject_live(span, baggage.as_deref(), carrier);
        }
        let remote = context.remote().filter(|remote| parts.is_carried(Some(remote)));
        let passed_on = remote.map(Outgoing::from).unwrap_or_default();
        let outgoing = Outgoing { baggage: baggage.as_deref(), ..passed_on };
        // There is no span here to say what was left out.
        let _ = parts.propagator.inject_outgoing(&outgoing, carrier);
    }

    /// Reads the context that came in with headers, to be the parent of a span; `None` where none did.
    ///
    /// Headers that are malformed count as missing. The styles are those of
    /// `DD_TRACE_PROPAGATION_STYLE_EXTRACT`; propagators of the program's own are asked first, and baggage
    /// that these do not carry still comes from the styles.
    #[must_use]
    pub fn extract(&self, carrier: &dyn Extractor) -> Option<SpanContext> {
        let parts = self.parts()?;
        let mut own = parts.propagators.iter();
        let own = own.find_map(|own| parts.guard(|| own.extract(carrier)).flatten());
        let Some(mut own) = own else { return parts.propagator.extract(carrier) };
        if own.baggage.is_none() {
            if let Some(other) = parts.propagator.extract(carrier) {
                own.baggage = other.baggage;
                own.root_tags = other.root_tags;
            }
        }
        Some(own)
    }
}

/// What bridges to other APIs read of W3C's `tracestate`.
pub trait TracestateExt {
    /// Lends what the header `tracestate` would say of the span now, and under which decision that is.
    ///
    /// Takes no decision: as long as there is none, it is what other vendors have sent along; from then on the member
    /// `dd` is before that. Empty where there is nothing to say.
    fn with_tracestate<T>(&self, read: impl FnOnce(&str, Option<DecisionMark>) -> T) -> T;

    /// Whether [`with_tracestate`](TracestateExt::with_tracestate) may have something to lend. Takes no lock.
    #[must_use]
    fn has_tracestate(&self) -> bool;
}

impl TracestateExt for SpanRef {
    fn with_tracestate<T>(&self, read: impl FnOnce(&str, Option<DecisionMark>) -> T) -> T {
        let Some(at) = &self.at else { return read("", None) };
        if at.segment.is_inherited() {
            let context = self.handed_over(Lineage::Explicit).unwrap_or_default();
            let mark = |priority| DecisionMark::of(priority, context.mechanism);
            return context.with_tracestate(|said| read(said, context.priority.map(mark)));
        }
        let Some(decision) = at.segment.decision() else {
            let upstream = at.segment.upstream.as_deref();
            let vendors = upstream.and_then(|context| context.vendors.as_ref());
            let others = Outgoing { vendors, ..Outgoing::default() };
            return with_tracestate(&others, |said| read(said, None));
        };
        let mark = DecisionMark::of(decision.priority, decision.mechanism);
        with_tracestate(&outgoing(at, Some(decision)), |said| read(said, Some(mark)))
    }

    #[inline]
    fn has_tracestate(&self) -> bool {
        let Some(at) = &self.at else { return false };
        let upstream = at.segment.upstream.as_deref();
        upstream.is_some_and(|context| context.vendors.is_some()) || self.decision_mark().is_some()
    }
}

impl SpanContext {
    /// Lends what the header `tracestate` would say of this: the member `dd`, and what other vendors have sent along.
    pub fn with_tracestate<T>(&self, read: impl FnOnce(&str) -> T) -> T {
        with_tracestate(&self.into(), read)
    }
}

/// The tag of the local root that says what of the context could not be sent.
const PROPAGATION_ERROR: &str = "_dd.propagation_error";

/// The context of a live span, without its baggage.
#[inline]
fn outgoing(at: &Location, decision: Option<SamplingDecision>) -> Outgoing<'_> {
    Outgoing::of(&at.segment, Some(at.id), decision)
}

impl Parts {
    /// Whether the ids of a trace go on: without APM only if a product has marked the trace.
    fn is_carried(&self, upstream: Option<&SpanContext>) -> bool {
        self.shared.apm_tracing || upstream.is_some_and(SpanContext::has_trace_source)
    }

    fn inject_live(&self, span: &SpanRef, baggage: Option<&Baggage>, carrier: &mut dyn Injector) {
        let Some(at) = &span.at else { return };
        let outgoing = match self.is_carried(at.segment.upstream.as_deref()) {
            true => outgoing(at, at.segment.decide()),
            false => Outgoing::default(),
        };
        let outgoing = Outgoing { baggage, ..outgoing };
        if let Some(error) = self.propagator.inject_outgoing(&outgoing, carrier) {
            span.local_root().set_tag(PROPAGATION_ERROR, error);
        }
    }

    /// The short way of [`Tracer::inject`], which copies nothing of what is active. For an open span of this process,
    /// on whose trace a decision has been taken, without baggage and without propagators of the program's own. Says
    /// whether it was such a span; nothing is written where it was not.
    fn inject_active(&self, carrier: &mut dyn Injector) -> bool {
        if !self.propagators.is_empty() {
            return false;
        }
        // The carrier, which is code of the program, gets the headers when the context is no longer borrowed.
        let written = send(carrier, |draft| {
            self.shared
                .context_stores
                .now()
                .look(|active| self.write_active(active, draft))
                .flatten()
        });
        let Some(error) = written else { return false };
        if let Some((root, error)) = error {
            root.set_tag(PROPAGATION_ERROR, error);
        }
        true
    }

    /// Writes the headers of the active span. `None` where the short way is not for it. The inner `Some`: the local root,
    /// and what it is to be tagged with because something could not be sent.
    #[inline]
    fn write_active(
        &self,
        active: &ActiveContext,
        draft: &mut Draft<'_>,
    ) -> Option<Option<(SpanRef, &'static str)>> {
        let span = active.span()?;
        let at = span.at.as_ref()?;
        let segment = &at.segment;
        if active.has_own_baggage()
            || segment.has_baggage()
            || !self.is_carried(segment.upstream.as_deref())
            || !at.is_open()
        {
            return None;
        }
        let outgoing = outgoing(at, Some(segment.decision()?));
        let error = self.propagator.write_outgoing(&outgoing, draft);
        Some(error.map(|error| (span.local_root(), error)))
    }

    /// Calls a propagator of the program's own; a panic of it is caught.
    fn guard<T>(&self, call: impl FnOnce() -> T) -> Option<T> {
        user_code::call(UserCode::Propagator, &self.shared.diag, call)
    }
}
