//! The frames of a stack. They are taken where an error is reported, and written as text in the background.
//!
//! - `wanted`: whether errors and panics come with a stack.
//! - `own`: frames as addresses, for Linux. Their symbols are looked up without a lock that other threads need.
//! - `of_std`: frames of the standard library, for other systems and without the feature `symbols`.
//!
//! [`Frames::take`] runs on the application's threads, also in the panic hook. It takes microseconds, never waits and
//! does not panic. `Display` may take long, so as a rule only the worker calls it.

#[cfg_attr(
    not(all(
        feature = "symbols",
        target_os = "linux",
        any(target_arch = "x86_64", target_arch = "aarch64")
    )),
    path = "of_std.rs"
)]
mod own;
mod wanted;

pub(crate) use own::Frames;
pub(crate) use wanted::are_wanted;
