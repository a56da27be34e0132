//! Binding, so that errors are the caller's before any thread starts.

use std::io;
use std::net::{SocketAddr, TcpListener};

/// What is bound.
#[derive(Debug)]
pub(super) struct Listeners {
    pub(super) tcp: Option<TcpListener>,
    #[cfg(unix)]
    pub(super) unix: Option<(std::os::unix::net::UnixListener, Socket)>,
}

/// Binds a TCP socket the runtime can take over.
pub(super) fn tcp(address: SocketAddr) -> io::Result<TcpListener> {
    let listener = TcpListener::bind(address).map_err(|error| {
        let text = match error.kind() {
            io::ErrorKind::AddrInUse => {
                format!(
                    "cannot listen on {address}: the port is taken. Is an agent running already?"
                )
            }
            _ => format!("cannot listen on {address}: {error}"),
        };
        io::Error::new(error.kind(), text)
    })?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

#[cfg(unix)]
pub(super) use unix::{Socket, unix};

#[cfg(unix)]
mod unix {
    use std::fs;
    use std::io;
    use std::os::unix::fs::{FileTypeExt, MetadataExt};
    use std::os::unix::net::{UnixListener, UnixStream};
    use std::path::{Path, PathBuf};

    /// A bound socket's file; dropping it removes the file, if it is still the same one.
    #[derive(Debug)]
    pub(in super::super) struct Socket {
        path: PathBuf,
        file: (u64, u64),
    }

    /// Binds a Unix socket the runtime can take over.
    pub(in super::super) fn unix(path: &Path) -> io::Result<(UnixListener, Socket)> {
        let explain = |error: io::Error| {
            let text = format!("cannot listen on {}: {error}", path.display());
            io::Error::new(error.kind(), text)
        };
        let listener = match UnixListener::bind(path) {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse && is_abandoned(path) => {
                fs::remove_file(path).and_then(|()| UnixListener::bind(path))
            }
            bound => bound,
        }
        .map_err(explain)?;
        listener.set_nonblocking(true).map_err(explain)?;
        let file = identity(path).map_err(explain)?;
        Ok((listener, Socket { path: path.to_owned(), file }))
    }

    /// A socket that refuses connections is what a killed process left.
    fn is_abandoned(path: &Path) -> bool {
        let is_socket =
            fs::symlink_metadata(path).is_ok_and(|metadata| metadata.file_type().is_socket());
        is_socket
            && UnixStream::connect(path)
                .is_err_and(|error| error.kind() == io::ErrorKind::ConnectionRefused)
    }

    fn identity(path: &Path) -> io::Result<(u64, u64)> {
        fs::symlink_metadata(path).map(|metadata| (metadata.dev(), metadata.ino()))
    }

    impl Socket {
        pub(in super::super) fn path(&self) -> &Path {
            &self.path
        }
    }

    impl Drop for Socket {
        fn drop(&mut self) {
            if identity(&self.path).is_ok_and(|file| file == self.file) {
                // Nobody is left to tell if it cannot be removed; the next start replaces it.
                drop(fs::remove_file(&self.path));
            }
        }
    }
}
