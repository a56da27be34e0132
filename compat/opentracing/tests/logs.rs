//! What becomes of a log: an event, and for an error the fields of error tracking.

#![allow(clippy::unwrap_used)]

mod common;

use std::error::Error;
use std::fmt;
use std::time::{Duration, SystemTime};

use opentracing_rs::{Value, fields};
use tracehound::SpanEvent;
use tracehound::testing::CapturedSpan;

use common::tracers;

fn logged(logs: &[&[(&str, Value<'_>)]]) -> CapturedSpan {
    let (tracer, _, captured) = tracers();
    let span = tracer.start_span("one");
    for fields in logs {
        span.log(fields);
    }
    span.finish();
    captured.span("one")
}

/// `error`, `error.type`, `error.message`, `error.stack`.
fn failure(span: &CapturedSpan) -> (bool, [Option<&str>; 3]) {
    let tag = |key| span.tags.get(key).map(String::as_str);
    (span.is_error, ["error.type", "error.message", "error.stack"].map(tag))
}

#[derive(Debug)]
struct Declined(std::num::ParseIntError);

impl fmt::Display for Declined {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("card declined")
    }
}

impl Error for Declined {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.0)
    }
}

fn declined() -> Declined {
    Declined("x".parse::<u8>().unwrap_err())
}

#[test]
fn fields_that_say_an_error() {
    let error = || (fields::EVENT, Value::from(fields::EVENT_ERROR));
    let text = |key: &'static str| (key, Value::from("T"));
    let message = || (fields::MESSAGE, Value::from("M"));
    let stack = || (fields::STACK, Value::from("S"));
    let kind = || (fields::ERROR_KIND, Value::from("K"));
    let cases: [(&[(&str, Value<'_>)], _); 9] = [
        (&[error()], (true, [None, None, None])),
        (&[error(), message(), stack()], (true, [None, Some("M"), Some("S")])),
        (&[error(), text("error")], (true, [Some("T"), None, None])),
        (&[error(), text(fields::ERROR_OBJECT), kind()], (true, [Some("T"), None, None])),
        (&[error(), kind(), message()], (true, [Some("K"), Some("M"), None])),
        (&[error(), ("error", 3.into())], (true, [Some("3"), None, None])),
        // Only an event of that name says that the span failed.
        (&[text("error"), message()], (false, [Some("T"), Some("M"), None])),
        (&[message(), stack(), kind()], (false, [None, None, None])),
        (&[(fields::EVENT, "retry".into()), message()], (false, [None, None, None])),
    ];
    for (fields, expected) in cases {
        let span = logged(&[fields]);
        assert_eq!(failure(&span), expected, "{fields:?}");
        assert_eq!(span.events.len(), 1, "{fields:?}");
    }
}

#[test]
fn an_error_object_says_type_message_and_sources() {
    let error = declined();
    let object = (fields::ERROR_OBJECT, Value::Error(&error));
    let sources = "Caused by:\n    0: invalid digit found in string";
    let message = "card declined: invalid digit found in string";
    let span = logged(&[&[(fields::EVENT, fields::EVENT_ERROR.into()), object.clone()]]);
    assert!(span.is_error);
    assert_eq!(span.tags["error.type"], "Declined");
    assert_eq!(span.tags["error.message"], message);
    assert!(span.tags["error.stack"].starts_with(sources), "{}", span.tags["error.stack"]);

    // An error that was overcome: the same without the mark.
    let span = logged(&[&[(fields::EVENT, "retry".into()), object.clone()]]);
    assert_eq!(failure(&span), (false, [Some("Declined"), Some(message), Some(sources)]));

    // Fields count before what the object says of itself.
    let own = [
        (fields::EVENT, fields::EVENT_ERROR.into()),
        object,
        (fields::ERROR_KIND, "app::Declined".into()),
        (fields::MESSAGE, "no".into()),
        (fields::STACK, "here".into()),
    ];
    let span = logged(&[&own]);
    assert_eq!(failure(&span), (true, [Some("app::Declined"), Some("no"), Some("here")]));
}

#[test]
fn a_guard_that_is_left_by_an_error_says_which() {
    let (tracer, _, captured) = tracers();
    let charged: Result<(), Declined> =
        tracer.build_span("charge").try_in_span(|_| Err(declined()));
    assert!(charged.is_err());
    let span = captured.span("charge");
    let (marked, [kind, message, stack]) = failure(&span);
    assert!(marked && kind.unwrap().ends_with("logs::Declined"), "{kind:?}");
    assert_eq!(message, Some("card declined"));
    assert_eq!(stack, Some("caused by: invalid digit found in string"));
}

#[test]
fn a_guard_that_is_left_by_a_panic_says_so() {
    let (tracer, _, captured) = tracers();
    let work = || tracer.in_span("work", |_| std::panic::resume_unwind(Box::new("meant")));
    assert!(std::panic::catch_unwind(work).is_err());
    let span = captured.span("work");
    assert_eq!(failure(&span), (true, [Some("panic"), Some("the span was left by a panic"), None]));
}

#[test]
fn a_guard_that_is_left_by_a_panic_says_what_it_said() {
    let (tracer, _, captured) = tracers();
    let work = || tracer.in_span("work", |_| panic!("egg {}", 7));
    assert!(std::panic::catch_unwind(work).is_err());
    let span = captured.span("work");
    let (marked, [kind, message, stack]) = failure(&span);
    assert_eq!((marked, kind, message), (true, Some("panic"), Some("egg 7")));
    assert!(stack.unwrap().starts_with("panicked at "), "{stack:?}");
}

#[test]
fn an_error_whose_text_cannot_be_written_is_an_error_all_the_same() {
    #[derive(Debug)]
    struct Unwritable;

    impl fmt::Display for Unwritable {
        fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
            Err(fmt::Error)
        }
    }

    impl Error for Unwritable {}

    let (tracer, _, captured) = tracers();
    let span = tracer.start_span("span");
    span.log_error(&Unwritable);
    span.finish();
    let span = captured.span("span");
    let (marked, [kind, message, _]) = failure(&span);
    assert!(marked && kind.unwrap().ends_with("Unwritable"), "{kind:?}");
    assert_eq!(message, Some("an error whose text cannot be written"));
}

#[test]
fn every_log_is_an_event() {
    let (tracer, _, captured) = tracers();
    let then = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
    let error = declined();
    let span = tracer.start_span("one");
    span.log_at(
        &[
            (fields::EVENT, "cache.miss".into()),
            ("key", "user:42".into()),
            ("tries", 3.into()),
            ("share", 0.5.into()),
            ("cold", true.into()),
            ("size", u64::MAX.into()),
            ("nan", f64::NAN.into()),
            ("cause", Value::Error(&error)),
            ("ключ", "é".into()),
        ],
        then,
    );
    span.log_at(&[("a", 1.into()), ("a", 2.into())], then);
    span.log_at(&[(fields::EVENT, 7.into())], then);
    span.log(&[]);
    span.finish();
    span.log_event("too late");
    let expected = [
        SpanEvent::at("cache.miss", then)
            .attribute("key", "user:42")
            .attribute("tries", 3)
            .attribute("share", 0.5)
            .attribute("cold", true)
            .attribute("size", u64::MAX.to_string())
            .attribute("cause", "card declined")
            .attribute("ключ", "é"),
        SpanEvent::at("log", then).attribute("a", 2),
        SpanEvent::at("7", then),
    ];
    assert_eq!(captured.span("one").events, expected);
}

#[test]
fn the_last_of_several_errors_is_the_spans_and_none_is_lost() {
    let error = |message: &'static str| {
        [(fields::EVENT, fields::EVENT_ERROR.into()), (fields::MESSAGE, Value::from(message))]
    };
    let span = logged(&[&error("first"), &error("second")]);
    assert_eq!(failure(&span), (true, [None, Some("second"), None]));
    assert_eq!(span.events.len(), 2);
}
