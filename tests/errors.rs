//! What a span says of an error, and of one error after another.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use std::num::ParseIntError;

use tracehound::testing::{self, Captured};
use tracehound::{SpanRef, Tracer};

fn error() -> ParseIntError {
    "x".parse::<u8>().unwrap_err()
}

const MESSAGE: &str = "invalid digit found in string";
const KIND: &str = "core::num::error::ParseIntError";

/// Message, type and stack of a span on which `work` was done.
fn described(work: impl FnOnce(&SpanRef)) -> [Option<String>; 3] {
    let (tracer, captured): (Tracer, Captured) = testing::tracer();
    tracer.in_span("span", work);
    let span = captured.span("span");
    assert!(span.is_error);
    ["error.message", "error.type", "error.stack"].map(|key| span.tags.get(key).cloned())
}

#[track_caller]
fn says(found: [Option<String>; 3], message: &str, kind: Option<&str>, stack: Option<&str>) {
    let found = found.each_ref().map(Option::as_deref);
    assert_eq!(found, [Some(message), kind, stack]);
}

#[test]
fn an_error_in_words_has_type_message_and_stack() {
    says(
        described(|span| span.set_error_with("Timeout", "no answer in 2 s", Some("at a\nat b"))),
        "no answer in 2 s",
        Some("Timeout"),
        Some("at a\nat b"),
    );
    says(
        described(|span| span.set_error_with(String::from("Timeout"), "late", None)),
        "late",
        Some("Timeout"),
        None,
    );
}

#[test]
fn another_error_takes_the_place_of_all_of_the_first() {
    let first = |span: &SpanRef| span.set_error_with("First", "first", Some("stack"));
    says(
        described(|span| {
            first(span);
            span.set_error_message("gave up");
        }),
        "gave up",
        None,
        None,
    );
    says(
        described(|span| {
            first(span);
            span.set_error_with("Second", "second", None);
        }),
        "second",
        Some("Second"),
        None,
    );
    let [message, kind, _] = described(|span| {
        first(span);
        span.set_error(&error());
    });
    assert_eq!((message.as_deref(), kind.as_deref()), (Some(MESSAGE), Some(KIND)));
    let [message, kind, _] = described(|span| {
        first(span);
        span.set_panic(&"out of eggs");
    });
    assert_eq!((message.as_deref(), kind.as_deref()), (Some("out of eggs"), Some("panic")));
}

#[test]
fn an_error_that_is_reported_twice_keeps_what_only_the_first_report_says() {
    says(
        described(|span| {
            span.set_error_with("First", "first", Some("stack"));
            span.set_error_message("first");
            span.set_error_with("First", "first", None);
        }),
        "first",
        Some("First"),
        Some("stack"),
    );
}

#[test]
fn what_was_set_as_a_tag_is_no_part_of_an_error() {
    says(
        described(|span| {
            span.set_tag("error.type", "Own");
            span.set_error_message("message");
        }),
        "message",
        Some("Own"),
        None,
    );
    let [_, _, stack] = described(|span| {
        span.set_error_with("First", "first", Some("stack"));
        span.set_traceback(Some(1));
        span.set_error_message("other");
    });
    assert_ne!(stack.as_deref(), None, "the user has asked for it");
    assert_ne!(stack.as_deref(), Some("stack"));
}
