//! Bodies to model, one file per encoding of the agent's protocol.
//!
//! `payload` is the door; below it `span_map` (v0.3, v0.4), `v05`, `v07` and `v1` each read one encoding, with what `reader`
//! gives them. A field of a span goes into the decoder of each encoding that has it. `check` and `store` rely on what a
//! [`Payload`] holds, and on nothing of how it was written.
//!
//! Decoding is strict: a body is either exactly what its encoding allows or an [`Error`] that says
//! where and why not. It is also safe against hostile bodies: no length in the body is believed
//! before its elements were read, nothing recurses with the input, and what one body may unfold to
//! in memory is bounded.

#![deny(clippy::arithmetic_side_effects)]

mod attributes;
mod error;
mod head;
mod native;
mod payload;
mod reader;
mod span_map;
mod tag_form;
mod trace_id;
mod v05;
mod v07;
mod v1;

pub use error::Error;
pub use payload::{Encoding, Payload, decode};
pub(crate) use reader::is_one_value;
pub(crate) use trace_id::high_bits;
