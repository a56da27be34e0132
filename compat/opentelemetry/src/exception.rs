//! Exceptions: events that describe an error, in the terms of Datadog's error tracking.

use std::error::Error;

use opentelemetry::{Array, KeyValue, StringValue, Value};
use tracehound::{ErrorDescription, SpanRef};

use crate::status::EXCEPTION;

/// The names of OpenTelemetry's semantic conventions.
pub(crate) const EVENT: &str = "exception";
pub(crate) const MESSAGE: &str = "exception.message";
pub(crate) const TYPE: &str = "exception.type";
pub(crate) const STACK: &str = "exception.stacktrace";

/// The attributes of the event of an error.
pub(crate) fn attributes(error: &dyn Error) -> Vec<KeyValue> {
    let ErrorDescription { message, kind, sources, .. } = ErrorDescription::of(error);
    let mut attributes = vec![KeyValue::new(MESSAGE, message), KeyValue::new(TYPE, kind)];
    attributes.extend(sources.map(|stack| KeyValue::new(STACK, stack)));
    attributes
}

/// Whether an event describes an exception. Its name says so; but `tracing-opentelemetry` names an event by
/// its message, and has the exception in the attributes only.
pub(crate) fn is_exception(name: &str, attributes: &[KeyValue]) -> bool {
    name.eq_ignore_ascii_case(EVENT)
        || attributes.iter().any(|given| [MESSAGE, TYPE].contains(&given.key.as_str()))
}

/// Sets the tags of error tracking. The span is not marked as an error: only the status does that.
pub(crate) fn describe(span: &SpanRef, attributes: &[KeyValue]) {
    let message = text(attributes, MESSAGE);
    let (clear, set) = if message.is_some() { (0, EXCEPTION) } else { (EXCEPTION, 0) };
    let Some(before) = span.update_note(clear, set) else { return };
    // Two exceptions are not mixed; the description of a status stays where the exception says nothing.
    if message.is_some() || before & EXCEPTION != 0 {
        span.set_tag("error.message", message);
    }
    span.set_tag("error.type", text(attributes, TYPE));
    span.set_tag("error.stack", text(attributes, STACK));
}

/// The text of an attribute; of lists, one line for each element.
pub(crate) fn text(attributes: &[KeyValue], name: &str) -> Option<String> {
    // The last of a name wins: the user's own come after those of `record_error`.
    let given = attributes.iter().rev().find(|given| given.key.as_str() == name)?;
    match &given.value {
        Value::Array(Array::String(lines)) if lines.is_empty() => None,
        Value::Array(Array::String(lines)) => {
            let lines: Vec<_> = lines.iter().map(StringValue::as_str).collect();
            Some(lines.join("\n"))
        }
        value => Some(value.as_str().into_owned()),
    }
}
