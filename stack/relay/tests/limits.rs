//! Section 10 of spec/06-relay.md: each limit with its answer, one slow party among others, a flood, many, TLS, the end.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may stop at the first surprise")]

mod support;

use futures::{SinkExt, StreamExt};
use nws_protocol::relay::{Credential, Position, ReceiveCredit, Request, item_cost};
use serde_json::json;
use std::{sync::Arc, time::Duration};
use support::{Peer, Running, deadline, open, stepped};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    time::advance,
};
use tokio_tungstenite::tungstenite::Message;

/// Close 1009.
#[tokio::test]
async fn a_message_over_the_limit_is_refused_by_its_header() {
    let relay = Running::limited(|limits| limits.message_bytes = 1000).await;
    let (mut server, mut client, channel) = relay.pair().await;
    client.binary(channel, &[1; 992]).await;
    server.expect_binary(channel, &[1; 992]).await;
    // It may not be read to its end, so sending may fail.
    drop(client.socket.send(Message::binary(vec![0; 1_000_000])).await);
    assert_eq!(client.closed().await, (1009, "a message may have at most 1000 bytes".to_owned()));
    server.expect(json!({"type": "disconnected", "channel": channel, "code": "gone"})).await;
}

/// Close 1002, 1007.
#[tokio::test]
async fn bad_frames_end_the_connection_with_a_reason() {
    let relay = Running::start().await;
    for (bytes, code) in [
        // Not masked; text that is no UTF-8; a reserved bit.
        (&b"\x81\x01x"[..], 1002_u16),
        (b"\x81\x81\0\0\0\0\xff", 1007),
        (b"\xf1\x80\0\0\0\0", 1002),
    ] {
        let mut party = relay.own().await;
        let tokio_tungstenite::MaybeTlsStream::Plain(stream) = party.socket.get_mut() else { panic!() };
        stream.write_all(bytes).await.unwrap();
        assert_eq!(party.closed().await.0, code, "{bytes:?}");
    }
}

/// HTTP 503 and 429; handshakes.
#[tokio::test]
async fn parties_over_the_limits_are_answered_by_http() {
    let relay = Running::limited(|limits| limits.parties = 2).await;
    let first = relay.own().await;
    let _second = relay.first().await;
    let Err(answer) = relay.upgrade("/", &[]).await else { panic!("taken") };
    assert_eq!((answer.status().as_u16(), answer.headers()["retry-after"].to_str().unwrap()), (503, "10"));
    drop(first);
    relay.until(|figures| figures.parties == 1).await;
    relay.own().await;
    let relay = Running::limited(|limits| (limits.parties_per_address, limits.count_loopback) = (1, 1)).await;
    let _first = relay.own().await;
    let Err(answer) = relay.upgrade("/", &["nws-relay-1"]).await else { panic!("taken") };
    assert_eq!(answer.status().as_u16(), 429);
    let bad = "GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: close, Upgrade\r\nSec-WebSocket-Version: 8\r\n\r\n";
    assert!(relay.raw(bad).await.starts_with("HTTP/1.1 426 "));
    assert!(relay.raw(bad.replace("Version: 8", "Version: 13")).await.starts_with("HTTP/1.1 400 "));
}

/// too_many_servers, too_many_channels; in the first dialect `0` and words.
#[tokio::test]
async fn servers_and_channels_over_the_limits_are_errors() {
    let relay = Running::limited(|limits| {
        (limits.servers, limits.servers_per_address, limits.count_loopback) = (3, 2, 1);
        (limits.channels_per_client, limits.channels_per_server) = (2, 3);
    })
    .await;
    let (mut server, id, _) = relay.server().await;
    let mut first = relay.first().await;
    let (first_id, _) = first.install().await;
    let words = first.no("create server credential", "[]").await;
    assert!(words.starts_with("too many servers: "), "{words}");
    let mut party = relay.own().await;
    let asked = party.ask(Request::Register).await;
    assert!(party.expect_error(Some(asked), "too_many_servers", None).await.contains("address"));
    // Three channels of the server: two of one client, one of another.
    let mut client = relay.own().await;
    open(&mut client, &mut server, id).await;
    let last = open(&mut client, &mut server, id).await;
    let asked = client.ask(Request::Connect { server: id, port: 1 }).await;
    assert!(client.expect_error(Some(asked), "too_many_channels", None).await.contains("client"));
    open(&mut party, &mut server, id).await;
    let asked = party.ask(Request::Connect { server: id, port: 1 }).await;
    assert!(party.expect_error(Some(asked), "too_many_channels", None).await.contains("server"));
    let words = first.no("connect to server", &format!("[{id},1]")).await;
    assert_eq!(words, "too many channels: a server may have 3");
    // One that ends makes room.
    client.tell(Request::Close { channel: last, status: None, reason: None }).await;
    server.expect(json!({"type": "disconnected", "channel": last, "code": "closed"})).await;
    open(&mut party, &mut server, id).await;
    let words = {
        for _ in 0..2 {
            first.send(format!(r#"{{"instruction":"connect to server","parameters":[{first_id},1]}}"#)).await;
            for _ in 0..5 {
                first.text().await;
            }
        }
        first.no("connect to server", &format!("[{first_id},1]")).await
    };
    assert_eq!(words, "too many channels: a client may have 2");
}

/// Messages and bytes a second: not read from, nothing lost, nothing closed.
#[tokio::test(start_paused = true)]
async fn who_says_too_much_is_heard_later() {
    let _clock = stepped();
    let relay = Running::limited(|limits| limits.messages_per_second = Some(10)).await;
    let (mut server, mut client, channel) = relay.pair().await;
    for n in 0..30 {
        client.data(channel, &n.to_string()).await;
    }
    relay.until(|figures| figures.held_rate > 0).await;
    let items = relay.handle.figures().items;
    assert!(items <= 11, "{items}");
    relay.step_until(|figures| figures.items == 30).await;
    for n in 0..30 {
        server.expect(json!({"type": "data", "channel": channel, "data": n.to_string()})).await;
    }
    let relay = Running::limited(|limits| limits.bytes_per_second = Some(1000)).await;
    let (mut server, mut client, channel) = relay.pair().await;
    client.binary(channel, &[0; 10_000]).await;
    client.binary(channel, &[1; 10]).await;
    server.expect_binary(channel, &[0; 10_000]).await;
    assert_eq!(relay.handle.figures().items, 1);
    relay.step_until(|figures| figures.items == 2).await;
    server.expect_binary(channel, &[1; 10]).await;
}

/// Close 1000, `idle`: only who has neither a server nor a channel.
#[tokio::test(start_paused = true)]
async fn who_has_nothing_here_is_closed_after_a_while() {
    let _clock = stepped();
    let relay = Running::start().await;
    let (mut server, mut client, channel) = relay.pair().await;
    let mut own = relay.own().await;
    let mut first = relay.first().await;
    let pump = async {
        // They answer pings only while they read.
        loop {
            tokio::select! {
                message = server.socket.next() => { message.unwrap().unwrap(); }
                message = client.socket.next() => { message.unwrap().unwrap(); }
            }
        }
    };
    let ending = async {
        tokio::join!(
            async { assert_eq!(own.closed().await, (1000, "idle".to_owned())) },
            async { assert_eq!(first.closed().await, (1000, "idle".to_owned())) },
            async {
                for _ in 0..29 {
                    advance(Duration::from_secs(10)).await;
                    for _ in 0..100 {
                        tokio::task::yield_now().await;
                    }
                }
                assert_eq!(relay.handle.figures().closed_idle, 0);
                relay.step_until(|figures| figures.closed_idle == 2).await;
            }
        );
    };
    tokio::select! {
        () = pump => {}
        () = ending => {}
    }
    // Whoever was here is idle once its channel and server are gone.
    client.data(channel, "still here").await;
    server.expect(json!({"type": "data", "channel": channel, "data": "still here"})).await;
}

/// Who answers no ping is lost; a server is away then.
#[tokio::test(start_paused = true)]
async fn who_answers_no_ping_is_lost() {
    let _clock = stepped();
    let relay = Running::start().await;
    let (server, _, _) = relay.server().await;
    // It is there, and does not read.
    relay.step_until(|figures| figures.closed_lost == 1).await;
    assert_eq!(relay.handle.figures().servers_away, 1);
    drop(server);
    relay.step_until(|figures| figures.servers_now == 0).await;
}

/// Close 1013; and [R-36]: meanwhile nothing is lost for the others, who are held up by nothing of it.
#[tokio::test(start_paused = true)]
async fn a_party_that_does_not_read_is_closed() {
    let _clock = stepped();
    let relay = Running::limited(|limits| {
        (limits.queue_bytes, limits.queued_bytes, limits.window) = (100_000, 200_000, 1_000_000_000);
        limits.ping = Duration::from_secs(10_000);
        limits.grace = Duration::from_millis(1);
    })
    .await;
    let (stuck, mut client, channel) = relay.pair().await;
    let (mut other_server, other_id, _) = relay.server().await;
    let mut other_client = relay.own().await;
    let other = open(&mut other_client, &mut other_server, other_id).await;
    // More than the queue and the system's buffers hold, so that the relay must stop to read.
    let sending = async {
        let frame = [&nws_protocol::relay::binary_head(channel)[..], &[7; 100_000]].concat();
        while client.socket.send(Message::binary(frame.clone())).await.is_ok()
            && relay.handle.figures().closed_slow == 0
        {
            tokio::task::yield_now().await;
        }
    };
    let watching = async {
        relay.until(|figures| figures.held > 0).await;
        assert!(relay.handle.figures().queued_bytes < 400_000);
        other_client.data(other, "not held up").await;
        other_server.expect(json!({"type": "data", "channel": other, "data": "not held up"})).await;
        relay.step_until(|figures| figures.closed_slow == 1).await;
        // What is said to the server while it is away waits too, until it is over.
        relay.step_until(|figures| figures.servers_now == 1).await;
    };
    tokio::join!(sending, watching);
    relay.step_until(|figures| figures.channels_now == 1).await;
    assert_eq!(relay.handle.figures().queued_bytes, 0);
    drop(stuck);
}

/// Section 7: one client of a server that does not take anything does not stall the others, whatever the server sends it.
#[tokio::test]
async fn a_slow_client_does_not_stall_the_others() {
    let relay = Running::limited(|limits| limits.window = 100_000).await;
    let (mut server, id, _) = relay.server().await;
    let mut slow = relay.own().await;
    let stuck = open(&mut slow, &mut server, id).await;
    let mut quick = relay.own().await;
    let busy = open(&mut quick, &mut server, id).await;
    // As much as the slow one's credit has.
    server.binary(stuck, &[0; 150_000]).await;
    let item = vec![1; 1000];
    let mut receive = ReceiveCredit::new(100_000);
    let (mut sent, mut consumed) = (0, 0);
    for _ in 0..2000 {
        while sent - consumed >= 100_000 {
            let event = server.event().await;
            assert_eq!((&event["type"], &event["channel"]), (&json!("consumed"), &json!(busy)));
            consumed = event["bytes"].as_u64().unwrap();
        }
        server.binary(busy, &item).await;
        sent += item_cost(item.len());
        quick.expect_binary(busy, &item).await;
        receive.receive(item_cost(item.len()), true).unwrap();
        if let Some(bytes) = receive.take(item_cost(item.len())) {
            quick.tell(Request::Consumed { channel: busy, bytes }).await;
        }
    }
    slow.expect_binary(stuck, &[0; 150_000]).await;
}

/// Who writes without reading, and is written to, is read from all the same: two that do so do not stop each other.
#[tokio::test]
async fn both_ends_may_write_before_they_read() {
    let relay = Running::limited(|limits| limits.window = 30_000_000).await;
    let (mut server, mut client, channel) = relay.pair().await;
    let flood = async |party: &mut Peer| {
        let frame = [&nws_protocol::relay::binary_head(channel)[..], &vec![7; 100_000]].concat();
        for _ in 0..60 {
            deadline(party.socket.send(Message::binary(frame.clone()))).await.unwrap();
        }
        for _ in 0..60 {
            assert!(matches!(party.next().await, Message::Binary(_)));
        }
    };
    tokio::join!(flood(&mut server), flood(&mut client));
}

/// What a stranger sends costs no more than the limits: a flood of data, of requests, and of bad messages.
#[tokio::test]
async fn a_flood_needs_no_more_memory_than_the_limits_allow() {
    let relay = Running::limited(|limits| limits.queue_bytes = 200_000).await;
    let (_server, mut client, channel) = relay.pair().await;
    let mut party = relay.own().await;
    // Nobody reads the answers. The requests go on until the system's buffers are full.
    let flood = async |party: &mut Peer, text: String| {
        for _ in 0..20_000 {
            let sent = tokio::time::timeout(Duration::from_millis(500), party.socket.send(Message::text(text.clone())));
            match sent.await {
                Ok(sent) => sent.unwrap(),
                Err(_) => return,
            }
            let figures = relay.handle.figures();
            assert!(figures.queued_bytes < 1_000_000 && figures.kept_bytes < 2_000_000, "{figures:?}");
        }
    };
    flood(&mut party, format!(r#"{{"type":"fly{}","id":1}}"#, "x".repeat(2000))).await;
    // Data to a server that reads nothing ends with the credit.
    flood(&mut client, format!(r#"{{"type":"data","channel":{channel},"data":"{}"}}"#, "x".repeat(2000))).await;
    relay.until(|figures| figures.flow_control == 1).await;
    let mut first = relay.first().await;
    flood(&mut first, format!("not json {}", "x".repeat(2000))).await;
}

/// 1,000 clients on one server, all of them heard and answered.
#[tokio::test]
async fn a_thousand_clients_of_one_server() {
    const CLIENTS: usize = 1000;
    let relay = Running::start().await;
    let (mut server, id, credential) = relay.server().await;
    let mut clients = Vec::new();
    for _ in 0..CLIENTS {
        let mut client = relay.own().await;
        let channel = open(&mut client, &mut server, id).await;
        clients.push((client, channel));
    }
    assert_eq!(relay.handle.figures().channels_now, CLIENTS as u64);
    for (client, channel) in &mut clients {
        client.data(*channel, &format!("from {channel}")).await;
    }
    for _ in 0..CLIENTS {
        let event = server.event().await;
        let channel = event["channel"].as_u64().unwrap();
        assert_eq!(event["data"], format!("from {channel}"));
        server.data(channel, &format!("to {channel}")).await;
    }
    for (client, channel) in &mut clients {
        client.expect(json!({"type": "data", "channel": *channel, "data": format!("to {channel}")})).await;
    }
    // The server leaves and comes back; all of them stay.
    drop(server);
    relay.until(|figures| figures.servers_away == 1).await;
    let mut back = relay.own().await;
    let channels: Vec<_> =
        clients.iter().map(|(_, channel)| Position { channel: *channel, received: 1, consumed: 0 }).collect();
    let credential = Credential::new(credential).unwrap();
    let asked = back.ask(Request::Resume { server: id, credential, channels: channels.clone() }).await;
    let answer = back.event().await;
    assert_eq!((&answer["type"], &answer["id"]), (&json!("resumed"), &json!(asked)));
    assert_eq!(answer["channels"].as_array().unwrap().len(), CLIENTS);
    back.fence().await;
    for (client, channel) in &mut clients {
        client.data(*channel, "again").await;
        back.expect(json!({"type": "data", "channel": *channel, "data": "again"})).await;
    }
    // In the end they leave one by one, and nothing stays.
    drop(clients);
    drop(back);
    relay.until(|figures| figures.parties == 0 && figures.channels_now == 0).await;
}

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

/// R-37 for whoever does not read: the end does not wait for it for ever.
#[tokio::test]
async fn the_end_comes_in_time_whoever_does_not_read() {
    let relay = Running::with(|builder| builder.drain(Duration::from_millis(300))).await;
    let (_stuck, mut client, channel) = relay.pair().await;
    client.binary(channel, &vec![0; 1_000_000]).await;
    relay.shutdown.cancel();
    deadline(relay.task).await.unwrap();
}
