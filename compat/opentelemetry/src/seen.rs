//! What OpenTelemetry sees of a span, before and after its trace is decided.

use std::sync::OnceLock;

use opentelemetry::Context;
use opentelemetry::trace::{SpanContext, TraceContextExt, TraceState};
use tracehound::{Mechanism, Priority, SpanRef};

use crate::{live, remote};

/// A span context for each decision on the trace that somebody has asked under.
///
/// They are given out by reference, and so none may change: a later one is put behind the earlier ones. There
/// are few, because a decision is taken once and changes only by the user's own word.
#[derive(Debug)]
pub(crate) struct Seen {
    context: SpanContext,
    /// What had been decided, if anything.
    when: Decided,
    later: OnceLock<Box<Seen>>,
}

type Decided = Option<(Priority, Option<Mechanism>)>;

/// The member of trace state that is made from the span itself.
const DATADOG: &str = "dd";

impl Seen {
    /// At the start of a span below one with this trace state.
    ///
    /// A member `dd` takes some allocations, and so it is there only where the parent has it: where contexts
    /// are read or written by something else than [`Propagator`](crate::Propagator).
    #[inline]
    pub(crate) fn first(span: &SpanRef, state: TraceState) -> Self {
        let when = decided(span);
        let context = match (state.get(DATADOG), when) {
            (None, _) => remote::to_otel(span, state),
            (Some(_), Some(_)) => remote::to_otel_decided(span),
            (Some(_), None) => remote::to_otel(span, state.delete(DATADOG).unwrap_or_default()),
        };
        Self::of(context, when)
    }

    /// Of a span that does not exist.
    pub(crate) fn nothing(context: SpanContext) -> Self {
        Self::of(context, None)
    }

    #[inline]
    fn of(context: SpanContext, when: Decided) -> Self {
        Seen { context, when, later: OnceLock::new() }
    }

    /// As it is now. Takes no decision, and allocates only the first time after one was taken.
    pub(crate) fn now(&self, span: &SpanRef) -> &SpanContext {
        let now = decided(span);
        let mut seen = self;
        while seen.when != now {
            let later = || Box::new(Self::of(remote::to_otel_decided(span), now));
            seen = seen.later.get_or_init(later);
        }
        &seen.context
    }
}

fn decided(span: &SpanRef) -> Decided {
    span.priority().map(|priority| (priority, span.mechanism()))
}

/// The span context of what is active in a context, as headers written now would say it: with the sampling
/// decision in its flags, and in its trace state the member `dd`.
///
/// Takes the decision if nobody has yet. [`Context::span`](TraceContextExt::span) has a copy instead that was
/// made when the span was made active, and so says "sampled" where nothing had been decided by then.
///
/// ```
/// use opentelemetry::trace::{TraceContextExt, Tracer, TracerProvider as _};
/// use tracehound_opentelemetry::{TracerProvider, decided_span_context};
///
/// let (tracer, _) = tracehound::testing::tracer();
/// let otel = TracerProvider::new(tracer).tracer("doc");
/// otel.in_span("unwanted", |cx| {
///     cx.span().set_attribute(opentelemetry::KeyValue::new("manual.drop", true));
///     let context = decided_span_context(&cx);
///     assert!(!context.is_sampled());
///     assert!(context.trace_state().get("dd").unwrap().contains("s:-1"));
/// });
/// ```
#[must_use]
pub fn decided_span_context(context: &Context) -> SpanContext {
    let copy = context.span().span_context().clone();
    let Some((span, _)) = live::find(&copy) else { return copy };
    // Takes the decision, which the flags then follow.
    remote::to_otel_decided(&span)
}
