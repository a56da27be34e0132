//! `b3` and `x-b3-*`, one header a line.
#![no_main]

mod common;

use tracehound::config::Style;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let names = ["b3", "x-b3-traceid", "x-b3-spanid", "x-b3-sampled", "x-b3-flags"];
    let headers = common::lines(&names, data);
    let styles = [Style::B3Single, Style::B3Multi];
    common::with_styles(&styles, |propagator| common::check(propagator, &headers));
});
