//! Whom TLS trusts: the roots of the platform, or those of a file.

use std::io;
use std::path::Path;

use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use tracehound_machine::read_beginning;

/// The longest file of roots that is read. All roots of a platform are a quarter of a megabyte.
const MAX_FILE_BYTES: u64 = 16 * 1024 * 1024;

/// The roots of this file, which are then the only ones, or those of the platform.
///
/// The platform's are found as OpenSSL finds them: where `SSL_CERT_FILE` and `SSL_CERT_DIR` say, and else where the
/// system keeps them.
pub(super) fn read(file: Option<&Path>) -> io::Result<RootCertStore> {
    let mut roots = RootCertStore::empty();
    match file {
        Some(path) => {
            let about = |what: String| format!("the CA file {} {what}", path.display());
            let pem = read_beginning(path, MAX_FILE_BYTES).map_err(|error| {
                io::Error::new(error.kind(), about(format!("cannot be read: {error}")))
            })?;
            let found = CertificateDer::pem_slice_iter(&pem).filter_map(Result::ok);
            roots.add_parsable_certificates(found);
            none_is_an_error(&roots, || about("holds no certificate in PEM".into()))?;
        }
        None => {
            let found = rustls_native_certs::load_native_certs();
            roots.add_parsable_certificates(found.certs);
            none_is_an_error(&roots, || {
                let why = found.errors.first().map(|error| format!(": {error}"));
                format!(
                    "this machine has no root certificates (SSL_CERT_FILE, SSL_CERT_DIR){}",
                    why.unwrap_or_default()
                )
            })?;
        }
    }
    Ok(roots)
}

fn none_is_an_error(roots: &RootCertStore, what: impl FnOnce() -> String) -> io::Result<()> {
    if roots.is_empty() { Err(io::Error::other(what())) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_without_a_root_says_what_is_wrong_with_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("ca.pem");
        let said = |path: &Path| read(Some(path)).unwrap_err().to_string();
        assert!(said(&path).contains("ca.pem cannot be read: "), "{}", said(&path));
        let broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        for text in ["", "no PEM", broken] {
            std::fs::write(&path, text).unwrap();
            assert!(said(&path).ends_with("ca.pem holds no certificate in PEM"), "{text:?}");
        }
    }
}
