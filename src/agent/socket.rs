//! A socket that never blocks, and that notices if the program has closed its file descriptor.

use std::io::{self, IoSlice, Read as _};
use std::net::Shutdown;
use std::time::Duration;

use socket2::{Domain, SockAddr, Type};
use tracehound_machine::{Descriptor, Readiness, SEND_FLAGS, is_connecting, wait_until_ready};

use super::deadline::Deadline;
use super::meanwhile::{Meanwhile, work};
use super::stream::Stream;

/// The pause before another try where the queue of a Unix socket is full.
const BUSY_PAUSE: Duration = Duration::from_millis(10);

/// A connection to the agent.
///
/// A program may close all file descriptors that it does not know, this one included, and its next file or socket may
/// get the same number. So each use first checks that the number still stands for this socket. Otherwise spans would be
/// written into a file of the program, or that file would be closed.
#[derive(Debug)]
pub(super) struct Socket(Descriptor<socket2::Socket>);

impl Socket {
    /// Connects before the deadline.
    pub(super) fn connect(
        address: &SockAddr,
        deadline: Deadline,
        meanwhile: Meanwhile<'_>,
    ) -> io::Result<Self> {
        let socket = socket2::Socket::new(address.domain(), Type::STREAM, None)?;
        let made = Socket(Descriptor::new(socket)?);
        made.0.get()?.set_nonblocking(true)?;
        made.reach(address, deadline, meanwhile)?;
        if address.domain() != Domain::UNIX {
            // A request is written at once, so there is nothing to wait for before it is sent.
            let _ = made.0.get()?.set_tcp_nodelay(true);
        }
        Ok(made)
    }

    fn reach(
        &self,
        address: &SockAddr,
        deadline: Deadline,
        meanwhile: Meanwhile<'_>,
    ) -> io::Result<()> {
        let wanted = Readiness { write: true, read: false };
        let mut begun = false;
        loop {
            if !begun {
                match self.0.get()?.connect(address) {
                    Ok(()) => return Ok(()),
                    Err(error) if is_connecting(&error) => begun = true,
                    // The queue of a Unix socket is full. The connection has not begun; it is tried again soon.
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                    Err(error) => return Err(error),
                }
            }
            let time = work(&mut *meanwhile, deadline.remaining());
            let time = time.ok_or_else(|| deadline.error())?;
            if !begun {
                std::thread::sleep(time.min(BUSY_PAUSE));
            } else if self.wait(wanted, time)?.write {
                let socket = self.0.get()?;
                if let Some(error) = socket.take_error()? {
                    return Err(error);
                }
                // On systems without `poll(2)` it may not be connected yet.
                if socket.peer_addr().is_ok() {
                    return Ok(());
                }
            }
            if deadline.has_passed() {
                return Err(deadline.error());
            }
        }
    }
}

impl Stream for Socket {
    fn read(&self, into: &mut [u8]) -> io::Result<usize> {
        self.0.get()?.read(into)
    }

    fn write(&self, parts: &[IoSlice<'_>]) -> io::Result<usize> {
        match parts {
            [part] => self.0.get()?.send_with_flags(part, SEND_FLAGS),
            parts => self.0.get()?.send_vectored_with_flags(parts, SEND_FLAGS),
        }
    }

    fn drain(&self, into: &mut [u8]) -> io::Result<usize> {
        self.read(into)
    }

    fn close_writing(&self) -> io::Result<()> {
        self.0.get()?.shutdown(Shutdown::Write)
    }

    fn wait(&self, wanted: Readiness, time: Duration) -> io::Result<Readiness> {
        wait_until_ready(self.0.unchecked(), wanted, time)
    }
}
