//! The same where OpenTelemetry's context is the store of what is active.

mod common;

use opentelemetry::KeyValue;
use opentelemetry::trace::{TraceContextExt as _, Tracer as _, TracerProvider as _};
use tracehound::Tracer;
use tracehound_opentelemetry::TracerProvider;

use common::count;

fn work(native: &Tracer) {
    let tracer = TracerProvider::new(native.clone()).tracer("allocator");
    for number in 0..100 {
        tracer.in_span(format!("root {number}"), |root| {
            count();
            root.span().set_attribute(KeyValue::new(format!("key {number}"), "value"));
            for _ in 0..number % 20 {
                tracer.in_span("child", |child| {
                    count();
                    child.span().set_attribute(KeyValue::new("key", number));
                });
            }
            let child = native.trace("native");
            count();
            child.set_tag("key", "value");
        });
    }
}

#[test]
fn an_allocator_may_trace() {
    assert!(tracehound_opentelemetry::share_context());
    common::traced(false, work);
}
