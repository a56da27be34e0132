//! The least program that is traced by Tracehound through OpenTelemetry.

use opentelemetry::trace::{TraceContextExt as _, Tracer as _};
use opentelemetry::{KeyValue, global};

fn main() {
    let _guard = tracehound::init();
    tracehound_opentelemetry::install();
    global::tracer("shop").in_span("web.request", |cx| {
        cx.span().set_attribute(KeyValue::new("http.method", "GET"));
    });
}
