//! The door for clients over TLS: for pages whose browser opens nothing but `wss://`, even to this machine. The
//! certificate is the user's own and may be replaced while the proxy runs.

use crate::listen::Listeners;
use rustls::{
    ServerConfig,
    crypto::{CryptoProvider, aws_lc_rs},
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
};
use std::{
    fmt,
    sync::{Arc, PoisonError, RwLock},
};
use tokio_rustls::TlsAcceptor;

/// Why a certificate can't be used. Never says anything about the key but that.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BadCertificate {
    /// The first file has none.
    #[error("there is no certificate in PEM form in it")]
    NoCertificate,
    /// The second file has none.
    #[error("there is no private key in PEM form in it")]
    NoKey,
    /// They are of no use together.
    #[error("certificate and key can't be used together: {0}")]
    Unusable(String),
}

/// A certificate with its chain and its private key.
#[derive(Clone)]
pub struct Certificate(Arc<CertifiedKey>);

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Certificate(..)")
    }
}

impl Certificate {
    /// Reads the content of two files in PEM form: the chain, the proxy's own certificate first; and the private key.
    ///
    /// # Errors
    /// When one of them is not there, or the key is another one's.
    pub fn from_pem(chain: &[u8], key: &[u8]) -> Result<Self, BadCertificate> {
        let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(chain).collect();
        let chain = chain.ok().filter(|chain| !chain.is_empty()).ok_or(BadCertificate::NoCertificate)?;
        let key = PrivateKeyDer::from_pem_slice(key).map_err(|_| BadCertificate::NoKey)?;
        let certified = CertifiedKey::from_der(chain, key, &provider());
        certified
            .map(|certified| Self(Arc::new(certified)))
            .map_err(|error| BadCertificate::Unusable(error.to_string()))
    }
}

/// The certificate that is shown to who comes now.
#[derive(Debug, Clone)]
pub struct CertificateSlot(Arc<Slot>);

#[derive(Debug)]
struct Slot(RwLock<Certificate>);

impl CertificateSlot {
    /// Begins with this one.
    #[must_use]
    pub fn new(certificate: Certificate) -> Self {
        Self(Arc::new(Slot(RwLock::new(certificate))))
    }

    /// Shows this one to all who come from now on; who is in notices nothing.
    pub fn replace(&self, certificate: Certificate) {
        *self.0.0.write().unwrap_or_else(PoisonError::into_inner) = certificate;
    }
}

impl ResolvesServerCert for Slot {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner).0))
    }
}

/// Where clients come in over TLS 1.3.
pub struct TlsDoor {
    pub(crate) listeners: Listeners,
    pub(crate) acceptor: TlsAcceptor,
}

impl fmt::Debug for TlsDoor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsDoor").field("listeners", &self.listeners).finish_non_exhaustive()
    }
}

impl TlsDoor {
    /// Takes clients from these sockets, with what is in the slot.
    ///
    /// # Errors
    /// When the cryptographic library offers no TLS 1.3, which does not happen.
    pub fn new(listeners: Listeners, slot: &CertificateSlot) -> Result<Self, rustls::Error> {
        let mut config = ServerConfig::builder_with_provider(Arc::new(provider()))
            .with_protocol_versions(&[&rustls::version::TLS13])?
            .with_no_client_auth()
            .with_cert_resolver(Arc::clone(&slot.0) as Arc<dyn ResolvesServerCert>);
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self { listeners, acceptor: TlsAcceptor::from(Arc::new(config)) })
    }
}

fn provider() -> CryptoProvider {
    aws_lc_rs::default_provider()
}
