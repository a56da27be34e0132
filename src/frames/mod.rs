//! The frames of a stack: taken where an error is reported, written out in the background.
//!
//! - `wanted`: whether errors and panics come with a stack.
//! - `own`: frames as addresses, whose symbols are looked up without a lock that other threads need; on Linux.
//! - `of_std`: in its place elsewhere, and without the feature `symbols`.
//!
//! [`Frames::take`] runs on the application's threads, also in the panic hook: it takes microseconds, waits for nobody
//! and does not panic. `Display` may take long, and is the worker's.

#[cfg(all(
    feature = "symbols",
    target_os = "linux",
    any(target_arch = "x86_64", target_arch = "aarch64")
))]
mod own;
#[cfg(not(all(
    feature = "symbols",
    target_os = "linux",
    any(target_arch = "x86_64", target_arch = "aarch64")
)))]
#[path = "of_std.rs"]
mod own;
mod wanted;

pub(crate) use own::Frames;
pub(crate) use wanted::are_wanted;
