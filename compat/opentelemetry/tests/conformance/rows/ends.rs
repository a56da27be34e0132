//! Times, ends, and what comes after them.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use opentelemetry::trace::{Span as _, Status, TraceContextExt, Tracer};
use opentelemetry::{Context, KeyValue};

use crate::rows::at;
use crate::table::{Row, row};
use crate::world::Notes;

const PANIC: &str = "A span that a panic ends is an error, unless its status is `Ok`.";

pub(crate) fn rows() -> Vec<Row> {
    vec![
        row!(times_are_given),
        row!(times_are_the_clocks),
        row!(an_end_before_the_start),
        row!(an_end_of_no_duration),
        row!(ended_twice),
        row!(ended_by_being_dropped),
        row!(nothing_changes_after_the_end),
        row!(nothing_changes_after_the_end_of_a_context),
        row!(a_panic).provider_differs(PANIC, |world| {
            world.set("span", "error", true);
            world.set("span", "meta.error.message", "the span was dropped by a panic");
            world.set("span", "meta.error.type", "panic");
        }),
        row!(a_panic_of_a_span_that_is_ok),
    ]
}

fn times_are_given<T: Tracer>(tracer: &T, _: &mut Notes) {
    let start = at(1) + Duration::from_nanos(123_456_789);
    let mut span = tracer.span_builder("span").with_start_time(start).start(tracer);
    span.end_with_timestamp(at(2) + Duration::from_nanos(1));
}

fn times_are_the_clocks<T: Tracer>(tracer: &T, _: &mut Notes) {
    tracer.start("both").end();
    tracer.span_builder("end").with_start_time(at(1)).start(tracer).end();
    let mut span = tracer.start("start");
    span.end_with_timestamp(std::time::SystemTime::now() + Duration::from_millis(1));
}

fn an_end_before_the_start<T: Tracer>(tracer: &T, _: &mut Notes) {
    let mut span = tracer.span_builder("span").with_start_time(at(5)).start(tracer);
    span.end_with_timestamp(at(4));
}

fn an_end_of_no_duration<T: Tracer>(tracer: &T, _: &mut Notes) {
    let mut span = tracer.span_builder("span").with_start_time(at(5)).start(tracer);
    span.end_with_timestamp(at(5));
}

fn ended_twice<T: Tracer>(tracer: &T, notes: &mut Notes) {
    let mut span = tracer.span_builder("span").with_start_time(at(1)).start(tracer);
    notes.see("recording", span.is_recording());
    span.end_with_timestamp(at(2));
    notes.see("recording after the end", span.is_recording());
    span.end_with_timestamp(at(3));
    span.end();
}

fn ended_by_being_dropped<T: Tracer>(tracer: &T, _: &mut Notes) {
    drop(tracer.start("span"));
}

fn nothing_changes_after_the_end<T: Tracer>(tracer: &T, _: &mut Notes) {
    let mut span = tracer.start("span");
    span.end();
    span.set_attribute(KeyValue::new("late", 1));
    span.set_attributes([KeyValue::new("later", 1)]);
    span.add_event("late", vec![]);
    span.record_error(&std::fmt::Error);
    span.set_status(Status::error("late"));
    span.update_name("late");
    let context = span.span_context().clone();
    span.add_link(context, vec![]);
}

fn nothing_changes_after_the_end_of_a_context<T: Tracer>(tracer: &T, notes: &mut Notes)
where
    T::Span: Send + Sync + 'static,
{
    let cx = Context::new().with_span(tracer.start("span"));
    cx.span().end();
    cx.span().set_attribute(KeyValue::new("late", 1));
    cx.span().add_event("late", vec![]);
    cx.span().set_status(Status::error("late"));
    cx.span().update_name("late");
    cx.span().end_with_timestamp(at(1));
    notes.see("recording", cx.span().is_recording());
    notes.see("valid", cx.span().span_context().is_valid());
    notes.see("a span", cx.has_active_span());
}

fn panic_in<T: Tracer>(tracer: &T, status: Status, notes: &mut Notes)
where
    T::Span: Send + Sync + 'static,
{
    let caught = catch_unwind(AssertUnwindSafe(|| {
        tracer.in_span("span", |cx| {
            cx.span().set_status(status);
            // Without a word on standard error.
            std::panic::resume_unwind(Box::new("on purpose"));
        })
    }));
    notes.see("caught", caught.is_err());
    notes.see("a span is active", Context::current().has_active_span());
}

fn a_panic<T: Tracer>(tracer: &T, notes: &mut Notes)
where
    T::Span: Send + Sync + 'static,
{
    panic_in(tracer, Status::Unset, notes);
}

fn a_panic_of_a_span_that_is_ok<T: Tracer>(tracer: &T, notes: &mut Notes)
where
    T::Span: Send + Sync + 'static,
{
    panic_in(tracer, Status::Ok, notes);
}
