//! nws-relay-1 over sockets: each requirement of sections 3 to 6 of spec/06-relay.md.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may stop at the first surprise")]

mod support;

use futures::SinkExt;
use nws_listen::testing::stepped;
use nws_protocol::relay::{Request, Text};
use serde_json::json;
use std::time::Duration;
use support::{Running, open};
use tokio::time::advance;
use tokio_tungstenite::tungstenite::Message;

/// R-7: the first message, with the limits.
#[tokio::test]
async fn the_first_message_says_the_limits() {
    let relay = Running::limited(|limits| (limits.window, limits.grace) = (1000, Duration::from_millis(1500))).await;
    let Ok((mut party, _)) = relay.upgrade("/x", &["nws-relay-1"]).await else { panic!("refused") };
    party.expect(json!({"type": "welcome", "window": 1000, "message_bytes": 1_048_576, "grace_ms": 1500})).await;
}

/// R-3, R-8, R-12: a whole life, with the ids of requests, and everything in its order as the same kind of message.
#[tokio::test]
async fn a_channel_is_asked_for_accepted_used_and_closed() {
    let relay = Running::start().await;
    let (mut server, id, credential) = relay.server().await;
    assert!((30..=39).contains(&credential.len()) && credential.bytes().all(|byte| byte.is_ascii_digit()));
    let mut client = relay.own().await;
    let connect = client.ask(Request::Connect { server: id, port: 65_535 }).await;
    server
        .expect(json!({"type": "connected", "channel": 0, "server": id, "port": 65_535, "address": "127.0.0.1"}))
        .await;
    // R-9: S may send at once after it has accepted; C gets the answer first.
    let accept = server.ask(Request::Accept { channel: 0 }).await;
    server.data(0, "first").await;
    server.expect(json!({"type": "done", "id": accept})).await;
    client.expect(json!({"type": "connected", "id": connect, "channel": 0})).await;
    client.expect(json!({"type": "data", "channel": 0, "data": "first"})).await;
    let text = "é\"\\\n\u{1}\u{2028}𝄞";
    client.data(0, text).await;
    client.binary(0, b"\0\xff").await;
    client.data(0, "").await;
    client.binary(0, b"").await;
    let large = vec![7; 200_000];
    client.binary(0, &large).await;
    let answered = client.ask(Request::Data { channel: 0, data: Text::new("with an id") }).await;
    client.expect(json!({"type": "done", "id": answered})).await;
    server.expect(json!({"type": "data", "channel": 0, "data": text})).await;
    server.expect_binary(0, b"\0\xff").await;
    server.expect(json!({"type": "data", "channel": 0, "data": ""})).await;
    server.expect_binary(0, b"").await;
    server.expect_binary(0, &large).await;
    server.expect(json!({"type": "data", "channel": 0, "data": "with an id"})).await;
    // R-14: all that was said before, and then one end; with what the other gave.
    client.data(0, "last").await;
    let close = client.ask(Request::Close { channel: 0, status: Some(4001), reason: Some("bye".into()) }).await;
    client.expect(json!({"type": "done", "id": close})).await;
    server.expect(json!({"type": "data", "channel": 0, "data": "last"})).await;
    server
        .expect(json!({"type": "disconnected", "channel": 0, "code": "closed", "status": 4001, "reason": "bye"}))
        .await;
    server.fence().await;
    client.fence().await;
    // R-15: the number is not given again.
    assert_eq!(open(&mut client, &mut server, id).await, 1);
    server.tell(Request::Close { channel: 1, status: None, reason: None }).await;
    client.expect(json!({"type": "disconnected", "channel": 1, "code": "closed"})).await;
    // What was said on a channel may not be all: nobody has closed it.
    let last = open(&mut client, &mut server, id).await;
    let done = server.ask(Request::Unregister).await;
    server.expect(json!({"type": "done", "id": done})).await;
    client.expect(json!({"type": "disconnected", "channel": last, "code": "gone"})).await;
    // R-39: nor is the id, which nobody finds by counting.
    let next = server.register().await.0;
    assert!([id, next].iter().all(|id| (1 << 32..1 << 53).contains(id)) && id.abs_diff(next) > 1, "{id} {next}");
}

/// R-3, R-5, R-6, R-17: whatever is said, the party gets an error and goes on.
#[tokio::test]
async fn bad_messages_are_errors_and_end_nothing() {
    let relay = Running::start().await;
    let mut party = relay.own().await;
    for (text, id, code) in [
        ("not json", None, "bad_json"),
        ("", None, "bad_json"),
        ("null", None, "bad_json"),
        ("5", None, "bad_json"),
        ("[]", None, "bad_json"),
        ("{}", None, "bad_message"),
        (r#"{"type":5,"id":1}"#, Some(1), "bad_message"),
        (r#"{"type":"fly","id":2}"#, Some(2), "unknown_type"),
        (r#"{"type":"fly"}"#, None, "unknown_type"),
        (r#"{"type":"register"}"#, None, "bad_message"),
        (r#"{"type":"register","id":-1}"#, None, "bad_message"),
        (r#"{"type":"register","id":9007199254740992}"#, None, "bad_message"),
        (r#"{"type":"connect","id":3,"server":0}"#, Some(3), "bad_message"),
        (r#"{"type":"connect","id":3,"server":0,"port":65536}"#, Some(3), "bad_message"),
        (r#"{"type":"connect","id":3,"server":"0","port":1}"#, Some(3), "bad_message"),
        (r#"{"type":"connect","id":3,"server":1e400,"port":1}"#, Some(3), "bad_message"),
        (r#"{"type":"connect","id":3,"server":0,"port":1}"#, Some(3), "unknown_server"),
        (r#"{"type":"connect","id":3,"server":9007199254740991,"port":1}"#, Some(3), "unknown_server"),
        (r#"{"type":"unregister","id":4}"#, Some(4), "not_registered"),
        (r#"{"type":"resume","id":5,"server":0,"credential":5,"channels":[]}"#, Some(5), "bad_message"),
        (r#"{"type":"resume","id":5,"server":0,"credential":"5","channels":[5]}"#, Some(5), "bad_message"),
    ] {
        party.send(text).await;
        party.expect_error(id, code, None).await;
    }
    for (text, id) in [
        (r#"{"type":"data","channel":9007199254740991,"data":"x"}"#, None),
        (r#"{"type":"data","channel":9007199254740991,"data":"x","id":7}"#, Some(7)),
        (r#"{"type":"accept","channel":9007199254740991}"#, None),
        (r#"{"type":"refuse","channel":9007199254740991}"#, None),
        (r#"{"type":"consumed","channel":9007199254740991,"bytes":1}"#, None),
        (r#"{"type":"finish","channel":9007199254740991}"#, None),
        (r#"{"type":"close","channel":9007199254740991}"#, None),
    ] {
        party.send(text).await;
        party.expect_error(id, "unknown_channel", Some(9_007_199_254_740_991)).await;
    }
    // R-20.
    for short in [&[][..], &[0; 7]] {
        party.socket.send(Message::binary(short.to_vec())).await.unwrap();
        party.expect_error(None, "bad_message", None).await;
    }
    party.binary(u64::MAX, b"x").await;
    party.expect_error(None, "unknown_channel", None).await;
    // Unknown members are ignored, and of several the last one counts.
    party.send(r#" {"id":8,"more":{"a":[1]},"type":"fly","type":"register"} "#).await;
    assert_eq!(party.event().await["type"], "registered");
    let again = party.ask(Request::Register).await;
    party.expect_error(Some(again), "already_registered", None).await;
}

/// R-16: numbers of others are as if they did not exist, whoever asks.
#[tokio::test]
async fn nobody_speaks_in_the_channel_of_another() {
    let relay = Running::start().await;
    let (mut server, mut client, channel) = relay.pair().await;
    let (mut other_server, ..) = relay.server().await;
    let mut stranger = relay.own().await;
    for party in [&mut other_server, &mut stranger] {
        party.data(channel, "intruder").await;
        party.expect_error(None, "unknown_channel", Some(channel)).await;
        party.binary(channel, b"intruder").await;
        party.expect_error(None, "unknown_channel", Some(channel)).await;
        for request in [
            Request::Accept { channel },
            Request::Refuse { channel, reason: None },
            Request::Consumed { channel, bytes: 0 },
            Request::Finish { channel },
            Request::Close { channel, status: None, reason: None },
        ] {
            let id = party.ask(request).await;
            party.expect_error(Some(id), "unknown_channel", Some(channel)).await;
        }
    }
    let mut first = relay.first().await;
    assert_eq!(first.no("forward to client", &format!("[{channel},\"x\"]")).await, "no such client channel");
    assert_eq!(first.no("forward to server", "[0,\"x\"]").await, "no such server channel");
    // Not even the client may accept for its server.
    client.tell(Request::Accept { channel }).await;
    client.expect_error(None, "unknown_channel", Some(channel)).await;
    server.tell(Request::Accept { channel }).await;
    server.expect_error(None, "not_open", Some(channel)).await;
    server.fence().await;
    client.fence().await;
}

/// R-9: before the server has decided, nothing may be said on a channel.
#[tokio::test]
async fn a_server_refuses_or_must_accept_first() {
    let relay = Running::start().await;
    let (mut server, id, _) = relay.server().await;
    let mut client = relay.own().await;
    let asked = client.ask(Request::Connect { server: id, port: 1 }).await;
    assert_eq!(server.event().await["channel"], 0);
    for party in [&mut server, &mut client] {
        party.data(0, "early").await;
        party.expect_error(None, "not_open", Some(0)).await;
        party.tell(Request::Close { channel: 0, status: None, reason: None }).await;
        party.expect_error(None, "not_open", Some(0)).await;
    }
    server.tell(Request::Refuse { channel: 0, reason: Some("no such port".into()) }).await;
    assert_eq!(client.expect_error(Some(asked), "refused", None).await, "no such port");
    server.tell(Request::Accept { channel: 0 }).await;
    server.expect_error(None, "unknown_channel", Some(0)).await;
    // A party is never at both ends.
    let own = server.ask(Request::Connect { server: id, port: 1 }).await;
    server.expect_error(Some(own), "bad_message", None).await;
    assert_eq!(relay.handle.figures().channels_now, 0);
}

/// R-10: the server has its time to accept.
#[tokio::test(start_paused = true)]
async fn a_channel_that_is_not_accepted_in_time_is_given_up() {
    let _clock = stepped();
    let relay = Running::start().await;
    let (mut server, id, _) = relay.server().await;
    let mut client = relay.own().await;
    let asked = client.ask(Request::Connect { server: id, port: 1 }).await;
    assert_eq!(server.event().await["type"], "connected");
    advance(Duration::from_millis(9999)).await;
    client.fence().await;
    advance(Duration::from_millis(1)).await;
    client.expect_error(Some(asked), "timeout", None).await;
    server.expect(json!({"type": "disconnected", "channel": 0, "code": "timeout"})).await;
    server.tell(Request::Accept { channel: 0 }).await;
    server.expect_error(None, "unknown_channel", Some(0)).await;
}

/// R-13: half-closed, then over.
#[tokio::test]
async fn both_ends_finish() {
    let relay = Running::start().await;
    let (mut server, mut client, channel) = relay.pair().await;
    client.data(channel, "request").await;
    client.tell(Request::Finish { channel }).await;
    server.expect(json!({"type": "data", "channel": channel, "data": "request"})).await;
    server.expect(json!({"type": "finished", "channel": channel})).await;
    client.data(channel, "more").await;
    client.expect_error(None, "finished", Some(channel)).await;
    client.binary(channel, b"more").await;
    client.expect_error(None, "finished", Some(channel)).await;
    client.tell(Request::Finish { channel }).await;
    client.expect_error(None, "finished", Some(channel)).await;
    server.data(channel, "answer").await;
    server.tell(Request::Finish { channel }).await;
    client.expect(json!({"type": "data", "channel": channel, "data": "answer"})).await;
    client.expect(json!({"type": "finished", "channel": channel})).await;
    for party in [&mut client, &mut server] {
        party.expect(json!({"type": "disconnected", "channel": channel, "code": "finished"})).await;
        party.fence().await;
    }
}

/// R-14: a party that is killed at any step takes its channels with it, and the others are told once.
#[tokio::test]
async fn parties_are_killed_at_every_step() {
    let relay = Running::limited(|limits| limits.grace = Duration::from_millis(1)).await;
    let (mut server, id, _) = relay.server().await;
    // The client, while it asks.
    let mut client = relay.own().await;
    client.ask(Request::Connect { server: id, port: 1 }).await;
    let channel = server.event().await["channel"].as_u64().unwrap();
    drop(client);
    server.expect(json!({"type": "disconnected", "channel": channel, "code": "gone"})).await;
    server.tell(Request::Accept { channel }).await;
    server.expect_error(None, "unknown_channel", Some(channel)).await;
    // The client, with data under way.
    let mut client = relay.own().await;
    let channel = open(&mut client, &mut server, id).await;
    client.data(channel, "last words").await;
    client.fence().await;
    drop(client);
    server.expect(json!({"type": "data", "channel": channel, "data": "last words"})).await;
    server.expect(json!({"type": "disconnected", "channel": channel, "code": "gone"})).await;
    // A client in the middle of a frame.
    let mut client = relay.own().await;
    let channel = open(&mut client, &mut server, id).await;
    let tokio_tungstenite::MaybeTlsStream::Plain(stream) = client.socket.get_mut() else { panic!() };
    tokio::io::AsyncWriteExt::write_all(stream, &[0x82, 0xff, 0, 0, 0, 0, 0, 1, 0, 0]).await.unwrap();
    drop(client);
    server.expect(json!({"type": "disconnected", "channel": channel, "code": "gone"})).await;
    server.data(channel, "to nobody").await;
    server.expect_error(None, "unknown_channel", Some(channel)).await;
    // The server: with an open channel, and with one that is asked for.
    let mut client = relay.own().await;
    let channel = open(&mut client, &mut server, id).await;
    let asked = client.ask(Request::Connect { server: id, port: 1 }).await;
    assert_eq!(server.event().await["type"], "connected");
    server.data(channel, "last words").await;
    server.fence().await;
    drop(server);
    client.expect(json!({"type": "data", "channel": channel, "data": "last words"})).await;
    client.expect(json!({"type": "disconnected", "channel": channel, "code": "gone"})).await;
    client.expect_error(Some(asked), "server_away", None).await;
    // After the grace time the id is unknown.
    let asked = client.ask(Request::Connect { server: id, port: 1 }).await;
    client.expect_error(Some(asked), "unknown_server", None).await;
    client.fence().await;
    assert_eq!(relay.handle.figures().channels_now, 0);
}

/// R-4: requests take effect in their order, though the answer to `connect` comes later.
#[tokio::test]
async fn requests_take_effect_in_their_order() {
    let relay = Running::start().await;
    let (mut server, id, _) = relay.server().await;
    let mut client = relay.own().await;
    let first = client.ask(Request::Connect { server: id, port: 1 }).await;
    let second = client.ask(Request::Connect { server: id, port: 2 }).await;
    client.fence().await;
    for (channel, port) in [(0, 1), (1, 2)] {
        let event = server.event().await;
        assert_eq!((&event["channel"], &event["port"]), (&json!(channel), &json!(port)));
    }
    server.tell(Request::Accept { channel: 1 }).await;
    client.expect(json!({"type": "connected", "id": second, "channel": 1})).await;
    server.tell(Request::Accept { channel: 0 }).await;
    client.expect(json!({"type": "connected", "id": first, "channel": 0})).await;
    for n in 0..500 {
        client.data(n % 2, &n.to_string()).await;
    }
    for n in 0..500 {
        server.expect(json!({"type": "data", "channel": n % 2, "data": n.to_string()})).await;
    }
}

/// R-37: everybody is told, and closed with 1001.
#[tokio::test]
async fn at_the_end_everybody_is_told() {
    let relay = Running::start().await;
    let (mut server, id, _) = relay.server().await;
    let mut client = relay.own().await;
    let channel = open(&mut client, &mut server, id).await;
    let asked = client.ask(Request::Connect { server: id, port: 1 }).await;
    assert_eq!(server.event().await["type"], "connected");
    let mut first = relay.first().await;
    first.fence_first().await;
    client.data(channel, "before").await;
    client.fence().await;
    relay.shutdown.cancel();
    server.expect(json!({"type": "data", "channel": channel, "data": "before"})).await;
    for channel in [channel, channel + 1] {
        server.expect(json!({"type": "disconnected", "channel": channel, "code": "shutdown"})).await;
    }
    client.expect(json!({"type": "disconnected", "channel": channel, "code": "shutdown"})).await;
    client.expect_error(Some(asked), "shutdown", None).await;
    for party in [&mut server, &mut client, &mut first] {
        assert_eq!(party.closed().await, (1001, "the relay is shutting down".to_owned()));
    }
    relay.task.await.unwrap();
}
