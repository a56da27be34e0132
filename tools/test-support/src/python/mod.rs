//! The real `ddtrace` package, and whatever else runs in Python, as a peer of a test.
//!
//! The pinned packages of `requirements.txt` are installed once into a virtual environment under
//! Cargo's target directory, by whichever test process comes first; the others wait. Later runs
//! need no network.

mod environ;
mod environment;
mod install;
mod peer;
mod process;
mod script;

pub use environment::Environment;
pub use peer::Peer;
pub use script::{Output, Script};
