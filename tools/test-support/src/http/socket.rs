//! TCP and Unix sockets under one name.

use std::fmt;
use std::io::{self, Read, Write};
use std::mem::MaybeUninit;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
#[cfg(unix)]
use std::os::unix::net::{UnixListener, UnixStream};
#[cfg(unix)]
use std::path::PathBuf;
use std::time::Duration;

use socket2::SockRef;

use crate::tls::{Certificate, TlsStream};

/// Where an agent listens. Its text is an agent URL: `http://127.0.0.1:8126` or
/// `unix:///tmp/apm.socket`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Address {
    /// A TCP port, in tests always of the loopback interface.
    Tcp(SocketAddr),
    /// The path of a Unix stream socket.
    #[cfg(unix)]
    Unix(PathBuf),
}

impl Address {
    pub(crate) fn loopback(port: u16) -> Self {
        Self::Tcp(SocketAddr::from(([127, 0, 0, 1], port)))
    }

    pub(crate) fn connect(&self, limit: Duration) -> io::Result<Stream> {
        match self {
            Self::Tcp(address) => TcpStream::connect_timeout(address, limit).map(Stream::Tcp),
            #[cfg(unix)]
            Self::Unix(path) => UnixStream::connect(path).map(Stream::Unix),
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => write!(f, "http://{address}"),
            #[cfg(unix)]
            Self::Unix(path) => write!(f, "unix://{}", path.display()),
        }
    }
}

/// A listening socket.
#[derive(Debug)]
pub(crate) enum Listener {
    Tcp(TcpListener),
    #[cfg(unix)]
    Unix(UnixListener),
}

impl Listener {
    pub(crate) fn accept(&self) -> io::Result<Stream> {
        match self {
            Self::Tcp(listener) => listener.accept().map(|(stream, _)| Stream::Tcp(stream)),
            #[cfg(unix)]
            Self::Unix(listener) => listener.accept().map(|(stream, _)| Stream::Unix(stream)),
        }
    }
}

/// A connection.
#[derive(Debug)]
pub(crate) enum Stream {
    Tcp(TcpStream),
    #[cfg(unix)]
    Unix(UnixStream),
    Tls(TlsStream),
}

/// The same call on either kind of stream.
macro_rules! either {
    ($of:expr, $stream:ident => $call:expr) => {
        match $of {
            Stream::Tcp($stream) => $call,
            #[cfg(unix)]
            Stream::Unix($stream) => $call,
            Stream::Tls($stream) => $call,
        }
    };
}

impl Stream {
    /// The stream as a server with this certificate sees it.
    pub(crate) fn secured(self, certificate: &Certificate) -> io::Result<Self> {
        match self {
            Self::Tcp(stream) => TlsStream::new(stream, certificate).map(Self::Tls),
            other => Ok(other),
        }
    }

    pub(crate) fn set_timeouts(&self, limit: Option<Duration>) -> io::Result<()> {
        either!(self, stream => {
            stream.set_read_timeout(limit)?;
            stream.set_write_timeout(limit)
        })
    }

    pub(crate) fn try_clone(&self) -> io::Result<Self> {
        match self {
            Self::Tcp(stream) => stream.try_clone().map(Self::Tcp),
            #[cfg(unix)]
            Self::Unix(stream) => stream.try_clone().map(Self::Unix),
            Self::Tls(stream) => stream.try_clone().map(Self::Tls),
        }
    }

    /// Waits for a byte, which stays unread.
    pub(crate) fn peek(&self) -> io::Result<usize> {
        let byte = &mut [MaybeUninit::uninit()];
        match self {
            Self::Tcp(stream) => SockRef::from(stream).peek(byte),
            #[cfg(unix)]
            Self::Unix(stream) => SockRef::from(stream).peek(byte),
            Self::Tls(stream) => SockRef::from(stream.tcp()).peek(byte),
        }
    }

    /// Ends both directions, for every clone of the stream.
    pub(crate) fn shutdown(&self) -> io::Result<()> {
        either!(self, stream => stream.shutdown(Shutdown::Both))
    }
}

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        either!(self, stream => stream.read(buffer))
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        either!(self, stream => stream.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
