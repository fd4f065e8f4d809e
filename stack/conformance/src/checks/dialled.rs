//! The target as initiator: how it dials, and what it accepts of the other end.

use super::hello::about;
use crate::{
    bytes::{HelloBytes, control, framed},
    check::checks,
    context::{Context, random_id},
    link::{Conn, Incoming, Next, Reader},
    player::{HELLO_BYTES, Player, SOON, code_name, seen},
    tls::{ALPN, Certificate, Offered, ServerTls},
    verdict::{Trouble, Verdict, ensure, failed, not_run},
};
use nws_protocol::wire::Control;
use rustls::{CipherSuite, NamedGroup, SignatureScheme};
use std::time::Duration;
use tokio::net::TcpStream;

checks! {
    Beside dialled "dial-offer" "what the target offers as TLS client" ["L-2" "L-4" "L-5" "L-6" "L-11" "L-12"] offer;
    Beside dialled "dial-tls-1.3" "the target offers TLS 1.3 alone, and resumes nothing" ["L-1" "L-13"] only_new;
    Beside dialled "dial-no-alpn" "a responder without ALPN is given up" ["L-3"] no_alpn;
    Beside dialled "dial-certificate" "any certificate is accepted, also one of other names and dates" ["L-9"] any_certificate;
    Beside dialled "dial-signature" "a handshake that is not signed with the certificate's key is given up" ["L-10"] wrong_signature;
    Beside dialled "dial-begins" "the control lane is the first, Hello its first message, and a Query follows at once" ["L-37" "L-41" "L-15" "L-18" "P-17"] begins;
    Beside dialled "dial-version" "another version of R is told as such" ["L-32"] version;
    Beside dialled "dial-no-hello" "a first message of R that is no Hello is refused" ["L-39"] no_hello;
    Beside dialled "dial-malformed" "a Hello of R that breaks a limit is refused" ["L-33"] malformed;
    Long dialled "dial-self" "a link to oneself is closed, and that address is not dialled again" ["L-40" "D-12"] oneself;
}

/// What a client offered, whatever came of it.
async fn shaken(context: &Context, tls: &ServerTls) -> Result<(Result<Conn, String>, Offered), Trouble> {
    let (mut conn, mut shown) = context.incoming().await?.accept(tls).await;
    for _ in 0..16 {
        if shown.offered().is_some() {
            break;
        }
        // A dial that lay here for long may have been given up by the target.
        (conn, shown) = context.incoming().await?.accept(tls).await;
    }
    let offered = shown.offered().ok_or_else(|| {
        let why = conn.as_ref().err().cloned().unwrap_or_default();
        failed("a ClientHello with something in common", why)
    })?;
    Ok((conn, offered))
}

async fn offer(context: &Context) -> Verdict {
    let (conn, offered) = shaken(context, &ServerTls::default()).await?;
    ensure(offered.alpn == [ALPN], "ALPN nws/1", format!("{:?}", offered.alpn))?;
    ensure(offered.server_name.is_none(), "no server name", format!("{:?}", offered.server_name))?;
    let groups = format!("{:?}", offered.groups);
    ensure(offered.groups.contains(&NamedGroup::X25519), "X25519 among the groups", groups.clone())?;
    // Values that mean nothing (RFC 8701) may be among them.
    let known = |group: &NamedGroup| {
        matches!(group, NamedGroup::X25519 | NamedGroup::X25519MLKEM768) || u16::from(*group) & 0x0f0f == 0x0a0a
    };
    ensure(offered.groups.iter().all(known), "X25519MLKEM768 and X25519, no other group", groups)?;
    let suites = format!("{:?}", offered.suites);
    ensure(offered.suites.contains(&CipherSuite::TLS13_AES_128_GCM_SHA256), "TLS_AES_128_GCM_SHA256", suites)?;
    let schemes = format!("{:?}", offered.schemes);
    ensure(offered.schemes.contains(&SignatureScheme::ECDSA_NISTP256_SHA256), "ecdsa_secp256r1_sha256", schemes)?;
    conn.map(|_| ()).map_err(|why| failed("a handshake", why))
}

/// The extensions of a ClientHello, read without taking it away.
async fn extensions(socket: &TcpStream) -> Option<Vec<(u16, Vec<u8>)>> {
    let mut bytes = vec![0; 16 * 1024];
    let record = loop {
        let there = tokio::time::timeout(SOON, socket.peek(&mut bytes)).await.ok()?.ok()?;
        let head = bytes.get(..there)?;
        let length = usize::from(u16::from_be_bytes(*head.get(3..5)?.first_chunk()?));
        if there == 0 {
            return None;
        }
        if let Some(record) = head.get(5..5 + length) {
            break record.to_vec();
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    };
    let mut rest = record.get(4 + 2 + 32..)?;
    let mut take = |width: usize| {
        let length = rest.get(..width)?.iter().fold(0usize, |sum, byte| sum << 8 | usize::from(*byte));
        let body = rest.get(width..width + length)?;
        rest = rest.get(width + length..)?;
        Some(body)
    };
    let _session = take(1)?;
    let _suites = take(2)?;
    let _compression = take(1)?;
    let mut list = take(2)?;
    let mut found = Vec::new();
    while let Some(kind) = list.first_chunk().map(|kind| u16::from_be_bytes(*kind)) {
        let length = usize::from(u16::from_be_bytes(*list.get(2..4)?.first_chunk()?));
        found.push((kind, list.get(4..4 + length)?.to_vec()));
        list = list.get(4 + length..)?;
    }
    Some(found)
}

async fn only_new(context: &Context) -> Verdict {
    let incoming = context.incoming().await?;
    let Incoming::Tcp(socket) = &incoming else {
        return Err(not_run("on QUIC the ClientHello is encrypted, and TLS is 1.3 by definition"));
    };
    let found = extensions(socket).await.ok_or_else(|| failed("a ClientHello", "other bytes"))?;
    let versions = found.iter().find(|(kind, _)| *kind == 43).map(|(_, body)| body.clone()).unwrap_or_default();
    let listed: Vec<[u8; 2]> =
        versions.get(1..).unwrap_or_default().chunks_exact(2).filter_map(|v| v.first_chunk().copied()).collect();
    let fits = !listed.is_empty() && listed.iter().all(|[high, low]| [*high, *low] == [3, 4] || high & 0x0f == 0x0a);
    ensure(fits, "TLS 1.3 as the only version offered", format!("{listed:02x?}"))?;
    for (kind, name) in [(41, "pre_shared_key"), (42, "early_data")] {
        ensure(
            !found.iter().any(|(known, _)| *known == kind),
            format!("no {name}"),
            format!("{name} in the ClientHello"),
        )?;
    }
    // It goes on in order.
    let (conn, _) = incoming.accept(&ServerTls::default()).await;
    conn.map(|_| ()).map_err(|why| failed("a handshake", why))
}

/// The target must give this connection up: no Hello may come.
async fn given_up(conn: Result<Conn, String>) -> Verdict {
    let Ok(conn) = conn else { return Ok(()) };
    let Ok((_send, recv)) = conn.accept_control(Duration::from_secs(3)).await else { return Ok(()) };
    let mut reader = Reader::new(recv, HELLO_BYTES);
    match reader.next(Duration::from_secs(2)).await {
        Next::Frame(_) | Next::Bad(_) => Err(failed("the connection is given up", "it speaks on it")),
        Next::Finished | Next::Lost(_) | Next::Nothing => Ok(()),
    }
}

async fn no_alpn(context: &Context) -> Verdict {
    let incoming = context.incoming().await?;
    if matches!(incoming, Incoming::Quic(_)) {
        return Err(not_run("QUIC without ALPN is refused by this end already"));
    }
    let (conn, _) = incoming.accept(&ServerTls { alpn: Vec::new(), ..ServerTls::default() }).await;
    given_up(conn).await
}

async fn any_certificate(context: &Context) -> Verdict {
    let (conn, _) = shaken(context, &ServerTls { certificate: Certificate::Odd, ..ServerTls::default() }).await?;
    let conn = conn.map_err(|why| failed("a handshake with any certificate", why))?;
    let mut player = Player::responder(context, conn, &HelloBytes::new(&random_id())).await?;
    player.alive().await
}

async fn wrong_signature(context: &Context) -> Verdict {
    let (conn, _) =
        shaken(context, &ServerTls { certificate: Certificate::WrongSignature, ..ServerTls::default() }).await?;
    given_up(conn).await
}

async fn begins(context: &Context) -> Verdict {
    let mut player = context.greeted_by_target(&random_id()).await?;
    player.first_query().await?;
    ensure(player.seq == 1, "Query 1", format!("Query {}", player.seq))?;
    if let Ok(connection) = player.conn.quic() {
        let second = tokio::time::timeout(Duration::from_millis(500), connection.accept_bi()).await;
        ensure(second.is_err(), "no second bidirectional stream", "one")?;
    }
    player.alive().await
}

/// These bytes as R's first must get this code.
async fn refused(context: &Context, bytes: &[u8], code: u32) -> Verdict {
    let conn = context.dialled_conn().await?;
    let (mut send, recv) = conn.accept_control(SOON).await?;
    send.write(bytes).await?;
    let mut reader = Reader::new(recv, HELLO_BYTES);
    let expected = format!("Hello, then Goodbye with {}", code_name(code));
    loop {
        match reader.next(SOON).await {
            Next::Frame(frame) => match Control::decode(frame) {
                Ok(Control::Goodbye { code: got, .. }) => {
                    return ensure(got.number() == code, expected, format!("Goodbye with {}", code_name(got.number())));
                }
                Ok(Control::Hello(_)) => {}
                Ok(other) => return Err(failed(expected, crate::player::name(&other))),
                Err(error) => return Err(failed(expected, error.to_string())),
            },
            other => return Err(failed(expected, seen(&other))),
        }
    }
}

async fn version(context: &Context) -> Verdict {
    let mut hello = HelloBytes::new(&random_id());
    hello.version = 2;
    hello.instance_id.truncate(3);
    refused(context, &framed(&hello.message()), 4).await
}

async fn no_hello(context: &Context) -> Verdict {
    refused(context, &control(&Control::Ping(1)), 5).await
}

async fn malformed(context: &Context) -> Verdict {
    let mut hello = HelloBytes::new(&random_id());
    hello.max_frame_bytes = 65_535;
    refused(context, &framed(&hello.message()), 5).await
}

async fn oneself(context: &Context) -> Verdict {
    let Some(dialled) = &context.dialled else { return Err(not_run("the target is not to dial")) };
    let theirs = context.target_id.get().map(|id| *id.as_bytes());
    let theirs = theirs.ok_or_else(|| not_run("the target's id is not known"))?;
    let hello = HelloBytes::new(&theirs);
    if !dialled.has_last() {
        let mut player = context.greeted_by_target(&theirs).await?;
        return player.closed_with(3).await;
    }
    let incoming = context.patience.unhurried(dialled.on_last(dialled.wait())).await;
    let Some(incoming) = incoming else {
        return Err(not_run(
            "the target did not dial the last address: after an earlier run it must not, as it has found itself there",
        ));
    };
    let (conn, _) = incoming.accept(&ServerTls::default()).await;
    let conn = conn.map_err(|why| failed("the target's handshake as initiator succeeds", why))?;
    let mut player = Player::responder(context, conn, &hello).await?;
    player.closed_with(3).await?;
    drop(player);
    // The first waits would be over by now many times.
    let again = dialled.on_last(Duration::from_secs(10)).await;
    ensure(again.is_none(), "that address is not dialled again", "it was, within 10 s")
        .map_err(|trouble| about("D-12", trouble))
}
