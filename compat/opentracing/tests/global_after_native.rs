//! A program that has installed its native tracer sets it as OpenTracing's, too, and no other one. One test:
//! the tracer is the process's.

#![allow(clippy::unwrap_used)]

use opentracing_rs::{global_tracer, is_global_tracer_set};
use tracehound::config::Environment;
use tracehound::testing::Captured;
use tracehound_opentracing::{ErrorKind, Tracer, set_global_tracer};

#[test]
fn the_native_tracer_that_is_there_stays() {
    let captured = Captured::default();
    let builder =
        || tracehound::Tracer::builder().environment(Environment::empty()).service("test");
    let guard = builder().capture(&captured).install();

    let other = Tracer::new(builder().capture(&Captured::default()).build());
    let error = set_global_tracer(&other).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::GlobalTracerAlreadySet);
    assert_eq!(
        error.to_string(),
        "another native tracer of the process is set already, and stays; set the global tracer once, early"
    );
    assert!(!is_global_tracer_set(), "neither is set");

    let tracer = Tracer::new(tracehound::tracer().clone()).with_service("shop");
    let second = set_global_tracer(&tracer).unwrap();
    assert_eq!(second.tracer(), &tracehound::Tracer::none(), "the guard of the first one counts");
    drop(second);
    global_tracer().in_span("ot", |_| tracehound::in_span("native", |_| ()));
    assert_eq!(captured.tree(), "ot @shop\n  native @shop\n");
    drop(guard);
}
