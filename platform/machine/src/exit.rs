//! Something that is done when the process ends.
//!
//! std runs nothing at the end of a process: statics are not dropped. `unsafe`: `atexit` is a foreign function that calls
//! ours, which lives as long as the program and does not unwind.

use std::io;

/// What is to be done when the process ends.
pub trait AtExit {
    /// Called on the thread that ends the process: by `exit`, or by returning from `main`. A panic ends here.
    ///
    /// The thread-locals of that thread may be gone. Other threads run on. The thread may be in the midst of
    /// anything, and hold any lock: some programs call `exit` in a signal handler.
    fn at_exit();
}

/// Has `H` called when the process ends by `exit` or by returning from `main`; for each call once.
///
/// Not where it ends otherwise: by a signal, `abort` or `_exit`, or by executing another program. A child that
/// was forked inherits it. Where there is no Unix nothing is called.
///
/// # Errors
///
/// When the system is out of memory (`atexit`).
#[cfg(unix)]
#[expect(unsafe_code, reason = "`atexit` is a foreign function")]
pub fn at_exit<H: AtExit>() -> io::Result<()> {
    // SAFETY: the handler is a function of the signature that is asked for, lives as long as the code does, and
    // does not unwind: it catches.
    match unsafe { libc::atexit(run::<H>) } {
        0 => Ok(()),
        _ => Err(io::ErrorKind::OutOfMemory.into()),
    }
}

/// Does nothing: what runs at the end of a process is not told here.
///
/// # Errors
///
/// Never.
#[cfg(not(unix))]
pub fn at_exit<H: AtExit>() -> io::Result<()> {
    Ok(())
}

#[cfg(unix)]
extern "C" fn run<H: AtExit>() {
    if let Err(payload) = std::panic::catch_unwind(H::at_exit) {
        // What was thrown may panic when it is dropped.
        std::mem::forget(payload);
    }
}
