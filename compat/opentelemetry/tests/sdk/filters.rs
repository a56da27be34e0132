//! Trace filters of the exporter's tracer see what the SDK has recorded.

use opentelemetry::KeyValue;
use tracehound::config::Environment;
use tracehound::testing::Captured;
use tracehound::{FinishedTrace, Tracer, Verdict};

use super::support::{export, flushed, patient, span, with};

#[test]
fn a_filter_changes_and_drops_traces_of_the_sdk() {
    let captured = Captured::default();
    let filter = |trace: &mut FinishedTrace<'_>| {
        trace.for_each_span(|span| span.set_tag("seen", true));
        match trace.root().map(|root| root.resource().into_owned()).as_deref() {
            Some("drop") => Verdict::Drop,
            _ => Verdict::Next,
        }
    };
    let tracer = Tracer::builder().environment(Environment::empty()).trace_filter(filter);
    let exporter = patient(tracer.capture(&captured)).build();
    let named = |name: &'static str| [KeyValue::new("resource.name", name)];
    export(&exporter, vec![with(span(1, 0), named("drop")), with(span(2, 1), named("child"))])
        .unwrap();
    export(&exporter, vec![with(span(3, 0), named("keep"))]).unwrap();
    let sent: Vec<_> = flushed(&exporter, &captured).concat();
    let sent: Vec<_> =
        sent.iter().map(|span| (span.resource.as_str(), span.tags["seen"].as_str())).collect();
    assert_eq!(sent, [("keep", "true")]);
}
