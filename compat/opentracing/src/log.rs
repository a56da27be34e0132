//! Logs: events of the span, and what an error log says about it.

use std::error::Error;
use std::time::SystemTime;

use opentracing_rs::{Value, fields};
use tracehound::bridge::ErrorDescription;
use tracehound::{SpanEvent, SpanRef};

use crate::tags;

/// The older name of [`fields::ERROR_OBJECT`].
const ERROR: &str = "error";
/// The [`fields::ERROR_KIND`] of a panic.
const PANIC: &str = "panic";
/// The name of an event whose log has no field `event`.
const UNNAMED: &str = "log";

/// Every log becomes an event, so that none of several is lost; one that is about an error also says so in the
/// fields of the span that Datadog's error tracking reads.
pub(crate) fn log(span: &SpanRef, fields: &[(&str, Value<'_>)], at: Option<SystemTime>) {
    if span.is_none() || fields.is_empty() {
        return;
    }
    if let Some(failure) = Failure::of(fields) {
        failure.apply(span);
    }
    span.add_event(event(fields, at));
}

fn event(fields: &[(&str, Value<'_>)], at: Option<SystemTime>) -> SpanEvent {
    let name = find(fields, fields::EVENT).map_or(UNNAMED.into(), tags::text);
    let event = SpanEvent::at(name, at.unwrap_or_else(SystemTime::now));
    let others = fields.iter().filter(|(key, _)| *key != fields::EVENT);
    others.fold(event, |event, (key, value)| {
        event.attribute(tracehound::Text::copy(key), tags::event_value(value))
    })
}

/// The last value of a key, which wins.
fn find<'f, 'v>(fields: &'f [(&str, Value<'v>)], key: &str) -> Option<&'f Value<'v>> {
    fields.iter().rev().find(|(name, _)| *name == key).map(|(_, value)| value)
}

/// The fields of a log that is about an error.
struct Failure<'f, 'v> {
    /// The log says that the span failed; one that only has an error may be about one that was overcome.
    marks: bool,
    object: Option<&'f Value<'v>>,
    kind: Option<&'f Value<'v>>,
    message: Option<&'f Value<'v>>,
    stack: Option<&'f Value<'v>>,
}

impl<'f, 'v> Failure<'f, 'v> {
    fn of(fields: &'f [(&str, Value<'v>)]) -> Option<Self> {
        let event = find(fields, fields::EVENT).and_then(Value::as_str);
        let failure = Failure {
            marks: event == Some(fields::EVENT_ERROR),
            object: find(fields, fields::ERROR_OBJECT).or_else(|| find(fields, ERROR)),
            kind: find(fields, fields::ERROR_KIND),
            message: find(fields, fields::MESSAGE),
            stack: find(fields, fields::STACK),
        };
        (failure.marks || failure.object.is_some()).then_some(failure)
    }

    /// What a field says counts before what the object says of itself.
    fn apply(&self, span: &SpanRef) {
        let object = self.object.and_then(Value::as_error);
        match (object, self.marks) {
            (Some(error), true) => span.set_error(error),
            (Some(error), false) => describe(span, error),
            (None, true) => span.set_tag("error", true),
            (None, false) => {}
        }
        // Text in the place of an object is the name of its type.
        let kind = self.object.filter(|_| object.is_none()).or(self.kind);
        let said =
            [("error.type", kind), ("error.message", self.message), ("error.stack", self.stack)];
        for (key, value) in said {
            if let Some(value) = value {
                span.set_tag(key, tags::text(value));
            }
        }
        self.apply_panic(span);
    }

    /// The API's guards log a panic that passes through them, but do not know what it said; the core does.
    fn apply_panic(&self, span: &SpanRef) {
        if !self.marks || self.kind.and_then(Value::as_str) != Some(PANIC) {
            return;
        }
        if let Some(ErrorDescription { message, kind, sources, .. }) =
            ErrorDescription::of_current_panic(span)
        {
            span.set_error_with(kind, message, sources.as_deref());
        }
    }
}

/// As `SpanRef::set_error`, for a span that is not marked.
fn describe(span: &SpanRef, error: &(dyn Error + 'static)) {
    let description = ErrorDescription::of(error);
    span.set_tag("error.message", description.message);
    span.set_tag("error.type", description.kind);
    if let Some(sources) = description.sources {
        span.set_tag("error.stack", sources);
    }
}
