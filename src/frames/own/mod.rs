//! Frames as addresses. Their symbols are looked up without a lock that other threads need.
//!
//! - `addresses`: takes the addresses of a stack, and writes them as std does.
//! - `symbols`: looks up the symbols of addresses, and keeps what was read of a file.
//! - `mappings`: which file an address is in; `module`: the symbols and line numbers of such a file.

mod addresses;
mod mappings;
mod module;
mod symbols;

pub(crate) use addresses::Frames;
