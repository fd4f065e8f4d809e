//! TLS as a check wants it: right in everything but what the check is about. What the other end showed is kept.

use rustls::{
    CipherSuite, ClientConfig, DigitallySignedStruct, Error, NamedGroup, ServerConfig, SignatureAlgorithm,
    SignatureScheme,
    client::{
        ClientSessionStore, Resumption, Tls12ClientSessionValue, Tls13ClientSessionValue,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    crypto::{CryptoProvider, SupportedKxGroup, aws_lc_rs, verify_tls13_signature},
    pki_types::{CertificateDer, PrivatePkcs8KeyDer, ServerName, UnixTime},
    server::{ClientHello, NoServerSessionStorage, ResolvesServerCert},
    sign::{CertifiedKey, Signer, SigningKey},
    version::TLS13,
};
use std::sync::{Arc, Mutex, PoisonError};

/// The one protocol of links.
pub(crate) const ALPN: &[u8] = b"nws/1";

/// The TLS library asks for a name; it is never sent.
pub(crate) const NO_NAME: &str = "nws.invalid";

/// How the runner behaves as TLS client.
#[derive(Debug, Clone)]
pub(crate) struct ClientTls {
    /// Protocols offered; none leaves the extension out.
    pub(crate) alpn: Vec<Vec<u8>>,
    /// Key exchanges offered.
    pub(crate) groups: Vec<&'static dyn SupportedKxGroup>,
    /// Cipher suites offered.
    pub(crate) suites: Vec<CipherSuite>,
    /// Signatures accepted.
    pub(crate) schemes: Option<Vec<SignatureScheme>>,
}

impl Default for ClientTls {
    fn default() -> Self {
        Self {
            alpn: vec![ALPN.to_vec()],
            groups: vec![aws_lc_rs::kx_group::X25519MLKEM768, aws_lc_rs::kx_group::X25519],
            suites: vec![
                CipherSuite::TLS13_AES_128_GCM_SHA256,
                CipherSuite::TLS13_AES_256_GCM_SHA384,
                CipherSuite::TLS13_CHACHA20_POLY1305_SHA256,
            ],
            schemes: None,
        }
    }
}

/// What the other end showed while the runner was the client.
#[derive(Debug, Default)]
pub(crate) struct ShownByServer {
    pub(crate) certificate: Mutex<Vec<u8>>,
    tickets: Mutex<usize>,
}

impl ShownByServer {
    pub(crate) fn certificate(&self) -> Vec<u8> {
        self.certificate.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn tickets(&self) -> usize {
        *self.tickets.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Counts tickets and keeps none.
#[derive(Debug)]
struct Tickets(Arc<ShownByServer>);

impl ClientSessionStore for Tickets {
    fn set_kx_hint(&self, _: ServerName<'static>, _: NamedGroup) {}
    fn kx_hint(&self, _: &ServerName<'_>) -> Option<NamedGroup> {
        None
    }
    fn set_tls12_session(&self, _: ServerName<'static>, _: Tls12ClientSessionValue) {}
    fn tls12_session(&self, _: &ServerName<'_>) -> Option<Tls12ClientSessionValue> {
        None
    }
    fn remove_tls12_session(&self, _: &ServerName<'static>) {}
    fn insert_tls13_ticket(&self, _: ServerName<'static>, _: Tls13ClientSessionValue) {
        *self.0.tickets.lock().unwrap_or_else(PoisonError::into_inner) += 1;
    }
    fn take_tls13_ticket(&self, _: &ServerName<'static>) -> Option<Tls13ClientSessionValue> {
        None
    }
}

#[derive(Debug)]
struct AnyCertificate {
    provider: Arc<CryptoProvider>,
    schemes: Option<Vec<SignatureScheme>>,
    shown: Arc<ShownByServer>,
}

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        *self.shown.certificate.lock().unwrap_or_else(PoisonError::into_inner) = end_entity.to_vec();
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(Error::General("TLS 1.2".to_owned()))
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
        let all = || self.provider.signature_verification_algorithms.supported_schemes();
        self.schemes.clone().unwrap_or_else(all)
    }
}

fn provider(groups: &[&'static dyn SupportedKxGroup], suites: &[CipherSuite]) -> CryptoProvider {
    let mut provider = aws_lc_rs::default_provider();
    provider.kx_groups = groups.to_vec();
    provider.cipher_suites.retain(|suite| suites.contains(&suite.suite()));
    provider
}

impl ClientTls {
    /// The settings for the library, and where what is shown will be found.
    pub(crate) fn config(&self) -> Result<(Arc<ClientConfig>, Arc<ShownByServer>), Error> {
        let provider = Arc::new(provider(&self.groups, &self.suites));
        let shown = Arc::<ShownByServer>::default();
        let verifier = AnyCertificate {
            provider: Arc::clone(&provider),
            schemes: self.schemes.clone(),
            shown: Arc::clone(&shown),
        };
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&TLS13])?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier))
            .with_no_client_auth();
        config.alpn_protocols.clone_from(&self.alpn);
        config.enable_sni = false;
        config.resumption = Resumption::store(Arc::new(Tickets(Arc::clone(&shown))));
        Ok((Arc::new(config), shown))
    }
}

/// What the runner's certificate is like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Certificate {
    /// As the documents have it.
    Plain,
    /// With names of somebody else, and out of date for decades.
    Odd,
    /// Plain, but the handshake is not signed with its key.
    WrongSignature,
}

/// How the runner behaves as TLS server.
#[derive(Debug, Clone)]
pub(crate) struct ServerTls {
    pub(crate) alpn: Vec<Vec<u8>>,
    pub(crate) certificate: Certificate,
}

impl Default for ServerTls {
    fn default() -> Self {
        Self { alpn: vec![ALPN.to_vec()], certificate: Certificate::Plain }
    }
}

/// What a client offered.
#[derive(Debug, Clone, Default)]
pub(crate) struct Offered {
    pub(crate) server_name: Option<String>,
    pub(crate) alpn: Vec<Vec<u8>>,
    pub(crate) suites: Vec<CipherSuite>,
    pub(crate) groups: Vec<NamedGroup>,
    pub(crate) schemes: Vec<SignatureScheme>,
}

/// What the client showed while the runner was the server.
#[derive(Debug, Default)]
pub(crate) struct ShownByClient(Mutex<Option<Offered>>);

impl ShownByClient {
    pub(crate) fn offered(&self) -> Option<Offered> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[derive(Debug)]
struct Resolver {
    key: Arc<CertifiedKey>,
    shown: Arc<ShownByClient>,
}

impl ResolvesServerCert for Resolver {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let offered = Offered {
            server_name: hello.server_name().map(str::to_owned),
            alpn: hello.alpn().map(|names| names.map(<[u8]>::to_vec).collect()).unwrap_or_default(),
            suites: hello.cipher_suites().to_vec(),
            groups: hello.named_groups().map(<[_]>::to_vec).unwrap_or_default(),
            schemes: hello.signature_schemes().to_vec(),
        };
        *self.shown.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(offered);
        Some(Arc::clone(&self.key))
    }
}

/// Signs what is not to be signed.
#[derive(Debug)]
struct WrongKey(Arc<dyn SigningKey>);

impl SigningKey for WrongKey {
    fn choose_scheme(&self, offered: &[SignatureScheme]) -> Option<Box<dyn Signer>> {
        Some(Box::new(WrongSigner(self.0.choose_scheme(offered)?)))
    }
    fn algorithm(&self) -> SignatureAlgorithm {
        self.0.algorithm()
    }
}

#[derive(Debug)]
struct WrongSigner(Box<dyn Signer>);

impl Signer for WrongSigner {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Error> {
        let mut other = message.to_vec();
        other.push(0);
        self.0.sign(&other)
    }
    fn scheme(&self) -> SignatureScheme {
        self.0.scheme()
    }
}

impl ServerTls {
    /// The settings for the library, and where what is shown will be found.
    pub(crate) fn config(&self) -> Result<(Arc<ServerConfig>, Arc<ShownByClient>), Error> {
        let words = |error: rcgen::Error| Error::General(error.to_string());
        let key = rcgen::KeyPair::generate().map_err(words)?;
        let mut params = rcgen::CertificateParams::default();
        params.distinguished_name = rcgen::DistinguishedName::new();
        if self.certificate == Certificate::Odd {
            params = rcgen::CertificateParams::new(vec!["somebody-else.example".to_owned()]).map_err(words)?;
            params.distinguished_name.push(rcgen::DnType::CommonName, "somebody else");
            params.not_before = rcgen::date_time_ymd(1990, 1, 1);
            params.not_after = rcgen::date_time_ymd(1991, 1, 1);
        }
        let certificate = params.self_signed(&key).map_err(words)?;
        let provider = ClientTls::default();
        let provider = Arc::new(self::provider(&provider.groups, &provider.suites));
        let private = PrivatePkcs8KeyDer::from(key.serialize_der());
        let mut signing = provider.key_provider.load_private_key(private.into())?;
        if self.certificate == Certificate::WrongSignature {
            signing = Arc::new(WrongKey(signing));
        }
        let key = Arc::new(CertifiedKey::new(vec![certificate.der().clone()], signing));
        let shown = Arc::<ShownByClient>::default();
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&TLS13])?
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(Resolver { key, shown: Arc::clone(&shown) }));
        config.alpn_protocols.clone_from(&self.alpn);
        config.send_tls13_tickets = 0;
        config.session_storage = Arc::new(NoServerSessionStorage {});
        Ok((Arc::new(config), shown))
    }
}
