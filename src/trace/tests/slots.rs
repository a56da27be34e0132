//! What a handle finds in the slot of its span, when the span is there and when another one is.

use std::sync::atomic::Ordering::Relaxed;

use super::super::testkit::{Bench, upstream};
use super::super::*;
use crate::id::SpanId;
use crate::sync::lock;

#[test]
fn a_stale_handle_cannot_touch_a_reused_slot() {
    let bench = Bench::with(|shared| shared.set_partial_flush(Some(1)));
    let root = bench.span("root").start();
    let first = bench.span("first").child_of(&root).start();
    let stale = first.handle();
    drop(first);
    let second = bench.span("second").child_of(&root).start();
    assert_eq!(stale.at.as_ref().unwrap().slot(), second.handle().at.unwrap().slot());
    stale.set_tag("k", "v");
    stale.finish();
    assert_eq!((second.tag("k"), second.is_open(), stale.name()), (None, true, None));
}

#[test]
fn a_parent_that_is_not_here_has_no_handle() {
    let bench = Bench::with(|shared| shared.set_partial_flush(Some(1)));
    let root = bench.span("root").child_of(upstream()).start();
    assert_eq!((root.parent_id(), root.parent()), (SpanId::new(88), None), "a remote one");

    let middle = bench.span("middle").child_of(&root).start();
    let aside = bench.span("aside").child_of(&root).start();
    let leaf = bench.span("leaf").child_of(&middle).start();
    assert_eq!(leaf.parent(), Some(middle.handle()));
    let gone = middle.handle();
    middle.finish();
    assert_eq!(leaf.parent(), Some(gone.clone()), "finished, and not sent");
    for _ in 0..2 {
        bench.span("done").child_of(&root).start().finish();
    }
    assert_eq!(bench.chunks().len(), 1);
    assert_eq!((leaf.parent_id(), leaf.parent()), (gone.span_id(), None), "partly flushed");

    // Another span has moved to where the leaf's parent was, and one more is where the leaf was.
    let other = bench.span("other").child_of(&root).start();
    let slot = |span: &SpanRef| span.at.as_ref().unwrap().slot();
    assert_eq!(slot(&other), slot(&leaf));
    let names = [&aside, &leaf, &other].map(|span| span.name());
    assert_eq!(
        names.each_ref().map(Option::as_deref),
        [Some("aside"), Some("leaf"), Some("other")]
    );
    assert_eq!((leaf.parent_id(), leaf.parent()), (gone.span_id(), None), "its slot used again");

    let sent = leaf.handle();
    drop((other, aside, leaf, root));
    let below = bench.span("below").child_of(&sent).start();
    assert_eq!((below.parent_id(), below.parent()), (sent.span_id(), None), "of a sent trace");
}

#[test]
fn an_id_with_the_bits_of_a_slot_finds_nothing() {
    let bench = Bench::new();
    let root = bench.span("root").start();
    let child = bench.span("child").child_of(&root).tag("k", "v").start();
    for span in [&*root, &*child] {
        let real = span.at.as_ref().unwrap();
        let id = SpanId::new(real.id.get() ^ (1 << 17) ^ (1 << 63)).unwrap();
        let at = Location { id, ..real.clone() };
        assert_eq!(at.slot(), real.slot());
        assert!(at.read(|_| ()).is_none() && at.nearest_open().is_none());
        assert!(!at.is_open() && !at.edit(|_, _| panic!("there is nothing to change")));
        let handle = SpanRef { at: Some(at) };
        handle.set_tag("k", "other");
        handle.set_name("other");
        handle.set_error_message("other");
        handle.set_baggage_item("k", "other");
        handle.drop_trace();
        handle.finish();
        handle.finish_with_ancestors();
        assert_eq!(
            (handle.name(), handle.parent(), handle.update_bridge_flags(0, 1)),
            (None, None, None)
        );
    }
    assert!(root.is_open() && child.is_open());
    assert_eq!((root.tags(), child.tags()), (vec![], vec![("k".into(), "v".into())]));
    assert_eq!((root.name().as_deref(), child.name().as_deref()), (Some("root"), Some("child")));
    assert!(!root.is_error() && !child.is_error());
    assert_eq!((child.baggage_item("k"), root.sampling_decision()), (None, None));
    drop((child, root));
    assert_eq!(bench.chunks(), [["root", "child<root"]]);
}

#[test]
fn slot_0_may_be_anothers() {
    let changes_nobody = |root: &SpanRef, spans: &[&SpanRef]| {
        assert_eq!((root.name(), root.is_open(), root.parent_id()), (None, false, None));
        root.set_tag("by", "the local root");
        root.set_resource("by the local root");
        root.finish();
        for span in spans {
            assert!(span.is_open() && span.tag("by").is_none());
            assert_eq!(span.resource(), span.name());
        }
    };
    let slot = |span: &SpanRef| span.at.as_ref().unwrap().slot();

    let bench = Bench::with(|shared| shared.set_partial_flush(Some(1)));
    let root = bench.span("root").start();
    let (root_handle, child) = (root.handle(), bench.span("child").child_of(&root).start());
    drop(root);
    assert_eq!(bench.chunks(), [["root"]], "partly flushed");
    let other = bench.span("other").child_of(&child).start();
    assert_eq!((slot(&other), other.local_root()), (1, root_handle.clone()), "the child is in 0");
    changes_nobody(&other.local_root(), &[&child, &other]);
    drop((child, other));
    assert_eq!(bench.chunks()[1..], [["child<?"], ["other<?"]]);

    // A trace that was sent and not decided on.
    let bench = Bench::new();
    bench.sink.settles_later.store(true, Relaxed);
    let root = bench.span("root").start();
    let root_handle = root.handle();
    drop(root);
    assert_eq!((bench.chunks().len(), root_handle.sampling_decision()), (1, None));
    let next = bench.span("next").child_of(&root_handle).start();
    let below = bench.span("below").child_of(&next).start();
    assert_eq!((slot(&next), slot(&below), next.local_root()), (0, 1, root_handle.clone()));
    changes_nobody(&below.local_root(), &[&next, &below]);
    assert!(below.propagation_context().unwrap().priority().is_some());
    assert_eq!(bench.asked(), ["next"], "the first that is here");
    let _ = root_handle.propagation_context();
    lock(&bench.sink.chunks).iter_mut().for_each(Chunk::settle);
    assert_eq!(bench.asked().len(), 1, "decided once");
}
