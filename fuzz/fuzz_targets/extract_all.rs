//! Every header there is, one a line: several contexts at once.
#![no_main]

mod common;

use tracehound::config::Style;

const NAMES: [&str; 14] = [
    "x-datadog-trace-id",
    "x-datadog-parent-id",
    "traceparent",
    "tracestate",
    "x-datadog-tags",
    "baggage",
    "x-datadog-sampling-priority",
    "x-datadog-origin",
    "b3",
    "x-b3-traceid",
    "x-b3-spanid",
    "x-b3-sampled",
    "x-b3-flags",
    "ot-baggage-a",
];

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let headers = common::lines(&NAMES, data);
    let styles =
        [Style::Datadog, Style::TraceContext, Style::B3Single, Style::B3Multi, Style::Baggage];
    common::with_styles(&styles, |propagator| common::check(propagator, &headers));
});
