//! Logs: events of the span, and what an error log says about it.

use std::error::Error;
use std::time::SystemTime;

use opentracing_rs::{Value, fields};
use tracehound::bridge::ErrorDescription;
use tracehound::{SpanEvent, SpanRef};

use super::tags;

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
    describe_failure(span, fields);
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

/// Where the log is about an error: what a field says counts before what the error says of itself.
fn describe_failure(span: &SpanRef, fields: &[(&str, Value<'_>)]) {
    let text = |key| find(fields, key).and_then(Value::as_str);
    // The log says that the span failed; one that only has an error may be about one that was overcome.
    let marks = text(fields::EVENT) == Some(fields::EVENT_ERROR);
    let object = find(fields, fields::ERROR_OBJECT).or_else(|| find(fields, ERROR));
    if !marks && object.is_none() {
        return;
    }
    let error = object.and_then(Value::as_error);
    match (error, marks) {
        (Some(error), true) => span.set_error(error),
        (Some(error), false) => describe(span, error),
        (None, true) => span.set_tag("error", true),
        (None, false) => {}
    }
    // Text in the place of an object is the name of its type.
    let kind = object.filter(|_| error.is_none()).or_else(|| find(fields, fields::ERROR_KIND));
    let (message, stack) = (find(fields, fields::MESSAGE), find(fields, fields::STACK));
    for (key, said) in [("error.type", kind), ("error.message", message), ("error.stack", stack)] {
        if let Some(said) = said {
            span.set_tag(key, tags::text(said));
        }
    }
    // The API's guards log a panic that passes through them, but do not know what it said; the core does.
    if marks && text(fields::ERROR_KIND) == Some(PANIC) {
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
