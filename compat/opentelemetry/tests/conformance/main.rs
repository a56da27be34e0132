//! OpenTelemetry's own SDK is the measure: one table of what a program can do through OpenTelemetry's tracing
//! API, done once with the SDK and its in-memory exporter, and then with each of the ways of this crate. What
//! the SDK has recorded, put into Datadog's terms by `expected.rs`, is what has to come out.
//!
//! A difference by design is part of its row: what it makes of the SDK's result is asserted like the rest, so
//! is that it makes a difference, and that README.md lists it.
//!
//! One more case is one more function in `rows/`, and one line in its table.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice
)]

mod expected;
mod names;
mod random;
mod rows;
mod subjects;
mod table;
mod world;

use subjects::{behind_the_global_api, exporter, provider};
use table::{Way, differences_of};

/// Spans of this crate's own provider.
#[test]
fn the_provider_does_what_the_sdk_does() {
    table::check(Way::Provider, |row| provider(row.on_ours));
}

/// The same behind OpenTelemetry's type-erased tracers and spans, which are what `global::tracer` gives.
#[test]
fn the_provider_does_the_same_behind_the_global_api() {
    table::check(Way::Erased, |row| behind_the_global_api(row.on_erased));
}

/// Spans of the SDK through this crate's exporter.
#[test]
fn the_exporter_hands_over_what_the_sdk_has_recorded() {
    table::check(Way::Exporter, |row| exporter(row.on_sdk));
}

/// What is different is said where users look.
#[test]
fn every_difference_is_in_the_readme() {
    let readme = include_str!("../../README.md");
    let (_, section) = readme.split_once("\n## Differences from the SDK\n").unwrap();
    let section = section.split("\n## ").next().unwrap();
    let flat = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let section = flat(section);
    let differences = differences_of(&rows::all());
    assert!(!differences.is_empty());
    for says in differences {
        assert!(section.contains(&flat(says)), "README.md does not say: {says}");
    }
}
