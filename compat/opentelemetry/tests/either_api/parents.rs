//! Who is whose parent.

use opentelemetry::Context;
use opentelemetry::trace::{SpanContext, TraceContextExt as _, TraceFlags};
use tracehound::{SamplingPriority, SpanId, TraceId};

use super::{APIS, PAIRS, Tracers};

#[test]
fn what_is_active_is_the_parent() {
    for (outer, inner) in PAIRS {
        for innermost in APIS {
            let tracers = Tracers::new();
            tracers.inside(outer, "a", || {
                tracers.inside(inner, "b", || drop(tracers.start(innermost, "c")));
                drop(tracers.start(innermost, "d"));
            });
            assert_eq!(tracers.shape(), "a(b(c) d)", "{outer:?}, {inner:?}, {innermost:?}");
            assert_eq!(tracers.captured.chunks().len(), 1);
        }
    }
}

#[test]
fn a_named_parent_counts_over_what_is_active() {
    for (outer, inner) in PAIRS {
        for active in APIS {
            let tracers = Tracers::new();
            let parent = tracers.start_below(outer, "parent", None);
            tracers.inside(active, "active", || {
                drop(tracers.start_below(inner, "child", Some(&parent.handle())));
                drop(tracers.start_below(inner, "root", None));
            });
            drop(parent);
            assert_eq!(
                tracers.shape(),
                "active parent(child) root",
                "{outer:?}, {inner:?}, {active:?}"
            );
        }
    }
}

#[test]
fn a_named_parent_may_have_ended() {
    for (outer, inner) in PAIRS {
        let tracers = Tracers::new();
        let root = tracers.start_below(outer, "root", None);
        let parent = tracers.start_below(outer, "parent", Some(&root.handle()));
        let handle = parent.handle();
        let child = tracers.start_below(inner, "early", Some(&handle));
        drop(parent);
        drop(tracers.start_below(inner, "late", Some(&handle)));
        drop((child, root));
        assert_eq!(tracers.shape(), "root(parent(early late))", "{outer:?}, {inner:?}");
    }
}

/// All that a child has of its parent, whoever made the two.
#[test]
fn a_child_inherits_the_same() {
    for (outer, inner) in PAIRS {
        let tracers = Tracers::new();
        let parent = tracers.start_below(outer, "parent", None);
        let handle = parent.handle();
        handle.set_service("orders");
        handle.set_baggage_item("user", "7");
        handle.keep_trace();
        let child = tracers.start_below(inner, "child", Some(&handle)).handle();
        assert_eq!(child.trace_id(), handle.trace_id());
        assert_eq!(child.local_root(), handle);
        assert_eq!(child.service().as_deref(), Some("orders"), "{outer:?}, {inner:?}");
        assert_eq!(child.baggage_item("user").as_deref(), Some("7"), "{outer:?}, {inner:?}");
        assert_eq!(child.priority(), handle.priority());
    }
}

/// Contexts of OpenTelemetry that hold no span of ours.
#[test]
fn foreign_contexts_are_parents_if_they_are_valid() {
    const YES: TraceFlags = TraceFlags::SAMPLED;
    const NO: TraceFlags = TraceFlags::NOT_SAMPLED;
    // Trace, span, flags, remote; and the trace, the parent and the priority that come of it.
    let kept = Some(SamplingPriority::AUTO_KEEP);
    let dropped = Some(SamplingPriority::AUTO_REJECT);
    for (trace, span, flags, is_remote, expected) in [
        (77u128, 88u64, YES, true, Some((77, 88, kept))),
        (77, 88, NO, true, Some((77, 88, dropped))),
        // Of another provider in this process.
        (77, 88, YES, false, Some((77, 88, kept))),
        (77, 88, NO, false, Some((77, 88, dropped))),
        (u128::MAX, u64::MAX, YES, true, Some((u128::MAX, u64::MAX, kept))),
        (0, 88, YES, true, None),
        (77, 0, YES, true, None),
        (0, 0, YES, false, None),
    ] {
        for api in APIS {
            let tracers = Tracers::new();
            let parent =
                SpanContext::new(trace.into(), span.into(), flags, is_remote, Default::default());
            let place = format!("{parent:?}, {api:?}");
            {
                let _parent = Context::new().with_remote_span_context(parent).attach();
                assert!(tracers.native.current_span().is_none(), "{place}");
                drop(tracers.start(api, "n"));
            }
            let sent = &tracers.captured.spans()[0];
            assert!(sent.is_local_root, "{place}");
            let seen = (sent.trace_id, sent.parent_id, sent.priority);
            match expected {
                Some((trace, span, priority)) => {
                    let expected = (TraceId::new(trace).unwrap(), SpanId::new(span), priority);
                    assert_eq!(seen, expected, "{place}");
                }
                None => {
                    assert_eq!(seen.1, None, "{place}");
                    assert_ne!(sent.trace_id.get(), trace, "{place}: a new trace");
                }
            }
        }
    }
}
