//! The no-op tracer takes every call, and so does a handle of the global tracer before one is set.

use opentracing_rs::conformance::{self, Subject};
use opentracing_rs::{Tracer, global_tracer, is_global_tracer_set};

#[test]
fn calls() {
    conformance::run(conformance::API, || Subject::new(Tracer::noop()));
}

#[test]
fn calls_of_the_global_tracer_before_it_is_set() {
    assert!(!is_global_tracer_set() && global_tracer().is_noop());
    conformance::run(conformance::API, || Subject::new(global_tracer().clone()));
}

#[test]
fn nothing_is_ever_active_and_nothing_has_an_identity() {
    let tracer = Tracer::noop();
    let scope = tracer.start_active_span("one");
    assert!(tracer.active_span().is_none() && !scope.is_active());
    assert!(scope.context().is_empty() && scope.context().span_id().is_none());
    scope.set_baggage_item("item", "value");
    assert_eq!(scope.baggage_item("item"), None);
    assert!(scope.tracer().is_noop());
}
