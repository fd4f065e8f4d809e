//! Parties of both dialects at one relay: sections 9 of spec/06-relay.md, and what passes between the two.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may stop at the first surprise")]

mod support;

use nws_listen::testing::stepped;
use nws_protocol::relay::{Credential, Request};
use serde_json::json;
use std::time::Duration;
use support::Running;
use tokio::time::advance;

/// A server of the first dialect and a client of our own.
#[tokio::test]
async fn a_first_server_takes_an_own_client() {
    let relay = Running::start().await;
    let mut server = relay.first().await;
    let (id, _) = server.install().await;
    let mut client = relay.own().await;
    let asked = client.ask(Request::Connect { server: id, port: 80 }).await;
    client.expect(json!({"type": "connected", "id": asked, "channel": 0})).await;
    assert_eq!(server.text().await, "connected:atPort:for: 0|80|::ffff:127.0.0.1");
    client.data(0, "é\n|").await;
    assert_eq!(server.text().await, "from:data: 0|é\n|");
    server.yes("forward to client", r#"[0,"back \u00e9"]"#).await;
    client.expect(json!({"type": "data", "channel": 0, "data": "back é"})).await;
    server.yes("forward to client", "[\"0\",[1,2]]").await;
    client.expect(json!({"type": "data", "channel": 0, "data": "1,2"})).await;
    // `finish` is not told to it.
    client.tell(Request::Finish { channel: 0 }).await;
    server.yes("forward to client", "[0,\"still\"]").await;
    client.expect(json!({"type": "data", "channel": 0, "data": "still"})).await;
    // A departed client answers 0.
    client.tell(Request::Close { channel: 0, status: None, reason: None }).await;
    client.fence().await;
    assert_eq!(server.no("forward to client", "[0,\"x\"]").await, "no such client channel");
    // Binary data can't reach it, and closes the channel.
    let asked = client.ask(Request::Connect { server: id, port: 81 }).await;
    client.expect(json!({"type": "connected", "id": asked, "channel": 1})).await;
    assert_eq!(server.text().await, "connected:atPort:for: 1|81|::ffff:127.0.0.1");
    client.binary(1, b"x").await;
    client.expect_error(None, "text_only", Some(1)).await;
    client.expect(json!({"type": "disconnected", "channel": 1, "code": "text_only"})).await;
    server.fence_first().await;
}

/// Section 7: a client of the first dialect that waits for credit keeps nobody else waiting, and goes on when there is some. The
/// relay has one thread here, as the program has.
#[tokio::test]
async fn the_relay_serves_the_others_while_a_first_client_waits_for_credit() {
    let relay = Running::limited(|limits| limits.window = 200).await;
    let (mut server, id, _) = relay.server().await;
    let mut client = relay.first().await;
    client.send(format!(r#"{{"instruction":"connect to server","parameters":[{id},80]}}"#)).await;
    server.expect(json!({"type": "connected", "channel": 0, "server": id, "port": 80, "address": "127.0.0.1"})).await;
    server.tell(Request::Accept { channel: 0 }).await;
    for _ in 0..4 {
        client.text().await;
    }
    let data = "x".repeat(200);
    for _ in 0..2 {
        client.send(format!(r#"{{"instruction":"forward to server","parameters":[{id},"{data}"]}}"#)).await;
    }
    for _ in 0..4 {
        client.text().await;
    }
    relay.until(|figures| figures.held > 0).await;
    // Who is held up says it again when there is room, and only then.
    let held = relay.handle.figures().held;
    server.expect(json!({"type": "data", "channel": 0, "data": data})).await;
    server.fence().await;
    assert_eq!(relay.handle.figures().held, held);
    server.tell(Request::Consumed { channel: 0, bytes: 216 }).await;
    server.expect(json!({"type": "data", "channel": 0, "data": data})).await;
    for _ in 0..4 {
        client.text().await;
    }
    client.fence_first().await;
}

/// A server of our own and a client of the first dialect: it decides, and the client's answers wait for that.
#[tokio::test]
async fn an_own_server_decides_about_a_first_client() {
    let relay = Running::start().await;
    let (mut server, id, _) = relay.server().await;
    let mut client = relay.first().await;
    client.send(format!(r#"{{"instruction":"connect to server","parameters":["{id}","80"]}}"#)).await;
    client.send(format!(r#"{{"instruction":"forward to server","parameters":[{id},"at once"]}}"#)).await;
    server.expect(json!({"type": "connected", "channel": 0, "server": id, "port": 80, "address": "127.0.0.1"})).await;
    server.tell(Request::Accept { channel: 0 }).await;
    server.expect(json!({"type": "data", "channel": 0, "data": "at once"})).await;
    for expected in [
        "server: received command 'connect to server'",
        "server: evaluating added instruction 'connect to server'",
        "1",
        "server: connected client",
        "server: received command 'forward to server'",
        "server: evaluating added instruction 'forward to server'",
        "1",
        "server: sent data to server",
    ] {
        assert_eq!(client.text().await, expected);
    }
    server.data(0, "text \" \u{e9}").await;
    assert_eq!(client.text().await, format!("from:data: {id}|text \" é"));
    server.binary(0, b"x").await;
    server.expect_error(None, "text_only", Some(0)).await;
    server.expect(json!({"type": "disconnected", "channel": 0, "code": "text_only"})).await;
    assert_eq!(client.no("forward to server", &format!("[{id},\"x\"]")).await, "no such server channel");
    // Refused, and ports that it can't know.
    client.send(format!(r#"{{"instruction":"connect to server","parameters":[{id},80]}}"#)).await;
    assert_eq!(server.event().await["channel"], 1);
    server.tell(Request::Refuse { channel: 1, reason: Some("closed today".into()) }).await;
    client.text().await;
    client.text().await;
    assert_eq!((client.text().await, client.text().await), ("0".to_owned(), "server: closed today".to_owned()));
    for port in ["\"http\"", "65536", "-1", "1.5", "null"] {
        let words = client.no("connect to server", &format!("[{id},{port}]")).await;
        assert_eq!(words, "this server has ports from 0 to 65535 only", "{port}");
    }
    assert_eq!(client.no("connect to server", &format!("[{id}]")).await, "port is missing");
    server.fence().await;
}

/// R-10 for the first dialect.
#[tokio::test(start_paused = true)]
async fn a_first_client_that_is_not_accepted_in_time_gets_its_answer() {
    let _clock = stepped();
    let relay = Running::start().await;
    let (mut server, id, _) = relay.server().await;
    let mut client = relay.first().await;
    client.send(format!(r#"{{"instruction":"connect to server","parameters":[{id},80]}}"#)).await;
    assert_eq!(server.event().await["type"], "connected");
    advance(Duration::from_secs(10)).await;
    client.text().await;
    client.text().await;
    assert_eq!(client.text().await, "0");
    assert_eq!(client.text().await, "server: the server did not answer in time");
    client.fence_first().await;
    server.expect(json!({"type": "disconnected", "channel": 0, "code": "timeout"})).await;
}

/// R-31: repeated by another party, the server is its from then on, and the clients stay; within the grace time too.
#[tokio::test]
async fn a_server_is_handed_on_from_dialect_to_dialect() {
    let relay = Running::start().await;
    let (mut own, id, credential) = relay.server().await;
    let mut client = relay.own().await;
    let channel = support::open(&mut client, &mut own, id).await;
    let waits = client.ask(Request::Connect { server: id, port: 9 }).await;
    assert_eq!(own.event().await["port"], 9);
    let mut first = relay.first().await;
    assert_eq!(first.no("install server", &format!("[{id},\"{}\"]", &credential[1..])).await, "bad credential");
    first.send(format!(r#"{{"instruction":"install server","parameters":["{id}","{credential}"]}}"#)).await;
    first.text().await;
    first.text().await;
    // It takes everybody.
    assert_eq!(first.text().await, format!("connected:atPort:for: {}|9|::ffff:127.0.0.1", channel + 1));
    assert_eq!((first.text().await, first.text().await), ("1".to_owned(), "server: installed server".to_owned()));
    own.expect(json!({"type": "replaced", "server": id})).await;
    client.expect(json!({"type": "connected", "id": waits, "channel": channel + 1})).await;
    first.yes("forward to client", &format!("[{channel},\"still here\"]")).await;
    client.expect(json!({"type": "data", "channel": channel, "data": "still here"})).await;
    // Away: what an own client says is kept, what a first one says is not taken.
    drop(first);
    relay.until(|figures| figures.servers_away == 1).await;
    client.data(channel, "kept").await;
    client.fence().await;
    let mut second = relay.first().await;
    second.send(format!(r#"{{"instruction":"install server","parameters":[{id},{credential}]}}"#)).await;
    second.text().await;
    second.text().await;
    assert_eq!(second.text().await, format!("from:data: {channel}|kept"));
    assert_eq!((second.text().await, second.text().await), ("1".to_owned(), "server: installed server".to_owned()));
    // And back; what is not listed is gone.
    let mut own = relay.own().await;
    let position = nws_protocol::relay::Position { channel, received: 1, consumed: 0 };
    let credential = Credential::new(credential).unwrap();
    let asked = own.ask(Request::Resume { server: id, credential, channels: vec![position] }).await;
    let answer = own.event().await;
    assert_eq!((&answer["type"], &answer["id"]), (&"resumed".into(), &asked.into()));
    assert_eq!(answer["channels"][0]["channel"], channel);
    // What was written to the one before is consumed.
    client.expect(json!({"type": "consumed", "channel": channel, "bytes": 20})).await;
    client.expect(json!({"type": "disconnected", "channel": channel + 1, "code": "gone"})).await;
    assert_eq!(second.no("forward to client", &format!("[{channel},\"x\"]")).await, "no such client channel");
    client.data(channel, "own again").await;
    own.expect(json!({"type": "data", "channel": channel, "data": "own again"})).await;
}

/// R-29, R-30: a credential that nobody uses is good for a time.
#[tokio::test(start_paused = true)]
async fn a_credential_that_is_not_used_expires() {
    let _clock = stepped();
    // Who has neither a server nor a channel would be closed before.
    let relay = Running::limited(|limits| limits.idle = Duration::from_secs(10_000)).await;
    let mut party = relay.first().await;
    let credential = party.command("create server credential", "[]").await.0;
    let other = party.command("create server credential", "[]").await.0;
    let parameters = |pair: &str| {
        let (id, digits) = pair.split_once(' ').unwrap();
        format!("[{id},\"{digits}\"]")
    };
    // Each is good for its own server only.
    let foreign = format!("[0,\"{}\"]", other.split_once(' ').unwrap().1);
    assert_eq!(party.no("install server", &foreign).await, "bad credential");
    advance(Duration::from_millis(599_000)).await;
    party.yes("install server", &parameters(&credential)).await;
    advance(Duration::from_millis(2000)).await;
    relay.until(|figures| figures.servers_now == 1).await;
    assert_eq!(party.no("install server", &parameters(&other)).await, "bad credential");
    // The one that is in use stays.
    advance(Duration::from_secs(3600)).await;
    party.yes("install server", &parameters(&credential)).await;
}

/// R-32, R-33: several channels of one client, each heard by its number; and nobody else's.
#[tokio::test]
async fn several_channels_of_a_client_are_told_apart() {
    let relay = Running::start().await;
    let mut server = relay.first().await;
    let (id, _) = server.install().await;
    let mut client = relay.first().await;
    let mut other = relay.first().await;
    for (party, channel) in [(&mut client, 0), (&mut other, 1)] {
        party.yes("connect to server", &format!("[{id},1]")).await;
        assert_eq!(server.text().await, format!("connected:atPort:for: {channel}|1|::ffff:127.0.0.1"));
    }
    client.yes("connect to server", &format!("[{id},2]")).await;
    assert_eq!(server.text().await, "connected:atPort:for: 2|2|::ffff:127.0.0.1");
    for (parameters, heard) in [("\"x\"", 2), ("\"x\",0", 0), ("\"x\",\"2\"", 2)] {
        client.yes("forward to server", &format!("[{id},{parameters}]")).await;
        assert_eq!(server.text().await, format!("from:data: {heard}|x"));
    }
    for foreign in ["1", "3", "\"x\"", "null", "-1", "99999999999999999999999999"] {
        let words = client.no("forward to server", &format!("[{id},\"x\",{foreign}]")).await;
        assert_eq!(words, "no such server channel", "{foreign}");
    }
    // Only the server of a channel speaks to its client.
    other.install().await;
    assert_eq!(other.no("forward to client", "[0,\"x\"]").await, "no such client channel");
    server.fence_first().await;
    // A server may be its own client in this dialect.
    server.send(format!(r#"{{"instruction":"connect to server","parameters":[{id},1]}}"#)).await;
    server.text().await;
    server.text().await;
    assert_eq!(server.text().await, "connected:atPort:for: 3|1|::ffff:127.0.0.1");
    assert_eq!((server.text().await, server.text().await), ("1".to_owned(), "server: connected client".to_owned()));
}
