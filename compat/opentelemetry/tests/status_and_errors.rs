//! The status of a span, exceptions, and how it ends.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use std::error::Error;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;
use std::time::{Duration, SystemTime};

use opentelemetry::trace::{
    Event, Span, SpanContext, Status, TraceContextExt, TraceFlags, Tracer as _,
};
use opentelemetry::{Array, Context, KeyValue, StringValue, Value};
use tracehound::testing::CapturedSpan;
use tracehound_test_support::within;

use common::tracers;

const LIMIT: Duration = Duration::from_secs(20);

/// The span that comes of `work`, done on the span itself and on the type-erased one of a context.
fn span(work: impl Fn(&mut dyn Handle)) -> CapturedSpan {
    let (_, otel, captured) = tracers();
    let mut concrete = otel.start_with_context("concrete", &Context::new());
    work(&mut concrete);
    drop(concrete);
    let erased = Context::new().with_span(otel.start_with_context("erased", &Context::new()));
    work(&mut &erased);
    drop(erased);
    let [concrete, erased]: [CapturedSpan; 2] = captured.spans().try_into().unwrap();
    assert_eq!(errors(&concrete), errors(&erased));
    concrete
}

/// What both kinds of handles can do.
trait Handle {
    fn status(&mut self, status: Status);
    fn event(&mut self, name: &'static str, attributes: Vec<KeyValue>);
}

impl Handle for tracehound_opentelemetry::Span {
    fn status(&mut self, status: Status) {
        self.set_status(status);
    }

    fn event(&mut self, name: &'static str, attributes: Vec<KeyValue>) {
        self.add_event(name, attributes);
    }
}

impl Handle for &Context {
    fn status(&mut self, status: Status) {
        self.span().set_status(status);
    }

    fn event(&mut self, name: &'static str, attributes: Vec<KeyValue>) {
        self.span().add_event(name, attributes);
    }
}

/// The flag and the tags of error tracking: `! message | type | stack`.
fn errors(span: &CapturedSpan) -> String {
    let tag = |key: &str| span.tags.get(key).map_or("-", String::as_str);
    let flag = if span.is_error { "!" } else { "." };
    format!("{flag} {} | {} | {}", tag("error.message"), tag("error.type"), tag("error.stack"))
}

fn exception(message: &'static str) -> Vec<KeyValue> {
    vec![KeyValue::new("exception.message", message)]
}

#[test]
fn the_highest_status_counts_and_ok_is_final() {
    let (unset, ok) = (Status::Unset, Status::Ok);
    let (plain, one, two) = (Status::error(""), Status::error("one"), Status::error("two"));
    let rows: [(&[&Status], &str); 12] = [
        (&[], ". -"),
        (&[&unset], ". -"),
        (&[&ok], ". -"),
        (&[&plain], "! -"),
        (&[&one], "! one"),
        (&[&one, &unset], "! one"),
        (&[&one, &two], "! two"),
        (&[&one, &plain], "! one"),
        (&[&one, &ok], ". -"),
        (&[&ok, &one], ". -"),
        (&[&one, &ok, &two, &unset], ". -"),
        (&[&unset, &one, &unset, &two], "! two"),
    ];
    for (statuses, expected) in rows {
        let span = span(|span| statuses.iter().for_each(|status| span.status((*status).clone())));
        assert_eq!(errors(&span), format!("{expected} | - | -"), "{statuses:?}");
    }
}

#[test]
fn a_status_is_final_whichever_handle_it_was_set_through() {
    let (native, _, captured) = tracers();
    let root = native.start_span("root");
    {
        let _once = root.activate();
        Context::current().span().set_status(Status::Ok);
    }
    {
        let _again = root.activate();
        Context::current().span().set_status(Status::error("too late"));
    }
    drop(root);
    assert_eq!(errors(&captured.span("root")), ". - | - | -");
}

#[test]
fn an_exception_describes_the_span_and_does_not_mark_it() {
    let span = span(|span| {
        span.event(
            "exception",
            vec![
                KeyValue::new("exception.type", "TimeoutError"),
                KeyValue::new("exception.message", "too slow"),
                KeyValue::new("exception.stacktrace", "here\nthere"),
                KeyValue::new("exception.escaped", false),
            ],
        );
    });
    assert_eq!(errors(&span), ". too slow | TimeoutError | here\nthere");
    assert_eq!(format!("{:?}", span.events[0]).matches("exception.").count(), 4);
}

#[test]
fn the_last_exception_says_more_than_the_status() {
    let last = span(|span| {
        span.event("exception", exception("first"));
        span.event("exception", exception("last"));
        span.status(Status::error("description"));
    });
    assert_eq!(errors(&last), "! last | - | -");
    let status_first = span(|span| {
        span.status(Status::error("description"));
        span.event("exception", exception("last"));
    });
    assert_eq!(errors(&status_first), "! last | - | -");
}

#[test]
fn two_exceptions_are_not_mixed() {
    let span = span(|span| {
        span.event(
            "exception",
            vec![
                KeyValue::new("exception.type", "First"),
                KeyValue::new("exception.stacktrace", "of the first"),
                KeyValue::new("exception.message", "first"),
            ],
        );
        span.event("exception", exception("second"));
    });
    assert_eq!(errors(&span), ". second | - | -");
    assert_eq!(span.events.len(), 2);
}

#[test]
fn an_exception_without_a_message_leaves_the_description() {
    let kind = || vec![KeyValue::new("exception.type", "Timeout")];
    let described = span(|span| {
        span.status(Status::error("description"));
        span.event("exception", kind());
    });
    assert_eq!(errors(&described), "! description | Timeout | -");
    let later = span(|span| {
        span.event("exception", exception("of another"));
        span.event("exception", kind());
        span.status(Status::error("description"));
    });
    assert_eq!(errors(&later), "! description | Timeout | -");
}

#[test]
fn an_exception_stays_described_under_a_good_status() {
    let span = span(|span| {
        span.event("exception", exception("handled"));
        span.status(Status::Ok);
    });
    assert_eq!(errors(&span), ". handled | - | -");
}

#[test]
fn of_an_attribute_given_twice_the_users_counts() {
    let span = span(|span| {
        let mut attributes = exception("made");
        attributes.extend(exception("own"));
        span.event("exception", attributes);
    });
    assert_eq!(errors(&span), ". own | - | -");
}

#[test]
fn an_event_is_an_exception_by_its_name_or_its_attributes() {
    let other = span(|span| span.event("Exception", vec![KeyValue::new("message", "x")]));
    assert_eq!(errors(&other), ". - | - | -");
    let by_attributes = span(|span| span.event("cannot listen", exception("port in use")));
    assert_eq!(errors(&by_attributes), ". port in use | - | -");
    let by_name = span(|span| span.event("exception", vec![]));
    assert_eq!(errors(&by_name), ". - | - | -");
}

#[test]
fn a_stack_given_as_a_list_is_lines() {
    let list = |lines: &[&'static str]| {
        let lines = lines.iter().map(|line| StringValue::from(*line)).collect();
        vec![KeyValue::new("exception.stacktrace", Value::Array(Array::String(lines)))]
    };
    let lines = span(|span| span.event("exception", list(&["here", "there"])));
    assert_eq!(errors(&lines), ". - | - | here\nthere");
    let none = span(|span| span.event("exception", list(&[])));
    assert_eq!(errors(&none), ". - | - | -");
}

#[test]
fn an_exception_of_the_builder_describes_the_span() {
    let (_, otel, captured) = tracers();
    let event = Event::new("exception", SystemTime::now(), exception("early"), 0);
    drop(otel.span_builder("n").with_events(vec![event]).start(&otel));
    assert_eq!(errors(&captured.span("internal")), ". early | - | -");
}

#[derive(Debug)]
struct Refused {
    source: std::num::ParseIntError,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("refused")
    }
}

impl Error for Refused {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.source)
    }
}

fn refused() -> Refused {
    Refused { source: "x".parse::<u16>().unwrap_err() }
}

#[test]
fn a_recorded_error_says_its_type_and_its_sources() {
    let (_, otel, captured) = tracers();
    let mut span = otel.start("n");
    span.record_error(&refused());
    drop(span);
    let span = captured.span("internal");
    assert_eq!(
        errors(&span),
        ". refused: invalid digit found in string | Refused | Caused by:\n    0: invalid digit found in \
         string"
    );
    assert_eq!(span.events.len(), 1);
}

#[test]
fn an_error_recorded_behind_a_type_erased_span_has_its_text_only() {
    let (_, otel, captured) = tracers();
    otel.in_span("n", |cx| cx.span().record_error(&refused()));
    assert_eq!(errors(&captured.span("internal")), ". refused | - | -");
}

#[test]
fn an_error_set_natively_and_a_status_are_one() {
    let (native, otel, captured) = tracers();
    otel.in_span("native error", |cx| {
        native.current_span().unwrap().set_error_message("native");
        cx.span().set_status(Status::Unset);
    });
    otel.in_span("both", |cx| {
        native.current_span().unwrap().set_error_message("native");
        cx.span().set_status(Status::error("otel"));
    });
    otel.in_span("cleared", |cx| {
        native.current_span().unwrap().set_error_message("native");
        cx.span().set_status(Status::Ok);
    });
    let spans = captured.spans();
    let seen: Vec<_> = spans.iter().map(|span| span.is_error).collect();
    assert_eq!(seen, [true, true, false]);
    assert_eq!(errors(&spans[1]), "! otel | - | -");
}

// ===== the end =====

#[test]
fn nothing_changes_a_span_that_has_ended() {
    let (_, otel, captured) = tracers();
    let link = SpanContext::new(7.into(), 8.into(), TraceFlags::SAMPLED, false, Default::default());
    let cx = Context::new().with_span(otel.start_with_context("before", &Context::new()));
    let span = cx.span();
    assert!(span.is_recording());
    span.end();
    assert!(!span.is_recording());
    span.set_attribute(KeyValue::new("late", true));
    span.set_attribute(KeyValue::new("service.name", "late"));
    span.set_attribute(KeyValue::new("manual.drop", true));
    span.update_name("late");
    span.add_event("late", vec![]);
    span.add_event("exception", exception("late"));
    span.add_link(link, vec![]);
    span.set_status(Status::error("late"));
    span.record_error(&refused());
    let mut kept = captured.span("internal");
    kept.start_ns = 0;
    kept.duration = Duration::ZERO;
    assert_eq!((kept.resource.as_str(), kept.service.as_str()), ("before", "test"));
    assert!(kept.tags.is_empty() && kept.metrics.is_empty());
    assert!(kept.events.is_empty() && kept.links.is_empty() && !kept.is_error);
    assert_eq!(kept.priority, Some(tracehound::SamplingPriority::AUTO_KEEP));
}

#[test]
fn the_first_end_counts() {
    let (_, otel, captured) = tracers();
    let start = SystemTime::now() - Duration::from_secs(100);
    let at = |seconds| start + Duration::from_secs(seconds);
    let mut span = otel.span_builder("n").with_start_time(start).start(&otel);
    span.end_with_timestamp(at(3));
    span.end_with_timestamp(at(9));
    span.end();
    drop(span);
    assert_eq!(captured.span("internal").duration, Duration::from_secs(3));
}

#[test]
fn given_times_are_kept_to_the_nanosecond() {
    let (_, otel, captured) = tracers();
    // In the future as well, and so near to now that it could be taken for it.
    for ahead in [Duration::ZERO, Duration::from_secs(60)] {
        let start = SystemTime::now() + ahead;
        let length = Duration::from_nanos(1_234);
        let mut span = otel.span_builder("n").with_start_time(start).start(&otel);
        span.end_with_timestamp(start + length);
        let span = captured.spans().pop().unwrap();
        assert_eq!(span.duration, length);
        let ns = start.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_nanos();
        assert_eq!(u128::try_from(span.start_ns).unwrap(), ns);
    }
}

#[test]
fn an_end_before_the_start_is_a_duration_of_zero() {
    let (_, otel, captured) = tracers();
    let mut span = otel.start("n");
    span.end_with_timestamp(SystemTime::now() - Duration::from_secs(5));
    assert_eq!(captured.span("internal").duration, Duration::ZERO);
}

#[test]
fn a_type_erased_span_ends_now() {
    let (_, otel, captured) = tracers();
    let start = SystemTime::now();
    let cx = Context::new().with_span(otel.start_with_context("n", &Context::new()));
    thread::sleep(Duration::from_millis(2));
    cx.span().end();
    let took = captured.span("internal").duration;
    assert!(took >= Duration::from_millis(2), "{took:?}");
    assert!(took <= start.elapsed().unwrap() + Duration::from_millis(1), "{took:?}");
}

#[test]
fn dropping_a_span_ends_it_and_dropping_a_copy_of_its_context_does_not() {
    let (_, otel, captured) = tracers();
    let cx = Context::new().with_span(otel.start_with_context("n", &Context::new()));
    drop(cx.clone());
    assert!(captured.spans().is_empty());
    drop(cx);
    assert_eq!(captured.spans().len(), 1);
}

#[test]
fn a_panic_that_drops_a_span_marks_it() {
    let (_, otel, captured) = tracers();
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        otel.in_span("erased", |_| {
            let _concrete = otel.start("concrete");
            std::panic::resume_unwind(Box::new("out"));
        })
    }));
    panicked.unwrap_err();
    let spans = captured.spans();
    assert_eq!(spans.len(), 2);
    for span in spans {
        assert_eq!(errors(&span), "! the span was dropped by a panic | panic | -");
    }
}

#[test]
fn a_span_says_what_the_panic_said_that_ends_it() {
    let (_, otel, captured) = tracers();
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        otel.in_span("erased", |_| {
            let _concrete = otel.start("concrete");
            panic!("egg {}", 7);
        })
    }));
    panicked.unwrap_err();
    for span in captured.spans() {
        let tags = span.tags;
        assert_eq!((&*tags["error.message"], &*tags["error.type"]), ("egg 7", "panic"));
        assert!(tags["error.stack"].starts_with("panicked at "), "{tags:?}");
    }
}

#[test]
fn an_error_whose_text_cannot_be_written_is_an_error_all_the_same() {
    #[derive(Debug)]
    struct Unwritable;

    impl std::fmt::Display for Unwritable {
        fn fmt(&self, _: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            Err(std::fmt::Error)
        }
    }

    impl std::error::Error for Unwritable {}

    let (_, otel, captured) = tracers();
    let mut span = otel.start("n");
    span.record_error(&Unwritable);
    drop(span);
    let tags = &captured.spans()[0].tags;
    assert_eq!(tags["error.message"], "an error whose text cannot be written");
    assert_eq!(tags["error.type"], "Unwritable");
}

#[test]
fn an_exception_that_is_recorded_twice_keeps_its_stack_and_another_one_does_not() {
    let exception = |kind: &'static str, stack: Option<&'static str>| {
        let stack = stack.map(|stack| KeyValue::new("exception.stacktrace", stack));
        let mut attributes = vec![
            KeyValue::new("exception.type", kind),
            KeyValue::new("exception.message", "message"),
        ];
        attributes.extend(stack);
        attributes
    };
    for (second, kept) in [("First", Some("stack")), ("Second", None)] {
        let (_, otel, captured) = tracers();
        let mut span = otel.start("n");
        span.add_event("exception", exception("First", Some("stack")));
        span.add_event("exception", exception(second, None));
        drop(span);
        let tags = &captured.spans()[0].tags;
        assert_eq!(tags["error.type"], second);
        assert_eq!(tags.get("error.stack").map(String::as_str), kept);
    }
}

#[test]
fn a_panic_does_not_overrule_a_status_that_is_final() {
    let (_, otel, captured) = tracers();
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        otel.in_span("n", |cx| {
            cx.span().set_status(Status::Ok);
            std::panic::resume_unwind(Box::new("out"));
        })
    }));
    panicked.unwrap_err();
    assert_eq!(errors(&captured.span("internal")), ". - | - | -");
}

// ===== user code under OpenTelemetry's lock =====

/// An error whose text takes spans to tell: OpenTelemetry asks for it while it holds the span's lock.
struct Telling<F: Fn()>(F);

impl<F: Fn()> fmt::Display for Telling<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (self.0)();
        f.write_str("told")
    }
}

impl<F: Fn()> fmt::Debug for Telling<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Telling")
    }
}

impl<F: Fn()> Error for Telling<F> {}

#[test]
fn code_that_runs_under_the_lock_of_a_span_can_trace_below_it() {
    within(LIMIT, || {
        let (native, otel, captured) = tracers();
        otel.in_span("outer", |cx| {
            let trace = || {
                native.in_span("native", |_| assert!(native.current_root_span().is_some()));
                otel.in_span("otel", |_| ());
                let _again = native.activate(native.context());
            };
            cx.span().record_error(&Telling(trace));
            cx.span().set_attributes((0..2).map(|number| {
                trace();
                KeyValue::new("number", number)
            }));
            let name = || {
                trace();
                "name"
            };
            struct Lazy<F>(F);
            impl<F: Fn() -> &'static str> From<Lazy<F>> for std::borrow::Cow<'static, str> {
                fn from(lazy: Lazy<F>) -> Self {
                    (lazy.0)().into()
                }
            }
            cx.span().update_name(Lazy(name));
            cx.span().add_event(Lazy(name), vec![]);
        });
        let spans = captured.spans();
        let outer = spans.iter().find(|span| span.is_local_root).unwrap();
        assert_eq!(spans.len(), 1 + 5 * 2);
        assert!(spans.iter().all(|span| span.trace_id == outer.trace_id));
        let below = spans.iter().filter(|span| span.parent_id == outer.span_id);
        assert_eq!(below.count(), 10);
    });
}

#[test]
fn a_thread_can_trace_below_a_span_whose_lock_another_one_holds() {
    within(LIMIT, || {
        let (native, otel, captured) = tracers();
        otel.in_span("outer", |cx| {
            let trace = || {
                let (native, otel, cx) = (native.clone(), otel.clone(), cx.clone());
                // The holder of the lock waits for a thread that looks the span up for the first time.
                let thread = thread::spawn(move || {
                    let _there = cx.attach();
                    native.in_span("native", |_| ());
                    drop(otel.start("otel"));
                });
                thread.join().unwrap();
            };
            cx.span().record_error(&Telling(trace));
        });
        assert_eq!(captured.spans().len(), 3);
        assert_eq!(captured.chunks().len(), 1);
    });
}

// ===== errors in attributes and records =====

#[test]
fn attributes_that_describe_an_error_are_tags_of_error_tracking_too() {
    let lines = Value::Array(Array::String(vec!["1".into(), "2".into()]));
    for (attributes, expected) in [
        (vec![KeyValue::new("exception.message", "m")], ". m | - | -"),
        (
            vec![
                KeyValue::new("exception.type", "T"),
                KeyValue::new("exception.stacktrace", lines),
            ],
            ". - | T | 1\n2",
        ),
        (vec![KeyValue::new("error", "why")], "! why | - | -"),
        (vec![KeyValue::new("error", true)], "! - | - | -"),
        (vec![KeyValue::new("error", "true")], "! - | - | -"),
        (vec![KeyValue::new("error", "false")], ". - | - | -"),
        (vec![KeyValue::new("error.other", "x"), KeyValue::new("exceptional", 1)], ". - | - | -"),
    ] {
        let (_, otel, captured) = tracers();
        drop(otel.span_builder("n").with_attributes(attributes.clone()).start(&otel));
        let mut later = otel.start("n");
        later.set_attributes(attributes.clone());
        drop(later);
        for span in captured.spans() {
            assert_eq!(errors(&span), expected, "{attributes:?}");
            let given = span.tags.get("exception.message").map(String::as_str);
            assert_eq!(given.is_some(), expected.starts_with(". m"), "as it was given, besides");
        }
    }
}

#[test]
fn a_status_says_more_than_a_record_and_an_exception_more_than_both() {
    let record = || vec![KeyValue::new("level", "ERROR")];
    let seen = span(|handle| handle.event("it broke", record()));
    assert_eq!(errors(&seen), ". it broke | - | -");
    let seen = span(|handle| {
        handle.event("it broke", record());
        handle.status(Status::error("why"));
        handle.event("again", record());
    });
    assert_eq!(errors(&seen), "! why | - | -");
    let seen = span(|handle| {
        handle.event("it broke", record());
        handle.event("exception", exception("because"));
        handle.status(Status::error("why"));
    });
    assert_eq!(errors(&seen), "! because | - | -");
    let seen = span(|handle| handle.event("slow", vec![KeyValue::new("level", "WARN")]));
    assert_eq!(errors(&seen), ". - | - | -");
}

#[test]
fn a_panic_that_ends_a_span_explicitly_marks_it() {
    struct EndsAtDrop(Context);
    impl Drop for EndsAtDrop {
        fn drop(&mut self) {
            self.0.span().end();
        }
    }
    for (status, expected) in [
        (Status::Unset, "! the span was dropped by a panic | panic | -"),
        (Status::error("why"), "! why | - | -"),
        (Status::Ok, ". - | - | -"),
    ] {
        let (_, otel, captured) = tracers();
        let cx = Context::new().with_span(otel.start_with_context("n", &Context::new()));
        cx.span().set_status(status);
        let panicked = catch_unwind(AssertUnwindSafe(|| {
            let _ends = EndsAtDrop(cx.clone());
            std::panic::resume_unwind(Box::new("no hook"));
        }));
        panicked.unwrap_err();
        assert_eq!(errors(&captured.spans()[0]), expected);
    }
}
