//! TLS and the start of a connection, with the target as TLS server.

use crate::{
    check::checks,
    context::Context,
    link::{Conn, Kind, Next, Reader},
    player::HELLO_BYTES,
    tls::{ALPN, ClientTls},
    verdict::{Verdict, ensure, failed, not_run},
};
use rustls::{CipherSuite, SignatureScheme, crypto::aws_lc_rs::kx_group};
use std::time::Duration;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpStream, UdpSocket},
    time::timeout,
};

checks! {
    Beside "tls-1.2" "TLS 1.2 is refused" ["L-1"] old_tls;
    Beside "alpn-none" "a connection without ALPN is given up" ["L-3"] no_alpn;
    Beside "alpn-other" "a connection with another protocol by ALPN is given up" ["L-3"] other_alpn;
    Beside "group-x25519" "X25519 alone is enough" ["L-4"] x25519;
    Beside "group-p256" "P-256 alone is refused" ["L-5"] p256;
    Beside "suite-aes128" "TLS_AES_128_GCM_SHA256 alone is enough" ["L-6"] aes128;
    Beside "signature-p256" "ecdsa_secp256r1_sha256 alone is enough" ["L-11"] ecdsa;
    Beside "certificate-content" "the certificate names neither the host nor the user" ["L-8"] certificate;
    Beside "no-tickets" "no session ticket is sent" ["L-13"] tickets;
    Beside "quic-version" "QUIC version 1 is spoken, and offered to who asks for another" ["L-14"] quic_version;
    Beside "quic-one-stream" "R allows one bidirectional stream, the first, and opens none" ["L-15" "L-17"] one_stream;
}

/// A ClientHello of TLS 1.2, as small as it may be.
fn client_hello_1_2() -> Vec<u8> {
    let mut extensions = Vec::new();
    let mut extension = |kind: u16, body: &[u8]| {
        extensions.extend(kind.to_be_bytes());
        extensions.extend(u16::try_from(body.len()).unwrap_or(0).to_be_bytes());
        extensions.extend_from_slice(body);
    };
    extension(10, &[0, 4, 0, 29, 0, 23]);
    extension(11, &[1, 0]);
    extension(13, &[0, 4, 4, 3, 8, 4]);
    extension(16, &[0, 6, 5, b'n', b'w', b's', b'/', b'1']);
    let mut hello = vec![3, 3];
    hello.extend([0x5a; 32]);
    hello.push(0);
    // ECDHE-ECDSA and ECDHE-RSA with AES-128-GCM.
    hello.extend([0, 4, 0xc0, 0x2b, 0xc0, 0x2f]);
    hello.extend([1, 0]);
    hello.extend(u16::try_from(extensions.len()).unwrap_or(0).to_be_bytes());
    hello.extend(extensions);
    let mut record = vec![22, 3, 1];
    record.extend(u16::try_from(hello.len() + 4).unwrap_or(0).to_be_bytes());
    record.extend([1, 0]);
    record.extend(u16::try_from(hello.len()).unwrap_or(0).to_be_bytes());
    record.extend(hello);
    record
}

async fn old_tls(context: &Context) -> Verdict {
    if context.kind == Kind::Quic {
        return Err(not_run("QUIC has no older TLS"));
    }
    let mut socket =
        TcpStream::connect(context.address).await.map_err(|error| failed("a connection", error.to_string()))?;
    let expected = "an alert, or the end of the connection";
    socket.write_all(&client_hello_1_2()).await.map_err(|error| failed(expected, error.to_string()))?;
    let mut first = [0];
    match timeout(Duration::from_secs(5), socket.read(&mut first)).await {
        Err(_) => Err(failed(expected, "nothing within 5 s")),
        Ok(Ok(1)) => ensure(first == [21], expected, format!("a TLS record of type {}", first[0])),
        Ok(_) => Ok(()),
    }
}

/// The connection must be given up: by the handshake, or soon after it, without a Hello.
async fn given_up(conn: Result<Conn, String>) -> Verdict {
    let Ok(conn) = conn else { return Ok(()) };
    let opened = timeout(Duration::from_secs(2), conn.open_control()).await;
    let Ok(Ok((mut send, recv))) = opened else { return Ok(()) };
    let _ = send.try_write(&[0]).await;
    let mut reader = Reader::new(recv, HELLO_BYTES);
    match reader.next(Duration::from_secs(5)).await {
        Next::Frame(_) => Err(failed("the connection is given up", "Hello")),
        Next::Bad(why) => Err(failed("the connection is given up", why)),
        Next::Nothing => Err(failed("the connection is given up within 5 s", "it is still up")),
        Next::Finished | Next::Lost(_) => Ok(()),
    }
}

async fn no_alpn(context: &Context) -> Verdict {
    let tls = ClientTls { alpn: Vec::new(), ..ClientTls::default() };
    given_up(context.dial_with(&tls).await.map(|(conn, _)| conn)).await
}

async fn other_alpn(context: &Context) -> Verdict {
    let tls = ClientTls { alpn: vec![b"nws/2".to_vec(), b"h2".to_vec()], ..ClientTls::default() };
    given_up(context.dial_with(&tls).await.map(|(conn, _)| conn)).await?;
    // Among others it is found.
    let tls = ClientTls { alpn: vec![b"nws/2".to_vec(), ALPN.to_vec()], ..ClientTls::default() };
    let conn = context.dial_with(&tls).await;
    conn.map(|_| ()).map_err(|why| failed("nws/1 is agreed where it is among the protocols offered", why))
}

async fn connects(context: &Context, what: &str, tls: ClientTls) -> Verdict {
    context.dial_with(&tls).await.map(|_| ()).map_err(|why| failed(what, why))
}

async fn x25519(context: &Context) -> Verdict {
    let tls = ClientTls { groups: vec![kx_group::X25519], ..ClientTls::default() };
    connects(context, "a handshake with X25519", tls).await
}

async fn p256(context: &Context) -> Verdict {
    for group in [kx_group::SECP256R1, kx_group::SECP384R1] {
        let tls = ClientTls { groups: vec![group], ..ClientTls::default() };
        if context.dial_with(&tls).await.is_ok() {
            return Err(failed("no handshake with another group", format!("a handshake with {:?}", group.name())));
        }
    }
    Ok(())
}

async fn aes128(context: &Context) -> Verdict {
    let tls = ClientTls { suites: vec![CipherSuite::TLS13_AES_128_GCM_SHA256], ..ClientTls::default() };
    connects(context, "a handshake with TLS_AES_128_GCM_SHA256", tls).await
}

async fn ecdsa(context: &Context) -> Verdict {
    let tls = ClientTls { schemes: Some(vec![SignatureScheme::ECDSA_NISTP256_SHA256]), ..ClientTls::default() };
    connects(context, "a handshake signed by ecdsa_secp256r1_sha256", tls).await
}

async fn certificate(context: &Context) -> Verdict {
    let (_conn, shown) = context.dial_with(&ClientTls::default()).await.map_err(|why| failed("a handshake", why))?;
    let certificate = shown.certificate().to_ascii_lowercase();
    ensure(!certificate.is_empty(), "a certificate", "none")?;
    let mut names = vec![context.address.ip().to_string()];
    if context.address.ip().is_loopback() {
        // Then the target's host is this one.
        let host = std::fs::read_to_string("/etc/hostname").unwrap_or_default();
        names.extend([host.trim().to_owned(), "localhost".to_owned()]);
        names.extend(std::env::var("USER"));
        names.extend(std::env::var("HOSTNAME"));
    }
    for name in names.iter().filter(|name| name.len() > 3) {
        let wanted = name.to_ascii_lowercase();
        let found = certificate.windows(wanted.len()).any(|part| part == wanted.as_bytes());
        ensure(!found, "no name of the host or of the user in the certificate", format!("{name:?}"))?;
    }
    Ok(())
}

async fn tickets(context: &Context) -> Verdict {
    // They would come with the first bytes after the handshake.
    let (mut player, shown) = context.greeted_and_shown(|_| {}).await?;
    player.alive().await?;
    ensure(shown.tickets() == 0, "no session ticket", format!("{}", shown.tickets()))
}

async fn quic_version(context: &Context) -> Verdict {
    if context.kind == Kind::Tcp {
        return Err(not_run("it is about links on QUIC, and the target is reached by TCP"));
    }
    // The player speaks version 1 alone.
    drop(context.dial().await?);
    // A long header of a version that there is not, padded as an Initial.
    let local = if context.address.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
    let words = |error: std::io::Error| failed("a version negotiation", error.to_string());
    let socket = UdpSocket::bind(local).await.map_err(words)?;
    socket.connect(context.address).await.map_err(words)?;
    let mut packet = vec![0xc0, 0x1a, 0x2a, 0x3a, 0x4a, 8];
    packet.extend([7; 8]);
    packet.push(8);
    packet.extend([9; 8]);
    packet.resize(1200, 0);
    let mut answer = [0; 1500];
    for _ in 0..5 {
        socket.send(&packet).await.map_err(words)?;
        let Ok(Ok(length)) = timeout(Duration::from_secs(1), socket.recv(&mut answer)).await else { continue };
        let versions = answer.get(7 + 16..length).unwrap_or_default();
        let negotiation = answer.get(1..5) == Some(&[0; 4]);
        let has = versions.chunks_exact(4).any(|version| version == [0, 0, 0, 1]);
        return ensure(negotiation && has, "a version negotiation that names version 1", "another packet");
    }
    Err(failed("a version negotiation within 5 s", "nothing"))
}

async fn one_stream(context: &Context) -> Verdict {
    let player = context.established().await?;
    let connection = player.conn.quic()?;
    let accepted = timeout(Duration::from_millis(500), connection.accept_bi()).await;
    ensure(accepted.is_err(), "no bidirectional stream of R", "one")
}
