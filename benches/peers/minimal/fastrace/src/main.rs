//! The least program that is traced by fastrace.

use std::net::SocketAddr;

use fastrace::collector::Config;
use fastrace::prelude::*;
use fastrace_datadog::DatadogReporter;

fn main() {
    let agent = SocketAddr::from(([127, 0, 0, 1], 8126));
    fastrace::set_reporter(DatadogReporter::new(agent, "shop", "GET", "web"), Config::default());
    let root = Span::root("web.request", SpanContext::random());
    root.add_property(|| ("http.method", "GET"));
    drop(root);
    fastrace::flush();
}
