//! A span of OpenTelemetry that is a span of the core.

use std::borrow::Cow;
use std::error::Error;
use std::time::{Duration, SystemTime};

use opentelemetry::trace::{self as otel, Status, TraceContextExt, TraceState};
use opentelemetry::{Context, KeyValue};
use tracehound::SpanRef;

use crate::attributes::{event, tag, with_link_attribute};
use crate::{exception, live, remote, status};

/// OpenTelemetry's view of a span of the core.
///
/// One that was started through OpenTelemetry is finished when this is dropped; one that stands for an
/// active native span is not.
#[derive(Debug)]
pub struct Span {
    held: Held,
    /// What a context that holds the span shows of it, and by which the span is found again in [`live`].
    context: otel::SpanContext,
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
    pub(crate) fn owned(span: tracehound::Span, state: TraceState, start_given: bool) -> Self {
        Span { context: listed(&span, state), held: Held::Owned(span), start_given }
    }

    /// A span that somebody else finishes.
    pub(crate) fn borrowed(handle: SpanRef, state: TraceState) -> Self {
        Span { context: listed(&handle, state), held: Held::Borrowed(handle), start_given: false }
    }

    /// A span that does not exist, below a parent that may.
    pub(crate) fn unrecorded(parent: &Context) -> Self {
        let context = parent.span().span_context().clone();
        Span { held: Held::Borrowed(SpanRef::none()), context, start_given: false }
    }

    /// The span, for the native API.
    #[must_use]
    pub fn handle(&self) -> &SpanRef {
        match &self.held {
            Held::Owned(span) => span,
            Held::Borrowed(handle) => handle,
        }
    }

    fn set(&self, attribute: KeyValue) {
        if let Some((key, value)) = tag(attribute) {
            self.handle().set_tag(key, value);
        }
    }
}

fn listed(span: &SpanRef, state: TraceState) -> otel::SpanContext {
    live::enter(span);
    remote::to_otel(span, state)
}

impl otel::Span for Span {
    fn add_event_with_timestamp<T: Into<Cow<'static, str>>>(
        &mut self,
        name: T,
        timestamp: SystemTime,
        attributes: Vec<KeyValue>,
    ) {
        if !self.handle().is_open() {
            return;
        }
        let name = name.into();
        if exception::is_exception(&name, &attributes) {
            exception::describe(self.handle(), &attributes);
        }
        self.handle().add_event(event(name, timestamp, attributes));
    }

    /// The event says more than OpenTelemetry's own: the type too, and the error's chain of sources. Behind
    /// OpenTelemetry's type-erased spans, which describe an error themselves, only its text is known.
    fn record_error(&mut self, error: &dyn Error) {
        if self.handle().is_open() {
            self.add_event(exception::EVENT, exception::attributes(error));
        }
    }

    /// What was known of the span when it started. The flags say "sampled" where the trace's decision had not
    /// been taken by then: that is done late, so that all that becomes known of the trace counts.
    fn span_context(&self) -> &otel::SpanContext {
        &self.context
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
        if let Some(link) = link(&context, attributes) {
            self.handle().add_link(link);
        }
    }

    fn end(&mut self) {
        self.handle().finish();
    }

    /// "Now" by the wall clock is taken from the monotonic clock instead, unless the start was given, too:
    /// OpenTelemetry's type-erased spans end so, and a step of the wall clock is no duration.
    fn end_with_timestamp(&mut self, timestamp: SystemTime) {
        let is_now = || SystemTime::now().duration_since(timestamp).is_ok_and(|ago| ago < JUST_NOW);
        if !self.start_given && is_now() {
            self.handle().finish();
        } else {
            self.handle().finish_at(timestamp);
        }
    }
}

impl Drop for Span {
    fn drop(&mut self) {
        live::leave(self.handle());
        let Held::Owned(span) = &self.held else { return };
        // A panic that drops the span does not overrule a status that is final.
        if std::thread::panicking() && status::is_final(span) {
            span.finish();
        }
    }
}

/// How long ago a reading of the wall clock was that is taken for "now".
const JUST_NOW: Duration = Duration::from_micros(10);

/// A link with its attributes; `None` for one that points nowhere.
pub(crate) fn link(
    context: &otel::SpanContext,
    attributes: Vec<KeyValue>,
) -> Option<tracehound::SpanLink> {
    Some(attributes.into_iter().fold(remote::link(context)?, with_link_attribute))
}
