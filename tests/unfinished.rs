//! Traces that are still open when the tracer is shut down: what has finished in them is sent, what is open is counted,
//! and no span is in two accounts or in none.

#![cfg(feature = "agent")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::type_complexity)]

mod common;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use tracehound::{LossReason, Tracer};
use tracehound_test_support::fault_agent::scripts;
use tracehound_test_support::{FaultAgent, within};

use common::{LIMIT, Said};

fn lost(tracer: &Tracer, reason: LossReason) -> u64 {
    tracer.losses().spans(reason)
}

#[test]
fn what_has_finished_is_sent_and_what_is_open_is_counted_and_named() {
    within(LIMIT, || {
        let (agent, said) = (FaultAgent::start(scripts::healthy), Said::default());
        let tracer = common::builder(&agent.url(), &said).build();
        let root = tracer.start_span("consumer.loop");
        root.set_resource("orders");
        for _ in 0..200 {
            tracer.span("message").child_of(&*root).start().finish();
        }
        let step = tracer.span("step").child_of(&*root).start();
        tracer.span("done").root().start().finish();
        tracer.shutdown(LIMIT).unwrap();

        let mut names: Vec<_> = agent.spans().into_iter().map(|span| span.name).collect();
        names.sort();
        assert_eq!(names.len(), 201);
        assert_eq!((names[0].as_str(), names[1].as_str()), ("done", "message"));
        assert_eq!(tracer.losses().total(), 2);
        assert_eq!(lost(&tracer, LossReason::Unfinished), 2);
        let warnings = said.warnings();
        assert_eq!(warnings.len(), 1, "{warnings:?}");
        assert!(warnings[0].contains("lost 2 spans (unfinished)"), "{warnings:?}");
        assert!(warnings[0].contains("consumer.loop [orders] (for "), "{warnings:?}");
        assert!(warnings[0].contains("step (for "), "{warnings:?}");

        // It goes on as before, and is not counted once more.
        assert!(root.is_open() && root.propagation_context().is_some());
        root.set_tag("after", true);
        assert_eq!(root.tag("after").as_deref(), Some("true"));
        drop(step);
        tracer.shutdown(LIMIT).unwrap();
        drop(root);
        assert_eq!(tracer.losses().total(), 2);
        assert_eq!(agent.spans().len(), 201);
    });
}

#[test]
fn what_starts_later_is_counted_when_it_finishes_also_where_its_trace_never_ends() {
    within(LIMIT, || {
        let (agent, said) = (FaultAgent::start(scripts::healthy), Said::default());
        let tracer = common::builder(&agent.url(), &said).build();
        let root = tracer.start_span("root");
        tracer.shutdown(LIMIT).unwrap();
        for _ in 0..5 {
            tracer.span("late").child_of(&*root).start().finish();
        }
        assert_eq!(lost(&tracer, LossReason::Shutdown), 5);
        let another = tracer.start_span("another");
        for _ in 0..5 {
            tracer.span("late").child_of(&*another).start().finish();
        }
        assert_eq!(lost(&tracer, LossReason::Shutdown), 10);
        std::mem::forget(another);
        drop(root);
        tracer.start_span("whole").finish();
        assert_eq!(lost(&tracer, LossReason::Shutdown), 11);
        assert_eq!(lost(&tracer, LossReason::Unfinished), 1);
        assert!(agent.spans().is_empty());
    });
}

#[test]
fn a_handle_that_was_forgotten_is_no_hiding_place() {
    within(LIMIT, || {
        let (agent, said) = (FaultAgent::start(scripts::healthy), Said::default());
        let tracer = common::builder(&agent.url(), &said).build();
        for _ in 0..300 {
            let root = tracer.start_span("forgotten");
            tracer.span("child").child_of(&*root).start().finish();
            std::mem::forget(root);
        }
        tracer.shutdown(LIMIT).unwrap();
        assert_eq!(agent.spans().len(), 300);
        assert_eq!(lost(&tracer, LossReason::Unfinished), 300);
    });
}

#[test]
fn another_tracer_keeps_its_open_traces() {
    within(LIMIT, || {
        let (agent, said) = (FaultAgent::start(scripts::healthy), Said::default());
        let (one, other) = (
            common::builder(&agent.url(), &said).build(),
            common::builder(&agent.url(), &said).build(),
        );
        let (ended, kept) = (one.start_span("ended"), other.start_span("kept"));
        other.span("child").child_of(&*kept).start().finish();
        one.shutdown(LIMIT).unwrap();
        assert_eq!((one.losses().total(), other.losses().total()), (1, 0));
        drop((ended, kept));
        other.shutdown(LIMIT).unwrap();
        assert_eq!((agent.spans().len(), other.losses().total()), (2, 0));
    });
}

#[test]
fn a_tracer_that_is_off_loses_nothing() {
    let said = Said::default();
    let tracer = common::builder("http://127.0.0.1:1", &said).enabled(false).build();
    let _root = tracer.start_span("root");
    let _ = tracer.shutdown(LIMIT);
    assert_eq!((tracer.losses().total(), said.warnings()), (0, vec![]));
}

/// Threads start and finish spans below roots that come and go, or stay, while the tracer ends.
#[test]
fn made_is_delivered_and_lost_whenever_the_end_comes() {
    within(LIMIT, || {
        for round in 0..5 {
            let (agent, said) = (FaultAgent::start(scripts::healthy), Said::default());
            let tracer = common::builder(&agent.url(), &said).build();
            let (stop, made) = (AtomicBool::new(false), AtomicU64::new(0));
            thread::scope(|scope| {
                for _ in 0..4 {
                    scope.spawn(|| {
                        let lasting = tracer.start_span("lasting");
                        made.fetch_add(1, Ordering::Relaxed);
                        while !stop.load(Ordering::Relaxed) {
                            let root = tracer.start_span("root");
                            for parent in [&*root, &*lasting, &*root] {
                                tracer.span("child").child_of(parent).start().finish();
                            }
                            drop(root);
                            made.fetch_add(4, Ordering::Relaxed);
                        }
                        drop(lasting);
                    });
                }
                while made.load(Ordering::Relaxed) < 500 * (round + 1) {
                    thread::yield_now();
                }
                tracer.shutdown(LIMIT).unwrap();
                stop.store(true, Ordering::Relaxed);
            });
            let delivered = agent.spans().len() as u64;
            let made = made.into_inner();
            assert_eq!(delivered + tracer.losses().total(), made, "{:?}", tracer.losses());
            assert!(delivered > 0);
        }
    });
}
