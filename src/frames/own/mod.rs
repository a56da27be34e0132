//! Frames as addresses, whose symbols are looked up without a lock that other threads need.
//!
//! - `addresses`: takes them, and writes them as std does.
//! - `symbols`: what addresses stand for; keeps what was read of a file.
//! - `mappings`: which file an address is in; `module`: the symbols and lines of such a file.

mod addresses;
mod mappings;
mod module;
mod symbols;

pub(crate) use addresses::Frames;
