//! What OpenTelemetry sees of a span is what headers written at that moment would say, whoever has started the span,
//! whoever its parent, and whoever has read the headers.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod common;

use std::collections::HashMap;

use opentelemetry::Context;
use opentelemetry::propagation::TextMapPropagator as _;
use opentelemetry::trace::{SpanContext, TraceContextExt as _, TraceState, Tracer as _};
use tracehound::{ActiveScope, ActiveSpan, SamplingMechanism, SamplingPriority, SpanRef};
use tracehound_opentelemetry::{ContextExt, Tracer, TracerProvider, decided_span_context};

use common::tracers;

type Headers = HashMap<String, String>;

fn headers(pairs: &[(&str, &str)]) -> Headers {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

// ===== the table =====

#[derive(Clone, Copy, Debug, PartialEq)]
enum Api {
    Native,
    OpenTelemetry,
}

use Api::{Native, OpenTelemetry};

/// What came in.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Incoming {
    /// With a decision.
    Decided,
    /// Datadog's headers and another vendor's `tracestate`, and no decision.
    Undecided,
    Nothing,
}

impl Incoming {
    fn headers(self) -> Headers {
        let decided =
            [("x-datadog-sampling-priority", "-1"), ("x-datadog-tags", "_dd.p.usr=u,_dd.p.dm=-4")];
        let ids = [
            ("x-datadog-trace-id", "7"),
            ("x-datadog-parent-id", "9"),
            ("x-datadog-origin", "rum"),
            ("traceparent", "00-00000000000000000000000000000007-0000000000000009-00"),
            ("tracestate", "vendor=1,another=2"),
        ];
        match self {
            Incoming::Decided => headers(&[&ids[..], &decided].concat()),
            Incoming::Undecided => headers(&ids),
            Incoming::Nothing => Headers::new(),
        }
    }
}

/// An active span of either API.
enum Active {
    Native(ActiveSpan),
    OpenTelemetry(Context, #[expect(dead_code, reason = "held")] opentelemetry::ContextGuard),
}

impl Active {
    fn start(api: Api, native: &tracehound::Tracer, otel: &Tracer) -> Self {
        match api {
            Native => Active::Native(native.trace("span")),
            OpenTelemetry => {
                let cx = Context::current_with_span(otel.start("span"));
                Active::OpenTelemetry(cx.clone(), cx.attach())
            }
        }
    }

    fn handle(&self) -> SpanRef {
        match self {
            Active::Native(span) => span.handle(),
            Active::OpenTelemetry(cx, _) => cx.native_span().unwrap(),
        }
    }
}

/// What `traceparent` and `tracestate` say.
fn written(context: &SpanContext) -> (String, String) {
    let flags = context.trace_flags().to_u8();
    let parent = format!("00-{}-{}-{flags:02x}", context.trace_id(), context.span_id());
    (parent, context.trace_state().header())
}

fn injected(native: &tracehound::Tracer) -> (String, String) {
    let mut headers = Headers::new();
    native.inject(&mut headers);
    (headers["traceparent"].clone(), headers["tracestate"].clone())
}

/// One row: what is active and seen at each step.
fn row(incoming: Incoming, read_by: Api, parent: Api, child: Api, decided_between: bool) {
    let what = format!("{incoming:?} {read_by:?} {parent:?} {child:?} {decided_between}");
    let (native, otel, captured) = tracers();
    captured.decide(SamplingPriority::USER_REJECT, SamplingMechanism::RULE);
    let propagator = TracerProvider::new(native.clone()).propagator();
    let headers = incoming.headers();
    let (_scope, _guard): (Option<ActiveScope>, _) = match read_by {
        Native => (native.extract(&headers).map(|context| native.activate(context)), None),
        OpenTelemetry => (None, Some(propagator.extract(&headers).attach())),
    };
    let now = || Context::map_current(|cx| cx.span().span_context().clone());
    if incoming != Incoming::Nothing {
        // What came in is what is passed on.
        assert_eq!(written(&now()), injected_or_passed(&native, &now()), "{what}");
    }

    let outer = Active::start(parent, &native, &otel);
    if decided_between {
        native.inject(&mut Headers::new());
    }
    let inner = Active::start(child, &native, &otel);
    let is_decided = decided_between || incoming == Incoming::Decided;
    let seen = now();
    assert_eq!(seen.trace_state().get("dd").is_some(), is_decided, "{what}: {seen:?}");
    if incoming != Incoming::Nothing {
        assert_eq!(seen.trace_state().get("vendor"), Some("1"), "{what}");
        assert_eq!(seen.trace_state().get("another"), Some("2"), "{what}");
    }
    assert_eq!(inner.handle().sampling_decision().is_some(), is_decided, "{what}: looking decides");
    if is_decided {
        assert_eq!(written(&seen), injected(&native), "{what}");
    } else {
        // All but the decision, which is still to be taken.
        assert_eq!(written(&seen).0.split_at(53).0, injected(&native).0.split_at(53).0, "{what}");
    }
    let decided = Context::map_current(decided_span_context);
    assert_eq!(written(&decided), injected(&native), "{what}");
    // The handle of OpenTelemetry's own follows, and so does what starts from now on.
    let _last = Active::start(child, &native, &otel);
    assert_eq!(written(&now()), injected(&native), "{what}");
    drop(inner);
    drop(outer);
}

/// The headers of a context that nothing has started below yet.
fn injected_or_passed(native: &tracehound::Tracer, seen: &SpanContext) -> (String, String) {
    let mut headers = Headers::new();
    native.inject_context(&native.context(), &mut headers);
    // Without a decision `traceparent` has to say something.
    let mut parent = headers["traceparent"].clone();
    if !headers.contains_key("x-datadog-sampling-priority") {
        parent = format!("{}{:02x}", parent.split_at(53).0, seen.trace_flags().to_u8());
    }
    (parent, headers.remove("tracestate").unwrap_or_default())
}

#[test]
fn a_span_context_is_what_would_be_injected() {
    for incoming in [Incoming::Decided, Incoming::Undecided, Incoming::Nothing] {
        for read_by in [Native, OpenTelemetry] {
            for parent in [Native, OpenTelemetry] {
                for child in [Native, OpenTelemetry] {
                    for decided_between in [false, true] {
                        row(incoming, read_by, parent, child, decided_between);
                    }
                }
            }
        }
    }
}

// ===== more than a table has =====

#[test]
fn a_member_that_opentelemetry_refuses_takes_no_other_along() {
    let (native, otel, _) = tracers();
    let long = "x".repeat(300);
    let upstream = headers(&[
        ("traceparent", "00-00000000000000000000000000000007-0000000000000009-01"),
        ("tracestate", &format!("dd=s:2;t.dm:-4,long={long},vendor=1")),
    ]);
    let _active = native.activate(native.extract(&upstream));
    let state = |cx: &Context| cx.span().span_context().trace_state().clone();
    let has_the_others = |state: TraceState| {
        assert!(state.get("dd").unwrap().contains("s:2;t.dm:-4"), "{state:?}");
        assert_eq!((state.get("long"), state.get("vendor")), (None, Some("1")));
    };
    has_the_others(Context::map_current(state));
    otel.in_span("otel", |cx| has_the_others(state(&cx)));
    // In headers all of it goes on.
    let _span = native.trace("native");
    has_the_others(Context::map_current(state));
    assert!(injected(&native).1.contains(&long));
}

#[test]
fn another_trace_has_nothing_of_the_one_around_it() {
    let (native, otel, _) = tracers();
    let _active = native.activate(native.extract(&Incoming::Decided.headers()));
    let _span = native.span("another").root().enter();
    let seen = Context::map_current(|cx| cx.span().span_context().clone());
    assert_eq!(seen.trace_state(), &TraceState::NONE);
    otel.in_span("below", |cx| {
        assert_eq!(cx.span().span_context().trace_state(), &TraceState::NONE);
    });
}

// ===== there and back =====

#[test]
fn a_native_span_goes_into_a_context_and_comes_back() {
    let (native, otel, captured) = tracers();
    let span = native.start_span("job");
    span.set_baggage_item("plan", "gold");
    let cx = Context::new().with_value(7_u32).with_native(span.handle());
    assert_eq!(cx.get::<u32>(), Some(&7), "what else there is stays");
    assert_eq!(cx.native_span(), Some(span.handle()));
    assert_eq!(cx.native().span(), Some(&span.handle()));
    assert_eq!(cx.native().baggage().unwrap().get("plan"), Some("gold"));
    assert!(!Context::map_current(Context::has_active_span), "nothing is made active by it");

    let child = otel.start_with_context("otel", &cx);
    let below = cx.with_span(child);
    assert_ne!(below.native_span(), Some(span.handle()));
    native.span("native").child_of(below.native()).start().finish();
    drop((cx, below));
    assert_eq!(captured.spans().len(), 0, "the context does not finish the span");
    span.finish();
    assert_eq!(captured.tree(), "job\n  internal [otel]\n    native\n");
}

#[test]
fn what_is_no_native_span_has_none() {
    let (native, _, _) = tracers();
    let empty = Context::new();
    assert!(empty.native_span().is_none() && empty.native().is_empty());
    let remote = empty.with_native(native.extract(&Incoming::Decided.headers()).unwrap());
    assert!(remote.native_span().is_none());
    let context = remote.native();
    assert_eq!(context.remote(), native.extract(&Incoming::Decided.headers()).as_ref());
    let nothing = remote.with_native(tracehound::ActiveContext::empty());
    assert!(!nothing.span().span_context().is_valid() && nothing.native().is_empty());
}
