//! `x-datadog-*`, one header a line.
#![no_main]

mod common;

use tracehound::config::Style;

const NAMES: [&str; 5] = [
    "x-datadog-tags",
    "x-datadog-origin",
    "x-datadog-sampling-priority",
    "x-datadog-parent-id",
    "x-datadog-trace-id",
];

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let mut headers = common::lines(&NAMES, data);
    if headers.len() < NAMES.len() {
        // Without an id nothing else is looked at.
        headers.push(("x-datadog-trace-id", b"7"));
    }
    common::with_styles(&[Style::Datadog], |propagator| common::check(propagator, &headers));
});
