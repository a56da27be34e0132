//! `baggage`, in several headers if the input has several lines.
#![no_main]

mod common;

use tracehound::config::Style;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let headers = common::lines(&["baggage"; 4], data);
    common::with_styles(&[Style::Baggage], |propagator| common::check(propagator, &headers));
});
