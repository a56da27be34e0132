//! Every interleaving of a few threads that meet at what this crate has for them; `primitives.rs` has the command.

#![allow(clippy::expect_used, clippy::unwrap_used)]

mod counted;
mod short_lock;
mod tried;
