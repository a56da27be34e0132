//! What Tracehound needs of the machine and std does not give, or gives too slowly.
//!
//! | | gives | std |
//! | --- | --- | --- |
//! | [`counter`] | the processor's own counter of time | a clock of the system costs three times as much |
//! | [`literal`] | whether a text is a literal of the program, which need not be copied | cannot tell |
//! | [`spawn_background`] | a thread that takes no signal from the program | a thread has the mask of its maker |
//! | [`at_exit`] | something done when the process ends | nothing runs then |
//! | `on_termination` (feature `signals`) | something done before `SIGTERM` or `SIGINT` ends it | has no signals |
//! | [`Counted`] | shared ownership of a value that is used again and can be looked for | `Weak` forbids the next use |
//! | [`ShortLock`] | a lock for a few instructions | a mutex costs twice as much |
//! | `return_addresses` | the stack of a thread | takes a lock, and gives no addresses |
//! | `map_for_ever` | a file as memory, for the symbols of a stack | copies it |
//! | [`read_beginning`] | a small file, read while the program may close any descriptor | closes what has the number by then |
//! | [`Descriptor`] | a file or socket that the program may close | trusts what it owns |
//! | [`wait_until_ready`] | a wait for one socket | waits by reading or writing only |
//!
//! Each file says first what it gives, why std does not, what in it is `unsafe`, and why that holds.
//!
//! A part of Tracehound, which forbids `unsafe` everywhere else but in `tracehound-fork`. Anybody may use it; it
//! follows Tracehound's needs and versions.

mod background;
mod counted;
mod counter;
mod descriptor;
mod exit;
mod file;
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
pub use descriptor::{AsDescriptor, Descriptor};
pub use exit::{AtExit, at_exit};
pub use file::read_beginning;
#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
pub use frames::return_addresses;
pub use literal::{find_literals, is_literal, literal};
#[cfg(target_os = "linux")]
pub use mapped::map_for_ever;
pub use short_lock::{ShortGuard, ShortLock};
#[cfg(all(unix, feature = "signals"))]
pub use signals::on_termination;
pub use socket::{Readiness, SEND_FLAGS, is_connecting, wait_until_ready};
