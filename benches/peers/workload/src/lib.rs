//! The workloads, and how each of them is measured.
//!
//! A peer implements [`Peer`] and calls [`serve`]: the process then measures what it is told to on its standard
//! input, one command per line, and answers one line each (`command.rs` has the list). So all peers run at
//! the same time, warm, and the driver lets them take turns.

mod clock;
mod command;
mod headers;
mod measure;
mod paced;
mod peer;
mod threads;

pub use command::serve;
pub use headers::{Request, Sent};
pub use measure::CountAllocations;
pub use peer::{KEYS, Peer, Shape, URL};
