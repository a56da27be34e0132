//! Chunks as bytes: the agent's trace payload formats.

mod events;
mod msgpack;
mod process;
mod v04;

pub(crate) use process::Process;
pub(crate) use v04::{Encoder, Payload};
