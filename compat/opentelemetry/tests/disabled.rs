//! The bridge switched off by the configuration.

#![allow(clippy::unwrap_used)]

use opentelemetry::Context;
use opentelemetry::trace::{TraceContextExt, Tracer as _, TracerProvider as _};
use tracehound::Tracer;
use tracehound::config::Environment;
use tracehound::testing::Captured;

#[test]
fn a_bridge_that_is_switched_off_installs_nothing() {
    let captured = Captured::default();
    let environment = Environment::from_pairs([("OTEL_SDK_DISABLED", "true")]);
    let builder = Tracer::builder().environment(environment).service("test");
    let _guard = builder.capture(&captured).install();

    let provider = tracehound_opentelemetry::install();
    for cx in [
        opentelemetry::global::tracer("t").in_span("global", |cx| cx),
        provider.tracer("t").in_span("own", |cx| cx),
    ] {
        assert!(!cx.span().span_context().is_valid());
    }
    tracehound::in_span("native", |_| {
        assert!(!Context::current().has_active_span(), "native spans keep to themselves");
    });
    assert_eq!(captured.tree(), "native\n");
}
