//! What somebody said who has left: it may come long after the word that it left, on a slow network, and is heard to the end. Time
//! is paused: sleeping sets the pace.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may stop at the first surprise")]

mod support;

use bytes::{Bytes, BytesMut};
use nws_protocol::{
    ChannelId, LinkCode, PeerId,
    wire::{Control, Data, Payload},
};
use nws_transports::{LinkError, MemoryNetwork, SendLane};
use std::time::Duration;
use support::{Client, Event, Node, Setup, at, raw::Raw};
use tokio::{
    io::AsyncWriteExt,
    time::{Instant, sleep, timeout},
};

/// How long the lane of somebody who left may rest.
const REST: Duration = Duration::from_secs(5);

const PEER: PeerId = PeerId::from_bytes([7; 16]);

struct Scene {
    network: MemoryNetwork,
    node: Node,
    client: Client,
}

impl Scene {
    async fn new() -> Self {
        let network = MemoryNetwork::new(1);
        let node = Setup::memory(1, &network).await.start();
        let client = node.join("chat");
        Self { network, node, client }
    }

    /// Somebody with one client in the channel, who leaves as far as words go; its lane goes on.
    async fn leaver(&mut self) -> (Raw, ChannelId, SendLane) {
        let mut raw = Raw::greet(&self.network.transport([10, 0, 0, 9]), &at(1), 9).await;
        let channel = raw.matches("chat").await;
        let lane = raw.lane(&[Data::Open(channel), Data::Members { peers: vec![PEER], more: false }]).await;
        assert_eq!(self.client.next().await, Event::Connect(PEER.to_string()));
        raw.say(&Control::Leave(channel)).await;
        self.node.shares(0).await;
        (raw, channel, lane)
    }
}

async fn write(lane: &mut SendLane, message: Data) -> std::io::Result<()> {
    let mut frame = BytesMut::new();
    message.encode(&mut frame);
    lane.write_all(&frame).await?;
    lane.flush().await
}

fn said(number: u32) -> Data {
    Data::Broadcast { source: PEER, payload: Payload::Json(Bytes::from(number.to_string())) }
}

#[tokio::test(start_paused = true)]
async fn what_was_said_before_leaving_is_heard_however_long_it_takes_while_it_comes() {
    let mut scene = Scene::new().await;
    let (mut raw, _, mut lane) = scene.leaver().await;
    // Half a minute, with no word on the control lane but liveness.
    for number in 0..10 {
        sleep(REST - Duration::from_secs(2)).await;
        raw.say(&Control::Ping(1)).await;
        write(&mut lane, said(number)).await.unwrap();
        assert_eq!(scene.client.next().await, Event::Broadcast(PEER.to_string(), number.to_string()));
    }
    write(&mut lane, Data::Part(PEER)).await.unwrap();
    lane.shutdown().await.unwrap();
    assert_eq!(scene.client.next().await, Event::Disconnect(PEER.to_string()));
}

#[tokio::test(start_paused = true)]
async fn when_nothing_comes_any_more_the_lane_of_somebody_who_left_is_stopped() {
    let mut scene = Scene::new().await;
    let (_raw, _, mut lane) = scene.leaver().await;
    sleep(Duration::from_secs(4)).await;
    write(&mut lane, said(1)).await.unwrap();
    assert_eq!(scene.client.next().await, Event::Broadcast(PEER.to_string(), "1".to_owned()));
    let since = Instant::now();
    // The peer goes with the lane, which gives no word of its own.
    assert_eq!(scene.client.next().await, Event::Disconnect(PEER.to_string()));
    let rested = since.elapsed();
    assert!((REST..REST + Duration::from_millis(100)).contains(&rested), "{rested:?}");
    let error = write(&mut lane, said(2)).await.unwrap_err();
    let cause = error.get_ref().unwrap().downcast_ref::<LinkError>().unwrap();
    assert_eq!(cause, &LinkError::LaneReset(LinkCode::None));
}

/// Who left and speaks on for ever, with as many lanes as it likes, holds up nobody.
#[tokio::test(start_paused = true)]
async fn last_words_without_end_hold_up_nobody_else() {
    let mut scene = Scene::new().await;
    let (mut raw, channel, mut lane) = scene.leaver().await;
    // They wait for their turn; beyond so many no more is taken.
    for _ in 0..200 {
        raw.lane(&[Data::Open(channel)]).await;
    }
    for number in 0..20 {
        sleep(Duration::from_secs(2)).await;
        raw.say(&Control::Ping(1)).await;
        write(&mut lane, said(number)).await.unwrap();
        assert_eq!(scene.client.next().await, Event::Broadcast(PEER.to_string(), number.to_string()));
    }
    let other = Setup::memory(2, &scene.network).await.dials(at(1)).start();
    let two = other.join("chat");
    assert_eq!(timeout(REST, scene.client.next_ever()).await.ok(), Some(Event::Connect(two.id())));
    assert_eq!(scene.node.mesh.status().await.links.len(), 2);
}
