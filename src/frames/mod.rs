//! The frames of a stack: taken where an error is reported, written out in the background.

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
