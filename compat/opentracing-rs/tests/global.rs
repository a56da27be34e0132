//! The global tracer is set once. One test: the tracer is the process's.

use opentracing_rs::mock::MockTracer;
use opentracing_rs::{ErrorKind, Tracer, global_tracer, is_global_tracer_set, set_global_tracer};

#[test]
fn the_first_tracer_stays() {
    global_tracer().start_span("too early").finish();

    let mock = MockTracer::new();
    set_global_tracer(mock.tracer()).unwrap();
    assert!(is_global_tracer_set());

    let error = set_global_tracer(Tracer::noop()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::GlobalTracerAlreadySet);
    assert_eq!(error.to_string(), "a global tracer is set already, and stays");

    global_tracer().start_span("kept").finish();
    let names: Vec<_> = mock.finished_spans().into_iter().map(|s| s.operation_name).collect();
    assert_eq!(names, ["kept"]);
}
