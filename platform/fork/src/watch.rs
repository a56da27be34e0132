//! The handlers that run around a fork: one before it in the parent, one after it in the child.
//!
//! std does not tell of forks. `unsafe`: `pthread_atfork` is a foreign function that calls ours. It holds because both
//! are functions that live as long as the program and do not unwind; the one in the child only adds to an atomic.

use std::io;
use std::marker::PhantomData;
use std::sync::atomic::{AtomicBool, Ordering};

/// What is to be done before a fork.
pub trait BeforeFork {
    /// Called in the process that is about to fork, on the thread that forks, as a function of the program
    /// might be: it may lock and allocate. A panic ends here.
    ///
    /// It is called for every fork, also where the child only executes another program, as
    /// `std::process::Command` with `pre_exec` does. It may be called twice.
    fn before_fork();
}

/// Counts forks in [`epoch`](crate::epoch), and calls `H` before each of them.
///
/// A static: handlers are never unregistered.
#[derive(Debug)]
pub struct Watch<H> {
    is_started: AtomicBool,
    hook: PhantomData<fn() -> H>,
}

impl<H: BeforeFork> Watch<H> {
    /// A watch that is not started.
    #[must_use]
    pub const fn new() -> Self {
        Watch { is_started: AtomicBool::new(false), hook: PhantomData }
    }

    /// Registers the handlers, if that has not been done.
    ///
    /// # Errors
    ///
    /// When the system is out of memory (`pthread_atfork`).
    #[cfg(unix)]
    #[expect(unsafe_code, reason = "pthread_atfork is a foreign function")]
    pub fn start(&self) -> io::Result<()> {
        // Two threads, or a child of a process that was just here, may register twice. That does no harm; to
        // wait for one who may not exist would.
        if self.is_started.load(Ordering::Acquire) {
            return Ok(());
        }
        // SAFETY: both handlers are functions of the signature that is asked for, live as long as the code
        // does, and do not unwind: `before` catches, and `next` adds to an atomic.
        let error =
            unsafe { libc::pthread_atfork(Some(before::<H>), None, Some(crate::epoch::next)) };
        if error != 0 {
            return Err(io::Error::from_raw_os_error(error));
        }
        self.is_started.store(true, Ordering::Release);
        Ok(())
    }

    /// Does nothing: there is no fork here.
    ///
    /// # Errors
    ///
    /// Never.
    #[cfg(not(unix))]
    pub fn start(&self) -> io::Result<()> {
        self.is_started.store(true, Ordering::Relaxed);
        Ok(())
    }
}

impl<H: BeforeFork> Default for Watch<H> {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(unix)]
extern "C" fn before<H: BeforeFork>() {
    if let Err(payload) = std::panic::catch_unwind(H::before_fork) {
        // What was thrown may panic when it is dropped.
        std::mem::forget(payload);
    }
}
