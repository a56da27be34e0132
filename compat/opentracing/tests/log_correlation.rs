//! What connects a line of a log with the active trace.

#![allow(clippy::unwrap_used)]

use tracehound::config::Environment;
use tracehound::testing::Captured;
use tracehound::{SpanContext, SpanId, TraceId};
use tracehound_opentracing::Tracer;

fn tracer(wide: bool) -> Tracer {
    let native = tracehound::Tracer::builder()
        .environment(Environment::empty())
        .trace_id_128_bit(wide)
        .service("shop")
        .env("prod")
        .version("1.0");
    Tracer::new(native.capture(&Captured::default()).build())
}

#[test]
fn the_ids_are_those_of_the_active_span() {
    let tracer = tracer(true);
    let nothing = tracer.log_correlation_context();
    assert_eq!(
        nothing.iter().collect::<Vec<_>>(),
        [
            ("dd.service", "shop"),
            ("dd.env", "prod"),
            ("dd.version", "1.0"),
            ("dd.trace_id", "0"),
            ("dd.span_id", "0"),
        ]
    );
    let scope = tracer.start_active_span("one");
    scope.set_tag("service.name", "other");
    let native = tracehound_opentracing::native_span(&scope).unwrap();
    let (trace_id, span_id) = (native.trace_id().unwrap(), native.span_id().unwrap().get());
    let expected = format!(
        "dd.service=shop dd.env=prod dd.version=1.0 dd.trace_id={trace_id} dd.span_id={span_id}"
    );
    assert_eq!(tracer.log_correlation_context().to_string(), expected);
    assert!(native.sampling_decision().is_none(), "a line of a log takes no decision");
    let elsewhere = std::thread::scope(|threads| {
        threads.spawn(|| tracer.log_correlation_context()).join().unwrap()
    });
    assert_eq!(elsewhere, nothing);
    scope.close();
    assert_eq!(tracer.log_correlation_context(), nothing);
}

#[test]
fn short_ids_are_decimal_and_what_came_in_counts_without_a_span() {
    let tracer = tracer(false);
    let scope = tracer.start_active_span("one");
    let trace_id = tracehound_opentracing::native_span(&scope).unwrap().trace_id().unwrap();
    assert_eq!(tracer.log_correlation_context().trace_id, trace_id.low().to_string());
    scope.close();
    let remote = SpanContext::new(TraceId::new(7).unwrap(), SpanId::new(8));
    let _scope = tracer.native().activate(remote);
    let correlation = tracer.log_correlation_context();
    assert_eq!((correlation.trace_id.as_str(), correlation.span_id.as_str()), ("7", "8"));
    // Another tracer over the same native one names its own service.
    assert_eq!(tracer.with_service("billing").log_correlation_context().service, "billing");
}
