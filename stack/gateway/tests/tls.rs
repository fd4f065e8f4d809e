#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may stop at the first surprise")]
#![allow(missing_docs, reason = "a test")]

//! Clients that come in over TLS: the same channels, the same pages, and a certificate that changes.

mod support;

use data_encoding::BASE64;
use nws_gateway::{BadCertificate, Certificate, CertificateSlot, GatewaySettings, Listeners, TlsDoor};
use nws_hub::HubLimits;
use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, ServerName},
};
use std::sync::Arc;
use support::{KEY_LINES, Proxy, deadline, text_frame};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use tokio_rustls::{TlsConnector, client::TlsStream};
use tokio_tungstenite::{client_async, tungstenite::Message};

/// A certificate for localhost, as PEM and as what a client trusts.
struct Made {
    chain: String,
    key: String,
    der: CertificateDer<'static>,
}

fn pem(label: &str, der: &[u8]) -> String {
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", BASE64.encode(der))
}

fn make() -> Made {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let der = made.cert.der().clone();
    Made { chain: pem("CERTIFICATE", &der), key: pem("PRIVATE KEY", &made.signing_key.serialize_der()), der }
}

impl Made {
    fn certificate(&self) -> Certificate {
        Certificate::from_pem(self.chain.as_bytes(), self.key.as_bytes()).unwrap()
    }
}

async fn proxy(slot: &CertificateSlot, settings: GatewaySettings) -> (Proxy, u16) {
    let listeners = Listeners::bind(0).await.unwrap();
    let port = listeners.port();
    let door = TlsDoor::new(listeners, slot).unwrap();
    (Proxy::start_with(settings, HubLimits::default(), |gateway| gateway.with_tls(Some(door))).await, port)
}

/// Comes in over TLS, trusting this certificate alone.
async fn connect(port: u16, trusted: &Made) -> std::io::Result<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    roots.add(trusted.der.clone()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let config = config.with_root_certificates(roots).with_no_client_auth();
    let stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    deadline(TlsConnector::from(Arc::new(config)).connect(name, stream)).await
}

#[tokio::test]
async fn a_client_over_tls_is_in_the_same_channel() {
    let made = make();
    let (proxy, port) = proxy(&CertificateSlot::new(made.certificate()), GatewaySettings::default()).await;
    let mut plain = proxy.client("/room").await;
    let stream = connect(port, &made).await.unwrap();
    let (mut secure, response) = client_async(format!("wss://localhost:{port}/room"), stream).await.unwrap();
    assert_eq!(response.status(), 101);
    assert!(plain.text().await.starts_with(r#"{"action":"connect","#));
    let greeting = deadline(futures::StreamExt::next(&mut secure)).await.unwrap().unwrap();
    assert!(greeting.to_text().unwrap().starts_with(r#"{"action":"connect","#));
    plain.send(text_frame(r#"{"action":"broadcast","data":1}"#)).await;
    let said = deadline(futures::StreamExt::next(&mut secure)).await.unwrap().unwrap();
    assert!(said.to_text().unwrap().ends_with(r#""data":1}"#));
    // More than TLS and the socket take at once, to a client that reads late: none of it stays in between.
    let big = format!(r#"{{"action":"broadcast","data":"{}"}}"#, "x".repeat(700_000));
    for _ in 0..12 {
        let sent = futures::SinkExt::send(&mut secure, Message::text(big.clone()));
        let (sent, received) = tokio::join!(deadline(sent), plain.text());
        sent.unwrap();
        assert!(received.len() > 700_000);
    }
    let mut sender = proxy.client("/room").await;
    for _ in 0..4 {
        sender.send(text_frame(&format!(r#"{{"action":"broadcast","data":"{}"}}"#, "y".repeat(60_000)))).await;
    }
    let mut read = 0;
    while read < 4 * 60_000 {
        let message = deadline(futures::StreamExt::next(&mut secure)).await.unwrap().unwrap();
        read += message.len();
    }
    secure.close(None).await.unwrap();
    while !plain.text().await.starts_with(r#"{"action":"disconnect","#) {}
}

#[tokio::test]
async fn host_and_origin_are_those_of_the_tls_port_too() {
    let made = make();
    let settings = GatewaySettings { allow_origins: Some(Vec::new()), ..GatewaySettings::default() };
    let (_proxy, port) = proxy(&CertificateSlot::new(made.certificate()), settings).await;
    let ask = async |lines: String| {
        let mut stream = connect(port, &made).await.unwrap();
        stream.write_all(format!("{lines}Connection: close\r\n\r\n").as_bytes()).await.unwrap();
        let mut answer = vec![0; 64];
        let read = deadline(stream.read(&mut answer)).await.unwrap();
        String::from_utf8_lossy(&answer[9..read.min(12)]).into_owned()
    };
    let upgrade = KEY_LINES.replace("Connection: Upgrade\r\n", "");
    let own = format!("Origin: https://localhost:{port}\r\n");
    let head = |path: &str, host: &str| format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n");
    let here = format!("localhost:{port}");
    assert_eq!(ask(format!("{}Connection: Upgrade\r\n{upgrade}{own}", head("/room", &here))).await, "101");
    assert_eq!(ask(format!("{}{own}", head("/api/status", &here))).await, "200");
    let plain = format!("Origin: http://localhost:{port}\r\n");
    assert_eq!(ask(format!("{}{plain}", head("/api/status", &here))).await, "403");
    assert_eq!(ask(head("/health", &format!("evil.example:{port}"))).await, "403");
    assert_eq!(ask(head("/health", &here)).await, "200");
}

#[tokio::test]
async fn a_new_certificate_is_for_those_who_come_later() {
    let (old, new) = (make(), make());
    let slot = CertificateSlot::new(old.certificate());
    let (_proxy, port) = proxy(&slot, GatewaySettings::default()).await;
    let stream = connect(port, &old).await.unwrap();
    let (mut before, _) = client_async(format!("wss://localhost:{port}/room"), stream).await.unwrap();
    assert!(connect(port, &new).await.is_err());
    slot.replace(new.certificate());
    assert!(connect(port, &old).await.is_err());
    assert!(connect(port, &new).await.is_ok());
    deadline(futures::SinkExt::send(&mut before, Message::text(r#"{"action":"status"}"#))).await.unwrap();
    assert!(deadline(futures::StreamExt::next(&mut before)).await.unwrap().is_ok());
}

#[tokio::test]
async fn what_is_no_tls_is_closed_in_time() {
    let made = make();
    let settings =
        GatewaySettings { header_timeout: std::time::Duration::from_millis(200), ..GatewaySettings::default() };
    let slot = CertificateSlot::new(made.certificate());
    let (_hasty, port) = proxy(&slot, settings).await;
    for bytes in [&b""[..], b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01"] {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        stream.write_all(bytes).await.unwrap();
        let mut rest = Vec::new();
        drop(deadline(stream.read_to_end(&mut rest)).await);
        assert!(!rest.starts_with(b"HTTP"));
    }
    let (calm, _) = proxy(&slot, GatewaySettings::default()).await;
    let mut plain = calm.connect().await;
    plain.send([0x16, 0x03, 0x01, 0, 1, 1, 0, 0, 0, 0]).await;
    assert_eq!(plain.answer(false).await.0, 400);
}

#[test]
fn what_is_no_certificate_is_told_from_what_is_no_key() {
    let (one, other) = (make(), make());
    let from = |chain: &str, key: &str| Certificate::from_pem(chain.as_bytes(), key.as_bytes()).map(drop);
    assert_eq!(from(&one.chain, &one.key), Ok(()));
    assert_eq!(from("", &one.key), Err(BadCertificate::NoCertificate));
    assert_eq!(from(&one.key, &one.key), Err(BadCertificate::NoCertificate));
    assert_eq!(from(&one.chain, &one.chain), Err(BadCertificate::NoKey));
    assert!(matches!(from(&one.chain, &other.key), Err(BadCertificate::Unusable(_))));
    assert!(!format!("{:?}", one.certificate()).contains("key"));
}
