//! The TLS settings that QUIC and TCP share, and the throw-away certificate.
//!
//! A certificate proves nothing here: it is made anew by each transport, names nobody, and the other
//! end accepts any. Who is at the other end is decided above, by secrets bound to the exporter of
//! this very session, so what TLS must give is privacy and a session that can't be confused with
//! another. That is why signatures are still verified, and why nothing of a session outlives it: no
//! tickets, no resumption, no early data. The key exchange is hybrid where both ends can, so that a
//! recording made today does not let anyone test guesses of channel names tomorrow.
//! Clients show no certificate, as nobody would look at it.

use crate::transport::TransportError;
use rustls::{
    ClientConfig, DigitallySignedStruct, DistinguishedName, Error, ServerConfig, SignatureScheme,
    client::{
        Resumption,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    crypto::{CryptoProvider, aws_lc_rs, verify_tls13_signature},
    pki_types::{CertificateDer, PrivatePkcs8KeyDer, ServerName, UnixTime},
    server::NoServerSessionStorage,
    version::TLS13,
};
use std::sync::Arc;

/// The one protocol spoken on links.
pub(crate) const ALPN: &[u8] = b"nws/1";

/// A name that can't exist (RFC 6761 section 6.4). The TLS library asks for one; it is never sent.
pub(crate) const NO_NAME: &str = "nws.invalid";

/// Both ends' settings, with one certificate.
#[derive(Debug)]
pub(crate) struct Tls {
    pub(crate) client: Arc<ClientConfig>,
    pub(crate) server: Arc<ServerConfig>,
}

impl Tls {
    /// Makes a certificate and the settings around it. Takes well under a millisecond.
    pub(crate) fn new() -> Result<Self, TransportError> {
        let internal = |e: &dyn std::fmt::Display| TransportError::Internal(format!("TLS settings: {e}"));
        let provider = Arc::new(provider());

        let key = rcgen::KeyPair::generate().map_err(|e| internal(&e))?;
        let mut params = rcgen::CertificateParams::default();
        // Nothing in it may tell one host from another, so no name at all.
        params.distinguished_name = rcgen::DistinguishedName::new();
        let certificate = params.self_signed(&key).map_err(|e| internal(&e))?;
        let private = PrivatePkcs8KeyDer::from(key.serialize_der());

        let mut client = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(&[&TLS13])
            .map_err(|e| internal(&e))?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(AnyCertificate { provider: Arc::clone(&provider) }))
            .with_no_client_auth();
        client.alpn_protocols = vec![ALPN.to_vec()];
        client.enable_sni = false;
        client.enable_early_data = false;
        client.resumption = Resumption::disabled();

        let mut server = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&TLS13])
            .map_err(|e| internal(&e))?
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], private.into())
            .map_err(|e| internal(&e))?;
        server.alpn_protocols = vec![ALPN.to_vec()];
        server.send_tls13_tickets = 0;
        server.session_storage = Arc::new(NoServerSessionStorage {});
        server.max_early_data_size = 0;

        Ok(Self { client: Arc::new(client), server: Arc::new(server) })
    }
}

/// Refuses a session that did not agree on [`ALPN`]. TLS itself only refuses when both ends offer
/// protocols and none is common; an end that offers none would slip through.
pub(crate) fn check_alpn(agreed: Option<&[u8]>) -> Result<(), String> {
    match agreed {
        Some(ALPN) => Ok(()),
        Some(other) => Err(format!("agreed on the protocol {:?}, not nws/1", String::from_utf8_lossy(other))),
        None => Err("the other end did not agree on the protocol nws/1".to_owned()),
    }
}

fn provider() -> CryptoProvider {
    let mut provider = aws_lc_rs::default_provider();
    provider.kx_groups = vec![aws_lc_rs::kx_group::X25519MLKEM768, aws_lc_rs::kx_group::X25519];
    provider.cipher_suites.retain(|suite| suite.tls13().is_some());
    provider
}

/// Accepts any certificate, and verifies that the handshake was signed with its key.
#[derive(Debug)]
struct AnyCertificate {
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _cert: &CertificateDer<'_>,
        _dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(Error::General("TLS 1.2 is not spoken here".to_owned()))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }

    fn root_hint_subjects(&self) -> Option<&[DistinguishedName]> {
        None
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may stop at the first surprise")]
    use super::*;
    use rustls::{ClientConnection, Connection, NamedGroup, ServerConnection};

    /// Runs a handshake in memory.
    fn shake(client: Arc<ClientConfig>, server: Arc<ServerConfig>) -> Result<(Connection, Connection), Error> {
        let mut client = Connection::from(ClientConnection::new(client, NO_NAME.try_into().unwrap())?);
        let mut server = Connection::from(ServerConnection::new(server)?);
        while client.is_handshaking() || server.is_handshaking() {
            let mut wire = Vec::new();
            while client.wants_write() {
                client.write_tls(&mut wire).unwrap();
            }
            let hello = String::from_utf8_lossy(&wire).into_owned();
            assert!(!hello.contains("invalid"), "the client sent a server name");
            let mut wire = &wire[..];
            while !wire.is_empty() {
                server.read_tls(&mut wire).unwrap();
                server.process_new_packets()?;
            }
            let mut wire = Vec::new();
            while server.wants_write() {
                server.write_tls(&mut wire).unwrap();
            }
            let mut wire = &wire[..];
            while !wire.is_empty() {
                client.read_tls(&mut wire).unwrap();
                client.process_new_packets()?;
            }
        }
        Ok((client, server))
    }

    #[test]
    fn hybrid_key_exchange_is_agreed_and_no_ticket_is_sent() {
        let (a, b) = (Tls::new().unwrap(), Tls::new().unwrap());
        let (client, mut server) = shake(a.client, b.server).unwrap();
        assert_eq!(client.negotiated_key_exchange_group().unwrap().name(), NamedGroup::X25519MLKEM768);
        assert_eq!(client.alpn_protocol(), Some(ALPN));
        check_alpn(server.alpn_protocol()).unwrap();
        assert!(!server.wants_write(), "something follows the handshake");
        let mut rest = Vec::new();
        server.write_tls(&mut rest).unwrap();
        assert!(rest.is_empty());
    }

    #[test]
    fn plain_x25519_is_accepted_and_other_groups_are_not() {
        let server = Tls::new().unwrap().server;
        let with = |group| {
            let mut provider = provider();
            provider.kx_groups = vec![group];
            let mut client = ClientConfig::builder_with_provider(Arc::new(provider))
                .with_protocol_versions(&[&TLS13])
                .unwrap()
                .dangerous()
                .with_custom_certificate_verifier(Arc::new(AnyCertificate { provider: Arc::new(super::provider()) }))
                .with_no_client_auth();
            client.alpn_protocols = vec![ALPN.to_vec()];
            client.enable_sni = false;
            Arc::new(client)
        };
        shake(with(aws_lc_rs::kx_group::X25519), Arc::clone(&server)).unwrap();
        shake(with(aws_lc_rs::kx_group::SECP256R1), server).unwrap_err();
    }

    /// Shows a certificate whose key it does not have.
    #[derive(Debug)]
    struct Impostor(Arc<rustls::sign::CertifiedKey>);

    impl rustls::server::ResolvesServerCert for Impostor {
        fn resolve(&self, _: rustls::server::ClientHello<'_>) -> Option<Arc<rustls::sign::CertifiedKey>> {
            Some(Arc::clone(&self.0))
        }
    }

    #[test]
    fn a_signature_by_another_key_is_refused() {
        let certificate = |key| rcgen::CertificateParams::default().self_signed(key).unwrap().der().clone();
        let (own, stranger) = (rcgen::KeyPair::generate().unwrap(), rcgen::KeyPair::generate().unwrap());
        let signer = PrivatePkcs8KeyDer::from(own.serialize_der()).into();
        let signer = aws_lc_rs::sign::any_supported_type(&signer).unwrap();
        let server = |shown| {
            let key = rustls::sign::CertifiedKey::new(vec![shown], Arc::clone(&signer));
            let mut config = (*Tls::new().unwrap().server).clone();
            config.cert_resolver = Arc::new(Impostor(Arc::new(key)));
            Arc::new(config)
        };
        shake(Tls::new().unwrap().client, server(certificate(&own))).unwrap();
        let error = shake(Tls::new().unwrap().client, server(certificate(&stranger))).unwrap_err();
        assert_eq!(error, Error::InvalidCertificate(rustls::CertificateError::BadSignature));
    }

    #[test]
    fn no_alpn_is_no_agreement() {
        check_alpn(None).unwrap_err();
        check_alpn(Some(b"h3")).unwrap_err();
        let mut bare = (*Tls::new().unwrap().client).clone();
        bare.alpn_protocols.clear();
        let (client, _) = shake(Arc::new(bare), Tls::new().unwrap().server).unwrap();
        check_alpn(client.alpn_protocol()).unwrap_err();
    }
}
