//! A socket that never blocks, and that notices if the program has closed its file descriptor.

use std::io::{self, IoSlice, Read as _};
use std::mem::ManuallyDrop;
use std::net::Shutdown;
use std::time::Duration;

use socket2::{Domain, SockAddr, Type};
use tracehound_machine::{Identity, Readiness, SEND_FLAGS, is_connecting, wait_until_ready};

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
pub(super) struct Socket {
    /// `None` only while it is dropped.
    socket: Option<socket2::Socket>,
    identity: Identity,
}

impl Socket {
    /// Connects before the deadline.
    pub(super) fn connect(
        address: &SockAddr,
        deadline: Deadline,
        meanwhile: Meanwhile<'_>,
    ) -> io::Result<Self> {
        // Not dropped where the program has closed it already: std would end the process in a debug build.
        let socket = ManuallyDrop::new(socket2::Socket::new(address.domain(), Type::STREAM, None)?);
        let identity = Identity::of(&*socket)?;
        let made = Socket { identity, socket: Some(ManuallyDrop::into_inner(socket)) };
        made.get()?.set_nonblocking(true)?;
        made.reach(address, deadline, meanwhile)?;
        if address.domain() != Domain::UNIX {
            // A request is written at once, so there is nothing to wait for before it is sent.
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
                let socket = self.get()?;
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
        // Not checked, because waiting changes nothing, whatever the number stands for.
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

/// Drops the socket without closing the file descriptor, which is another file by now.
fn forget(socket: socket2::Socket) {
    #[cfg(unix)]
    let _ = std::os::fd::IntoRawFd::into_raw_fd(socket);
    #[cfg(not(unix))]
    drop(socket);
}
