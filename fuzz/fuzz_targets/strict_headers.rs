//! Every header there is, one a line, behind a line with the key of an item of legacy baggage: whatever goes out, a
//! strict receiver takes it.
#![no_main]

mod common;

use std::cell::OnceCell;

use tracehound::bridge::SpanContextExt as _;
use tracehound::config::{Config, Environment, Style};
use tracehound::{HttpPropagator, SpanContext};

const NAMES: [&str; 8] = [
    "x-datadog-trace-id",
    "x-datadog-origin",
    "x-datadog-tags",
    "traceparent",
    "tracestate",
    "baggage",
    "b3",
    "ot-baggage-a",
];

thread_local! {
    static PROPAGATOR: OnceCell<HttpPropagator> = const { OnceCell::new() };
}

fn propagator() -> HttpPropagator {
    let variables = [("DD_TRACE_PROPAGATION_HTTP_BAGGAGE_ENABLED", "true")];
    let config = Config::builder().environment(Environment::from_pairs(variables));
    let styles =
        [Style::Datadog, Style::TraceContext, Style::B3Single, Style::B3Multi, Style::Baggage];
    HttpPropagator::new(&config.propagation_styles(styles).build())
}

fn assert_strict(propagator: &HttpPropagator, context: &SpanContext) {
    let mut set = |name: &str, value: String| common::assert_strict(name, &value);
    propagator.inject_context(context, &mut set);
}

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let end = data.iter().position(|byte| *byte == b'\n').unwrap_or(data.len());
    let (key, rest) = data.split_at(end);
    let key = format!("ot-baggage-{}", String::from_utf8_lossy(key));
    let mut headers = common::lines(&NAMES, rest.get(1..).unwrap_or_default());
    headers.push((&key, b"1"));
    PROPAGATOR.with(|cell| {
        let propagator = cell.get_or_init(propagator);
        let Some(context) = propagator.extract(&headers) else { return };
        assert_strict(propagator, &context);
        // What the program itself says.
        let text = String::from_utf8_lossy(rest);
        let own = context.clone().with_origin(text.to_string()).with_tag("_dd.p.a", text.to_string());
        assert_strict(propagator, &own.in_this_process());
    });
});
