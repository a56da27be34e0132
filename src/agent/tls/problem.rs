//! What to say when TLS fails: what is wrong, and what to do about it.

use std::io;
use std::time::Duration;

use rustls::{AlertDescription, CertificateError, Error};

/// What is most often the reason when the other end does not behave like TLS.
const PLAIN_HTTP: &str = "where the agent takes plain HTTP, its URL begins with http://";
/// How many of the names in a certificate are told.
const TOLD_NAMES: usize = 4;

/// An error of TLS, for a line about the connection. `trusted` are those whose signature on a certificate counts.
pub(super) fn of_tls(error: &Error, trusted: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, text(error, trusted))
}

/// The handshake took too long.
pub(super) fn timeout(limit: Duration) -> io::Error {
    let text = format!("no TLS handshake within {limit:?}; {PLAIN_HTTP}");
    io::Error::new(io::ErrorKind::TimedOut, text)
}

/// The other end has closed the connection in the handshake.
pub(super) fn closed() -> io::Error {
    let text = format!("closed during the TLS handshake; {PLAIN_HTTP}");
    io::Error::new(io::ErrorKind::UnexpectedEof, text)
}

/// The connection failed in the handshake.
pub(super) fn broken(error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("failed during the TLS handshake: {error}"))
}

fn text(error: &Error, trusted: &str) -> String {
    match error {
        Error::InvalidCertificate(error) => certificate(error, trusted),
        Error::InvalidMessage(_) => format!("what answers there is not TLS; {PLAIN_HTTP}"),
        Error::AlertReceived(AlertDescription::CertificateRequired) => {
            "the agent asks its clients for a certificate, and this library has none to show".into()
        }
        Error::AlertReceived(alert) => format!("the agent ended the TLS connection: {alert:?}"),
        Error::PeerIncompatible(why) => {
            format!("the agent speaks no TLS that this program knows (1.2 and 1.3): {why:?}")
        }
        other => format!("the TLS connection failed: {other}"),
    }
}

fn certificate(error: &CertificateError, trusted: &str) -> String {
    use CertificateError as Is;
    match error {
        Is::Expired | Is::ExpiredContext { .. } => {
            "the certificate of the agent has expired, by the clock of this machine".into()
        }
        Is::NotValidYet | Is::NotValidYetContext { .. } => {
            "the certificate of the agent is not valid yet, by the clock of this machine".into()
        }
        // The second where somebody else has the name of a trusted one.
        Is::UnknownIssuer | Is::BadSignature => {
            format!("the certificate of the agent is signed by nobody who is trusted: {trusted}")
        }
        Is::NotValidForName => "the certificate of the agent is for another host".into(),
        Is::NotValidForNameContext { expected, presented } => {
            let told = presented.iter().take(TOLD_NAMES).map(String::as_str);
            let names = told.collect::<Vec<_>>().join(", ");
            let (expected, names) =
                (expected.to_str(), if names.is_empty() { "no host at all" } else { &names });
            format!("the certificate of the agent is not for {expected}, but for {names}")
        }
        other => format!("the certificate of the agent is not valid: {other}"),
    }
}
