//! Where the relay is, and whom to trust about it.

use rustls::{ClientConfig, RootCertStore, pki_types::ServerName};
use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
};
use tokio_tungstenite::tungstenite::http::Uri;

/// A relay's address, checked.
#[derive(Debug, Clone)]
pub struct Relay {
    pub(crate) url: String,
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) tls: Option<Tls>,
}

#[derive(Debug, Clone)]
pub(crate) struct Tls {
    pub(crate) config: Arc<ClientConfig>,
    pub(crate) name: ServerName<'static>,
}

/// Why an address or a file of certificates can't be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RelayError {
    /// The address is none.
    #[error("{url:?} is no address of a relay: {why}")]
    Url {
        /// What was given.
        url: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// The file of certificates can't be read.
    #[error("the certificates in {path} cannot be used: {error}")]
    Certificates {
        /// The file.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// Nobody could be trusted.
    #[error("this system has no certificates that it trusts; name the relay's in a file (--relay-ca)")]
    NobodyTrusted,
}

impl Relay {
    /// Reads `ws://host:port/path` or `wss://…`; without a port it is 80 or 443, as for any WebSocket. With `wss:` those are trusted whom the
    /// system trusts, and the certificates of the file `trusted` (PEM).
    ///
    /// # Errors
    /// If the address is none, or the certificates can't be had.
    pub fn new(url: &str, trusted: Option<&Path>) -> Result<Self, RelayError> {
        let wrong = |why| RelayError::Url { url: url.to_owned(), why };
        let uri: Uri = url.parse().map_err(|_| wrong("it can't be read"))?;
        let secure = match uri.scheme_str() {
            Some("ws") => false,
            Some("wss") => true,
            _ => return Err(wrong("it must begin with ws:// or wss://")),
        };
        let authority = uri.authority().ok_or_else(|| wrong("it names no host"))?;
        if authority.as_str().contains('@') {
            return Err(wrong("it must not hold a user or a password"));
        }
        let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_owned();
        if host.is_empty() {
            return Err(wrong("it names no host"));
        }
        let port = match (authority.port(), secure) {
            (Some(port), _) => port.as_u16(),
            // `host:` with something behind that is no port.
            (None, _) if authority.as_str().rsplit(']').next().is_some_and(|rest| rest.contains(':')) => {
                return Err(wrong("its port is no number up to 65535"));
            }
            (None, false) => 80,
            (None, true) => 443,
        };
        let tls = if secure {
            let name = ServerName::try_from(host.clone()).map_err(|_| wrong("its host is no name"))?;
            Some(Tls { config: trust(trusted)?, name })
        } else {
            None
        };
        Ok(Self { url: url.to_owned(), host, port, tls })
    }
}

fn trust(file: Option<&Path>) -> Result<Arc<ClientConfig>, RelayError> {
    let mut roots = RootCertStore::empty();
    let system = rustls_native_certs::load_native_certs();
    roots.add_parsable_certificates(system.certs);
    if let Some(path) = file {
        add_file(&mut roots, path).map_err(|error| RelayError::Certificates { path: path.to_owned(), error })?;
    }
    if roots.is_empty() {
        return Err(RelayError::NobodyTrusted);
    }
    Ok(Arc::new(ClientConfig::builder().with_root_certificates(roots).with_no_client_auth()))
}

fn add_file(roots: &mut RootCertStore, path: &Path) -> io::Result<()> {
    use rustls::pki_types::{CertificateDer, pem::PemObject};
    let invalid = |words: String| io::Error::new(io::ErrorKind::InvalidData, words);
    let text = std::fs::read(path)?;
    let mut found = false;
    for certificate in CertificateDer::pem_slice_iter(&text) {
        let certificate = certificate.map_err(|error| invalid(error.to_string()))?;
        roots.add(certificate).map_err(|error| invalid(error.to_string()))?;
        found = true;
    }
    if found { Ok(()) } else { Err(invalid("there is no PEM certificate in it".to_owned())) }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

    use super::*;

    #[test]
    fn addresses_are_read() {
        for (url, host, port) in [
            ("ws://127.0.0.1:8087/", "127.0.0.1", 8087),
            ("ws://relay.example", "relay.example", 80),
            ("ws://[::1]:8087/any/path?x", "::1", 8087),
            ("ws://[::1]/", "::1", 80),
        ] {
            let relay = Relay::new(url, None).unwrap();
            assert_eq!((&*relay.host, relay.port), (host, port), "{url}");
        }
    }

    #[test]
    fn what_is_no_address_is_refused_with_words() {
        for (url, words) in [
            ("relay.example:8087", "ws://"),
            ("http://relay.example/", "ws://"),
            ("ws://", "can't be read"),
            ("ws:///path", "can't be read"),
            ("ws://me:secret@relay.example/", "password"),
            ("ws://relay.example:99999/", "can't be read"),
            ("", "can't be read"),
        ] {
            let error = Relay::new(url, None).unwrap_err().to_string();
            assert!(error.contains(words) || error.contains("no host") || error.contains("port"), "{url}: {error}");
        }
    }

    #[test]
    fn a_file_without_certificates_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ca.pem");
        let error = Relay::new("wss://localhost:1/", Some(&path)).unwrap_err();
        assert!(matches!(error, RelayError::Certificates { .. }), "{error}");
        std::fs::write(&path, "nothing").unwrap();
        let error = Relay::new("wss://localhost:1/", Some(&path)).unwrap_err().to_string();
        assert!(error.contains("no PEM certificate"), "{error}");
    }
}
