//! Which process this is: a number that a `fork` changes in the child.
//!
//! std has `process::id`, a system call each time; this is one load. No `unsafe` here.

#[cfg(unix)]
mod count {
    use std::sync::atomic::{AtomicU32, Ordering};

    static EPOCH: AtomicU32 = AtomicU32::new(0);

    /// One relaxed load: a thread of the child comes from the thread that counted, and sees what that did.
    #[inline]
    pub(super) fn get() -> u32 {
        EPOCH.load(Ordering::Relaxed)
    }

    /// The handler in the child. All that it does may be done in a signal handler, too.
    pub(crate) extern "C" fn next() {
        EPOCH.fetch_add(1, Ordering::Relaxed);
    }
}

#[cfg(unix)]
pub(crate) use count::next;

/// A number that is another one in a child than in the process it was forked from, once a [`Watch`] has been
/// started there.
///
/// Costs one load of a static. It says nothing of processes that are not related.
///
/// [`Watch`]: crate::Watch
#[must_use]
#[inline]
pub fn epoch() -> u32 {
    #[cfg(unix)]
    return count::get();
    #[cfg(not(unix))]
    0
}
