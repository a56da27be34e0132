//! What is active, and when closing a scope finishes its span.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::thread;

use super::subject::{Subject, is_near, later};
use super::suite::Check;

/// What a tracer that records does with scopes.
pub const CHECKS: &[Check] = &[
    ("starting does not activate", starting_does_not_activate),
    ("activating is until closing", activating_is_until_closing),
    ("closing finishes only if told to", closing_finishes_only_if_told_to),
    ("scopes nest", scopes_nest),
    ("one span in two scopes", one_span_in_two_scopes),
    ("closing the outer scope first does nothing", closing_the_outer_scope_first_does_nothing),
    ("closing a middle scope first does nothing", closing_a_middle_scope_first_does_nothing),
    ("what is active is the thread's", what_is_active_is_the_threads),
    ("a panic leaves scopes and marks their spans", a_panic_leaves_scopes_and_marks_their_spans),
    ("a panic marks no span that does not finish", a_panic_marks_no_span_that_does_not_finish),
    ("what is traced during a panic is not marked", what_is_traced_during_a_panic_is_not_marked),
];

fn starting_does_not_activate(subject: &Subject) {
    let span = subject.tracer().start_span("one");
    subject.expect_active(None);
    span.finish();
}

fn activating_is_until_closing(subject: &Subject) {
    subject.expect_active(None);
    let scope = subject.tracer().start_active_span("one");
    assert!(scope.is_active());
    subject.expect_active(Some(scope.span()));
    scope.close();
    subject.expect_active(None);
    subject.one("one");
}

fn closing_finishes_only_if_told_to(subject: &Subject) {
    let tracer = subject.tracer();
    let kept = tracer.build_span("kept").finish_on_close(false).start_active();
    let span = kept.span().clone();
    kept.close();
    subject.expect_active(None);
    span.activate().close();
    tracer.scope_manager().activate(&span, false).close();
    assert!(subject.named("kept").is_empty());
    subject.expect_open(&span, "kept");

    let finished = tracer.start_span("finished");
    tracer.scope_manager().activate(&finished, true).close();
    subject.one("finished");
}

fn scopes_nest(subject: &Subject) {
    let outer = subject.tracer().start_active_span("outer");
    let inner = subject.tracer().start_active_span("inner");
    subject.expect_active(Some(inner.span()));
    assert!(inner.is_active() && !outer.is_active());
    inner.close();
    subject.expect_active(Some(outer.span()));
    outer.close();
    subject.expect_active(None);
    assert!(subject.one("inner").is_child_of(&subject.one("outer")));
}

fn one_span_in_two_scopes(subject: &Subject) {
    let outer = subject.tracer().start_active_span("one");
    let inner = outer.span().activate();
    inner.close();
    subject.expect_active(Some(outer.span()));
    outer.close();
    subject.expect_active(None);
    subject.one("one");
}

fn closing_the_outer_scope_first_does_nothing(subject: &Subject) {
    let outer = subject.tracer().start_active_span("outer");
    let inner = subject.tracer().start_active_span("inner");
    let (outer_span, inner_span) = (outer.span().clone(), inner.span().clone());
    outer.close();
    subject.expect_active(Some(&inner_span));
    inner.close();
    // The scope is over, though it did nothing: its span does not come back.
    subject.expect_active(None);
    subject.expect_open(&outer_span, "outer");
    subject.one("inner");
}

fn closing_a_middle_scope_first_does_nothing(subject: &Subject) {
    let outer = subject.tracer().start_active_span("outer");
    let middle = subject.tracer().start_active_span("middle");
    let inner = subject.tracer().start_active_span("inner");
    let middle_span = middle.span().clone();
    drop(middle);
    subject.expect_active(Some(inner.span()));
    drop(inner);
    subject.expect_active(Some(outer.span()));
    let end = later();
    middle_span.finish_at(end);
    drop(outer);
    subject.expect_active(None);
    let middle = subject.one("middle");
    assert!(is_near(middle.finish_time, end), "middle was finished by its scope");
}

fn what_is_active_is_the_threads(subject: &Subject) {
    let scope = subject.tracer().start_active_span("here");
    thread::scope(|threads| {
        threads.spawn(|| {
            subject.expect_active(None);
            let there = subject.tracer().start_active_span("there");
            subject.expect_active(Some(there.span()));
        });
    });
    subject.expect_active(Some(scope.span()));
    scope.close();
    assert_eq!(subject.one("there").parent_id, None);
}

fn a_panic_leaves_scopes_and_marks_their_spans(subject: &Subject) {
    let tracer = subject.tracer();
    let work = || {
        let _outer = tracer.start_active_span("outer");
        tracer.in_span("inner", |_| resume_unwind(Box::new("meant")));
    };
    assert!(catch_unwind(AssertUnwindSafe(work)).is_err());
    subject.expect_active(None);
    assert!(subject.one("outer").is_error && subject.one("inner").is_error);
}

fn a_panic_marks_no_span_that_does_not_finish(subject: &Subject) {
    let span = subject.tracer().start_span("survivor");
    let work = || {
        let _scope = span.activate();
        resume_unwind(Box::new("meant"));
    };
    assert!(catch_unwind(AssertUnwindSafe(work)).is_err());
    subject.expect_active(None);
    subject.expect_open(&span, "survivor");
    assert!(!subject.one("survivor").is_error);
}

fn what_is_traced_during_a_panic_is_not_marked(subject: &Subject) {
    struct Cleanup<'a>(&'a Subject);
    impl Drop for Cleanup<'_> {
        fn drop(&mut self) {
            self.0.tracer().in_span("cleanup", |_| ());
        }
    }
    let work = || {
        let _cleanup = Cleanup(subject);
        resume_unwind(Box::new("meant"));
    };
    assert!(catch_unwind(AssertUnwindSafe(work)).is_err());
    assert!(!subject.one("cleanup").is_error);
}
