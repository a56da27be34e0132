//! The model as text for a terminal.
//!
//! `tree` draws; `columns` says how wide what is, `details` what stands below a span, `outcome` what an agent would drop.
//! Everything that comes from the wire goes through `text`, which makes it harmless. The texts that come out are what
//! the tests compare: a change here shows in them.

#![deny(clippy::arithmetic_side_effects)]

mod bar;
mod columns;
mod details;
mod outcome;
mod paint;
mod style;
mod text;
mod tree;
mod units;

pub use style::Style;
pub use text::{escape, fit};
pub use tree::{render, render_finding};
