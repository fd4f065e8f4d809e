//! The port for `wss://`: a certificate that is read at the start and at each SIGHUP, and what is refused.

use crate::process::{PATIENCE, Running, run};
use data_encoding::BASE64;
use rustix::process::Signal;
use rustls::{
    ClientConfig, ClientConnection, RootCertStore, StreamOwned,
    pki_types::{CertificateDer, ServerName},
};
use std::{
    fs,
    io::{self, Read, Write},
    net::{Ipv4Addr, TcpStream},
    path::Path,
    sync::Arc,
};
use tempfile::TempDir;

/// Writes a certificate for localhost and its key; gives what a client is to trust.
pub(crate) fn write(folder: &Path) -> CertificateDer<'static> {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let pem =
        |label: &str, der: &[u8]| format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", BASE64.encode(der));
    fs::write(folder.join("cert.pem"), pem("CERTIFICATE", made.cert.der())).unwrap();
    fs::write(folder.join("key.pem"), pem("PRIVATE KEY", &made.signing_key.serialize_der())).unwrap();
    made.cert.der().clone()
}

/// The head of the answer to a request over TLS, trusting this certificate alone.
pub(crate) fn ask(port: u16, trusted: &CertificateDer<'static>, path: &str, lines: &str) -> io::Result<String> {
    let mut roots = RootCertStore::empty();
    roots.add(trusted.clone()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let config = Arc::new(config.with_root_certificates(roots).with_no_client_auth());
    let connection = ClientConnection::new(config, ServerName::try_from("localhost").unwrap()).unwrap();
    let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let mut stream = StreamOwned::new(connection, stream);
    stream.write_all(format!("GET {path} HTTP/1.1\r\nHost: localhost:{port}\r\n{lines}\r\n").as_bytes())?;
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte)?;
        head.push(byte[0]);
    }
    Ok(String::from_utf8(head).unwrap())
}

/// Where a certificate and its key are.
pub(crate) struct Files {
    pub(crate) folder: TempDir,
    pub(crate) certificate: String,
    pub(crate) key: String,
}

pub(crate) fn files() -> Files {
    let folder = tempfile::tempdir().unwrap();
    let path = |name| folder.path().join(name).to_str().unwrap().to_owned();
    let (certificate, key) = (path("cert.pem"), path("key.pem"));
    Files { folder, certificate, key }
}

#[test]
fn clients_come_in_over_tls_and_a_new_certificate_is_read_at_sighup() {
    let files = files();
    let first = write(files.folder.path());
    let mut running = Running::start(&["--tls-port", "0", "--tls-cert", &files.certificate, "--tls-key", &files.key]);
    let url = running.line("tls").to_owned();
    let port: u16 = url.trim_end_matches('/').rsplit_once(':').unwrap().1.parse().unwrap();
    assert_eq!(url, format!("https://localhost:{port}/"));
    assert!(ask(port, &first, "/", "").unwrap().starts_with("HTTP/1.1 200 "));
    let upgrade = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
        Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    assert!(ask(port, &first, "/room", upgrade).unwrap().starts_with("HTTP/1.1 101 "));

    let second = write(files.folder.path());
    assert!(ask(port, &second, "/", "").is_err());
    running.signal(Signal::HUP);
    running.logs("was read again");
    assert!(ask(port, &second, "/", "").is_ok());
    assert!(ask(port, &first, "/", "").is_err());

    // What is no use is not used.
    fs::write(&files.certificate, "nonsense").unwrap();
    running.signal(Signal::HUP);
    running.logs("the one from before is used further");
    assert!(ask(port, &second, "/health", "").unwrap().starts_with("HTTP/1.1 200 "));
    running.signal(Signal::TERM);
    let ended = running.end();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(!ended.stderr.contains("PRIVATE"), "{ended:?}");
}

#[test]
fn what_is_no_certificate_is_refused() {
    let files = files();
    write(files.folder.path());
    let nowhere = files.folder.path().join("nowhere").to_str().unwrap().to_owned();
    let start = |certificate: &str, key: &str| run(&["--tls-port", "0", "--tls-cert", certificate, "--tls-key", key]);
    for (certificate, key, code, words) in [
        (&nowhere, &files.key, 66, &nowhere),
        (&files.certificate, &nowhere, 66, &nowhere),
        (&files.key, &files.key, 78, &files.key),
        (&files.certificate, &files.certificate, 78, &files.certificate),
    ] {
        let ended = start(certificate, key);
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(code), ""), "{ended:?}");
        assert!(ended.stderr.contains(words.as_str()), "no {words} in {ended:?}");
    }
    let ended = run(&["--tls-port", "0"]);
    assert!(ended.code == Some(78) && ended.stderr.contains("tls-cert"), "{ended:?}");
}
