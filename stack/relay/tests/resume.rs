//! A server that comes back, over sockets: section 8 of spec/06-relay.md. The simulation of it is beside the core.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may stop at the first surprise")]

mod support;

use nws_protocol::relay::{Credential, Position, Request};
use serde_json::json;
use support::{Running, open};

/// away, back, replaced; and the same error whatever is wrong about a credential.
#[tokio::test]
async fn a_server_comes_back_with_its_credential_only() {
    let relay = Running::start().await;
    let (server, id, credential) = relay.server().await;
    drop(server);
    relay.until(|figures| figures.servers_away == 1).await;
    let mut client = relay.own().await;
    let asked = client.ask(Request::Connect { server: id, port: 1 }).await;
    client.expect_error(Some(asked), "server_away", None).await;
    let mut back = relay.own().await;
    let mut words = Vec::new();
    let resume = |server, digits: &str| Request::Resume {
        server,
        credential: Credential::new(digits.to_owned()).unwrap(),
        channels: Vec::new(),
    };
    for (server, digits) in [(id, "1"), (id, &*format!("{credential}0")), (id, &credential[1..]), (id + 1, &credential)]
    {
        let asked = back.ask(resume(server, digits)).await;
        words.push(back.expect_error(Some(asked), "bad_credential", None).await);
    }
    words.dedup();
    assert_eq!(words.len(), 1);
    let asked = back.ask(resume(id, &credential)).await;
    back.expect(json!({"type": "resumed", "id": asked, "server": id, "channels": []})).await;
    let channel = open(&mut client, &mut back, id).await;
    // Another one, while it is still there.
    let mut third = relay.own().await;
    let asked = third
        .ask(Request::Resume {
            server: id,
            credential: Credential::new(credential.clone()).unwrap(),
            channels: vec![Position { channel, received: 0, consumed: 0 }],
        })
        .await;
    third
        .expect(json!({"type": "resumed", "id": asked, "server": id, "channels": [{"channel": channel, "received": 0, "consumed": 0}]}))
        .await;
    back.expect(json!({"type": "replaced", "server": id})).await;
    back.data(channel, "too late").await;
    back.expect_error(None, "unknown_channel", Some(channel)).await;
    client.data(channel, "to the third").await;
    third.expect(json!({"type": "data", "channel": channel, "data": "to the third"})).await;
    // A credential is good for its own server only, and a party is at most one.
    let (mut fourth, ..) = relay.server().await;
    let asked = fourth.ask(resume(id, &credential)).await;
    fourth.expect_error(Some(asked), "already_registered", None).await;
    // Nor does the one that has it already get anything twice.
    let asked = third.ask(resume(id, &credential)).await;
    third.expect_error(Some(asked), "already_registered", None).await;
    client.data(channel, "still to the third").await;
    third.expect(json!({"type": "data", "channel": channel, "data": "still to the third"})).await;
}

/// as in the figure of section 8, with a connection that dies at both ends of what is under way.
#[tokio::test]
async fn a_server_goes_on_where_it_was() {
    let relay = Running::start().await;
    let (mut server, id, credential) = relay.server().await;
    let mut client = relay.own().await;
    let channel = open(&mut client, &mut server, id).await;
    let text = |n: u64| json!({"type": "data", "channel": channel, "data": n.to_string()});
    // Five items to the server, of which it has heard three and consumed two.
    for n in 0..5 {
        client.data(channel, &n.to_string()).await;
    }
    for n in 0..3 {
        server.expect(text(n)).await;
    }
    server.tell(Request::Consumed { channel, bytes: 34 }).await;
    client.expect(json!({"type": "consumed", "channel": channel, "bytes": 34})).await;
    // Four items of the server, of which the relay has two; the client has consumed one.
    for n in 0..2 {
        server.data(channel, &n.to_string()).await;
        client.expect(text(n)).await;
    }
    client.tell(Request::Consumed { channel, bytes: 17 }).await;
    client.fence().await;
    drop(server);
    relay.until(|figures| figures.servers_away == 1).await;
    // Said while it is away: text, binary, and the end. And one more channel, which can't be had now.
    client.data(channel, "5").await;
    client.binary(channel, b"six").await;
    client.tell(Request::Finish { channel }).await;
    let asked = client.ask(Request::Connect { server: id, port: 1 }).await;
    client.expect_error(Some(asked), "server_away", None).await;
    let mut back = relay.own().await;
    let position = Position { channel, received: 3, consumed: 34 };
    let unknown = Position { channel: 99, received: 0, consumed: 0 };
    let credential = Credential::new(credential).unwrap();
    let asked = back.ask(Request::Resume { server: id, credential, channels: vec![position, unknown] }).await;
    let relays = json!([{"channel": channel, "received": 2, "consumed": 17}]);
    back.expect(json!({"type": "resumed", "id": asked, "server": id, "channels": relays})).await;
    for n in [3, 4, 5] {
        back.expect(text(n)).await;
    }
    back.expect_binary(channel, b"six").await;
    back.expect(json!({"type": "finished", "channel": channel})).await;
    for n in 2..4 {
        back.data(channel, &n.to_string()).await;
        client.expect(text(n)).await;
    }
    back.tell(Request::Finish { channel }).await;
    client.expect(json!({"type": "finished", "channel": channel})).await;
    for party in [&mut back, &mut client] {
        party.expect(json!({"type": "disconnected", "channel": channel, "code": "finished"})).await;
    }
}

/// Section 8: what ended while the server was away, or was lost with its connection, is told when it is back.
#[tokio::test]
async fn a_server_learns_of_what_ended_meanwhile() {
    let relay = Running::start().await;
    let (mut server, id, credential) = relay.server().await;
    let mut client = relay.own().await;
    let (first, second, third) = (
        open(&mut client, &mut server, id).await,
        open(&mut client, &mut server, id).await,
        open(&mut client, &mut server, id).await,
    );
    // Ends before the connection is lost, and the server has read nothing of that.
    client.data(first, "last words").await;
    client.tell(Request::Close { channel: first, status: None, reason: Some("bye".into()) }).await;
    client.fence().await;
    drop(server);
    relay.until(|figures| figures.servers_away == 1).await;
    // Ends while it is away.
    client.data(second, "into the dark").await;
    client.tell(Request::Close { channel: second, status: Some(3000), reason: None }).await;
    client.fence().await;
    let mut back = relay.own().await;
    // It does not know the third one: it may have closed it, or was started anew.
    let positions = [first, second].map(|channel| Position { channel, received: 0, consumed: 0 }).to_vec();
    let credential = Credential::new(credential).unwrap();
    let asked = back.ask(Request::Resume { server: id, credential, channels: positions }).await;
    let there =
        json!([{"channel": first, "received": 0, "consumed": 0}, {"channel": second, "received": 0, "consumed": 0}]);
    back.expect(json!({"type": "resumed", "id": asked, "server": id, "channels": there})).await;
    back.expect(json!({"type": "data", "channel": first, "data": "last words"})).await;
    back.expect(json!({"type": "disconnected", "channel": first, "code": "closed", "reason": "bye"})).await;
    back.expect(json!({"type": "data", "channel": second, "data": "into the dark"})).await;
    back.expect(json!({"type": "disconnected", "channel": second, "code": "closed", "status": 3000})).await;
    client.expect(json!({"type": "disconnected", "channel": third, "code": "gone"})).await;
    back.fence().await;
    client.fence().await;
}
