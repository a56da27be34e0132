//! `tracestate` behind a valid `traceparent`; the first byte says whether it is sampled.
#![no_main]

mod common;

use tracehound::config::Style;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let Some((first, tracestate)) = data.split_first() else { return };
    let traceparent: &[u8] = match first & 1 {
        0 => b"00-640cfd8d00000000abcdef0123456789-00000000000004d2-00",
        _ => b"00-640cfd8d00000000abcdef0123456789-00000000000004d2-01",
    };
    let headers = [("traceparent", traceparent), ("tracestate", tracestate)];
    common::with_styles(&[Style::TraceContext], |propagator| common::check(propagator, &headers));
});
