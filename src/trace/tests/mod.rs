//! What the core promises, beyond what one file of it can show.

mod inheritance;
mod slots;
mod traces;
