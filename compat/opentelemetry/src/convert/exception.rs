//! Exceptions: events that describe an error, in the terms of Datadog's error tracking.

use std::error::Error;

use opentelemetry::{Array, KeyValue, StringValue, Value};
use tracehound::SpanRef;
use tracehound::bridge::ErrorDescription;
use tracehound::bridge::SpanExt as _;

use super::status::EXCEPTION;

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

/// Whether an event describes an exception: by its name, or by its attributes, because `tracing-opentelemetry` names an
/// event by its message.
pub(crate) fn is_exception(name: &str, attributes: &[KeyValue]) -> bool {
    name.eq_ignore_ascii_case(EVENT)
        || attributes.iter().any(|given| [MESSAGE, TYPE].contains(&given.key.as_str()))
}

/// The tag of error tracking that an attribute of a span is: `tracing-opentelemetry` makes such attributes of a field
/// that holds an error, and programs set a text that they call `error`.
pub(crate) fn of_attribute(attribute: &KeyValue) -> Option<(&'static str, String)> {
    let value = &attribute.value;
    let tag = match attribute.key.as_str() {
        MESSAGE => "error.message",
        TYPE => "error.type",
        STACK => "error.stack",
        // The core takes a word for the flag alone.
        "error" => match value {
            Value::String(text) if !SWITCH.contains(&text.as_str()) => "error.message",
            _ => return None,
        },
        _ => return None,
    };
    Some((tag, value_text(value)?))
}

/// Values of `error` that say whether there is an error, and not which.
const SWITCH: [&str; 11] =
    ["", "0", "1", "f", "t", "false", "true", "False", "True", "FALSE", "TRUE"];

/// For a log record that `tracing-opentelemetry` has made an event. Where its level is `ERROR`, the span, which it marks
/// as failed itself, gets the record's text as its message, unless it has a message.
pub(crate) fn describe_by_record(span: &SpanRef, text: &str, attributes: &[KeyValue]) {
    let is_error =
        |given: &KeyValue| given.key.as_str() == "level" && given.value.as_str() == "ERROR";
    if attributes.iter().any(is_error) && span.tag("error.message").is_none() {
        span.set_tag("error.message", text.to_owned());
    }
}

/// Sets the tags of error tracking. The span is not marked as an error: only the status does that.
pub(crate) fn describe(span: &SpanRef, attributes: &[KeyValue]) {
    let message = text(attributes, MESSAGE);
    let (kind, stack) = (text(attributes, TYPE), text(attributes, STACK));
    // An exception that is reported twice, as one that passes through several layers is, keeps its stack.
    let is_same = stack.is_none()
        && message.is_some()
        && span.tag("error.message") == message
        && span.tag("error.type") == kind;
    let (clear, set) = if message.is_some() { (0, EXCEPTION) } else { (EXCEPTION, 0) };
    let Some(before) = span.update_bridge_flags(clear, set) else { return };
    // Two exceptions are not mixed. Without a message of its own, an exception leaves the description of a status.
    if message.is_some() || before & EXCEPTION != 0 {
        span.set_tag("error.message", message);
    }
    span.set_tag("error.type", kind);
    if !is_same {
        span.set_tag("error.stack", stack);
    }
}

/// The text of an attribute; of lists, one line for each element.
pub(crate) fn text(attributes: &[KeyValue], name: &str) -> Option<String> {
    // The last of a name wins: the user's own come after those of `record_error`.
    let given = attributes.iter().rev().find(|given| given.key.as_str() == name)?;
    value_text(&given.value)
}

fn value_text(value: &Value) -> Option<String> {
    match value {
        Value::Array(Array::String(lines)) if lines.is_empty() => None,
        Value::Array(Array::String(lines)) => {
            let lines: Vec<_> = lines.iter().map(StringValue::as_str).collect();
            Some(lines.join("\n"))
        }
        value => Some(value.as_str().into_owned()),
    }
}
