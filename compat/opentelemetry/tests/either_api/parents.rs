//! Who is whose parent.

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
