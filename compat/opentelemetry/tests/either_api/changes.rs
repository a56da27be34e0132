//! Whatever one API changes on the active span, the other reads, and it is sent.

use opentelemetry::trace::{
    SpanContext as OtelSpanContext, SpanRef as OtelSpanRef, Status, TraceContextExt as _,
    TraceFlags,
};
use opentelemetry::{Context, KeyValue};
use tracehound::bridge::SpanExt as _;
use tracehound::testing::CapturedSpan;
use tracehound::{SamplingPriority, SpanEvent, SpanId, SpanLink, SpanRef, TraceId};

use super::{APIS, Api, PAIRS, Tracers};

/// A change, made natively and through OpenTelemetry, and what is to be read of the span at once and in the
/// end.
struct Change {
    what: &'static str,
    native: fn(&SpanRef),
    otel: fn(&OtelSpanRef<'_>),
    read: fn(&SpanRef) -> bool,
    sent: fn(&CapturedSpan) -> bool,
}

fn attribute(span: &OtelSpanRef<'_>, key: &'static str, value: impl Into<opentelemetry::Value>) {
    span.set_attribute(KeyValue::new(key, value));
}

fn trace_id() -> TraceId {
    TraceId::new(77).unwrap()
}

const CHANGES: [Change; 13] = [
    Change {
        what: "resource",
        native: |span| span.set_resource("GET /users"),
        otel: |span| span.update_name("GET /users"),
        read: |span| span.resource().as_deref() == Some("GET /users"),
        sent: |span| span.resource == "GET /users",
    },
    Change {
        what: "service",
        native: |span| span.set_service("users"),
        otel: |span| attribute(span, "service.name", "users"),
        read: |span| span.service().as_deref() == Some("users"),
        sent: |span| span.service == "users",
    },
    Change {
        what: "operation name",
        native: |span| span.set_name("users.get"),
        otel: |span| attribute(span, "operation.name", "users.get"),
        read: |span| span.name().as_deref() == Some("users.get"),
        sent: |span| span.name == "users.get",
    },
    Change {
        what: "type",
        native: |span| span.set_type("web"),
        otel: |span| attribute(span, "span.type", "web"),
        read: |span| span.span_type().as_deref() == Some("web"),
        sent: |span| span.span_type.as_deref() == Some("web"),
    },
    Change {
        what: "text",
        native: |span| span.set_tag("k", "v"),
        otel: |span| attribute(span, "k", "v"),
        read: |span| span.tag("k").as_deref() == Some("v"),
        sent: |span| span.tags["k"] == "v",
    },
    Change {
        what: "number",
        native: |span| span.set_tag("n", 7),
        otel: |span| attribute(span, "n", 7),
        read: |span| span.metric("n") == Some(7.0),
        sent: |span| span.metrics["n"] == 7.0,
    },
    Change {
        what: "a number in the place of a text",
        native: |span| {
            span.set_tag("n", "seven");
            span.set_tag("n", 7);
        },
        otel: |span| {
            attribute(span, "n", "seven");
            attribute(span, "n", 7);
        },
        read: |span| span.metric("n") == Some(7.0) && span.tag("n").is_none(),
        sent: |span| span.metrics["n"] == 7.0 && !span.tags.contains_key("n"),
    },
    Change {
        what: "error",
        native: |span| span.set_error_message("broken"),
        otel: |span| span.set_status(Status::error("broken")),
        read: |span| span.is_error() && span.tag("error.message").as_deref() == Some("broken"),
        sent: |span| span.is_error && span.tags["error.message"] == "broken",
    },
    Change {
        what: "keep",
        native: |span| span.keep_trace(),
        otel: |span| attribute(span, "manual.keep", true),
        read: |span| span.priority() == Some(SamplingPriority::USER_KEEP),
        sent: |span| span.priority == Some(SamplingPriority::USER_KEEP),
    },
    Change {
        what: "drop",
        native: |span| span.drop_trace(),
        otel: |span| attribute(span, "manual.drop", true),
        read: |span| span.priority() == Some(SamplingPriority::USER_REJECT),
        sent: |span| span.priority == Some(SamplingPriority::USER_REJECT),
    },
    Change {
        what: "link",
        native: |span| {
            let link = SpanLink::new(trace_id(), SpanId::new(88).unwrap()).sampled(true);
            span.add_link(link.attribute("reason", "retry"));
        },
        otel: |span| {
            let flags = TraceFlags::SAMPLED;
            let to = OtelSpanContext::new(77.into(), 88.into(), flags, true, Default::default());
            span.add_link(to, vec![KeyValue::new("reason", "retry")]);
        },
        read: |span| span.link_count() == 1,
        sent: |span| {
            let link = SpanLink::new(trace_id(), SpanId::new(88).unwrap()).sampled(true);
            span.links == [link.attribute("reason", "retry")]
        },
    },
    Change {
        what: "event",
        native: |span| span.add_event(SpanEvent::new("retry").attribute("n", 1)),
        otel: |span| span.add_event("retry", vec![KeyValue::new("n", 1)]),
        read: |span| span.event_count() == 1,
        sent: |span| {
            let shown = format!("{:?}", span.events);
            shown.contains("name: \"retry\"") && shown.contains("(\"n\", I64(1))")
        },
    },
    Change {
        what: "measured",
        native: |span| span.set_tag("_dd.measured", true),
        otel: |span| attribute(span, "_dd.measured", true),
        read: |span| span.metric("_dd.measured") == Some(1.0),
        sent: |span| span.metrics["_dd.measured"] == 1.0,
    },
];

impl Change {
    /// Through what the API says is active.
    fn make(&self, api: Api, tracers: &Tracers) {
        match api {
            Api::Native => (self.native)(&tracers.native.current_span().unwrap()),
            Api::Otel => (self.otel)(&Context::current().span()),
        }
    }
}

#[test]
fn a_change_through_either_is_the_same_change() {
    for change in &CHANGES {
        for (made, changed) in PAIRS {
            let tracers = Tracers::new();
            let place = format!("{}: made by {made:?}, changed by {changed:?}", change.what);
            tracers.inside(made, "n", || {
                let span = tracers.native.current_span().unwrap();
                assert!(!(change.read)(&span), "{place}, before");
                change.make(changed, &tracers);
                assert!((change.read)(&span), "{place}, read at once");
            });
            let sent = tracers.captured.spans();
            assert_eq!(sent.len(), 1);
            assert!((change.sent)(&sent[0]), "{place}, sent: {:?}", sent[0]);
        }
    }
}

#[test]
fn a_change_reaches_the_span_that_is_active_and_no_other() {
    for change in CHANGES.iter().filter(|change| !["keep", "drop"].contains(&change.what)) {
        for (outer, inner) in PAIRS {
            for changed in APIS {
                let tracers = Tracers::new();
                let place = format!("{}: {outer:?}, {inner:?}, {changed:?}", change.what);
                tracers.inside(outer, "outer", || {
                    let above = tracers.native.current_span().unwrap();
                    tracers.inside(inner, "inner", || change.make(changed, &tracers));
                    assert!(!(change.read)(&above), "{place}: the one above");
                    tracers.inside(inner, "next", || {
                        let next = tracers.native.current_span().unwrap();
                        assert!(!(change.read)(&next), "{place}: the one beside");
                    });
                });
            }
        }
    }
}

/// The last word counts, whoever has it.
#[test]
fn the_last_change_counts() {
    for (first, second) in PAIRS {
        let tracers = Tracers::new();
        tracers.inside(Api::Otel, "n", || {
            for (api, value) in [(first, "1"), (second, "2")] {
                match api {
                    Api::Native => {
                        let span = tracers.native.current_span().unwrap();
                        span.set_tag("k", value);
                        span.set_resource(value);
                        span.set_service(value);
                    }
                    Api::Otel => {
                        let cx = Context::current();
                        attribute(&cx.span(), "k", value);
                        cx.span().update_name(value);
                        attribute(&cx.span(), "service.name", value);
                    }
                }
            }
        });
        let span = &tracers.captured.spans()[0];
        let seen = [&span.tags["k"], &span.resource, &span.service];
        assert_eq!(seen, ["2"; 3], "{first:?}, {second:?}");
    }
}
