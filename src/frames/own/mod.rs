//! Frames as addresses, whose symbols are looked up without a lock that other threads need.

mod addresses;
mod mappings;
mod module;
mod symbols;

pub(crate) use addresses::Frames;
