//! The model as text for a terminal.

#![deny(clippy::arithmetic_side_effects)]

mod bar;
mod columns;
mod details;
mod fate;
mod paint;
mod style;
mod text;
mod tree;
mod units;

pub use style::Style;
pub use text::{escape, fit};
pub use tree::{render, render_finding};
