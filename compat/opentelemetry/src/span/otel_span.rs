//! A span of OpenTelemetry that is a span of the core.

use std::borrow::Cow;
use std::error::Error;
use std::time::{Duration, SystemTime};

use opentelemetry::trace::{self as otel, Event, Link, Status, TraceContextExt, TraceState};
use opentelemetry::{Context, KeyValue};
use tracehound::SpanRef;

use super::limits::Limits;
use super::registry::{self, Metadata};
use super::versions::Versions;
use crate::convert::attributes::{is_special, set, set_plain};
use crate::convert::{entries, exception, status};

/// OpenTelemetry's view of a span of the core.
///
/// One that was started through OpenTelemetry is finished when this is dropped; one that stands for an
/// active native span is not.
#[derive(Debug)]
pub struct Span {
    held: Held,
    /// What a context that holds the span copies, and by which the span is found again in [`registry`].
    span_context: Versions,
    limits: Limits,
    /// Whether the start was given, and so by the wall clock.
    start_given: bool,
}

#[derive(Debug)]
enum Held {
    /// Finished when this is dropped.
    Owned(tracehound::Span),
    /// Somebody else finishes it.
    Borrowed(SpanRef),
}

impl Span {
    /// A span that OpenTelemetry started; `state` is the trace state of its parent, which is handed on.
    #[inline]
    pub(crate) fn owned(
        span: tracehound::Span,
        state: &TraceState,
        metadata: Metadata,
        limits: Limits,
        start_given: bool,
    ) -> Self {
        registry::register_new(&span, metadata);
        if *state != TraceState::NONE {
            return Self::owned_below(span, state, limits, start_given);
        }
        // In its place, and not in one that both branches share: see "store forwarding" in docs/architecture.md.
        Span { span_context: Versions::new(&span), held: Held::Owned(span), limits, start_given }
    }

    #[cold]
    fn owned_below(
        span: tracehound::Span,
        state: &TraceState,
        limits: Limits,
        start_given: bool,
    ) -> Self {
        let span_context = Versions::below(&span, state);
        Span { span_context, held: Held::Owned(span), limits, start_given }
    }

    /// A span that somebody else finishes.
    pub(crate) fn borrowed(handle: SpanRef, state: &TraceState, metadata: Metadata) -> Self {
        registry::register(&handle, metadata);
        let span_context = Versions::below(&handle, state);
        Self::of_another(handle, span_context)
    }

    /// A span that does not exist, below a parent that may.
    pub(crate) fn unrecorded(parent: &Context) -> Self {
        let context = parent.span().span_context().clone();
        Self::of_another(SpanRef::none(), Versions::unrecorded(context))
    }

    /// The span, for the native API.
    #[must_use]
    pub fn handle(&self) -> &SpanRef {
        self.held.handle()
    }

    fn of_another(handle: SpanRef, span_context: Versions) -> Self {
        Span {
            span_context,
            held: Held::Borrowed(handle),
            limits: Limits::default(),
            start_given: false,
        }
    }

    #[inline]
    fn set(&mut self, attribute: KeyValue) {
        if self.limits.are_custom() || is_special(attribute.key.as_str()) {
            return self.set_any(attribute);
        }
        set_plain(self.handle(), attribute);
    }

    #[cold]
    fn set_any(&mut self, mut attribute: KeyValue) {
        if self.limits.admits(self.held.handle(), &mut attribute) {
            set(self.handle(), attribute);
        }
    }
}

impl Held {
    #[inline]
    fn handle(&self) -> &SpanRef {
        match self {
            Held::Owned(span) => span,
            Held::Borrowed(handle) => handle,
        }
    }
}

impl otel::Span for Span {
    fn add_event_with_timestamp<T: Into<Cow<'static, str>>>(
        &mut self,
        name: T,
        timestamp: SystemTime,
        attributes: Vec<KeyValue>,
    ) {
        add_event(self.handle(), &self.limits, Event::new(name, timestamp, attributes, 0));
    }

    /// The event says more than OpenTelemetry's own: the type too, and the error's chain of sources. Behind
    /// OpenTelemetry's type-erased spans, which describe an error themselves, only its text is known.
    fn record_error(&mut self, error: &dyn Error) {
        if self.handle().is_open() {
            self.add_event(exception::EVENT, exception::attributes(error));
        }
    }

    /// Takes no sampling decision: that is done late, so that all that becomes known of the trace counts. As
    /// long as there is none, the flags say "sampled"; from then on they and the trace state, with its member
    /// `dd`, say what was decided. A context that holds the span keeps what was true when the span was put
    /// into it; see [`decided_span_context`](crate::decided_span_context).
    fn span_context(&self) -> &otel::SpanContext {
        self.span_context.current(self.handle())
    }

    fn is_recording(&self) -> bool {
        self.handle().is_open()
    }

    fn set_attribute(&mut self, attribute: KeyValue) {
        self.set(attribute);
    }

    fn set_attributes(&mut self, attributes: impl IntoIterator<Item = KeyValue>) {
        for attribute in attributes {
            self.set(attribute);
        }
    }

    fn set_status(&mut self, status: Status) {
        status::set(self.handle(), status);
    }

    fn update_name<T: Into<Cow<'static, str>>>(&mut self, name: T) {
        self.handle().set_resource(name.into());
    }

    fn add_link(&mut self, context: otel::SpanContext, attributes: Vec<KeyValue>) {
        add_link(self.handle(), &self.limits, Link::new(context, attributes, 0));
    }

    fn end(&mut self) {
        status::mark_if_panicking(self.handle());
        self.handle().finish();
    }

    /// "Now" by the wall clock is taken from the monotonic clock instead, unless the start was given, too:
    /// OpenTelemetry's type-erased spans end so, and a step of the wall clock is no duration.
    fn end_with_timestamp(&mut self, timestamp: SystemTime) {
        status::mark_if_panicking(self.handle());
        let is_now = || SystemTime::now().duration_since(timestamp).is_ok_and(|ago| ago < JUST_NOW);
        if !self.start_given && is_now() {
            self.handle().finish();
        } else {
            self.handle().finish_at(timestamp);
        }
    }
}

/// Adds an event as far as it may be; one that describes an exception describes the error of the span, too.
pub(crate) fn add_event(span: &SpanRef, limits: &Limits, event: Event) {
    if !span.is_open() {
        return;
    }
    let Event { name, timestamp, attributes, dropped_attributes_count: dropped, .. } = event;
    if exception::is_exception(&name, &attributes) {
        exception::describe(span, &attributes);
    } else {
        exception::describe_by_record(span, &name, &attributes);
    }
    if limits.admits_event(span) {
        span.add_event(entries::event(name, timestamp, attributes, dropped, limits.of_event()));
    }
}

/// Adds a link, if it points somewhere and may be.
pub(crate) fn add_link(span: &SpanRef, limits: &Limits, link: Link) {
    let Link { span_context, attributes, dropped_attributes_count: dropped, .. } = link;
    let link = entries::link(&span_context, attributes, dropped, limits.of_link());
    if let Some(link) = link.filter(|_| limits.admits_link(span)) {
        span.add_link(link);
    }
}

impl Drop for Span {
    fn drop(&mut self) {
        registry::unregister(self.handle());
        let Held::Owned(span) = &self.held else { return };
        // A panic that drops the span does not overrule a status that is final.
        if std::thread::panicking() && status::is_final(span) {
            span.finish();
        }
    }
}

/// How long ago a reading of the wall clock was that is taken for "now".
const JUST_NOW: Duration = Duration::from_micros(10);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_is_moved_without_a_call() {
        // Up to two cache lines the compiler moves it itself; OpenTelemetry moves it some times.
        assert!(size_of::<Span>() <= 128, "{}", size_of::<Span>());
    }
}
