//! Waiting for one socket.
//!
//! std waits for a socket only by reading or writing it. `unsafe`: `poll` is a foreign function that writes to a place of
//! ours. It holds because that place has the size that is said, and lives through the call.

use std::io;
use std::time::Duration;

/// Flags for `send` that make a write to a socket that nobody reads an error, and never the signal `SIGPIPE`.
///
/// 0 where the system has no such flag: on Apple's, a socket has an option for it, which `socket2` sets, and
/// elsewhere there is no such signal.
pub const SEND_FLAGS: i32 = NO_SIGNAL;

#[cfg(all(unix, not(target_vendor = "apple")))]
const NO_SIGNAL: i32 = libc::MSG_NOSIGNAL;
#[cfg(not(all(unix, not(target_vendor = "apple"))))]
const NO_SIGNAL: i32 = 0;

/// What a socket is to be ready for, or is ready for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Readiness {
    /// Bytes, the end of what the other side writes, or an error.
    pub read: bool,
    /// Room for bytes, or an error.
    pub write: bool,
}

impl Readiness {
    /// Whether it is for anything.
    #[must_use]
    pub fn is_any(self) -> bool {
        self.read || self.write
    }
}

/// Waits until a socket is ready for some of what is wanted, or the time is over; says for what.
///
/// An error of the socket, or a descriptor that is closed, counts as ready for all that is wanted: who then reads
/// or writes gets the error. A signal ends the wait early. Times are rounded up to whole milliseconds.
///
/// It is `poll(2)`, which needs no descriptor of its own: there is none that a program could close, and nothing
/// that is left behind in a child.
///
/// # Errors
///
/// Where the system has no memory for it.
#[cfg(unix)]
#[expect(unsafe_code, reason = "`poll` is a foreign function")]
pub fn wait_until_ready(
    socket: &impl std::os::fd::AsFd,
    wanted: Readiness,
    time: Duration,
) -> io::Result<Readiness> {
    use std::os::fd::AsRawFd as _;

    let whole = if time.subsec_nanos() % 1_000_000 == 0 { 0 } else { 1 };
    let time = i32::try_from(time.as_millis().saturating_add(whole)).unwrap_or(i32::MAX);
    let events =
        if wanted.read { libc::POLLIN } else { 0 } | if wanted.write { libc::POLLOUT } else { 0 };
    let mut polled = libc::pollfd { fd: socket.as_fd().as_raw_fd(), events, revents: 0 };
    // SAFETY: the pointer is to one `pollfd`, as the count says, which lives through the call and is nobody else's.
    // Any number may stand for the descriptor: one that is none is told as an event.
    let ready = unsafe { libc::poll(&raw mut polled, 1, time) };
    if ready < 0 {
        let error = io::Error::last_os_error();
        return match error.kind() {
            io::ErrorKind::Interrupted => Ok(Readiness::default()),
            _ => Err(error),
        };
    }
    let failed = polled.revents & (libc::POLLERR | libc::POLLHUP | libc::POLLNVAL) != 0;
    let is_ready = |event| failed || polled.revents & event != 0;
    Ok(Readiness {
        read: wanted.read && is_ready(libc::POLLIN),
        write: wanted.write && is_ready(libc::POLLOUT),
    })
}

/// Waits a moment, of a millisecond or less, and says that the socket is ready for all that is wanted.
///
/// There is no `poll(2)` here. Who then reads or writes a socket that does not block finds out, and waits again.
///
/// # Errors
///
/// None.
#[cfg(not(unix))]
pub fn wait_until_ready<S>(_: &S, wanted: Readiness, time: Duration) -> io::Result<Readiness> {
    std::thread::sleep(time.min(Duration::from_millis(1)));
    Ok(wanted)
}

/// Whether the error of a `connect` that does not block says no more than that it takes its time.
#[must_use]
pub fn is_connecting(error: &io::Error) -> bool {
    #[cfg(unix)]
    return error.raw_os_error() == Some(libc::EINPROGRESS);
    #[cfg(not(unix))]
    return error.kind() == io::ErrorKind::WouldBlock;
}

#[cfg(test)]
#[cfg(all(unix, not(miri)))]
mod tests {
    use super::*;
    use std::io::{Read as _, Write as _};
    use std::os::unix::net::UnixStream;

    const BOTH: Readiness = Readiness { read: true, write: true };
    const READ: Readiness = Readiness { read: true, write: false };
    const LONG: Duration = Duration::from_secs(60);

    #[test]
    fn what_can_be_done_is_told_and_nothing_else() {
        let (mut here, mut there) = UnixStream::pair().unwrap();
        let none = wait_until_ready(&here, READ, Duration::from_micros(1)).unwrap();
        assert_eq!(none, Readiness::default());
        assert!(!none.is_any());
        let write = Readiness { write: true, read: false };
        assert_eq!(wait_until_ready(&here, BOTH, LONG).unwrap(), write);
        there.write_all(b"x").unwrap();
        assert_eq!(wait_until_ready(&here, READ, LONG).unwrap(), READ);
        assert_eq!(wait_until_ready(&here, BOTH, LONG).unwrap(), BOTH);
        here.read_exact(&mut [0]).unwrap();
        drop(there);
        assert_eq!(wait_until_ready(&here, BOTH, LONG).unwrap(), BOTH, "both would fail at once");
    }

    #[test]
    fn a_wait_is_never_shorter_than_the_time() {
        let (here, _there) = UnixStream::pair().unwrap();
        let (start, time) = (std::time::Instant::now(), Duration::from_micros(1_100));
        wait_until_ready(&here, READ, time).unwrap();
        assert!(start.elapsed() >= time);
    }

    #[test]
    fn only_one_error_of_a_connect_is_none() {
        assert!(is_connecting(&io::Error::from_raw_os_error(libc::EINPROGRESS)));
        assert!(!is_connecting(&io::Error::from_raw_os_error(libc::EAGAIN)));
    }
}
