//! Something that is done before `SIGTERM` or `SIGINT` ends the program.
//!
//! std has no signals; `signal-hook` keeps the handlers that were there before, and the rest is here: a handler may do
//! next to nothing, so it sends one byte to a thread, which does the work. `unsafe`: foreign functions that may be called
//! in a handler (`send`), `sigaction` to look at what is set, and a pointer to the sending socket, which is
//! null or leaked and so lives for ever.

use std::ffi::c_int;
use std::io::{self, Read as _};
use std::os::fd::AsRawFd as _;
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicU32, Ordering};
use std::{mem, process, ptr};

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::low_level::{emulate_default_handler, register};

use crate::{Descriptor, SEND_FLAGS, spawn_background};

const THREAD_NAME: &str = "tracehound-signals";

/// One signal, and what happens at it.
struct Watched {
    signal: c_int,
    is_registered: AtomicBool,
    /// The program had a handler of its own, which is called all the same, and decides what follows.
    is_handled: AtomicBool,
    /// It came once. The second one ends the process at once.
    has_come: AtomicBool,
}

static SIGNALS: [Watched; 2] = [Watched::new(SIGTERM), Watched::new(SIGINT)];
/// The number of the process that has the thread; a child that was forked has none, and is not to talk to its parent's.
static THREAD_OF: AtomicU32 = AtomicU32::new(0);
/// The end that the handler writes to. Null, or leaked by [`on_termination`].
static SENDER: AtomicPtr<SocketEnd> = AtomicPtr::new(ptr::null_mut());

/// One end of the pair of sockets between the handler and the thread.
///
/// A program that closes all descriptors that it does not know closes this one too, and may open something else under
/// its number: so it is looked at before each use, and before it is closed.
struct SocketEnd(Descriptor<UnixStream>);

impl SocketEnd {
    /// In the signal handler: says whether the thread will read it.
    #[expect(unsafe_code, reason = "std's `write` may raise a signal of its own")]
    fn send(&self, byte: u8) -> bool {
        let Ok(socket) = self.0.get() else { return false };
        let byte = ptr::from_ref(&byte).cast();
        // SAFETY: the pointer is to one byte, as the length says, that lives through the call.
        let sent = unsafe { libc::send(socket.as_raw_fd(), byte, 1, SEND_FLAGS) };
        sent == 1
    }

    /// In the thread: waits for a byte; `None` when none can come any more.
    fn receive(&self) -> Option<u8> {
        let mut byte = [0];
        self.0.get().ok()?.read_exact(&mut byte).ok()?;
        let [byte] = byte;
        Some(byte)
    }
}

/// Has `work` done when `SIGTERM` or `SIGINT` arrives, on a thread of its own, and then lets happen what happens
/// without this: the process ends by the signal, or the handler that the program had before decides (it is
/// called at once). `work` is told whether the process ends.
///
/// A signal that the program ignores stays ignored. The second signal ends the process at once. Handlers that the
/// program sets later take the place of this one. In a child that was forked the signals do what they do without
/// this, until it calls this, too; a second call in the same process does nothing. A program that closes all
/// descriptors that it does not know has this no longer, until it calls it again: signals then do what they do
/// without it.
///
/// # Errors
///
/// Where the system has no room for another thread or descriptor.
pub fn on_termination(work: impl Fn(bool) + Send + 'static) -> io::Result<()> {
    let process = process::id();
    if THREAD_OF.load(Ordering::Acquire) == process
        && current_sender().is_some_and(|sender| sender.0.get().is_ok())
    {
        return Ok(());
    }
    let (sender, receiver) = UnixStream::pair()?;
    sender.set_nonblocking(true)?;
    let (sender, receiver) =
        (SocketEnd(Descriptor::new(sender)?), SocketEnd(Descriptor::new(receiver)?));
    spawn_background(THREAD_NAME, move || {
        while let Some(place) = receiver.receive() {
            let Some(signal) = SIGNALS.get(usize::from(place)) else { continue };
            let ends = !signal.is_handled.load(Ordering::Relaxed);
            work(ends);
            if ends {
                let _ = emulate_default_handler(signal.signal);
            }
        }
    })?;
    SENDER.store(Box::leak(Box::new(sender)), Ordering::Release);
    THREAD_OF.store(process, Ordering::Release);
    SIGNALS.iter().enumerate().try_for_each(|(place, signal)| signal.register(place))
}

impl Watched {
    const fn new(signal: c_int) -> Self {
        Watched {
            signal,
            is_registered: AtomicBool::new(false),
            is_handled: AtomicBool::new(false),
            has_come: AtomicBool::new(false),
        }
    }

    #[expect(unsafe_code, reason = "what runs in a signal handler")]
    fn register(&'static self, place: usize) -> io::Result<()> {
        let before = disposition(self.signal)?;
        if before == libc::SIG_IGN || self.is_registered.swap(true, Ordering::Relaxed) {
            return Ok(());
        }
        self.is_handled.store(before != libc::SIG_DFL, Ordering::Relaxed);
        let place = u8::try_from(place).unwrap_or(u8::MAX);
        // SAFETY: what runs in the handler takes no lock, allocates nothing and does not unwind: it reads and writes
        // atomics, asks for the process's number and for what a descriptor is, sends a byte, or ends the process.
        unsafe { register(self.signal, move || self.arrived(place)) }.map(drop)
    }

    /// In the signal handler.
    fn arrived(&self, place: u8) {
        let is_mine = THREAD_OF.load(Ordering::Acquire) == process::id();
        let is_sent = is_mine && current_sender().is_some_and(|sender| sender.send(place));
        let is_handled = self.is_handled.load(Ordering::Relaxed);
        // Where no thread reads it, nobody else would end the process.
        if !is_handled && (!is_sent || self.has_come.swap(true, Ordering::Relaxed)) {
            let _ = emulate_default_handler(self.signal);
        }
    }
}

#[expect(unsafe_code, reason = "an atomic pointer")]
fn current_sender() -> Option<&'static SocketEnd> {
    // SAFETY: it is null, or was leaked and lives for ever.
    unsafe { SENDER.load(Ordering::Acquire).as_ref() }
}

/// What the process does at a signal.
#[expect(unsafe_code, reason = "`sigaction` is a foreign function")]
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
