//! The real `ddtrace` package, and whatever else runs in Python, as a peer of a test.
//!
//! The pinned packages of `requirements.txt` are installed once into a virtual environment under
//! Cargo's target directory, by whichever test process comes first; the others wait. Later runs
//! need no network.

// From below: `environ` what a child process may see, `process` one that does not outlive its handle, `install` and
// `environment` the packages, `script` a script, `peer` one that answers. What is installed is pinned in
// `requirements.txt`; a change there makes a new environment.

mod environ;
mod environment;
mod install;
mod peer;
mod process;
mod script;

pub use environment::Environment;
pub use peer::Peer;
pub use script::{Output, Script};
