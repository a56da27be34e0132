//! Switching tracing off on a thread.

use std::cell::Cell;
use std::marker::PhantomData;

thread_local! {
    /// How many guards keep tracing off on this thread.
    static SUPPRESSED: Cell<u32> = const { Cell::new(0) };
}

/// Keeps tracing off on this thread until it is dropped.
///
/// Made by [`suppress`](crate::suppress).
#[must_use = "tracing is off only until the guard is dropped"]
#[derive(Debug)]
pub struct Suppression {
    _thread: PhantomData<*const ()>,
}

/// Switches tracing off on this thread: spans started here do not exist, until the guard is dropped.
///
/// For code whose spans nobody wants, such as a health check or the exporter of another signal.
///
/// ```
/// let tracer = tracehound::Tracer::builder().build();
/// let _off = tracehound::suppress();
/// assert!(tracer.trace("unwanted").is_none());
/// ```
pub fn suppress() -> Suppression {
    let _ = SUPPRESSED.try_with(|depth| depth.set(depth.get().saturating_add(1)));
    Suppression { _thread: PhantomData }
}

impl Drop for Suppression {
    fn drop(&mut self) {
        let _ = SUPPRESSED.try_with(|depth| depth.set(depth.get().saturating_sub(1)));
    }
}

#[inline]
pub(crate) fn is_suppressed() -> bool {
    SUPPRESSED.try_with(|depth| depth.get() > 0).unwrap_or(false)
}
