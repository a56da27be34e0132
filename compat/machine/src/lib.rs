//! What is wanted of the machine below the standard library, where that costs too much or has no word for it.
//!
//! - [`counter`] reads the processor's own counter of time: a third of what a clock of the system costs.
//! - [`spawn_background`] starts a thread that takes no signal from the program.
//! - [`Counted`] is an owner beside others, of a value that can be used again and can be looked for.
//! - [`ShortLock`] guards what is changed in a few instructions: half of what a mutex costs.
//!
//! A part of Tracehound, which forbids `unsafe` everywhere else but in `tracehound-fork`. Anybody may use it; it
//! follows Tracehound's needs and versions.

mod background;
mod counted;
mod counter;
mod pause;
mod short_lock;

pub use background::spawn_background;
pub use counted::{Counted, Finder, Sole};
pub use counter::{HAS_COUNTER, counter};
pub use short_lock::{ShortGuard, ShortLock};
