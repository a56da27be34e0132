//! The least program that is traced by `datadog-opentelemetry`.

use std::time::Duration;

use opentelemetry::trace::{TraceContextExt as _, Tracer as _};
use opentelemetry::{KeyValue, global};

fn main() {
    let provider = datadog_opentelemetry::tracing().init();
    global::tracer("shop").in_span("web.request", |cx| {
        cx.span().set_attribute(KeyValue::new("http.method", "GET"));
    });
    if let Err(error) = provider.shutdown_with_timeout(Duration::from_secs(1)) {
        eprintln!("{error}");
    }
}
