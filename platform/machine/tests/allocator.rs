//! An allocator that traces each allocation, also those of the tracer, waits for nothing and loses nothing.

mod common;

use opentracing_rs::Format;
use tracehound::{SpanEvent, Tracer};

use common::count;

fn work(native: &Tracer) {
    let tracer = tracehound_opentracing::Tracer::new(native.clone());
    for number in 0..200 {
        let root = native.trace(format!("root {number}"));
        count();
        for key in ["a", "b", "c"] {
            root.set_tag(key, format!("a text that is kept somewhere else {number}"));
        }
        root.set_baggage_item("item", "value");
        root.add_event(SpanEvent::new("event"));
        // So many that the vectors of the trace grow while they are locked.
        for _ in 0..number % 20 {
            let child = native.trace("child");
            count();
            child.set_tag("key", "value");
        }
        let scope = tracer.start_active_span("opentracing");
        count();
        scope.span().set_tag("key", "value").log_event("event");
        let mut headers: Vec<(String, String)> = Vec::new();
        tracer.inject(&scope.context(), Format::TextMap, &mut headers).unwrap_or_default();
        scope.close();
        drop(root);
    }
}

#[test]
fn an_allocator_may_trace() {
    common::traced(true, work);
}
