//! A certificate authority of a test's own, and the server's end of TLS.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rustls::crypto::ring;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, ServerConnection};
use tempfile::NamedTempFile;

use crate::fail::{lock, must};

/// Signs certificates, and is trusted by whoever is given its file.
#[derive(Debug)]
pub struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    file: NamedTempFile,
}

/// When a certificate is valid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Valid {
    /// Since long ago, and for long.
    Now,
    /// Until 2001.
    Before,
    /// From 4000 on.
    Later,
}

/// A certificate and its key, as a server has them.
#[derive(Debug, Clone)]
pub struct Certificate(Arc<ServerConfig>);

impl Certificate {
    /// The same for a server whose clients must show a certificate of this authority.
    #[track_caller]
    #[must_use]
    pub fn demanding(&self, authority: &Authority) -> Self {
        let make = || -> Result<Self, SignError> {
            let mut roots = RootCertStore::empty();
            roots.add(authority.issuer.der().clone())?;
            let provider = Arc::new(ring::default_provider());
            let verifier =
                WebPkiClientVerifier::builder_with_provider(roots.into(), Arc::clone(&provider))
                    .build()?;
            let config = ServerConfig::builder_with_provider(provider)
                .with_safe_default_protocol_versions()?
                .with_client_cert_verifier(verifier)
                .with_cert_resolver(Arc::clone(&self.0.cert_resolver));
            Ok(Certificate(Arc::new(config)))
        };
        must("making a strict server", make().map_err(io::Error::other))
    }

    /// The server's end of a connection.
    pub fn server(&self) -> io::Result<ServerConnection> {
        ServerConnection::new(Arc::clone(&self.0)).map_err(io::Error::other)
    }
}

impl Authority {
    /// A new one, which nobody else trusts.
    #[track_caller]
    pub fn new() -> Self {
        Self::named("tests")
    }

    /// A new one of this name.
    #[track_caller]
    pub fn named(name: &str) -> Self {
        let make = || {
            let mut params = CertificateParams::new(Vec::new())?;
            params.distinguished_name.push(DnType::CommonName, name);
            params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
            CertifiedIssuer::self_signed(params, KeyPair::generate()?)
        };
        let issuer = must("making a certificate authority", make().map_err(io::Error::other));
        let write = || {
            let mut file = NamedTempFile::with_prefix("ca-")?;
            file.write_all(issuer.pem().as_bytes())?;
            Ok(file)
        };
        let file = must("writing a certificate", write());
        Self { issuer, file }
    }

    /// The file with its certificate, in PEM.
    pub fn file(&self) -> &Path {
        self.file.path()
    }

    /// A certificate for these hosts.
    #[track_caller]
    pub fn sign(&self, hosts: &[&str], valid: Valid) -> Certificate {
        must("signing a certificate", self.try_sign(hosts, valid).map_err(io::Error::other))
    }

    fn try_sign(&self, hosts: &[&str], valid: Valid) -> Result<Certificate, SignError> {
        let hosts: Vec<String> = hosts.iter().map(|host| (*host).to_owned()).collect();
        let mut params = CertificateParams::new(hosts)?;
        match valid {
            Valid::Now => {}
            Valid::Before => params.not_after = rcgen::date_time_ymd(2001, 1, 1),
            Valid::Later => params.not_before = rcgen::date_time_ymd(4000, 1, 1),
        }
        let key = KeyPair::generate()?;
        let certificate = params.signed_by(&key, &self.issuer)?;
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key)?;
        Ok(Certificate(Arc::new(config)))
    }
}

impl Default for Authority {
    fn default() -> Self {
        Self::new()
    }
}

type SignError = Box<dyn std::error::Error + Send + Sync>;

/// A connection with TLS. Its clones share the session, so one thread has them all.
#[derive(Debug)]
pub(crate) struct TlsStream {
    tcp: TcpStream,
    session: Arc<Mutex<ServerConnection>>,
}

impl TlsStream {
    pub(crate) fn new(tcp: TcpStream, certificate: &Certificate) -> io::Result<Self> {
        Ok(Self { tcp, session: Arc::new(Mutex::new(certificate.server()?)) })
    }

    /// What TLS is spoken over.
    pub(crate) fn tcp(&self) -> &TcpStream {
        &self.tcp
    }

    pub(crate) fn try_clone(&self) -> io::Result<Self> {
        Ok(Self { tcp: self.tcp.try_clone()?, session: Arc::clone(&self.session) })
    }

    pub(crate) fn set_read_timeout(&self, limit: Option<Duration>) -> io::Result<()> {
        self.tcp.set_read_timeout(limit)
    }

    pub(crate) fn set_write_timeout(&self, limit: Option<Duration>) -> io::Result<()> {
        self.tcp.set_write_timeout(limit)
    }

    pub(crate) fn shutdown(&self, how: std::net::Shutdown) -> io::Result<()> {
        self.tcp.shutdown(how)
    }
}

impl Read for TlsStream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        rustls::Stream::new(&mut *lock(&self.session), &mut self.tcp).read(buffer)
    }
}

impl Write for TlsStream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        rustls::Stream::new(&mut *lock(&self.session), &mut self.tcp).write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        rustls::Stream::new(&mut *lock(&self.session), &mut self.tcp).flush()
    }
}
