//! Making a TLS stream of a socket.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use rustls::crypto::ring;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection};
use tracehound_machine::Readiness;

use super::super::connection::Version;
use super::super::deadline::Deadline;
use super::super::meanwhile::{Meanwhile, work};
use super::super::socket::Socket;
use super::super::stream::Stream;
use super::stream::{TlsStream, Wire};
use super::{problem, roots};
use crate::config::Host;

/// How the versions of HTTP are called in a handshake (RFC 7301).
const HTTP_1_1: &[u8] = b"http/1.1";
const HTTP_2: &[u8] = b"h2";

/// Makes TLS streams to one agent.
#[derive(Debug)]
pub(in super::super) struct Tls {
    /// The file with the only roots that are trusted; `None` for those of the platform.
    ca_file: Option<PathBuf>,
    /// The one protocol that is spoken over TLS.
    protocol: &'static [u8],
    /// What is needed for each connection, once it was made. It is made anew after a handshake that failed: the roots
    /// may be others by now, and a program shall not have to be restarted for that.
    config: Option<Arc<ClientConfig>>,
}

impl Tls {
    pub(in super::super) fn new(ca_file: Option<PathBuf>) -> Self {
        Tls { ca_file, protocol: HTTP_1_1, config: None }
    }

    pub(in super::super) fn speak(&mut self, version: Version) {
        self.protocol = match version {
            Version::Http1 => HTTP_1_1,
            Version::Http2 => HTTP_2,
        };
        self.config = None;
    }

    /// Makes a stream to this host of a socket that is connected, before the deadline.
    pub(in super::super) fn secure(
        &mut self,
        socket: Socket,
        host: &Host,
        deadline: Deadline,
        meanwhile: Meanwhile<'_>,
    ) -> io::Result<Box<dyn Stream>> {
        let secured = self.shake_hands(Box::new(socket), host, deadline, meanwhile);
        if secured.is_err() {
            self.config = None;
        }
        Ok(Box::new(secured?))
    }

    fn shake_hands(
        &mut self,
        socket: Box<dyn Stream>,
        host: &Host,
        deadline: Deadline,
        meanwhile: Meanwhile<'_>,
    ) -> io::Result<TlsStream> {
        let config = self.config()?;
        let trusted = self.trusted();
        let mut session = ClientConnection::new(config, server_name(host)?)
            .map_err(|error| problem::of_tls(&error, &trusted))?;
        loop {
            match advance(&mut session, &*socket, &trusted) {
                Ok(()) => return Ok(TlsStream::new(session, socket, trusted)),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
            let wanted = Readiness { read: session.wants_read(), write: session.wants_write() };
            let time = work(&mut *meanwhile, deadline.remaining());
            socket.wait(wanted, time.ok_or_else(|| problem::timeout(deadline.timeout()))?)?;
            if deadline.has_passed() {
                return Err(problem::timeout(deadline.timeout()));
            }
        }
    }

    fn config(&mut self) -> io::Result<Arc<ClientConfig>> {
        if let Some(config) = &self.config {
            return Ok(Arc::clone(config));
        }
        // Named here, so that the program's own choice for the process neither matters nor is made by this library.
        let provider = Arc::new(ring::default_provider());
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(io::Error::other)?
            .with_root_certificates(roots::read(self.ca_file.as_deref())?)
            .with_no_client_auth();
        config.alpn_protocols = vec![self.protocol.into()];
        Ok(Arc::clone(self.config.insert(Arc::new(config))))
    }

    /// Who is trusted, for an error.
    fn trusted(&self) -> String {
        match &self.ca_file {
            Some(path) => format!("only who is in {}", path.display()),
            None => "who is in the root certificates of this machine, or in SSL_CERT_FILE; \
                     `agent_ca_file` names a file of one's own"
                .into(),
        }
    }
}

/// Takes the handshake as far as it goes without blocking.
fn advance(session: &mut ClientConnection, socket: &dyn Stream, trusted: &str) -> io::Result<()> {
    let wire = &mut Wire(socket);
    while session.is_handshaking() || session.wants_write() {
        if session.wants_write() {
            session.write_tls(wire).map_err(in_handshake)?;
            continue;
        }
        if session.read_tls(wire).map_err(in_handshake)? == 0 {
            return Err(problem::closed());
        }
        if let Err(error) = session.process_new_packets() {
            // The other end is told why, if that goes at once.
            let _ = session.write_tls(wire);
            return Err(problem::of_tls(&error, trusted));
        }
    }
    Ok(())
}

fn in_handshake(error: io::Error) -> io::Error {
    match error.kind() {
        io::ErrorKind::WouldBlock => error,
        _ => problem::broken(&error),
    }
}

/// The name that the certificate has to be for, which is also sent (SNI) where it is no address.
fn server_name(host: &Host) -> io::Result<ServerName<'static>> {
    match host {
        Host::Ip(address) => Ok((*address).into()),
        Host::Name(name) => ServerName::try_from(name.trim_end_matches('.').to_owned())
            .map_err(|_| io::Error::other("no certificate can be for the host in the agent's URL")),
    }
}
