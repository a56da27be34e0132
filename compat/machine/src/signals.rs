//! The signals that tell a program to end.

use std::ffi::c_int;
use std::io::{self, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicPtr, Ordering};
use std::{mem, ptr};

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::low_level::{emulate_default_handler, register};

use crate::spawn_background;

const THREAD_NAME: &str = "tracehound-signals";

/// One signal, and what happens at it.
struct Told {
    signal: c_int,
    is_registered: AtomicBool,
    /// The program had a handler of its own, which is called all the same, and decides what follows.
    is_handled: AtomicBool,
    /// It came once: the second time nobody is to wait any longer.
    has_come: AtomicBool,
}

static TOLD: [Told; 2] = [Told::new(SIGTERM), Told::new(SIGINT)];
/// The process that has the thread; a child that was forked has none, and is not to talk to its parent's.
static OWNER: AtomicI32 = AtomicI32::new(0);
/// Leads to the thread. Null, or leaked by [`on_termination`].
static CALL: AtomicPtr<UnixStream> = AtomicPtr::new(ptr::null_mut());

/// Has `work` done when `SIGTERM` or `SIGINT` arrives, on a thread of its own, and then lets happen what happens
/// without this: the process ends by the signal, or the handler that the program had before decides (it is
/// called at once). `work` is told whether the process ends.
///
/// A signal that the program ignores stays ignored. The second signal ends the process at once. Handlers that the
/// program sets later take the place of this one. In a child that was forked the signals do what they do without
/// this, until it calls this, too; a second call in the same process does nothing.
///
/// # Errors
///
/// Where the system has no room for another thread or descriptor.
pub fn on_termination(work: impl Fn(bool) + Send + 'static) -> io::Result<()> {
    let process = process();
    if OWNER.load(Ordering::Acquire) == process {
        return Ok(());
    }
    let (call, mut called) = UnixStream::pair()?;
    call.set_nonblocking(true)?;
    spawn_background(THREAD_NAME, move || {
        let mut place = [0];
        while called.read_exact(&mut place).is_ok() {
            let [place] = place;
            let Some(told) = TOLD.get(usize::from(place)) else { continue };
            let ends = !told.is_handled.load(Ordering::Relaxed);
            work(ends);
            if ends {
                let _ = emulate_default_handler(told.signal);
            }
        }
    })?;
    CALL.store(Box::leak(Box::new(call)), Ordering::Release);
    OWNER.store(process, Ordering::Release);
    TOLD.iter().enumerate().try_for_each(|(place, told)| told.register(place))
}

impl Told {
    const fn new(signal: c_int) -> Self {
        Told {
            signal,
            is_registered: AtomicBool::new(false),
            is_handled: AtomicBool::new(false),
            has_come: AtomicBool::new(false),
        }
    }

    #[allow(unsafe_code)]
    fn register(&'static self, place: usize) -> io::Result<()> {
        let before = disposition(self.signal)?;
        if before == libc::SIG_IGN || self.is_registered.swap(true, Ordering::Relaxed) {
            return Ok(());
        }
        self.is_handled.store(before != libc::SIG_DFL, Ordering::Relaxed);
        let place = u8::try_from(place).unwrap_or(u8::MAX);
        // SAFETY: what runs in the handler takes no lock, allocates nothing and does not unwind: it reads and writes
        // atomics, asks for the process's number, writes a byte to a socket, or ends the process.
        unsafe { register(self.signal, move || self.arrived(place)) }.map(drop)
    }

    /// In the signal handler.
    #[allow(unsafe_code)]
    fn arrived(&self, place: u8) {
        let is_mine = OWNER.load(Ordering::Acquire) == process();
        let is_handled = self.is_handled.load(Ordering::Relaxed);
        if !is_handled && (!is_mine || self.has_come.swap(true, Ordering::Relaxed)) {
            let _ = emulate_default_handler(self.signal);
        }
        if is_mine {
            // SAFETY: it is null, or was leaked and lives for ever.
            if let Some(mut call) = unsafe { CALL.load(Ordering::Acquire).as_ref() } {
                // Where nobody reads any more, this is no signal.
                let _ = call.write(&[place]);
            }
        }
    }
}

/// What the process does at a signal.
#[allow(unsafe_code)]
fn disposition(signal: c_int) -> io::Result<libc::sighandler_t> {
    // SAFETY: a `sigaction` of zeros is a valid one; the call writes to it and changes nothing.
    unsafe {
        let mut now: libc::sigaction = mem::zeroed();
        match libc::sigaction(signal, ptr::null(), &raw mut now) {
            0 => Ok(now.sa_sigaction),
            _ => Err(io::Error::last_os_error()),
        }
    }
}

#[allow(unsafe_code)]
fn process() -> i32 {
    // SAFETY: it takes nothing and always succeeds.
    unsafe { libc::getpid() }
}
