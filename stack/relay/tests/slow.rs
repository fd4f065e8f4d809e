//! Sections 7 and 10 of spec/06-relay.md: one who does not read, or floods, among others.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may stop at the first surprise")]

mod support;

use futures::SinkExt;
use nws_listen::testing::stepped;
use nws_protocol::relay::{ReceiveCredit, Request, item_cost};
use serde_json::json;
use std::time::Duration;
use support::{Peer, Running, deadline, open};
use tokio_tungstenite::tungstenite::Message;

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

/// R-36, R-40: one that takes enough not to be stuck holds up others all the same, and is closed when it has done so for as long as a
/// stall may be; they go on, and lose nothing.
#[tokio::test(start_paused = true)]
async fn who_hoards_while_others_wait_is_closed() {
    let _clock = stepped();
    let relay = Running::limited(|limits| {
        (limits.queued_bytes, limits.window, limits.stall_bytes) = (400_000, 1_000_000_000, 0);
        limits.ping = Duration::from_secs(10_000);
    })
    .await;
    let (mut server, id, _) = relay.server().await;
    let (mut hoarder, mut reader) = (relay.own().await, relay.own().await);
    let hoards = open(&mut hoarder, &mut server, id).await;
    let reads = open(&mut reader, &mut server, id).await;
    let frame = |channel, data: &[u8]| [&nws_protocol::relay::binary_head(channel)[..], data].concat();
    let sending = async {
        // More than the share and the system's buffers hold, so that the server is held up too.
        while relay.handle.figures().closed_slow == 0 {
            server.socket.feed(Message::binary(frame(hoards, &[7; 100_000]))).await.unwrap();
            server.socket.feed(Message::binary(frame(reads, b"for who reads"))).await.unwrap();
            deadline(server.socket.flush()).await.unwrap();
        }
        server.socket.send(Message::binary(frame(reads, b"last"))).await.unwrap();
    };
    let reading = async {
        let last = frame(reads, b"last");
        while !matches!(reader.next().await, Message::Binary(frame) if frame == last) {}
    };
    let watching = async {
        relay.until(|figures| figures.held > 0).await;
        assert!(relay.handle.figures().queued_bytes < 600_000);
        relay.step_until(|figures| figures.closed_slow == 1).await;
    };
    tokio::join!(sending, reading, watching);
    drop(hoarder);
}
