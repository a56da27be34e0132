//! What is wanted of the machine below the standard library, where that costs too much or has no word for it.
//!
//! - [`counter`] reads the processor's own counter of time: a third of what a clock of the system costs.
//! - [`literal`] tells the literals of the program from all other texts, so that they need not be copied.
//! - [`spawn_background`] starts a thread that takes no signal from the program.
//! - [`at_exit`] has something done when the process ends.
//! - `on_termination` (feature `signals`) has something done before `SIGTERM` or `SIGINT` ends it.
//! - [`Counted`] is an owner beside others, of a value that can be used again and can be looked for.
//! - [`ShortLock`] guards what is changed in a few instructions: half of what a mutex costs.
//! - `return_addresses` is a thread's stack without std's lock, and `map_for_ever` the file that its symbols are in.
//! - [`wait_until_ready`] waits for one socket, without a descriptor of its own, and [`Identity`] tells whether a
//!   descriptor still is what it was.
//!
//! A part of Tracehound, which forbids `unsafe` everywhere else but in `tracehound-fork`. Anybody may use it; it
//! follows Tracehound's needs and versions.

mod background;
mod counted;
mod counter;
mod exit;
#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
mod frames;
mod literal;
#[cfg(target_os = "linux")]
mod mapped;
#[cfg(all(test, tracehound_model))]
mod models;
mod primitives;
mod short_lock;
#[cfg(all(unix, feature = "signals"))]
mod signals;
mod socket;

pub use background::{is_background, spawn_background};
pub use counted::{Counted, Finder, Sole};
pub use counter::{HAS_COUNTER, counter};
pub use exit::{AtExit, at_exit};
#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
pub use frames::return_addresses;
pub use literal::{find_literals, literal};
#[cfg(target_os = "linux")]
pub use mapped::map_for_ever;
pub use short_lock::{ShortGuard, ShortLock};
#[cfg(all(unix, feature = "signals"))]
pub use signals::on_termination;
pub use socket::{Identity, Readiness, SEND_FLAGS, is_connecting, wait_until_ready};
