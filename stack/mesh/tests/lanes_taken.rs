//! How many lanes a link takes in at once, and how many that ended it remembers. Time is paused.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may stop at the first surprise")]

mod support;

use bytes::BytesMut;
use futures::FutureExt;
use nws_protocol::{
    ChannelId, ChannelKey, PeerId,
    matching::{MatchEvent, Matcher},
    wire::Data,
};
use nws_transports::{MemoryNetwork, SendLane};
use rand_core::OsRng;
use std::{collections::BTreeMap, time::Duration};
use support::{
    Client, Event, Setup, at, key,
    raw::{Free, Raw},
};
use tokio::{
    io::AsyncWriteExt,
    time::{Instant, sleep},
};

const PEER: PeerId = PeerId::from_bytes([7; 16]);

/// Lanes in use beyond one for each channel.
const SPARE: usize = 64;

/// Lanes whose end was read and that are remembered.
const KEPT: usize = 256;

/// How long they are.
const PATIENCE: Duration = Duration::from_secs(5);

/// Writes as much as the lane takes before somebody reads it: a list of nobody, and a large frame that does not end.
async fn full_lane(raw: &Raw, channel: ChannelId) -> SendLane {
    let mut lane = raw.link.open().await.unwrap();
    let mut bytes = BytesMut::new();
    Data::Open(channel).encode(&mut bytes);
    Data::Members { peers: Vec::new(), more: false }.encode(&mut bytes);
    bytes.extend_from_slice(&[0x80, 0x80, 0x3c]);
    bytes.resize(64 * 1024, 0);
    while let Some(written) = lane.write(&bytes).now_or_never() {
        let written = written.unwrap();
        bytes.fill(0);
        assert!(written > 0);
    }
    lane
}

/// Whether something of the lane was read: then it takes more.
fn was_read(lane: &mut SendLane) -> bool {
    lane.write(&[0]).now_or_never().is_some()
}

#[tokio::test(start_paused = true)]
async fn of_many_lanes_for_one_channel_few_are_taken_at_once_and_the_others_in_their_turn() {
    let network = MemoryNetwork::new(1);
    let node = Setup::memory(1, &network).await.start();
    let _client = node.join("chat");
    let mut raw = Raw::greet(&network.transport([10, 0, 0, 9]), &at(1), 9).await;
    let channel = raw.matches("chat").await;
    let (mut waiting, mut rounds) = (Vec::new(), 0);
    for _ in 0..200 {
        waiting.push(full_lane(&raw, channel).await);
    }
    while !waiting.is_empty() {
        sleep(Duration::from_secs(1)).await;
        let before = waiting.len();
        // Whoever was taken gives up.
        waiting.retain_mut(|lane| !was_read(lane));
        let taken = before - waiting.len();
        // One more is held ready, and one more in hand.
        assert!(taken <= 1 + SPARE + 2, "{taken} at once");
        assert!(taken > SPARE || waiting.is_empty(), "only {taken}");
        rounds += 1;
    }
    assert_eq!(rounds, 3);
    assert_eq!(node.mesh.status().await.links.len(), 1);
}

/// Matches all of them on one link.
async fn match_all(raw: &mut Raw, keys: &[ChannelKey]) -> BTreeMap<ChannelKey, ChannelId> {
    let mut matcher: Matcher = raw.matcher();
    keys.iter().for_each(|key| matcher.join(key));
    let mut matched = BTreeMap::new();
    loop {
        while let Some(message) = matcher.transmit(&mut OsRng) {
            raw.say(&message).await;
        }
        while let Some(event) = matcher.event() {
            let MatchEvent::Matched { key, channel_id, .. } = event else { panic!("{event:?}") };
            matched.insert(key, channel_id);
        }
        if matched.len() == keys.len() {
            return matched;
        }
        let message = raw.hear().await.unwrap();
        matcher.handle(message, &mut Free, Duration::ZERO).unwrap();
    }
}

/// When a lane ends, its peers stay for the lane that goes on with them; but not those of any number of lanes.
#[tokio::test(start_paused = true)]
async fn of_lanes_that_ended_the_latest_are_remembered() {
    let network = MemoryNetwork::new(1);
    let node = Setup::memory(1, &network).await.start();
    let names: Vec<String> = (0..=KEPT).map(|number| format!("chat{number}")).collect();
    let mut clients: Vec<Client> = names.iter().map(|name| node.join(name)).collect();
    let keys: Vec<ChannelKey> = names.iter().map(|name| key(name)).collect();
    let mut raw = Raw::greet(&network.transport([10, 0, 0, 9]), &at(1), 9).await;
    let channels = match_all(&mut raw, &keys).await;
    node.shares(names.len()).await;
    let start = Instant::now();
    for (key, client) in keys.iter().zip(&mut clients) {
        let list = Data::Members { peers: vec![PEER], more: false };
        let mut lane = raw.lane(&[Data::Open(channels[key]), list]).await;
        assert_eq!(client.next().await, Event::Connect(PEER.to_string()));
        lane.shutdown().await.unwrap();
    }
    sleep(Duration::from_secs(1)).await;
    // The first must go for the last, and only the first.
    assert_eq!(clients[0].next().await, Event::Disconnect(PEER.to_string()));
    assert!(start.elapsed() < PATIENCE, "{:?}", start.elapsed());
    for client in &mut clients[1..] {
        client.catch_up();
        assert!(client.take_events().is_empty());
    }
    for client in &mut clients[1..] {
        assert_eq!(client.next().await, Event::Disconnect(PEER.to_string()));
    }
    assert!(start.elapsed() >= PATIENCE, "{:?}", start.elapsed());
}
