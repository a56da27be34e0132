//! `traceparent` and `tracestate`, one header a line.
#![no_main]

mod common;

use tracehound::config::Style;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let headers = common::lines(&["traceparent", "tracestate", "tracestate"], data);
    common::with_styles(&[Style::TraceContext], |propagator| common::check(propagator, &headers));
});
