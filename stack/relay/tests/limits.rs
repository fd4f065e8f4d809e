//! Section 10 of spec/06-relay.md: each limit with its answer, and who is not here any more.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may stop at the first surprise")]

mod support;

use futures::SinkExt;
use nws_listen::testing::stepped;
use nws_protocol::relay::Request;
use serde_json::json;
use std::{io::ErrorKind, time::Duration};
use support::{Running, deadline, open};
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

/// HTTP 503 and 429.
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
    // Loopback is not counted unless it is to be.
    let relay = Running::limited(|limits| limits.parties_per_address = 1).await;
    let _first = relay.own().await;
    relay.own().await;
}

/// `max-visitors`: who is no party yet waits to be accepted, and is served when another leaves. Parties are no visitors.
#[tokio::test]
async fn visitors_over_the_limit_wait() {
    let relay = Running::limited(|limits| limits.visitors = 1).await;
    let mut party = relay.own().await;
    let silent = relay.connect().await;
    relay.until(|figures| figures.connections == 2).await;
    let mut waiting = relay.connect().await;
    waiting.write_all(b"GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await.unwrap();
    for _ in 0..10 {
        party.fence().await;
    }
    assert_eq!(relay.handle.figures().connections, 2);
    assert!(waiting.try_read(&mut [0]).is_err_and(|error| error.kind() == ErrorKind::WouldBlock));
    drop(silent);
    let mut answer = String::new();
    deadline(waiting.read_to_string(&mut answer)).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
}

/// `max-visitors-per-address`: one more is closed without an answer.
#[tokio::test]
async fn visitors_of_one_address_over_the_limit_are_closed() {
    let relay = Running::limited(|limits| (limits.visitors_per_address, limits.count_loopback) = (1, 1)).await;
    let mut party = relay.own().await;
    // The visitor before may not have been seen off yet.
    let silent = loop {
        let before = relay.handle.figures();
        let connection = relay.connect().await;
        relay.until(|figures| figures.connections > before.connections).await;
        if relay.handle.figures().connections_refused == before.connections_refused {
            break connection;
        }
    };
    let refused = relay.handle.figures().connections_refused;
    assert_eq!(relay.raw("GET /health HTTP/1.1\r\nHost: x\r\n\r\n").await, "");
    assert_eq!(relay.handle.figures().connections_refused, refused + 1);
    party.fence().await;
    drop(silent);
}

/// `header-time`: a connection that asks for nothing, one whose request does not end, and one between two requests.
#[tokio::test(start_paused = true)]
async fn who_asks_for_nothing_is_not_waited_for() {
    let _clock = stepped();
    let relay = Running::start().await;
    let (mut silent, mut slow, mut done) = (relay.connect().await, relay.connect().await, relay.connect().await);
    slow.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n").await.unwrap();
    done.write_all(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    relay.until(|figures| figures.connections == 3).await;
    let mut answers = Vec::new();
    while !answers.ends_with(b"}\n") {
        assert_ne!(deadline(done.read_buf(&mut answers)).await.unwrap(), 0);
    }
    advance(Duration::from_millis(9900)).await;
    for visitor in [&silent, &slow, &done] {
        assert!(visitor.try_read(&mut [0]).is_err_and(|error| error.kind() == ErrorKind::WouldBlock));
    }
    advance(Duration::from_millis(200)).await;
    answers.clear();
    for visitor in [&mut silent, &mut slow, &mut done] {
        drop(deadline(visitor.read_to_end(&mut answers)).await);
    }
    assert!(!answers.starts_with(b"HTTP/1.1 101"), "{answers:?}");
}

/// `close-time`: who does not answer the close frame is cut off.
#[tokio::test(start_paused = true)]
async fn who_does_not_answer_the_close_frame_is_cut_off() {
    let _clock = stepped();
    let relay = Running::limited(|limits| limits.idle = Duration::from_secs(1)).await;
    // By hand, as a library would answer at once.
    let mut party = relay.connect().await;
    let upgrade = "GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
        Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    party.write_all(upgrade.as_bytes()).await.unwrap();
    relay.until(|figures| figures.parties == 1).await;
    relay.step_until(|figures| figures.closed_idle == 1).await;
    let mut read = Vec::new();
    while !read.ends_with(b"\x88\x06\x03\xe8idle") {
        assert_ne!(deadline(party.read_buf(&mut read)).await.unwrap(), 0);
    }
    advance(Duration::from_millis(4900)).await;
    assert!(party.try_read(&mut [0]).is_err_and(|error| error.kind() == ErrorKind::WouldBlock));
    advance(Duration::from_millis(200)).await;
    assert_eq!(deadline(party.read_buf(&mut read)).await.unwrap(), 0);
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
    // No pings: time goes by faster here than their answers may come.
    let relay = Running::limited(|limits| limits.ping = Duration::from_secs(10_000)).await;
    let (mut server, mut client, channel) = relay.pair().await;
    let mut own = relay.own().await;
    let mut first = relay.first().await;
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
