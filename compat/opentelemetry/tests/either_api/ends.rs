//! Spans end once, whoever ends them and in whatever order.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use opentelemetry::trace::{Status, TraceContextExt as _};
use opentelemetry::{Context, KeyValue};
use tracehound::SpanRef;

use super::{APIS, Api, PAIRS, Tracers, otel_context};

fn end(api: Api, span: &SpanRef, cx: &Context) {
    match api {
        Api::Native => span.finish(),
        Api::Otel => cx.span().end(),
    }
}

#[test]
fn either_order_of_ends_makes_one_trace() {
    for (outer, inner) in PAIRS {
        for (by_outer, by_inner) in PAIRS {
            for parent_first in [true, false] {
                let tracers = Tracers::new();
                let place =
                    format!("{outer:?}/{by_outer:?}, {inner:?}/{by_inner:?}, {parent_first}");
                let parent = tracers.start_below(outer, "parent", None);
                let child = tracers.start_below(inner, "child", Some(&parent.handle()));
                let mut spans = [(by_outer, parent.handle()), (by_inner, child.handle())];
                if !parent_first {
                    spans.reverse();
                }
                let contexts = spans.each_ref().map(|(_, span)| otel_context(span));
                for ((by, span), cx) in spans.iter().zip(&contexts) {
                    assert!(span.is_open() && cx.span().is_recording(), "{place}");
                    end(*by, span, cx);
                    assert!(!span.is_open() && !cx.span().is_recording(), "{place}");
                }
                assert_eq!(tracers.shape(), "parent(child)", "{place}");
                assert_eq!(tracers.captured.chunks().len(), 1, "{place}");
                drop((parent, child));
                assert_eq!(
                    tracers.captured.spans().len(),
                    2,
                    "{place}: dropped is not ended again"
                );
            }
        }
    }
}

#[test]
fn the_first_end_counts_and_nothing_changes_afterwards() {
    for made in APIS {
        for (first, second) in PAIRS {
            let tracers = Tracers::new();
            let span = tracers.start_below(made, "span", None);
            let (handle, cx) = (span.handle(), otel_context(&span.handle()));
            let start = handle.start_time().unwrap();
            let at = |api: Api, seconds: u64| {
                let time = start + Duration::from_secs(seconds);
                match api {
                    Api::Native => handle.finish_at(time),
                    Api::Otel => cx.span().end_with_timestamp(time),
                }
            };
            at(first, 2);
            at(second, 5);
            handle.set_tag("late", 1);
            handle.set_resource("late");
            handle.set_error_message("late");
            cx.span().set_attribute(KeyValue::new("late", 1));
            cx.span().update_name("late");
            cx.span().set_status(Status::error("late"));
            cx.span().add_event("late", vec![]);
            drop(span);
            let sent = &tracers.captured.spans()[0];
            let place = format!("{made:?}: {first:?}, {second:?}");
            assert_eq!(sent.duration, Duration::from_secs(2), "{place}");
            assert_eq!((sent.resource.as_str(), sent.is_error), ("span", false), "{place}");
            assert!(sent.events.is_empty() && !sent.metrics.contains_key("late"), "{place}");
        }
    }
}

#[test]
fn given_times_are_the_same_through_either() {
    use opentelemetry::trace::{Span as _, Tracer as _};
    let start = UNIX_EPOCH + Duration::new(1_700_000_000, 123_456_789);
    let ends: [(SystemTime, Duration); 2] = [
        (start + Duration::new(3, 5), Duration::new(3, 5)),
        // Before the start.
        (start - Duration::from_secs(1), Duration::ZERO),
    ];
    for (end, duration) in ends {
        let tracers = Tracers::new();
        tracers.native.span("n").start_time(start).start().finish_at(end);
        let builder = tracers.otel.span_builder("n").with_start_time(start);
        builder.start(&tracers.otel).end_with_timestamp(end);
        for span in tracers.captured.spans() {
            assert_eq!(span.start_ns, 1_700_000_000_123_456_789);
            assert_eq!(span.duration, duration);
        }
    }
}

#[test]
fn a_panic_marks_the_spans_of_both() {
    for (outer, inner) in PAIRS {
        let tracers = Tracers::new();
        let inside = tracers.clone();
        std::thread::spawn(move || {
            inside.inside(outer, "outer", || {
                inside.inside(inner, "inner", || std::panic::resume_unwind(Box::new("no hook")));
            });
        })
        .join()
        .unwrap_err();
        assert_eq!(tracers.shape(), "outer(inner)");
        assert!(tracers.captured.spans().iter().all(|span| span.is_error), "{outer:?}, {inner:?}");
    }
}
