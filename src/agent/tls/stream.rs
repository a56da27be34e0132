//! A TLS stream that never blocks.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::io::{self, IoSlice, Read, Write};
use std::time::Duration;

use rustls::ClientConnection;
use tracehound_machine::Readiness;

use super::super::stream::Stream;
use super::problem;

/// A stream of what TLS carries over a socket.
///
/// Bytes count as written when the socket has taken the last record that carries some of them. Until then
/// [`Stream::write`] says that none of them are: what is not completely in the hands of the system cannot be read at the
/// other end, and so a request that is cut off there has not arrived. For the same reason nothing that is left of a
/// request is written in passing, by a read or when the stream is closed.
pub(super) struct TlsStream {
    session: RefCell<ClientConnection>,
    socket: Box<dyn Stream>,
    /// How many bytes TLS has taken that are not written yet.
    taken: Cell<usize>,
    /// Who is trusted, for an error.
    trusted: String,
}

impl TlsStream {
    pub(super) fn new(session: ClientConnection, socket: Box<dyn Stream>, trusted: String) -> Self {
        TlsStream { session: RefCell::new(session), socket, taken: Cell::new(0), trusted }
    }

    /// Tells the other end that this one will write no more, unless a request is half written.
    fn say_goodbye(&self) {
        if self.taken.get() == 0 {
            let mut session = self.session.borrow_mut();
            session.send_close_notify();
            let _ = session.write_tls(&mut Wire(&*self.socket));
        }
    }
}

impl Stream for TlsStream {
    fn read(&self, into: &mut [u8]) -> io::Result<usize> {
        let mut session = self.session.borrow_mut();
        let wire = &mut Wire(&*self.socket);
        loop {
            match session.reader().read(into) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                read => return read,
            }
            session.read_tls(wire)?;
            let processed = session.process_new_packets();
            processed.map_err(|error| problem::of_tls(&error, &self.trusted))?;
            // TLS itself may have something to answer, such as that it has changed its keys.
            if self.taken.get() == 0 && session.wants_write() {
                let _ = session.write_tls(wire);
            }
        }
    }

    fn write(&self, parts: &[IoSlice<'_>]) -> io::Result<usize> {
        let mut session = self.session.borrow_mut();
        if self.taken.get() == 0 {
            self.taken.set(session.writer().write_vectored(parts)?);
        }
        let mut has_moved = false;
        while session.wants_write() {
            match session.write_tls(&mut Wire(&*self.socket)) {
                Ok(_) => has_moved = true,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock && has_moved => {
                    return Ok(0);
                }
                Err(error) => return Err(error),
            }
        }
        Ok(self.taken.take())
    }

    fn drain(&self, into: &mut [u8]) -> io::Result<usize> {
        self.socket.drain(into)
    }

    fn close_writing(&self) -> io::Result<()> {
        self.say_goodbye();
        self.socket.close_writing()
    }

    fn wait(&self, wanted: Readiness, time: Duration) -> io::Result<Readiness> {
        self.socket.wait(wanted, time)
    }
}

impl Drop for TlsStream {
    fn drop(&mut self) {
        self.say_goodbye();
    }
}

impl fmt::Debug for TlsStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsStream").finish_non_exhaustive()
    }
}

/// A stream as what `rustls` reads from and writes to.
pub(super) struct Wire<'a>(pub(super) &'a dyn Stream);

impl Read for Wire<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.0.read(into)
    }
}

impl Write for Wire<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(&[IoSlice::new(bytes)])
    }

    fn write_vectored(&mut self, parts: &[IoSlice<'_>]) -> io::Result<usize> {
        self.0.write(parts)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::VecDeque;
    use std::rc::Rc;

    use proptest::prelude::*;
    use rustls::{ClientConfig, RootCertStore, ServerConnection};
    use tracehound_test_support::tls::{Authority, Valid};

    /// A stream to a server in memory, which takes as many bytes as it has room for.
    #[derive(Default)]
    struct Narrow {
        room: Cell<usize>,
        to_server: RefCell<Vec<u8>>,
        to_client: RefCell<VecDeque<u8>>,
    }

    impl Stream for Rc<Narrow> {
        fn read(&self, into: &mut [u8]) -> io::Result<usize> {
            let mut bytes = self.to_client.borrow_mut();
            if bytes.is_empty() { Err(io::ErrorKind::WouldBlock.into()) } else { bytes.read(into) }
        }

        fn write(&self, parts: &[IoSlice<'_>]) -> io::Result<usize> {
            let mut written = 0;
            for part in parts {
                let taken = part.len().min(self.room.get());
                self.room.set(self.room.get() - taken);
                self.to_server.borrow_mut().extend(&part[..taken]);
                written += taken;
            }
            if written == 0 { Err(io::ErrorKind::WouldBlock.into()) } else { Ok(written) }
        }

        fn drain(&self, into: &mut [u8]) -> io::Result<usize> {
            self.read(into)
        }

        fn close_writing(&self) -> io::Result<()> {
            Ok(())
        }

        fn wait(&self, wanted: Readiness, _: Duration) -> io::Result<Readiness> {
            Ok(wanted)
        }
    }

    /// Lets the server have what was written, and gives what it can read by now.
    fn serve(server: &mut ServerConnection, wire: &Narrow, read: &mut Vec<u8>) {
        let mut bytes = &std::mem::take(&mut *wire.to_server.borrow_mut())[..];
        while !bytes.is_empty() {
            server.read_tls(&mut bytes).unwrap();
            server.process_new_packets().unwrap();
            let _ = server.reader().read_to_end(read);
        }
        let mut answer = Vec::new();
        while server.wants_write() {
            server.write_tls(&mut answer).unwrap();
        }
        wire.to_client.borrow_mut().extend(answer);
    }

    /// A stream after the handshake, and its server.
    fn connected(authority: &Authority) -> (TlsStream, Rc<Narrow>, ServerConnection) {
        use rustls::pki_types::pem::PemObject as _;
        let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
        let mut roots = RootCertStore::empty();
        let root = rustls::pki_types::CertificateDer::from_pem_file(authority.file()).unwrap();
        roots.add(root).unwrap();
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let name = "localhost".try_into().unwrap();
        let mut session = ClientConnection::new(config.into(), name).unwrap();
        let mut server = authority.sign(&["localhost"], Valid::Now).server().unwrap();
        let wire = Rc::new(Narrow::default());
        wire.room.set(usize::MAX);
        while session.is_handshaking() || session.wants_write() {
            let socket: &dyn Stream = &wire;
            match session.wants_write() {
                true => drop(session.write_tls(&mut Wire(socket)).unwrap()),
                false => drop(session.read_tls(&mut Wire(socket)).unwrap()),
            }
            session.process_new_packets().unwrap();
            serve(&mut server, &wire, &mut Vec::new());
        }
        wire.room.set(0);
        (TlsStream::new(session, Box::new(Rc::clone(&wire)), String::new()), wire, server)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(40))]
        #[test]
        fn what_counts_as_written_is_what_the_other_end_can_read(
            sizes in prop::collection::vec(1..100_000usize, 1..4),
            rooms in prop::collection::vec(1..40_000usize, 1..40),
            reads_between in any::<bool>(),
        ) {
            let (stream, wire, mut server) = connected(&Authority::new());
            let body: Vec<u8> = (0..sizes.iter().sum::<usize>()).map(|at| at as u8).collect();
            let (mut written, mut read) = (0, Vec::new());
            let mut rooms = rooms.into_iter();
            while written < body.len() {
                let rest = &body[written..];
                let (first, second) = rest.split_at(rest.len().min(sizes[0]));
                match stream.write(&[IoSlice::new(first), IoSlice::new(second)]) {
                    Ok(bytes) => written += bytes,
                    Err(error) => prop_assert_eq!(error.kind(), io::ErrorKind::WouldBlock),
                }
                serve(&mut server, &wire, &mut read);
                if reads_between {
                    let read = stream.read(&mut [0; 16]).unwrap_err();
                    prop_assert_eq!(read.kind(), io::ErrorKind::WouldBlock);
                }
                prop_assert!(read.len() >= written && body.starts_with(&read));
                prop_assert_eq!(read.len() == body.len(), written == body.len());
                let Some(room) = rooms.next() else { break };
                wire.room.set(room);
            }
            // What is left of a request is not written when the stream is closed.
            let is_whole = written == body.len();
            wire.room.set(usize::MAX);
            drop(stream);
            serve(&mut server, &wire, &mut read);
            prop_assert_eq!(read.len() == body.len(), is_whole);
        }
    }

    #[test]
    fn an_answer_is_read_up_to_the_end_that_was_announced() {
        let (stream, wire, mut server) = connected(&Authority::new());
        server.writer().write_all(b"answer").unwrap();
        server.send_close_notify();
        serve(&mut server, &wire, &mut Vec::new());
        let mut into = [0; 4];
        assert_eq!((stream.read(&mut into).unwrap(), &into), (4, b"answ"));
        assert_eq!(stream.read(&mut into).unwrap(), 2);
        assert_eq!(stream.read(&mut into).unwrap(), 0);
        assert_eq!(stream.drain(&mut into).unwrap_err().kind(), io::ErrorKind::WouldBlock);
    }
}
