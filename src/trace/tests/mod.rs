//! Behaviour of the core that involves several of its files.

mod inheritance;
mod slots;
mod traces;
