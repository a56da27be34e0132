//! Status, its precedence, and errors.

use std::fmt;

use opentelemetry::KeyValue;
use opentelemetry::trace::{Span as _, Status, Tracer};

use crate::rows::at;
use crate::table::{ALL, Row, Way, row};
use crate::world::{Notes, World};

const STATUS: &str = "An error that follows an error replaces its description, as the specification has it; the \
                      SDK keeps the one that is greater as text.";

const ANY_NAME: &str = "An event with `exception.message` or `exception.type` describes the span, whatever its name: \
                        `tracing-opentelemetry` names events by their messages.";

const TYPE: &str = "`record_error` on this crate's own `Span` says the error's type and sources, too; behind \
                    OpenTelemetry's type-erased spans, its text only.";

fn with_type(world: &mut World) {
    world.set("span", "meta.error.type", "OutOfStock");
    let event = world.take("span", "event.0").unwrap_or_default();
    let kind = "(\"exception.type\", Text(\"OutOfStock\"))";
    world.set("span", "event.0", event.replace("))], ", &format!(")), {kind}], ")));
}

pub(crate) fn rows() -> Vec<Row> {
    vec![
        row!(each_status),
        row!(ok_is_final),
        row!(an_error_becomes_ok),
        row!(unset_does_nothing),
        row!(a_greater_error_replaces_an_error),
        row!(a_lesser_error_replaces_an_error)
            .provider_differs(STATUS, |world| world.set("span", "meta.error.message", "a")),
        row!(an_error_is_recorded).differs(&[Way::Provider], TYPE, with_type),
        row!(a_recorded_error_is_not_a_status).differs(&[Way::Provider], TYPE, with_type),
        row!(an_exception_outranks_the_description),
        row!(the_last_exception_counts),
        row!(an_exception_of_another_name)
            .differs(ALL, ANY_NAME, |world| {
                world.set("span", "meta.error.message", "thrown");
                world.set("span", "meta.error.type", "Thrown");
                world.set("span", "meta.error.stack", "at main");
            })
            .differs(&[Way::Exporter], ANY_NAME, |world| {
                world.set("span", "meta._dd.span_events.has_exception", true);
            }),
    ]
}

fn each_status<T: Tracer>(tracer: &T, _: &mut Notes) {
    tracer.start("untouched").end();
    for (name, status) in [
        ("unset", Status::Unset),
        ("ok", Status::Ok),
        ("error", Status::error("boom")),
        ("error without a word", Status::error("")),
    ] {
        let mut span = tracer.start(name);
        span.set_status(status);
        span.end();
    }
}

fn after<T: Tracer>(tracer: &T, statuses: impl IntoIterator<Item = Status>) {
    let mut span = tracer.start("span");
    statuses.into_iter().for_each(|status| span.set_status(status));
    span.end();
}

fn ok_is_final<T: Tracer>(tracer: &T, _: &mut Notes) {
    after(tracer, [Status::Ok, Status::error("late"), Status::Unset]);
}

fn an_error_becomes_ok<T: Tracer>(tracer: &T, _: &mut Notes) {
    after(tracer, [Status::error("early"), Status::Ok]);
}

fn unset_does_nothing<T: Tracer>(tracer: &T, _: &mut Notes) {
    after(tracer, [Status::error("stays"), Status::Unset]);
}

fn a_greater_error_replaces_an_error<T: Tracer>(tracer: &T, _: &mut Notes) {
    after(tracer, [Status::error("a"), Status::error("b")]);
}

fn a_lesser_error_replaces_an_error<T: Tracer>(tracer: &T, _: &mut Notes) {
    after(tracer, [Status::error("b"), Status::error("a")]);
}

#[derive(Debug)]
struct OutOfStock;

impl fmt::Display for OutOfStock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("out of stock")
    }
}

impl std::error::Error for OutOfStock {}

fn an_error_is_recorded<T: Tracer>(tracer: &T, _: &mut Notes) {
    let mut span = tracer.start("span");
    span.record_error(&OutOfStock);
    span.set_status(Status::error("failed"));
    span.end();
}

fn a_recorded_error_is_not_a_status<T: Tracer>(tracer: &T, _: &mut Notes) {
    let mut span = tracer.start("span");
    span.record_error(&OutOfStock);
    span.end();
}

fn exception(message: &'static str, kind: &'static str) -> Vec<KeyValue> {
    vec![
        KeyValue::new("exception.message", message),
        KeyValue::new("exception.type", kind),
        KeyValue::new("exception.stacktrace", "at main"),
    ]
}

fn an_exception_outranks_the_description<T: Tracer>(tracer: &T, _: &mut Notes) {
    let mut span = tracer.start("exception first");
    span.add_event_with_timestamp("exception", at(1), exception("thrown", "Thrown"));
    span.set_status(Status::error("described"));
    span.end();
    let mut span = tracer.start("description first");
    span.set_status(Status::error("described"));
    span.add_event_with_timestamp("exception", at(1), exception("thrown", "Thrown"));
    span.end();
}

fn the_last_exception_counts<T: Tracer>(tracer: &T, _: &mut Notes) {
    let mut span = tracer.start("span");
    span.add_event_with_timestamp("exception", at(1), exception("first", "A"));
    span.add_event_with_timestamp("exception", at(2), exception("second", "B"));
    span.set_status(Status::error(""));
    span.end();
}

fn an_exception_of_another_name<T: Tracer>(tracer: &T, _: &mut Notes) {
    let mut span = tracer.start("span");
    span.add_event_with_timestamp("it broke", at(1), exception("thrown", "Thrown"));
    span.set_status(Status::error("described"));
    span.end();
}
