//! A socket that never blocks, and that is given up where its descriptor is no longer its own.

use std::io::{self, IoSlice, Read as _};
use std::net::Shutdown;
use std::time::Duration;

use socket2::{Domain, SockAddr, Type};
use tracehound_machine::{Identity, Readiness, SEND_FLAGS, is_connecting, wait_until_ready};

use super::deadline::Deadline;
use super::meanwhile::{Meanwhile, work};
use super::stream::Stream;

/// How long an agent that has too many who want to connect is left alone.
const BUSY_PAUSE: Duration = Duration::from_millis(10);

/// A connection to the agent.
///
/// The program may close the descriptor, with all that it does not know, and its next file or socket may get the
/// number. So it is looked at before each use whether the number still stands for this socket: what is written goes
/// into nothing else, and nothing else is closed.
#[derive(Debug)]
pub(super) struct Socket {
    /// `None` only while it is dropped.
    socket: Option<socket2::Socket>,
    identity: Identity,
}

impl Socket {
    /// A connection, made before the deadline.
    pub(super) fn connect(
        address: &SockAddr,
        deadline: Deadline,
        meanwhile: Meanwhile<'_>,
    ) -> io::Result<Self> {
        let socket = socket2::Socket::new(address.domain(), Type::STREAM, None)?;
        let made = Socket { identity: Identity::of(&socket)?, socket: Some(socket) };
        made.get()?.set_nonblocking(true)?;
        made.reach(address, deadline, meanwhile)?;
        if address.domain() != Domain::UNIX {
            // A request is written whole: nothing is gained by waiting for more of it.
            let _ = made.get()?.set_tcp_nodelay(true);
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
                match self.get()?.connect(address) {
                    Ok(()) => return Ok(()),
                    Err(error) if is_connecting(&error) => begun = true,
                    // As many wait at a Unix socket as its owner lets: not begun, and soon worth another try.
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                    Err(error) => return Err(error),
                }
            }
            let time = work(&mut *meanwhile, deadline.remaining());
            let time = time.ok_or_else(|| deadline.error())?;
            if !begun {
                std::thread::sleep(time.min(BUSY_PAUSE));
            } else if self.wait(wanted, time)?.write {
                let socket = self.get()?;
                if let Some(error) = socket.take_error()? {
                    return Err(error);
                }
                // Where the system has no `poll(2)` it may just not be there yet.
                if socket.peer_addr().is_ok() {
                    return Ok(());
                }
            }
            if deadline.has_passed() {
                return Err(deadline.error());
            }
        }
    }

    /// The socket, if the descriptor still stands for it.
    fn get(&self) -> io::Result<&socket2::Socket> {
        let socket = self.socket.as_ref().ok_or(io::ErrorKind::NotConnected)?;
        match Identity::of(socket) {
            Ok(identity) if identity == self.identity => Ok(socket),
            _ => Err(io::Error::other("the program has closed the connection's descriptor")),
        }
    }
}

impl Stream for Socket {
    fn read(&self, into: &mut [u8]) -> io::Result<usize> {
        self.get()?.read(into)
    }

    fn write(&self, parts: &[IoSlice<'_>]) -> io::Result<usize> {
        match parts {
            [part] => self.get()?.send_with_flags(part, SEND_FLAGS),
            parts => self.get()?.send_vectored_with_flags(parts, SEND_FLAGS),
        }
    }

    fn close_writing(&self) -> io::Result<()> {
        self.get()?.shutdown(Shutdown::Write)
    }

    fn wait(&self, wanted: Readiness, time: Duration) -> io::Result<Readiness> {
        // Whatever the number stands for, it is only looked at.
        let socket = self.socket.as_ref().ok_or(io::ErrorKind::NotConnected)?;
        wait_until_ready(socket, wanted, time)
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        let is_own = self.get().is_ok();
        let Some(socket) = self.socket.take() else { return };
        if !is_own {
            forget(socket);
        }
    }
}

/// Leaves the descriptor to whoever has it now.
fn forget(socket: socket2::Socket) {
    #[cfg(unix)]
    let _ = std::os::fd::IntoRawFd::into_raw_fd(socket);
    #[cfg(not(unix))]
    drop(socket);
}
