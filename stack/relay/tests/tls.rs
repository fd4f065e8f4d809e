//! The relay at wss://.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may stop at the first surprise")]

mod support;

use futures::{SinkExt, StreamExt};
use std::sync::Arc;
use support::{Running, deadline};
use tokio::io::AsyncReadExt;
use tokio_tungstenite::tungstenite::Message;

/// TLS, and its certificate read again.
#[tokio::test]
async fn it_is_wss_with_a_certificate_that_can_be_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let (certificate, key) = (folder.path().join("cert.pem"), folder.path().join("key.pem"));
    let write = || {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        std::fs::write(&certificate, made.cert.pem()).unwrap();
        std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
        made.cert.der().clone()
    };
    let first = write();
    let relay = Running::with(|builder| builder.tls(&certificate, &key)).await;
    let open = async |trusted: &rustls::pki_types::CertificateDer<'static>| {
        let mut roots = rustls::RootCertStore::empty();
        roots.add(trusted.clone()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let connector = tokio_rustls::TlsConnector::from(Arc::new(config));
        let name = rustls::pki_types::ServerName::try_from("localhost").unwrap();
        let stream = deadline(connector.connect(name, relay.connect().await)).await.ok()?;
        let (mut socket, _) =
            deadline(tokio_tungstenite::client_async("wss://localhost/", stream)).await.expect("a handshake");
        deadline(socket.send(Message::text("not json"))).await.unwrap();
        let answer = deadline(socket.next()).await.unwrap().unwrap();
        assert_eq!(answer, Message::text("server: rejected malformed commandnot json"));
        Some(())
    };
    assert!(open(&first).await.is_some());
    let second = write();
    assert!(open(&second).await.is_none());
    relay.handle.reload().unwrap();
    assert!(open(&second).await.is_some() && open(&first).await.is_none());
    std::fs::write(&certificate, "no certificate").unwrap();
    assert!(relay.handle.reload().is_err());
    assert!(open(&second).await.is_some());
    // Who speaks no TLS gets no answer that it would understand, and harms nobody.
    let mut plain = relay.connect().await;
    tokio::io::AsyncWriteExt::write_all(&mut plain, b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
    let mut answer = Vec::new();
    drop(deadline(plain.read_to_end(&mut answer)).await);
    assert!(!answer.starts_with(b"HTTP"));
}
