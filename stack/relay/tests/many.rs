//! Many clients of one server, from the first to the last; and the end, which waits for nobody for ever.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may stop at the first surprise")]

mod support;

use nws_protocol::relay::{Credential, Position, Request};
use serde_json::json;
use std::time::Duration;
use support::{Running, deadline, open};

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

/// R-37 for whoever does not read: the end does not wait for it for ever.
#[tokio::test]
async fn the_end_comes_in_time_whoever_does_not_read() {
    let relay = Running::with(|builder| builder.drain(Duration::from_millis(300))).await;
    let (_stuck, mut client, channel) = relay.pair().await;
    client.binary(channel, &vec![0; 1_000_000]).await;
    relay.shutdown.cancel();
    deadline(relay.task).await.unwrap();
}
