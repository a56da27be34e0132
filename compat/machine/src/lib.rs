//! What is wanted of the machine below the standard library, where that costs too much or has no word for it.
//!
//! - [`counter`] reads the processor's own counter of time: a third of what a clock of the system costs.
//! - [`spawn_background`] starts a thread that takes no signal from the program.
//! - [`ShortLock`] guards what is changed in a few instructions: half of what a mutex costs.
//! - [`wait_until_ready`] waits for one socket, without a descriptor of its own, and [`Identity`] tells whether a
//!   descriptor still is what it was.
//!
//! A part of Tracehound, which forbids `unsafe` everywhere else but in `tracehound-fork`. Anybody may use it; it
//! follows Tracehound's needs and versions.

mod background;
mod counter;
mod pause;
mod short_lock;
mod socket;

pub use background::spawn_background;
pub use counter::{HAS_COUNTER, counter};
pub use short_lock::{ShortGuard, ShortLock};
pub use socket::{Identity, Readiness, SEND_FLAGS, is_connecting, wait_until_ready};
