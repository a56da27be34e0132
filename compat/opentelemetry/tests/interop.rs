//! One trace and one active span, whichever API a span was made with.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

mod common;

use std::thread;

use opentelemetry::baggage::BaggageExt as _;
use opentelemetry::trace::{
    SpanContext, Status, TraceContextExt, TraceFlags, TraceState, Tracer as _, TracerProvider as _,
    get_active_span, mark_span_as_active, noop::NoopTracerProvider,
};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::trace::SdkTracerProvider;
use tracehound::{Baggage, SamplingMechanism, SamplingPriority, SpanId, TraceId};
use tracehound_opentelemetry::TracerProvider;

use common::tracers;

fn id_of(cx: &Context) -> u64 {
    u64::from_be_bytes(cx.span().span_context().span_id().to_bytes())
}

fn current_id() -> u64 {
    Context::map_current(id_of)
}

// ===== parents =====

#[test]
fn either_api_makes_children_below_either() {
    let (native, otel, captured) = tracers();
    native.in_span("native", |_| {
        native.in_span("native.native", |_| ());
        otel.in_span("native.otel", |_| {
            native.in_span("native.otel.native", |_| {
                otel.in_span("native.otel.native.otel", |_| ());
            });
            otel.in_span("native.otel.otel", |_| ());
        });
    });
    assert_eq!(
        captured.tree(),
        "native\n  \
           native.native\n  \
           internal [native.otel]\n    \
             native.otel.native\n      \
               internal [native.otel.native.otel]\n    \
             internal [native.otel.otel]\n"
    );
    assert_eq!(captured.chunks().len(), 1);
}

#[test]
fn an_otel_root_has_native_children() {
    let (native, otel, captured) = tracers();
    otel.in_span("root", |_| native.in_span("child", |_| otel.in_span("grandchild", |_| ())));
    assert_eq!(captured.tree(), "internal [root]\n  child\n    internal [grandchild]\n");
}

#[test]
fn a_parent_can_be_named_in_the_other_api() {
    let (native, otel, captured) = tracers();
    let root = native.start_span("root");
    let below_native = {
        let _scope = root.activate();
        Context::current()
    };
    let otel_child = otel.start_with_context("otel child", &below_native);
    drop(native.span("native child").child_of(otel_child.handle()).start());
    drop((otel_child, root));
    assert_eq!(captured.tree(), "root\n  internal [otel child]\n    native child\n");
}

#[test]
fn a_context_of_a_live_span_is_that_span() {
    let (_, otel, captured) = tracers();
    otel.in_span("root", |cx| {
        // As bridges do that keep nothing but the ids.
        let ids = Context::new().with_remote_span_context(cx.span().span_context().clone());
        drop(otel.start_with_context("child", &ids));
    });
    assert_eq!(captured.tree(), "internal [root]\n  internal [child]\n");
    assert_eq!(captured.chunks().len(), 1);
}

#[test]
fn a_span_that_has_ended_can_be_named_as_a_parent() {
    let (_, otel, captured) = tracers();
    let cx = Context::new().with_span(otel.start_with_context("parent", &Context::new()));
    cx.span().end();
    drop(otel.start_with_context("child", &cx));
    assert_eq!(captured.chunks().len(), 2, "the parent was sent by then");
    let [parent, child] = captured.spans().try_into().unwrap();
    assert_eq!((child.parent_id, child.trace_id), (parent.span_id, parent.trace_id));
}

#[test]
fn a_new_context_begins_a_new_trace() {
    let (native, otel, captured) = tracers();
    native.in_span("root", |_| {
        drop(otel.start_with_context("otel root", &Context::new()));
        let _hidden = native.activate(tracehound::ActiveContext::empty());
        assert!(native.current_span().is_none());
        assert!(!get_active_span(|span| span.span_context().is_valid()));
        drop(otel.start("below nothing"));
    });
    let ids: std::collections::HashSet<_> =
        captured.spans().iter().map(|span| span.trace_id).collect();
    assert_eq!(ids.len(), 3);
}

#[test]
fn threads_carry_either_context() {
    let (native, otel, captured) = tracers();
    otel.in_span("root", |cx| {
        thread::scope(|scope| {
            scope.spawn(|| {
                let _there = cx.clone().attach();
                native.in_span("by otel's context", |_| ());
            });
        });
        native.in_span("native", |_| {
            let here = native.context();
            let otel_here = Context::current();
            thread::scope(|scope| {
                scope.spawn(|| {
                    let _there = native.activate(here);
                    otel.in_span("by the native context", |_| ());
                });
            });
            thread::scope(|scope| {
                scope.spawn(|| {
                    let _there = otel_here.attach();
                    otel.in_span("a native span in otel's context", |_| ());
                });
            });
        });
    });
    assert_eq!(
        captured.tree(),
        "internal [root]\n  \
           by otel's context\n  \
           native\n    \
             internal [by the native context]\n    \
             internal [a native span in otel's context]\n"
    );
    assert_eq!(captured.chunks().len(), 1);
}

// ===== what is active =====

#[test]
fn each_api_sees_what_the_other_made_active() {
    let (native, otel, _captured) = tracers();
    otel.in_span("root", |root| {
        assert_eq!(native.current_span().unwrap().span_id().unwrap().get(), id_of(&root));
        native.in_span("child", |child| {
            assert_eq!(current_id(), child.span_id().unwrap().get());
            assert!(get_active_span(|span| span.is_recording()));
            let trace_id = Context::current().span().span_context().trace_id();
            assert_eq!(u128::from_be_bytes(trace_id.to_bytes()), child.trace_id().unwrap().get());
            assert_eq!(native.current_root_span().unwrap().span_id().unwrap().get(), id_of(&root));
        });
        assert_eq!(current_id(), id_of(&root));
    });
    assert!(native.current_span().is_none());
    assert_eq!(current_id(), 0);
}

#[test]
fn starting_a_span_does_not_make_it_active() {
    let (native, otel, _captured) = tracers();
    let span = otel.start("n");
    assert!(native.current_span().is_none());
    let guard = mark_span_as_active(span);
    assert!(native.current_span().is_some());
    drop(guard);
    assert!(native.current_span().is_none());
}

#[test]
fn both_apis_change_one_span() {
    let (native, otel, captured) = tracers();
    native.in_span("native", |_| {
        get_active_span(|span| {
            span.set_attribute(KeyValue::new("by.otel", 1));
            span.set_attribute(KeyValue::new("service.name", "users"));
            span.update_name("GET /users");
            span.set_status(Status::error("broken"));
        });
        assert_eq!(native.current_span().unwrap().metric("by.otel"), Some(1.0));
    });
    otel.in_span("otel", |cx| {
        cx.span().set_attribute(KeyValue::new("removed", true));
        let span = native.current_span().unwrap();
        span.set_tag("by.native", "x");
        span.remove_tag("removed");
        span.set_resource("resource");
        span.set_service("orders");
        span.set_error_message("broken, too");
    });
    assert_eq!(
        captured.tree(),
        "native [GET /users] @users ! error.message=broken by.otel=1\n\
         internal [resource] @orders ! by.native=x error.message=broken, too\n"
    );
}

#[test]
fn a_span_ends_for_both_apis() {
    let (native, otel, captured) = tracers();
    otel.in_span("otel", |cx| {
        native.current_span().unwrap().finish();
        assert!(!cx.span().is_recording());
        assert!(native.current_span().is_none());
    });
    native.in_span("native", |span| {
        get_active_span(|active| active.end());
        assert!(!span.is_open());
        assert!(!get_active_span(|active| active.is_recording()));
    });
    assert_eq!(captured.chunks().len(), 2);
}

#[test]
fn a_native_parent_that_has_ended_gives_way_to_its_open_ancestor() {
    let (native, otel, captured) = tracers();
    otel.in_span("root", |_| {
        otel.in_span("ended", |cx| {
            cx.span().end();
            native.in_span("child", |_| ());
        });
    });
    assert_eq!(captured.tree(), "internal [root]\n  internal [ended]\n  child\n");
}

#[test]
fn a_borrowed_span_is_not_ended_by_the_contexts_that_hold_it() {
    let (native, _, captured) = tracers();
    let span = native.start_span("native");
    let cx = {
        let _scope = span.activate();
        Context::current()
    };
    drop(cx);
    assert!(span.is_open());
    drop(span);
    assert_eq!(captured.spans().len(), 1);
}

#[test]
fn a_context_keeps_a_native_span_findable_and_not_open() {
    let (native, otel, captured) = tracers();
    let cx = {
        let _root = native.trace("root");
        Context::current()
    };
    assert!(!cx.span().is_recording());
    drop(otel.start_with_context("late", &cx));
    let [root, late] = captured.spans().try_into().unwrap();
    assert_eq!((late.parent_id, late.trace_id), (root.span_id, root.trace_id));
}

#[test]
fn a_scope_is_in_effect_only_below_what_either_api_has_made_active_since() {
    let (native, otel, _) = tracers();
    let span = native.start_span("native");
    let outer = span.activate();
    let attached = Context::current_with_span(otel.start("otel")).attach();
    assert!(!outer.is_active());
    let inner = span.activate();
    assert!(inner.is_active() && !outer.is_active());
    drop(attached);
    assert!(inner.is_active());
    drop(inner);
    assert!(outer.is_active());
    // The same span with more beside it is still what the scope has made active.
    let _more = Context::current_with_baggage([KeyValue::new("tenant", "acme")]).attach();
    assert!(outer.is_active());
}

#[test]
fn guards_of_both_apis_may_be_dropped_in_any_order() {
    let (native, otel, _captured) = tracers();
    let (a, c) = (native.start_span("a"), native.start_span("c"));
    let b = Context::current_with_span(otel.start("b"));
    let id = |span: &tracehound::SpanRef| span.span_id().unwrap().get();
    let first = a.activate();
    let second = b.clone().attach();
    let third = c.activate();
    drop(first);
    assert_eq!(current_id(), id(&c));
    drop(third);
    assert_eq!(current_id(), id_of(&b));
    drop(second);
    assert_eq!(current_id(), 0);
}

// ===== OpenTelemetry's context, borrowed =====

#[test]
fn spans_can_be_started_while_the_context_is_borrowed() {
    let (native, otel, captured) = tracers();
    native.in_span("root", |_| {
        get_active_span(|_| {
            drop(native.span("native").start());
            drop(otel.start("otel"));
        });
    });
    assert_eq!(captured.tree(), "root\n  native\n  internal [otel]\n");
}

/// OpenTelemetry panics there; a program with native spans must not.
#[test]
fn activating_while_the_context_is_borrowed_is_no_panic() {
    let (native, _, captured) = tracers();
    native.in_span("root", |_| {
        get_active_span(|_| {
            native.in_span("child", |_| native.in_span("not below it", |_| ()));
        });
        native.in_span("afterwards", |_| ());
    });
    assert_eq!(captured.tree(), "root\n  child\n  not below it\n  afterwards\n");
}

#[test]
fn a_scope_that_ends_while_the_context_is_borrowed_is_no_panic() {
    let (native, _, captured) = tracers();
    // On a thread of its own: OpenTelemetry cannot be told to detach a second time.
    thread::spawn(move || {
        let span = native.trace("root");
        Context::map_current(move |_| drop(span));
        assert!(native.current_span().is_none());
        native.in_span("next", |_| ());
    })
    .join()
    .unwrap();
    assert_eq!(captured.tree(), "root\nnext\n");
}

// ===== parents that are not ours =====

fn remote(flags: TraceFlags) -> Context {
    let state = "vendor=1".parse::<TraceState>().unwrap();
    let context = SpanContext::new(77.into(), 88.into(), flags, true, state);
    Context::new().with_remote_span_context(context)
}

#[test]
fn a_remote_parent_gives_the_trace_and_the_decision() {
    for (flags, priority) in [
        (TraceFlags::SAMPLED, SamplingPriority::AUTO_KEEP),
        (TraceFlags::NOT_SAMPLED, SamplingPriority::AUTO_REJECT),
    ] {
        let (native, otel, captured) = tracers();
        captured.decide(SamplingPriority::USER_KEEP, SamplingMechanism::RULE);
        {
            let _remote = remote(flags).attach();
            assert!(native.current_span().is_none());
            assert_eq!(native.context().remote().unwrap().span_id(), SpanId::new(88));
            otel.in_span("otel", |cx| {
                assert_eq!(cx.span().span_context().is_sampled(), priority.is_keep());
                let has_both = |context: &SpanContext| {
                    let state = context.trace_state();
                    assert_eq!(state.get("vendor"), Some("1"));
                    assert!(state.get("dd").unwrap().contains(&format!(";s:{}", priority.get())));
                };
                has_both(cx.span().span_context());
                native.in_span("child", |_| {
                    let active = Context::current().span().span_context().clone();
                    assert_eq!(active.is_sampled(), priority.is_keep());
                    has_both(&active);
                });
            });
            native.in_span("native", |_| ());
        }
        assert_eq!(captured.chunks().len(), 2);
        for span in captured.spans() {
            assert_eq!(span.trace_id, TraceId::new(77).unwrap());
            assert_eq!(span.priority, Some(priority));
            assert!(!span.is_local_root || span.parent_id == SpanId::new(88));
        }
    }
}

#[test]
fn the_trace_state_of_a_remote_parent_is_read_like_a_header() {
    let (native, otel, captured) = tracers();
    let state = "vendor=1,dd=s:2;o:rum;t.usr:u".parse::<TraceState>().unwrap();
    let context = SpanContext::new(77.into(), 88.into(), TraceFlags::SAMPLED, true, state);
    let parent = Context::new().with_remote_span_context(context);
    otel.in_span_with_context("otel", &parent, |_| {
        let context = native.propagation_context().unwrap();
        assert_eq!(context.origin(), Some("rum"));
        assert_eq!(context.tags().collect::<Vec<_>>(), [("_dd.p.usr", "u")]);
        assert_eq!(context.vendor_tracestate(), Some("vendor=1"));
    });
    assert_eq!(captured.span("internal").priority, Some(SamplingPriority::USER_KEEP));
}

#[test]
fn a_native_remote_parent_is_seen_by_otel_with_all_it_brought() {
    let (native, otel, captured) = tracers();
    let upstream = tracehound::SpanContext::new(TraceId::new(77).unwrap(), SpanId::new(88))
        .with_priority(SamplingPriority::USER_REJECT)
        .with_origin("synthetics")
        .with_baggage([("user", "42")].into_iter().collect());
    {
        let _upstream = native.activate(upstream);
        let cx = Context::current();
        assert!(cx.span().span_context().is_remote());
        assert!(!cx.span().span_context().is_sampled());
        assert_eq!(id_of(&cx), 88);
        otel.in_span("otel", |_| {
            let span = native.current_span().unwrap();
            assert_eq!(span.baggage_item("user").as_deref(), Some("42"));
            assert_eq!(span.propagation_context().unwrap().origin(), Some("synthetics"));
            assert_eq!(span.parent_id(), SpanId::new(88));
        });
        // What is unknown to OpenTelemetry goes with its context, as long as the parent is the same.
        let _there = cx.with_value(7u8).attach();
        assert_eq!(native.context().remote().unwrap().origin(), Some("synthetics"));
    }
    let _other = remote(TraceFlags::SAMPLED).attach();
    assert_eq!(native.context().remote().unwrap().origin(), None);
    assert_eq!(captured.spans()[0].priority, Some(SamplingPriority::USER_REJECT));
}

#[test]
fn baggage_of_a_native_context_reaches_the_spans_below_and_no_further() {
    let (native, otel, _captured) = tracers();
    let baggage = |value: &'static str| [("item", value)].into_iter().collect::<Baggage>();
    let item = || native.current_span().unwrap().baggage_item("item");
    let root = native.start_span("root");
    let with = tracehound::ActiveContext::from(&root).with_baggage(baggage("of the context"));
    let _active = native.activate(with);
    assert_eq!(native.context().baggage().unwrap().get("item"), Some("of the context"));
    otel.in_span("otel", |_| {
        assert_eq!(item().as_deref(), Some("of the context"));
        native.current_span().unwrap().set_baggage_item("item", "of the span");
        assert_eq!(native.context().baggage().unwrap().get("item"), Some("of the span"));
    });
    // The same span without it, above.
    let _again = root.activate();
    assert!(native.context().baggage().is_none());
    let _nothing = native.activate(tracehound::SpanContext::baggage_only(baggage("alone")));
    assert_eq!(native.context().baggage().unwrap().get("item"), Some("alone"));
    let _hidden = native.activate(tracehound::ActiveContext::empty());
    assert!(native.context().baggage().is_none());
}

#[test]
fn otels_own_values_stay_with_what_is_activated_natively() {
    let (native, _, _captured) = tracers();
    let _values =
        Context::current_with_value(42u8).with_baggage([KeyValue::new("k", "v")]).attach();
    native.in_span("n", |_| {
        let cx = Context::current();
        assert_eq!(cx.get::<u8>(), Some(&42));
        assert_eq!(cx.baggage().get("k").map(|value| value.as_str().to_owned()), Some("v".into()));
    });
}

#[test]
fn a_span_of_another_provider_is_a_parent_like_a_remote_one() {
    let (native, otel, captured) = tracers();
    let sdk = SdkTracerProvider::builder().build().tracer("sdk");
    sdk.in_span("sdk", |cx| {
        let parent = id_of(&cx);
        let trace = u128::from_be_bytes(cx.span().span_context().trace_id().to_bytes());
        assert!(native.current_span().is_none());
        native.in_span("native", |span| {
            assert_eq!(span.parent_id().unwrap().get(), parent);
            assert_eq!(span.trace_id().unwrap().get(), trace);
            // And theirs is a child of ours.
            sdk.in_span("sdk below", |cx| {
                let seen = cx.span().span_context().trace_id();
                assert_eq!(u128::from_be_bytes(seen.to_bytes()), trace);
            });
        });
        drop(otel.start("otel"));
    });
    assert_eq!(captured.spans().len(), 2);
    assert!(captured.spans().iter().all(|span| span.is_local_root));
}

#[test]
fn a_span_of_no_provider_is_no_parent() {
    let (native, otel, captured) = tracers();
    let noop = NoopTracerProvider::new().tracer("noop");
    noop.in_span("noop", |_| {
        native.in_span("native", |span| assert_eq!(span.parent_id(), None));
        drop(otel.start("otel"));
    });
    assert!(captured.spans().iter().all(|span| span.parent_id.is_none()));
    // Below a span of ours it carries ours.
    native.in_span("root", |root| {
        noop.in_span("noop", |_| assert_eq!(native.current_span().as_ref(), Some(root)));
    });
}

#[test]
fn two_tracers_share_what_is_active() {
    let (one, _, captured) = tracers();
    let (_, other_otel, other) = tracers();
    one.in_span("root", |_| other_otel.in_span("child", |_| ()));
    assert_eq!(captured.tree(), "root\n  internal [child]\n");
    assert!(other.spans().is_empty());
}

// ===== spans that do not exist =====

/// Makes a span that does not exist, and has its context looked at.
type Make<'m> = &'m dyn Fn(&dyn Fn(Context));

#[test]
fn a_span_that_does_not_exist_lets_the_trace_go_on_below_it() {
    let (native, otel, captured) = tracers();
    let nothing = TracerProvider::new(tracehound::Tracer::none()).tracer("nothing");
    let stopped = TracerProvider::new(native.clone());
    let below = |make: Make<'_>| {
        native.in_span("root", |root| {
            make(&|cx| {
                assert!(!cx.span().is_recording());
                cx.span().set_attribute(KeyValue::new("ignored", true));
                assert_eq!(id_of(&cx), root.span_id().unwrap().get());
                assert_eq!(native.current_span().as_ref(), Some(root));
            });
        });
    };
    below(&|check| nothing.in_span("no tracer", check));
    below(&|check| {
        let _off = tracehound::suppress();
        otel.in_span("suppressed natively", check);
    });
    below(&|check| {
        let _off = Context::enter_telemetry_suppressed_scope();
        otel.in_span("suppressed by OpenTelemetry", check);
    });
    stopped.shutdown(std::time::Duration::from_secs(1)).unwrap();
    below(&|check| stopped.tracer("t").in_span("shut down", check));
    assert_eq!(captured.tree(), "root\nroot\nroot\nroot\n");
}

#[test]
fn a_span_that_does_not_exist_carries_a_remote_parent() {
    let (native, _, _captured) = tracers();
    let nothing = TracerProvider::new(tracehound::Tracer::none()).tracer("nothing");
    let _remote = remote(TraceFlags::SAMPLED).attach();
    nothing.in_span("nothing", |cx| {
        assert!(cx.span().span_context().is_remote());
        native.in_span("child", |span| assert_eq!(span.parent_id(), SpanId::new(88)));
    });
}

#[test]
fn a_disabled_tracer_gives_ids() {
    let (native, otel, captured) = tracers();
    native.set_enabled(false);
    otel.in_span("n", |cx| assert!(cx.span().span_context().is_valid()));
    assert!(captured.spans().is_empty());
}

// ===== the sampling decision =====

#[test]
fn making_a_span_active_does_not_decide_on_its_trace() {
    let (native, otel, captured) = tracers();
    otel.in_span("root", |cx| {
        assert!(cx.span().span_context().is_sampled());
        assert_eq!(native.current_span().unwrap().sampling_decision(), None);
        captured.decide(SamplingPriority::USER_REJECT, SamplingMechanism::RULE);
    });
    assert_eq!(captured.span("internal").priority, Some(SamplingPriority::USER_REJECT));
}

#[test]
fn the_flags_follow_a_decision_that_was_taken() {
    let (native, otel, captured) = tracers();
    captured.decide(SamplingPriority::USER_REJECT, SamplingMechanism::RULE);
    otel.in_span("root", |_| {
        let _headers = native.propagation_context();
        otel.in_span("child", |cx| assert!(!cx.span().span_context().is_sampled()));
        native.in_span("native", |_| {
            assert!(!get_active_span(|span| span.span_context().is_sampled()));
        });
        native.current_span().unwrap().keep_trace();
        otel.in_span("kept", |cx| assert!(cx.span().span_context().is_sampled()));
    });
}
