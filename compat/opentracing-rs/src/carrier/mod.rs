//! Carriers: what a context is written into and read from, by which format, and what can fail.
//!
//! It knows no context and no tracer. A new type becomes a carrier in `collections` or in a file of its own, as
//! `header_map` is; a new format is a variant of `Format`, and then of both types in `by_format`.

mod by_format;
#[expect(clippy::module_inception, reason = "the file of the traits of carriers")]
mod carrier;
mod collections;
mod error;
mod format;
#[cfg(feature = "http")]
mod header_map;

pub use by_format::{ExtractFrom, InjectInto};
pub use carrier::{ExtractCarrier, InjectCarrier, TextMapReader, TextMapWriter};
pub use error::{Error, ErrorKind};
pub use format::Format;
