//! Threads that take no signal from the program.
//!
//! A thread of `std::thread` has the signal mask of its maker, and std cannot change that mask. `unsafe`: three calls of
//! libc on sets of signals of our own, which they fill before anything reads them.

use std::cell::Cell;
use std::io;
use std::thread::{Builder, JoinHandle};

/// Starts a thread that no signal from outside of it is ever delivered to.
///
/// A signal that is sent to a process goes to any thread that does not block it. A program that waits for one with
/// `sigwait` or `signalfd` blocks it in its own threads, and relies on nobody else to take it: a thread of a
/// library that does not block it has it instead, with the default action, which ends the process. So the new
/// thread blocks every signal from its first instruction on, `SIGPIPE` included: what it writes to a socket or
/// pipe that nobody reads is an error, and not the end of the program. Only what the thread itself causes by a fault,
/// such as `SIGSEGV`, is not blocked: it ends the process either way, and the program's handler for it can still
/// tell of it.
///
/// A thread inherits what its maker blocks, so the caller blocks all signals for the time of the start. One that
/// arrives meanwhile waits and is delivered after.
///
/// # Errors
///
/// Where the system has no room for another thread.
///
/// ```
/// let thread = tracehound_machine::spawn_background("worker", || 6 * 7)?;
/// assert_eq!(thread.join().ok(), Some(42));
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn spawn_background<T: Send + 'static>(
    name: &str,
    work: impl FnOnce() -> T + Send + 'static,
) -> io::Result<JoinHandle<T>> {
    let builder = Builder::new().name(name.into());
    #[cfg(unix)]
    let _until_it_is_started = Mask::block_all();
    builder.spawn(move || {
        let _ = IS_BACKGROUND.try_with(|is_background| is_background.set(true));
        work()
    })
}

thread_local! {
    static IS_BACKGROUND: Cell<bool> = const { Cell::new(false) };
}

/// Whether this is a thread that [`spawn_background`] has started: one that must not wait for such threads.
#[must_use]
pub fn is_background() -> bool {
    IS_BACKGROUND.try_with(Cell::get).unwrap_or(false)
}

/// What a thread causes itself. While it is blocked the kernel ends the process without calling any handler.
#[cfg(unix)]
const FAULTS: [libc::c_int; 5] =
    [libc::SIGSEGV, libc::SIGBUS, libc::SIGFPE, libc::SIGILL, libc::SIGTRAP];

/// What the calling thread blocked before, which it blocks again when this is dropped.
#[cfg(unix)]
struct Mask(Option<libc::sigset_t>);

#[cfg(unix)]
impl Mask {
    #[expect(unsafe_code, reason = "signal masks are libc's")]
    fn block_all() -> Self {
        let mut all = std::mem::MaybeUninit::<libc::sigset_t>::uninit();
        let mut before = std::mem::MaybeUninit::<libc::sigset_t>::uninit();
        // SAFETY: both sets are places of the right size that live through the calls. `sigfillset` writes all of the
        // first before it is changed or read; the second is written by `pthread_sigmask` where that answers 0, and only then
        // taken for initialised.
        unsafe {
            libc::sigfillset(all.as_mut_ptr());
            for fault in FAULTS {
                libc::sigdelset(all.as_mut_ptr(), fault);
            }
            let changed =
                libc::pthread_sigmask(libc::SIG_SETMASK, all.as_ptr(), before.as_mut_ptr());
            Mask((changed == 0).then(|| before.assume_init()))
        }
    }
}

#[cfg(unix)]
impl Drop for Mask {
    #[expect(unsafe_code, reason = "signal masks are libc's")]
    fn drop(&mut self) {
        let Some(before) = &self.0 else { return };
        // SAFETY: `before` is a set that the system has written; the old value is not asked for.
        unsafe {
            libc::pthread_sigmask(libc::SIG_SETMASK, before, std::ptr::null_mut());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_background_thread_knows_that_it_is_one() {
        assert!(spawn_background("background", is_background).unwrap().join().unwrap());
        assert!(!is_background());
    }

    /// The signals that a thread blocks, as the kernel tells it.
    #[cfg(target_os = "linux")]
    #[allow(clippy::unwrap_used, reason = "of a test")]
    fn blocked() -> u64 {
        let status = std::fs::read_to_string("/proc/thread-self/status").unwrap();
        let mask = status.lines().find_map(|line| line.strip_prefix("SigBlk:")).unwrap();
        u64::from_str_radix(mask.trim(), 16).unwrap()
    }

    #[cfg(target_os = "linux")]
    #[test]
    #[cfg_attr(miri, ignore = "it reads what the kernel says")]
    fn the_thread_blocks_every_signal_but_faults_and_its_maker_what_it_did_before() {
        let before = blocked();
        let inside = spawn_background("blocked", blocked).unwrap().join().unwrap();
        assert_eq!(blocked(), before);
        for signal in [libc::SIGTERM, libc::SIGINT, libc::SIGPIPE, libc::SIGCHLD, libc::SIGUSR1] {
            assert_ne!(inside & 1 << (signal - 1), 0, "signal {signal}");
        }
        for fault in FAULTS {
            assert_eq!(inside & 1 << (fault - 1), before & 1 << (fault - 1), "signal {fault}");
        }
    }
}
