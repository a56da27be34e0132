//! Spans and scopes used in ways that nobody intends.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use std::mem::forget;
use std::panic::catch_unwind;
use std::time::Duration;

use tracehound::{LossReason, SpanRef, Tracer, testing};
use tracehound_test_support::within;

use common::LIMIT;

/// The name of the active span.
fn active(tracer: &Tracer) -> Option<String> {
    tracer.current_span().and_then(|span| span.name())
}

// ===== the ends of spans =====

#[test]
fn a_span_that_is_finished_again_keeps_its_first_end() {
    let (tracer, captured) = testing::tracer();
    let span = tracer.span("span").start();
    let handle = span.handle();
    span.finish();
    let first = captured.span("span").duration;
    std::thread::sleep(Duration::from_millis(1));
    span.finish();
    span.finish_at(std::time::SystemTime::now());
    handle.finish_with_ancestors();
    drop(span);
    handle.finish();
    assert_eq!(captured.span("span").duration, first);
    assert_eq!(captured.tree(), "span\n");
}

#[test]
fn changes_after_the_end_are_ignored_and_reads_are_harmless() {
    let (tracer, captured) = testing::tracer();
    let span = tracer.span("span").tag("k", "v").start();
    span.finish();
    span.set_name("other");
    span.set_service("other");
    span.set_resource("other");
    span.set_tag("k", "other");
    span.set_tag("error", true);
    span.set_metric("m", 1.0);
    span.set_error_message("late");
    span.set_traceback(None);
    span.set_baggage_item("b", "1");
    span.add_event(tracehound::SpanEvent::new("late"));
    span.remove_tag("k");
    assert_eq!(captured.tree(), "span k=v\n");
    assert!(captured.span("span").events.is_empty());
    assert_eq!((span.name(), span.tag("k")), (None, None), "handed off");
    assert_eq!(span.duration(), Some(captured.span("span").duration), "of the span that ended it");
    assert!(!span.is_open() && span.is_some());
    assert!(span.propagation_context().is_some(), "a late child may still need it");
}

#[test]
fn a_span_that_nobody_finishes_does_not_hold_back_its_trace() {
    let (tracer, captured) = testing::tracer();
    let root = tracer.span("root").start();
    let never = tracer.span("never").child_of(&root).start().detach();
    let below = tracer.span("below").child_of(&never).start();
    below.finish();
    root.finish();
    assert!(captured.spans().is_empty(), "it could still be finished");
    drop((never, below, root));
    let names: Vec<String> = captured.spans().into_iter().map(|span| span.name).collect();
    assert_eq!(names, ["root", "below"]);
}

#[test]
fn a_span_that_was_forgotten_costs_its_own_trace_only() {
    let (tracer, captured) = testing::tracer();
    forget(tracer.span("forgotten").root().start());
    tracer.in_span("other", |_| ());
    assert_eq!(captured.tree(), "other\n");
}

#[test]
fn parents_may_end_before_their_children() {
    let (tracer, captured) = testing::tracer();
    let root = tracer.trace("root");
    let child = tracer.trace("child");
    let grandchild = tracer.span("grandchild").start();
    root.finish();
    child.finish();
    let late = tracer.span("late").child_of(&root).start();
    drop((grandchild, late));
    assert_eq!(captured.tree(), "root\n  child\n    grandchild\n  late\n");
    drop((root, child));
    assert_eq!(captured.chunks().len(), 1);
}

// ===== scopes =====

#[test]
fn scopes_that_end_in_any_order_leave_the_others_active() {
    let (tracer, _) = testing::tracer();
    let spans: Vec<_> = ["a", "b", "c"].map(|name| tracer.span(name).root().start()).into();
    // Every order in which three scopes can end, and what is active after each end.
    for (order, left) in [
        ([0, 1, 2], [Some("c"), Some("c"), None]),
        ([0, 2, 1], [Some("c"), Some("b"), None]),
        ([1, 0, 2], [Some("c"), Some("c"), None]),
        ([1, 2, 0], [Some("c"), Some("a"), None]),
        ([2, 0, 1], [Some("b"), Some("b"), None]),
        ([2, 1, 0], [Some("b"), Some("a"), None]),
    ] {
        let mut scopes: Vec<_> = spans.iter().map(|span| Some(span.activate())).collect();
        for (ends, left) in order.into_iter().zip(left) {
            scopes[ends] = None;
            assert_eq!(active(&tracer).as_deref(), left, "{order:?}");
        }
    }
}

#[test]
fn an_active_span_that_outlives_its_parents_scope_is_still_active() {
    let (tracer, captured) = testing::tracer();
    let outer = tracer.trace("outer");
    let inner = tracer.trace("inner");
    drop(outer);
    assert_eq!(active(&tracer).as_deref(), Some("inner"));
    tracer.in_span("below", |_| ());
    drop(inner);
    assert_eq!(active(&tracer), None);
    assert_eq!(captured.tree(), "outer\n  inner\n    below\n");
}

#[test]
fn a_scope_that_was_forgotten_stays_until_its_span_has_ended() {
    let (tracer, captured) = testing::tracer();
    let outer = tracer.trace("outer");
    let leaked = tracer.span("leaked").start();
    forget(leaked.activate());
    assert_eq!(active(&tracer).as_deref(), Some("leaked"));
    tracer.in_span("below", |_| ());
    leaked.finish();
    assert_eq!(active(&tracer).as_deref(), Some("outer"), "an ended span gives way");
    tracer.in_span("beside", |_| ());
    drop((leaked, outer));
    assert_eq!(active(&tracer), None);
    tracer.in_span("next", |_| ());
    assert_eq!(captured.tree(), "outer\n  leaked\n    below\n  beside\nnext\n");
    // Other threads have nothing to do with it.
    std::thread::scope(|scope| {
        scope.spawn(|| assert!(tracer.context().is_empty()));
    });
}

#[test]
fn an_active_span_that_was_forgotten_can_be_hidden() {
    let (tracer, captured) = testing::tracer();
    forget(tracer.trace("forgotten"));
    let hidden = tracer.activate(tracehound::ActiveContext::empty());
    tracer.in_span("clean", |_| ());
    tracer.start_span("root").finish();
    drop(hidden);
    assert_eq!(active(&tracer).as_deref(), Some("forgotten"));
    assert_eq!(captured.tree(), "clean\nroot\n");
}

#[test]
fn a_thread_that_ends_lets_go_of_what_was_active_on_it() {
    let (tracer, captured) = testing::tracer();
    let of_the_thread = tracer.clone();
    std::thread::spawn(move || {
        let never = of_the_thread.span("never").start().detach();
        forget(never.activate());
        of_the_thread.in_span("child", |_| ());
    })
    .join()
    .unwrap();
    assert_eq!(captured.tree(), "child\n", "nobody can finish its parent any more");
}

#[test]
fn spans_that_do_not_exist_take_everything() {
    let none = Tracer::none();
    let span = none.span("none").service("s").tag("k", vec![1]).kind(tracehound::SpanKind::Client);
    let span = span.enter();
    span.set_tag("k", "v");
    span.set_error_message("no");
    span.keep_trace();
    span.finish_with_ancestors();
    assert!(
        span.is_none()
            && span.propagation_context().is_none()
            && span.local_root() == SpanRef::none()
    );
    let (tracer, captured) = testing::tracer();
    let real = tracer.span("real").child_of(span.handle()).start();
    real.link_to(&span);
    drop(real);
    let _scope = tracer.activate(&span);
    assert!(tracer.context().is_empty());
    assert_eq!(captured.tree(), "real\n");
}

// ===== panics =====

#[test]
fn a_panic_ends_and_marks_the_spans_it_leaves() {
    let (tracer, captured) = testing::tracer();
    let unwound = catch_unwind(|| {
        tracer.in_span("outer", |_| {
            tracer.in_span("before", |_| ());
            let _held = tracer.span("held").start();
            tracer.in_span("inner", |_| panic!("on purpose"));
        });
    });
    assert!(unwound.is_err());
    assert_eq!(active(&tracer), None, "the scopes ended too");
    for name in ["outer", "held", "inner"] {
        let span = captured.span(name);
        assert!(span.is_error);
        assert_eq!(span.tags["error.type"], "panic");
        assert_eq!(span.tags["error.message"], "on purpose");
        // The lines below are there where the environment asks for stacks.
        let place = span.tags["error.stack"].lines().next().unwrap();
        assert!(place.starts_with("panicked at tests/misuse.rs:"), "{place}");
    }
    assert!(!captured.span("before").is_error);
    tracer.in_span("next", |_| ());
    assert!(!captured.span("next").is_error);
}

#[test]
fn what_is_traced_can_be_caught() {
    fn is_unwind_safe<T: std::panic::UnwindSafe + std::panic::RefUnwindSafe>() {}
    is_unwind_safe::<Tracer>();
    is_unwind_safe::<tracehound::Span>();
    is_unwind_safe::<SpanRef>();
    is_unwind_safe::<tracehound::ActiveSpan>();
    is_unwind_safe::<tracehound::ActiveContext>();
    is_unwind_safe::<tracehound::SpanContext>();
    is_unwind_safe::<tracehound::TracerGuard>();
}

#[test]
fn a_panic_does_not_overwrite_what_the_program_said_before() {
    let (tracer, captured) = testing::tracer();
    let unwound = std::thread::scope(|scope| {
        let thread = scope.spawn(|| {
            let span = tracer.trace("span");
            span.set_error_message("the disk is full");
            panic!("on purpose");
        });
        thread.join()
    });
    assert!(unwound.is_err());
    assert_eq!(captured.tree(), "span ! error.message=the disk is full\n");
}

#[test]
fn a_panic_that_was_caught_is_told_in_its_own_words() {
    let (tracer, captured) = testing::tracer();
    let span = tracer.trace("span");
    let caught = catch_unwind(|| panic!("egg {}", 7));
    span.set_panic(&*caught.unwrap_err());
    drop(span);
    let tags = captured.span("span").tags;
    assert_eq!((&*tags["error.message"], &*tags["error.type"]), ("egg 7", "panic"));
    assert!(tags["error.stack"].starts_with("panicked at tests/misuse.rs:"), "{tags:?}");
}

// ===== after the end =====

#[cfg(feature = "agent")]
#[test]
fn spans_after_the_shutdown_are_counted_and_it_can_be_repeated() {
    use common::Said;
    use tracehound_test_support::FaultAgent;
    use tracehound_test_support::fault_agent::scripts;

    within(LIMIT, || {
        let said = Said::default();
        let agent = FaultAgent::start(scripts::healthy);
        let tracer = common::builder(&agent.url(), &said).build();
        let open = tracer.span("open").start();
        tracer.in_span("before", |_| ());
        tracer.shutdown(LIMIT).unwrap();
        tracer.shutdown(LIMIT).unwrap();
        tracer.flush(LIMIT).unwrap();
        assert_eq!(agent.spans().len(), 1);

        open.finish();
        tracer.in_span("after", |span| {
            assert!(span.is_open() && span.trace_id().is_some(), "spans and contexts go on");
        });
        tracer.flush(LIMIT).unwrap();
        tracer.shutdown(Duration::ZERO).unwrap();
        assert_eq!(
            tracer.losses().spans(LossReason::Unfinished),
            1,
            "counted once, at the shutdown"
        );
        assert_eq!(tracer.losses().spans(LossReason::Shutdown), 1);
        assert_eq!((tracer.losses().total(), agent.spans().len()), (2, 1));
        let warnings = said.warnings();
        assert_eq!(warnings.len(), 2, "{warnings:?}");
        assert!(warnings[0].contains("unfinished"), "{warnings:?}");
        assert!(
            warnings[1].starts_with("lost 1 spans (shutdown): they finished after"),
            "{warnings:?}"
        );
    });
}

#[cfg(feature = "agent")]
#[test]
fn a_flush_blocks_no_runtime_for_ever() {
    use common::Said;
    use tokio::runtime::Builder;
    use tracehound_test_support::FaultAgent;
    use tracehound_test_support::fault_agent::scripts;

    within(LIMIT, || {
        let runtimes = [
            Builder::new_current_thread().enable_all().build().unwrap(),
            Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap(),
        ];
        for runtime in runtimes {
            let agent = FaultAgent::start(scripts::healthy);
            let url = agent.url();
            runtime.block_on(async {
                let tracer = common::builder(&url, &Said::default()).build();
                tracer.in_span("in block_on", |_| ());
                tracer.flush(LIMIT).unwrap();
                let of_the_task = tracer.clone();
                let task = tokio::spawn(async move {
                    of_the_task.in_span("in a task", |_| ());
                    of_the_task.flush(LIMIT)
                });
                task.await.unwrap().unwrap();
                let of_the_task = tracer.clone();
                let task = tokio::task::spawn_blocking(move || of_the_task.shutdown(LIMIT));
                task.await.unwrap().unwrap();
            });
            assert_eq!(agent.spans().len(), 2);
        }
    });
}
