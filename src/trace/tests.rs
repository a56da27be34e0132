//! What the core promises, beyond what one file of it can show.

use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use proptest::prelude::*;

use super::record::ServiceSource;
use super::testkit::Bench;
use super::*;
use crate::id::{SpanId, TraceId};
use crate::sync::lock;
use crate::text::Text;

fn upstream() -> SpanContext {
    SpanContext::new(TraceId::new(77).unwrap(), SpanId::new(88))
}

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
    let late = bench.span("late").child_of(&handle).start();
    assert_eq!(late.trace_id(), handle.trace_id());
    assert_eq!(late.parent_id(), handle.span_id());
    drop(late);
    assert_eq!(bench.chunks(), [["root"], ["late<?"]]);
}

#[test]
fn a_stale_handle_cannot_touch_a_reused_slot() {
    let bench = Bench::with(|shared| shared.partial_flush = Some(1));
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
    let bench = Bench::with(|shared| shared.partial_flush = Some(1));
    let root = bench.span("root").child_of(upstream()).start();
    assert_eq!((root.parent_id(), root.parent()), (SpanId::new(88), None), "a remote one");

    let middle = bench.span("middle").child_of(&root).start();
    let leaf = bench.span("leaf").child_of(&middle).start();
    assert_eq!(leaf.parent(), Some(middle.handle()));
    let gone = middle.handle();
    middle.finish();
    assert_eq!(leaf.parent(), Some(gone.clone()), "finished, and not sent");
    bench.span("done").child_of(&root).start().finish();
    assert_eq!(bench.chunks().len(), 1);
    assert_eq!((leaf.parent_id(), leaf.parent()), (gone.span_id(), None), "partly flushed");

    let others = [(); 2].map(|()| bench.span("other").child_of(&root).start());
    let slot = |span: &SpanRef| span.at.as_ref().unwrap().slot();
    assert!(others.iter().any(|other| slot(other) == slot(&gone)));
    assert_eq!((leaf.parent_id(), leaf.parent()), (gone.span_id(), None), "its slot used again");

    let sent = leaf.handle();
    drop((others, leaf, root));
    let late = bench.span("late").child_of(&sent).start();
    assert_eq!((late.parent_id(), late.parent()), (sent.span_id(), None), "of a sent trace");
}

#[test]
fn an_id_with_the_bits_of_a_slot_finds_nothing() {
    let bench = Bench::new();
    let root = bench.span("root").start();
    let child = bench.span("child").child_of(&root).tag("k", "v").start();
    for span in [&*root, &*child] {
        let real = span.at.as_ref().unwrap();
        let id = SpanId::new(real.id.get() ^ (1 << 17) ^ (1 << 63)).unwrap();
        let at = At { id, ..real.clone() };
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
        assert_eq!((handle.name(), handle.parent(), handle.update_note(0, 1)), (None, None, None));
    }
    assert!(root.is_open() && child.is_open());
    assert_eq!((root.tags(), child.tags()), (vec![], vec![("k".into(), "v".into())]));
    assert_eq!((root.name().as_deref(), child.name().as_deref()), (Some("root"), Some("child")));
    assert!(!root.is_error() && !child.is_error());
    assert_eq!((child.baggage_item("k"), root.sampling_decision()), (None, None));
    drop((child, root));
    assert_eq!(bench.chunks(), [["root", "child<root"]]);
}

/// Leaves to somebody later what is put off to the end of a trace, as the pipeline does.
#[derive(Default)]
struct Unhurried {
    chunks: Mutex<Vec<Chunk>>,
    asked: Mutex<Vec<String>>,
}

impl Sink for Unhurried {
    fn submit(&self, chunk: Chunk) {
        lock(&self.chunks).push(chunk);
    }

    fn decide(&self, root: &SpanView<'_>) -> Decision {
        lock(&self.asked).push(root.name().into_owned());
        Decision::new(Priority::AUTO_KEEP, Mechanism::DEFAULT)
    }

    fn refill(&self, _: &mut Vec<Buffers>) {}
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

    let bench = Bench::with(|shared| shared.partial_flush = Some(1));
    let root = bench.span("root").start();
    let (root_handle, child) = (root.handle(), bench.span("child").child_of(&root).start());
    drop(root);
    assert_eq!(bench.chunks(), [["root"]], "partly flushed");
    let other = bench.span("other").child_of(&child).start();
    assert_eq!((slot(&other), other.local_root()), (0, root_handle.clone()));
    changes_nobody(&other.local_root(), &[&child, &other]);
    drop((child, other));
    assert_eq!(bench.chunks()[1..], [["child<?"], ["other<?"]]);

    // A trace that was sent and not decided on.
    let sink = Arc::new(Unhurried::default());
    let bench = Bench::with(|shared| shared.sink = Arc::clone(&sink) as Arc<dyn Sink>);
    let root = bench.span("root").start();
    let root_handle = root.handle();
    drop(root);
    assert_eq!((lock(&sink.chunks).len(), root_handle.sampling_decision()), (1, None));
    let late = bench.span("late").child_of(&root_handle).start();
    let below = bench.span("below").child_of(&late).start();
    assert_eq!((slot(&late), slot(&below), late.local_root()), (0, 1, root_handle.clone()));
    changes_nobody(&below.local_root(), &[&late, &below]);
    assert!(below.context().unwrap().priority().is_some());
    assert_eq!(*lock(&sink.asked), ["late"], "the first that is here");
    let _ = root_handle.context();
    lock(&sink.chunks).iter_mut().for_each(Chunk::settle);
    assert_eq!(lock(&sink.asked).len(), 1, "decided once");
}

#[test]
fn a_partial_flush_keeps_what_is_open_and_decides_first() {
    let bench = Bench::with(|shared| shared.partial_flush = Some(3));
    let root = bench.span("root").resource("before").start();
    let open = bench.span("open").child_of(&root).tag("k", "v").start();
    for _ in 0..3 {
        bench.span("done").child_of(&root).start().finish();
    }
    assert_eq!(bench.chunks(), [["done<?"; 3]]);
    assert_eq!(*bench.kept.asked.lock().unwrap(), ["before"]);
    assert_eq!(open.tag("k").as_deref(), Some("v"));
    root.set_resource("after");
    drop((open, root));
    assert_eq!(bench.chunks()[1], ["root", "open<root"]);
    assert_eq!(bench.kept.asked.lock().unwrap().len(), 1, "decided once");
}

#[test]
fn a_trace_with_more_open_than_finished_spans_waits() {
    let bench = Bench::with(|shared| shared.partial_flush = Some(2));
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
        (0..body::MAX_SPANS_PER_TRACE).map(|_| bench.span("s").child_of(&root).start()).collect();
    assert_eq!(spans.iter().filter(|span| span.is_none()).count(), 1);
    assert_eq!(bench.shared.diag.losses().spans(crate::diag::LossReason::TraceTooLong), 1);
}

#[test]
fn scopes_may_end_in_any_order() {
    let bench = Bench::new();
    let (a, b, c) = (bench.span("a").start(), bench.span("b").start(), bench.span("c").start());
    let active = || bench.shared.provider.active().span().and_then(SpanRef::name);
    let (scope_a, scope_b, scope_c) = (a.activate(), b.activate(), c.activate());
    drop(scope_b);
    assert_eq!(active().as_deref(), Some("c"));
    drop(scope_c);
    assert_eq!(active().as_deref(), Some("a"));
    drop(scope_a);
    assert_eq!(active(), None);
}

#[test]
fn a_span_ends_on_another_thread_than_it_began() {
    let bench = Bench::new();
    let root = bench.span("root").enter();
    let child = bench.span("child").start();
    let context = bench.shared.provider.active();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let _scope = bench.shared.provider.activate(context);
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
    let mut baggage = Baggage::new();
    baggage.set("user", "7");
    let parent = upstream().with_priority(Priority::USER_KEEP).with_baggage(baggage);
    let span = bench.span("here").child_of(parent).start();
    let child = bench.span("child").child_of(&span).start();
    assert_eq!((span.trace_id(), span.parent_id()), (TraceId::new(77), SpanId::new(88)));
    assert_eq!(span.priority(), Some(Priority::USER_KEEP));
    assert_eq!(child.baggage_item("user").as_deref(), Some("7"));
    span.set_baggage_item("user", "8");
    assert_eq!(child.baggage_item("user").as_deref(), Some("7"), "inherited at the start");
    let context = span.context().unwrap();
    assert_eq!((context.span_id(), context.is_remote()), (span.span_id(), false));
    drop((child, span));
    assert!(bench.kept.asked.lock().unwrap().is_empty(), "not decided again");
}

#[test]
fn baggage_alone_begins_a_new_trace() {
    let bench = Bench::new();
    let parent = SpanContext::baggage_only([("a", "1")].into_iter().collect());
    let span = bench.span("here").child_of(parent).start();
    assert_eq!((span.parent_id(), span.baggage_item("a").as_deref()), (None, Some("1")));
}

#[test]
fn the_decision_waits_for_late_tags_and_then_stays() {
    let bench = Bench::new();
    let root = bench.span("root").start();
    assert_eq!(root.sampling_decision(), None);
    root.set_resource("late");
    let _ = root.context();
    assert_eq!(*bench.kept.asked.lock().unwrap(), ["late"]);
    root.set_resource("later");
    let _ = root.context();
    assert_eq!(bench.kept.asked.lock().unwrap().len(), 1);
    let child = bench.span("child").child_of(&root).tag("manual.drop", true).start();
    assert_eq!(root.priority(), Some(Priority::USER_REJECT));
    child.keep_trace();
    assert_eq!(root.sampling_decision(), Some(Decision::manual(true)));
    assert_eq!(child.tag("manual.drop"), None);
}

#[test]
fn a_child_inherits_the_service_and_top_level_follows_it() {
    let bench = Bench::with(|shared| shared.service_mapping = vec![("old".into(), "new".into())]);
    {
        let root = bench.span("root").start();
        let db = bench.span("db").child_of(&root).service("db").start();
        let below = bench.span("below").child_of(&db).start();
        let mapped = bench.span("mapped").child_of(&below).service("old").start();
        assert_eq!(below.service().as_deref(), Some("db"));
        assert_eq!(mapped.service().as_deref(), Some("new"));
        drop((mapped, below, db, root));
    }
    bench.with_chunks(|chunks| {
        let top: Vec<_> = chunks[0].spans().map(|span| span.record.top_level).collect();
        assert_eq!(top, [true, true, false, true]);
    });
}

/// What a span, or whoever started it, says of the service.
#[derive(Clone, Copy, Debug)]
struct ServiceCase {
    named: Option<&'static str>,
    service: &'static str,
    source: ServiceSource,
}

const SERVICES: [ServiceCase; 5] = {
    const fn case(
        named: &'static str,
        service: &'static str,
        source: ServiceSource,
    ) -> ServiceCase {
        ServiceCase { named: Some(named), service, source }
    }
    [
        ServiceCase { named: None, service: "web", source: ServiceSource::Inherited },
        case("web", "web", ServiceSource::Own),
        case("", "web", ServiceSource::Own),
        case("by hand", "by hand", ServiceSource::Manual),
        case("old", "new", ServiceSource::Mapping),
    ]
};

type StartBelow = for<'b> fn(&'b Bench, Context, Option<&'static str>) -> Span;

/// The ways to start a span. One that cannot say the service is told it at once.
const WAYS: [(&str, StartBelow); 3] = [
    ("by name", |bench, parent, service| {
        let _parent = bench.shared.provider.activate(parent);
        let span = begin_named(&bench.shared, "child".into(), false);
        service.into_iter().for_each(|service| span.set_service(service));
        span
    }),
    ("late named", |bench, parent, service| {
        let naming: NamingFn = |_| LateNames::default();
        let resource = Text::from("child");
        let draft =
            LateNamed { resource, kind: SpanKind::Internal, naming, start: None, tags: &[] };
        let span = begin_late_named(&bench.shared, draft, parent);
        service.into_iter().for_each(|service| span.set_service(service));
        span
    }),
    ("by the builder", |bench, parent, service| {
        let span = bench.span("child").child_of(parent);
        service.into_iter().fold(span, SpanBuilder::service).start()
    }),
];

#[test]
fn what_is_inherited_in_every_combination() {
    let inherited = |span: &SpanRef| {
        let (service, source) =
            span.read(|span| (span.service().to_owned(), span.record.service_source)).unwrap();
        (service, source, ["of parent", "of context"].map(|name| span.baggage_item(name)))
    };
    let items = [(false, false), (true, false), (false, true), (true, true)];
    for parent_case in SERVICES {
        for child_case in SERVICES {
            for (of_parent, of_context) in items {
                for (way, start) in WAYS {
                    let case =
                        format!("{parent_case:?} {child_case:?} {of_parent} {of_context} {way}");
                    let bench = Bench::with(|shared| {
                        shared.service_mapping = vec![("old".into(), "new".into())]
                    });
                    let parent = bench.span("parent").start();
                    parent_case.named.into_iter().for_each(|service| parent.set_service(service));
                    if of_parent {
                        parent.set_baggage_item("of parent", "1");
                    }
                    let mut context = Context::from(&parent);
                    if of_context {
                        context = context.with_baggage([("of context", "2")].into_iter().collect());
                    }
                    let child = start(&bench, context, child_case.named);

                    let said = if child_case.named.is_some() { child_case } else { parent_case };
                    // The context's counts in place of the parent's.
                    let baggage = [
                        (of_parent && !of_context).then(|| "1".to_owned()),
                        of_context.then(|| "2".to_owned()),
                    ];
                    let expected = (said.service.to_owned(), said.source, baggage);
                    assert_eq!(inherited(&child), expected, "{case}");

                    let below = start(&bench, Context::from(&child), None);
                    assert_eq!(inherited(&below), expected, "below {case}");
                    parent.set_service("changed");
                    parent.set_baggage_item("of parent", "changed");
                    child.set_baggage_item("of context", "changed");
                    assert_eq!(inherited(&below), expected, "below {case}, changed afterwards");
                    assert_eq!(
                        child.service().as_deref(),
                        Some(said.service),
                        "{case}, afterwards"
                    );
                }
            }
        }
    }
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
fn a_note_belongs_to_an_open_span() {
    let bench = Bench::new();
    let span = bench.span("a").start();
    assert_eq!(span.update_note(0, 0b11), Some(0));
    assert_eq!(span.update_note(0b01, 0b100), Some(0b11));
    assert_eq!(span.handle().update_note(0, 0), Some(0b110));
    span.finish();
    assert_eq!(span.update_note(0, 1), None);
    assert_eq!(SpanRef::none().update_note(0, 1), None);
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
    bench.with_chunks(|chunks| {
        let span = chunks[0].spans().next().unwrap();
        assert!(span.is_error());
        assert_eq!(span.tag("error.type").as_deref(), Some("panic"));
    });
    bench.span("next").start().finish();
    assert_eq!(bench.chunks()[1], ["next"], "nothing is left active");
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
    assert!(span.is_none() && span.context().is_none());
    drop((span, off));
    assert!(bench.span("on").start().is_some());
}

#[test]
fn a_disabled_tracer_gives_ids_and_sends_nothing() {
    let bench = Bench::with(|shared| shared.enabled = false.into());
    let span = bench.span("s").start();
    assert!(span.context().unwrap().trace_id().is_some());
    drop(span);
    assert!(bench.chunks().is_empty());
}

#[test]
fn a_future_is_in_its_span_on_every_poll_and_ends_it_when_it_is_done() {
    let bench = Bench::new();
    let active = || bench.shared.provider.active().span().and_then(SpanRef::name);
    let span = bench.span("task").start();
    let mut polls = 0;
    let mut future = std::pin::pin!(
        std::future::poll_fn(|_| {
            polls += 1;
            assert_eq!(active().as_deref(), Some("task"));
            if polls < 3 { std::task::Poll::Pending } else { std::task::Poll::Ready(()) }
        })
        .in_span(span)
    );
    let mut task = std::task::Context::from_waker(std::task::Waker::noop());
    while future.as_mut().poll(&mut task).is_pending() {
        assert_eq!(active(), None);
    }
    assert_eq!(bench.chunks(), [["task"]]);
}

#[test]
fn handles_cross_threads() {
    fn check<T: Send + Sync>() {}
    check::<Span>();
    check::<SpanRef>();
    check::<Context>();
    check::<SpanContext>();
}

/// One step of a random program on a tree of spans.
#[derive(Clone, Debug)]
enum Step {
    Start { parent: usize },
    Finish { span: usize },
    Tag { span: usize, key: u8 },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => any::<usize>().prop_map(|parent| Step::Start { parent }),
        3 => any::<usize>().prop_map(|span| Step::Finish { span }),
        2 => (any::<usize>(), 0..4u8).prop_map(|(span, key)| Step::Tag { span, key }),
    ]
}

proptest! {
    /// Whatever the order of starts, ends and partial flushes: each span arrives once, in the slot that its id
    /// tells, with its own parent and its own tags, and none before its trace is either done or due.
    #[test]
    fn every_span_arrives_once_with_its_tags(
        steps in prop::collection::vec(step(), 1..120),
        partial in prop::option::of(1..6u32),
    ) {
        let bench = Bench::with(|shared| shared.partial_flush = partial);
        let mut spans: Vec<(Span, Option<SpanId>, Vec<u8>)> = Vec::new();
        spans.push((bench.span("s").root().start(), None, Vec::new()));
        for step in steps {
            match step {
                Step::Start { parent } => {
                    let parent = &spans[parent % spans.len()].0;
                    let id = parent.span_id();
                    let child = bench.span("s").child_of(parent).start();
                    spans.push((child, id, Vec::new()));
                }
                Step::Finish { span } => spans[span % spans.len()].0.finish(),
                Step::Tag { span, key } => {
                    let index = span % spans.len();
                    let (span, _, keys) = &mut spans[index];
                    if span.is_open() {
                        span.set_tag(format!("k{key}"), i64::from(key));
                        keys.push(key);
                    }
                }
            }
            for (span, parent, _) in spans.iter().filter(|(span, ..)| span.is_open()) {
                let parent = spans.iter().find(|(other, ..)| other.span_id() == *parent);
                let is_here = |span: &SpanRef| span.read(|_| ()).is_some();
                let here = parent.map(|(parent, ..)| parent.handle()).filter(is_here);
                prop_assert_eq!(span.parent(), here);
            }
        }
        let expected: Vec<_> = spans
            .iter()
            .map(|(span, parent, keys)| {
                let mut keys = keys.clone();
                keys.sort_unstable();
                keys.dedup();
                (span.span_id(), *parent, keys)
            })
            .collect();
        for (span, ..) in &spans {
            span.finish();
        }
        bench.with_chunks(|chunks| {
            let mut arrived: Vec<_> = chunks
                .iter()
                .flat_map(Chunk::spans)
                .map(|span| {
                    let mut keys: Vec<u8> = span.metrics().map(|(_, value)| value as u8).collect();
                    keys.sort_unstable();
                    (span.span_id(), span.parent_id(), keys)
                })
                .collect();
            let mut expected = expected;
            arrived.sort();
            expected.sort();
            prop_assert_eq!(arrived, expected);
            for chunk in chunks {
                for (slot, record) in chunk.slots().iter().enumerate() {
                    let told = record.id.map(|id| id.slot(chunk.segment().root) as usize);
                    prop_assert!(told.is_none_or(|told| told == slot), "{told:?} in {slot}");
                }
            }
            Ok(())
        })?;
        prop_assert_eq!(Arc::strong_count(&bench.kept) , 2);
    }
}
