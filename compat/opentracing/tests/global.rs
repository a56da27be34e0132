//! The tracer of the process in both APIs, set once. One test: the tracer is the process's.

#![allow(clippy::unwrap_used)]

use opentracing_rs::{global_tracer, is_global_tracer_set};
use tracehound::config::Environment;
use tracehound::testing::Captured;
use tracehound_opentracing::{ErrorKind, Tracer, set_global_tracer};

fn tracer(captured: &Captured) -> Tracer {
    let native = tracehound::Tracer::builder().environment(Environment::empty());
    Tracer::new(native.service("test").capture(captured).build())
}

#[test]
fn it_is_set_once_and_for_both() {
    let (first, second) = (Captured::default(), Captured::default());
    let tracer_one = tracer(&first);
    let guard = set_global_tracer(&tracer_one).unwrap();
    assert!(is_global_tracer_set());
    assert_eq!(guard.tracer(), tracer_one.native());
    assert_eq!(tracehound::tracer(), tracer_one.native());

    let error = set_global_tracer(&tracer(&second)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::GlobalTracerAlreadySet);
    let error = set_global_tracer(&tracer_one.with_service("other")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::GlobalTracerAlreadySet);
    assert_eq!(
        error.to_string(),
        "a global OpenTracing tracer is set already, and stays; set the global tracer once, early"
    );

    global_tracer().in_span("ot", |_| tracehound::in_span("native", |_| ()));
    assert_eq!(first.tree(), "ot\n  native\n");
    assert!(second.spans().is_empty());
}
