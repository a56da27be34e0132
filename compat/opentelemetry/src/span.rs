//! A span of OpenTelemetry that is a span of the core.

use std::borrow::Cow;
use std::error::Error;
use std::sync::OnceLock;
use std::time::{Duration, SystemTime};

use opentelemetry::KeyValue;
use opentelemetry::trace::{self as otel, Status};
use tracehound::{SpanEvent, SpanRef};

use crate::attributes::{Attribute, attribute, event_value, key_text, link_attributes};
use crate::{live, remote};

/// OpenTelemetry's view of a span of the core.
///
/// One that was started through OpenTelemetry is finished when this is dropped; one that stands for an
/// active native span is not.
#[derive(Debug, Default)]
pub struct Span {
    held: Held,
    context: OnceLock<otel::SpanContext>,
    status: Status,
    /// Whether an exception was recorded, whose message then outranks the one of the status.
    has_exception: bool,
}

#[derive(Debug)]
enum Held {
    /// Finished when this is dropped.
    Owned(tracehound::Span),
    /// Somebody else finishes it.
    Borrowed(SpanRef),
}

impl Default for Held {
    fn default() -> Self {
        Held::Borrowed(SpanRef::none())
    }
}

impl Span {
    /// A span that OpenTelemetry started.
    pub(crate) fn owned(span: tracehound::Span) -> Self {
        Span { held: Held::Owned(span), ..Span::default() }
    }

    /// A span that somebody else finishes.
    pub(crate) fn borrowed(handle: SpanRef) -> Self {
        Span { held: Held::Borrowed(handle), ..Span::default() }
    }

    /// The span, for the native API.
    #[must_use]
    pub fn handle(&self) -> &SpanRef {
        match &self.held {
            Held::Owned(span) => span,
            Held::Borrowed(handle) => handle,
        }
    }

    fn set(&self, pair: KeyValue) {
        if let Attribute::Tag(key, value) = attribute(pair) {
            self.handle().set_tag(key, value);
        }
    }

    /// The tags of error tracking, from the attributes of an `exception` event. The span is not marked as an
    /// error: only the status does that.
    fn describe_exception(&mut self, attributes: &[KeyValue]) {
        self.has_exception = true;
        for pair in attributes {
            let key = match pair.key.as_str() {
                "exception.message" => "error.message",
                "exception.type" => "error.type",
                "exception.stacktrace" => "error.stack",
                _ => continue,
            };
            self.handle().set_tag(key, pair.value.as_str());
        }
    }
}

/// The name of the event that describes an exception (OpenTelemetry semantic conventions).
const EXCEPTION: &str = "exception";

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
        if name == EXCEPTION {
            self.describe_exception(&attributes);
        }
        let mut event = SpanEvent::at(name, timestamp);
        for pair in attributes {
            event = event.attribute(key_text(pair.key), event_value(pair.value));
        }
        self.handle().add_event(event);
    }

    fn record_error(&mut self, error: &dyn Error) {
        if !self.handle().is_open() {
            return;
        }
        let description = tracehound::ErrorDescription::of(error);
        let mut attributes = vec![KeyValue::new("exception.message", description.message)];
        attributes.push(KeyValue::new("exception.type", description.kind));
        if let Some(stack) = description.sources {
            attributes.push(KeyValue::new("exception.stacktrace", stack));
        }
        self.add_event(EXCEPTION, attributes);
    }

    /// The flags say "sampled" until the trace's decision is taken: late, so that all that is known of the
    /// trace by then counts.
    fn span_context(&self) -> &otel::SpanContext {
        self.context.get_or_init(|| remote::to_otel(self.handle()))
    }

    fn is_recording(&self) -> bool {
        !live::answer(self.handle()) && self.handle().is_open()
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
        if !self.handle().is_open() {
            return;
        }
        match (&self.status, &status) {
            (Status::Ok, _) | (_, Status::Unset) => return,
            (_, Status::Ok) => {
                self.handle().set_tag("error", false);
                self.handle().remove_tag("error.message");
            }
            (_, Status::Error { description }) => {
                self.handle().set_tag("error", true);
                if !description.is_empty() && !self.has_exception {
                    self.handle().set_tag("error.message", description.clone());
                }
            }
        }
        self.status = status;
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

    /// A time that is "now" by the wall clock is taken from the monotonic clock instead: OpenTelemetry's
    /// type-erased spans end with the wall clock's time, and a step of that clock is no duration.
    fn end_with_timestamp(&mut self, timestamp: SystemTime) {
        let now = SystemTime::now();
        let apart = now.duration_since(timestamp).unwrap_or_else(|error| error.duration());
        if apart < NOW {
            self.handle().finish();
        } else {
            self.handle().finish_at(timestamp);
        }
    }
}

/// How far from the wall clock's reading a timestamp may be that was read just before.
const NOW: Duration = Duration::from_micros(50);

/// A link with its attributes; `None` for one that points nowhere.
pub(crate) fn link(
    context: &otel::SpanContext,
    attributes: Vec<KeyValue>,
) -> Option<tracehound::SpanLink> {
    let mut link = remote::link(context)?;
    for attribute in attributes {
        link_attributes(attribute, &mut |key, value| {
            link = link.clone().attribute(key, value);
        });
    }
    Some(link)
}
