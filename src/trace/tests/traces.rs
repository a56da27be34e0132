//! Traces from their first span to their chunks.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, SystemTime};

use proptest::prelude::*;

use super::super::testkit::{Bench, upstream};
use super::super::*;
use crate::id::{SpanId, TraceId};
use crate::suppression::suppress;
use crate::trace::store::MAX_SPANS_PER_TRACE;

#[test]
fn a_trace_is_handed_off_when_its_last_span_finishes() {
    let bench = Bench::new();
    let root = bench.span("root").start();
    let child = bench.span("child").child_of(&root).start();
    root.finish();
    assert!(bench.chunks().is_empty());
    child.finish();
    assert_eq!(bench.chunks(), [["root", "child<root"]]);
}

#[test]
fn a_span_prints_as_its_ids() {
    let span = Bench::new().span("root").start();
    let (trace, id) = (span.trace_id().unwrap(), span.span_id().unwrap());
    assert_eq!(format!("{:?}", span.handle()), format!("SpanRef({trace}, {id})"));
    assert_eq!(format!("{:?}", SpanRef::none()), "SpanRef(none)");
}

#[test]
fn what_is_active_is_the_parent() {
    let bench = Bench::new();
    {
        let _a = bench.span("a").enter();
        {
            let _b = bench.span("b").enter();
            bench.span("c").start().finish();
        }
        bench.span("d").start().finish();
    }
    bench.span("e").start().finish();
    let expected: [Vec<&str>; 2] = [vec!["a", "b<a", "c<b", "d<a"], vec!["e"]];
    assert_eq!(bench.chunks(), expected);
}

#[test]
fn a_finished_span_that_is_still_active_is_skipped() {
    let bench = Bench::new();
    let a = bench.span("a").enter();
    let b = bench.span("b").enter();
    b.finish();
    bench.span("c").start().finish();
    a.finish();
    bench.span("d").start().finish();
    let expected: [Vec<&str>; 2] = [vec!["a", "b<a", "c<a"], vec!["d"]];
    assert_eq!(bench.chunks(), expected);
}

#[test]
fn a_named_parent_may_have_finished() {
    let bench = Bench::new();
    let root = bench.span("root").start();
    let handle = root.handle();
    drop(root);
    let below = bench.span("below").child_of(&handle).start();
    assert_eq!((below.trace_id(), below.parent_id()), (handle.trace_id(), handle.span_id()));
    drop(below);
    assert_eq!(bench.chunks(), [["root"], ["below<?"]]);
}

#[test]
fn a_partial_flush_keeps_what_is_open_and_decides_first() {
    let bench = Bench::with(|shared| shared.set_partial_flush(Some(3)));
    let root = bench.span("root").resource("before").start();
    let open = bench.span("open").child_of(&root).tag("k", "v").start();
    for _ in 0..3 {
        bench.span("done").child_of(&root).start().finish();
    }
    assert_eq!(bench.chunks(), [["done<?"; 3]]);
    assert_eq!(bench.asked(), ["before"]);
    assert_eq!(open.tag("k").as_deref(), Some("v"));
    root.set_resource("after");
    drop((open, root));
    assert_eq!(bench.chunks()[1], ["root", "open<root"]);
    assert_eq!(bench.asked().len(), 1, "decided once");
}

#[test]
fn a_trace_with_more_open_than_finished_spans_waits() {
    let bench = Bench::with(|shared| shared.set_partial_flush(Some(2)));
    let root = bench.span("root").start();
    let open: Vec<_> = (0..10).map(|_| bench.span("open").child_of(&root).start()).collect();
    let mut open = open.into_iter();
    open.by_ref().take(5).for_each(drop);
    assert!(bench.chunks().is_empty(), "5 finished, 6 open");
    open.next().unwrap().finish();
    assert_eq!(bench.chunks().len(), 1, "6 finished, 5 open");
}

#[test]
fn spans_beyond_the_bound_are_not_recorded_and_counted() {
    let bench = Bench::new();
    let root = bench.span("root").start();
    let spans: Vec<_> =
        (0..MAX_SPANS_PER_TRACE).map(|_| bench.span("s").child_of(&root).start()).collect();
    assert_eq!(spans.iter().filter(|span| span.is_none()).count(), 1);
    assert_eq!(bench.shared.diag.losses().spans(crate::diag::LossReason::TraceTooLong), 1);
}

#[test]
fn scopes_may_end_in_any_order() {
    let bench = Bench::new();
    let (a, b, c) = (bench.span("a").start(), bench.span("b").start(), bench.span("c").start());
    let (scope_a, scope_b, scope_c) = (a.activate(), b.activate(), c.activate());
    drop(scope_b);
    assert_eq!(bench.active().as_deref(), Some("c"));
    drop(scope_c);
    assert_eq!(bench.active().as_deref(), Some("a"));
    drop(scope_a);
    assert_eq!(bench.active(), None);
}

#[test]
fn a_span_ends_on_another_thread_than_it_began() {
    let bench = Bench::new();
    let root = bench.span("root").enter();
    let child = bench.span("child").start();
    let context = bench.shared.context_stores.now().active();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let _scope = bench.shared.context_stores.now().activate(context);
            bench.span("there").start().finish();
            drop(child);
        });
    });
    drop(root);
    assert_eq!(bench.chunks(), [["root", "child<root", "there<root"]]);
}

#[test]
fn a_trace_from_upstream_keeps_ids_and_decision() {
    let bench = Bench::new();
    let baggage = [("user", "7")].into_iter().collect();
    let parent = upstream().with_priority(SamplingPriority::USER_KEEP).with_baggage(baggage);
    let span = bench.span("here").child_of(parent).start();
    let child = bench.span("child").child_of(&span).start();
    assert_eq!((span.trace_id(), span.parent_id()), (TraceId::new(77), SpanId::new(88)));
    assert_eq!(span.priority(), Some(SamplingPriority::USER_KEEP));
    assert_eq!(child.baggage_item("user").as_deref(), Some("7"));
    span.set_baggage_item("user", "8");
    assert_eq!(child.baggage_item("user").as_deref(), Some("7"), "inherited at the start");
    let context = span.propagation_context().unwrap();
    assert_eq!((context.span_id(), context.is_remote()), (span.span_id(), false));
    drop((child, span));
    assert!(bench.asked().is_empty(), "not decided again");
}

#[test]
fn baggage_alone_begins_a_new_trace() {
    let bench = Bench::new();
    let parent = SpanContext::baggage_only([("a", "1")].into_iter().collect());
    let span = bench.span("here").child_of(parent).start();
    assert_eq!((span.parent_id(), span.baggage_item("a").as_deref()), (None, Some("1")));
}

#[test]
fn the_decision_is_taken_as_late_as_possible_and_then_stays() {
    let bench = Bench::new();
    let root = bench.span("root").start();
    assert_eq!(root.sampling_decision(), None);
    root.set_resource("first");
    let _ = root.propagation_context();
    assert_eq!(bench.asked(), ["first"]);
    root.set_resource("later");
    let _ = root.propagation_context();
    assert_eq!(bench.asked().len(), 1);
    let child = bench.span("child").child_of(&root).tag("manual.drop", true).start();
    assert_eq!(root.priority(), Some(SamplingPriority::USER_REJECT));
    child.keep_trace();
    assert_eq!(root.sampling_decision(), Some(SamplingDecision::manual(true)));
    assert_eq!(child.tag("manual.drop"), None);
}

#[test]
fn changes_after_the_end_are_ignored() {
    let bench = Bench::new();
    let root = bench.span("root").start();
    let span = bench.span("span").child_of(&root).tag("k", 1).start();
    span.finish_at(span.start_time().unwrap() + Duration::from_millis(5));
    span.set_tag("k", 2);
    span.set_name("other");
    span.set_tag("manual.keep", true);
    span.finish_at(SystemTime::now() + Duration::from_secs(9));
    assert_eq!(span.metric("k"), Some(1.0));
    assert_eq!(span.name().as_deref(), Some("span"));
    assert_eq!(span.duration(), Some(Duration::from_millis(5)));
    assert_eq!(root.sampling_decision(), None);
}

#[test]
fn only_an_open_span_has_bridge_flags() {
    let bench = Bench::new();
    let span = bench.span("a").start();
    assert_eq!(span.update_bridge_flags(0, 0b11), Some(0));
    assert_eq!(span.update_bridge_flags(0b01, 0b100), Some(0b11));
    assert_eq!(span.handle().update_bridge_flags(0, 0), Some(0b110));
    span.finish();
    assert_eq!(span.update_bridge_flags(0, 1), None);
    assert_eq!(SpanRef::none().update_bridge_flags(0, 1), None);
}

#[test]
fn an_end_before_the_start_is_a_duration_of_zero() {
    let bench = Bench::new();
    let root = bench.span("root").start();
    let span = bench.span("span").child_of(&root).start();
    span.finish_at(SystemTime::UNIX_EPOCH);
    assert_eq!(span.duration(), Some(Duration::ZERO));
}

#[test]
fn ancestors_are_finished_from_anywhere() {
    let bench = Bench::new();
    let root = bench.span("root").start();
    let middle = bench.span("middle").child_of(&root).start();
    let leaf = bench.span("leaf").child_of(&middle).start();
    leaf.finish_with_ancestors();
    assert_eq!(bench.chunks(), [["root", "middle<root", "leaf<middle"]]);
}

#[test]
fn a_panic_marks_the_spans_it_drops() {
    let bench = Bench::new();
    let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let _span = bench.span("doomed").enter();
        panic!("boom");
    }));
    assert!(caught.is_err());
    let chunks = bench.take_chunks();
    let span = chunks[0].spans().next().unwrap();
    assert_eq!((span.is_error(), span.tag("error.type").as_deref()), (true, Some("panic")));
    bench.span("next").start().finish();
    assert_eq!(bench.chunks(), [["next"]], "nothing is left active");
}

#[test]
fn a_span_nobody_can_finish_does_not_keep_the_others() {
    let bench = Bench::new();
    let root = bench.span("root").start().detach();
    bench.span("child").child_of(&root).start().finish();
    drop(root);
    assert_eq!(bench.chunks(), [["child<?"]]);
}

#[test]
fn suppressed_spans_do_not_exist() {
    let bench = Bench::new();
    let off = suppress();
    let span = bench.span("off").enter();
    assert!(span.is_none() && span.propagation_context().is_none());
    drop((span, off));
    assert!(bench.span("on").start().is_some());
}

#[test]
fn a_disabled_tracer_gives_ids_and_sends_nothing() {
    let bench = Bench::with(|shared| shared.enabled = false.into());
    let span = bench.span("s").start();
    assert!(span.propagation_context().unwrap().trace_id().is_some());
    drop(span);
    assert!(bench.chunks().is_empty());
}

#[test]
fn a_future_is_in_its_span_on_every_poll_and_ends_it_when_it_is_done() {
    let bench = Bench::new();
    let span = bench.span("task").start();
    let mut polls = 0;
    let work = std::future::poll_fn(|_| {
        polls += 1;
        assert_eq!(bench.active().as_deref(), Some("task"));
        if polls < 3 { Poll::Pending } else { Poll::Ready(()) }
    });
    let mut future = std::pin::pin!(work.in_span(span));
    let mut task = std::task::Context::from_waker(std::task::Waker::noop());
    while future.as_mut().poll(&mut task).is_pending() {
        assert_eq!(bench.active(), None);
    }
    assert_eq!(bench.chunks(), [["task"]]);
}

#[test]
fn handles_cross_threads() {
    fn check<T: Send + Sync>() {}
    check::<Span>();
    check::<SpanRef>();
    check::<ActiveContext>();
    check::<SpanContext>();
}

/// One step of a random program, on a span by its number.
#[derive(Clone, Debug)]
enum Step {
    StartChild,
    Finish,
    Tag(u8),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => Just(Step::StartChild),
        3 => Just(Step::Finish),
        2 => (0..4u8).prop_map(Step::Tag),
    ]
}

proptest! {
    /// In whatever order spans start, finish and are flushed: each arrives once, with its own parent and tags.
    #[test]
    fn every_span_arrives_once_with_its_tags(
        steps in prop::collection::vec((any::<usize>(), step()), 1..120),
        partial in prop::option::of(1..6u32),
    ) {
        let bench = Bench::with(|shared| shared.set_partial_flush(partial));
        let mut spans: Vec<(Span, Option<SpanId>, BTreeSet<u8>)> = Vec::new();
        spans.push((bench.span("s").root().start(), None, BTreeSet::new()));
        for (number, step) in steps {
            let number = number % spans.len();
            let (span, _, keys) = &mut spans[number];
            match step {
                Step::StartChild => {
                    let (id, child) = (span.span_id(), bench.span("s").child_of(&*span).start());
                    spans.push((child, id, BTreeSet::new()));
                }
                Step::Finish => span.finish(),
                Step::Tag(key) if span.is_open() => {
                    span.set_tag(format!("k{key}"), i64::from(key));
                    keys.insert(key);
                }
                Step::Tag(_) => {}
            }
            for (span, parent, _) in spans.iter().filter(|(span, ..)| span.is_open()) {
                let parent = spans.iter().find(|(other, ..)| other.span_id() == *parent);
                let is_here = |span: &SpanRef| span.read(|_| ()).is_some();
                let here = parent.map(|(parent, ..)| parent.handle()).filter(is_here);
                prop_assert_eq!(span.parent(), here);
            }
        }
        let ids = |(span, parent, keys): &(Span, _, BTreeSet<u8>)| (span.span_id(), *parent, keys.clone());
        let mut expected: Vec<_> = spans.iter().map(ids).collect();
        spans.iter().for_each(|(span, ..)| span.finish());
        let chunks = bench.take_chunks();
        let spans = chunks.iter().flat_map(Chunk::spans);
        let mut arrived: Vec<_> = spans
            .map(|span| {
                let keys = span.metrics().map(|(_, value)| value as u8).collect();
                (span.span_id(), span.parent_id(), keys)
            })
            .collect();
        arrived.sort();
        expected.sort();
        prop_assert_eq!(arrived, expected);
        prop_assert_eq!(Arc::strong_count(&bench.sink), 2);
    }
}
