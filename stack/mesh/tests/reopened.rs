//! A lane that the other end stopped because it was not ready, and that is opened again a second later. Whoever is announced meanwhile
//! is spoken to all the same. Time is paused.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may stop at the first surprise")]

mod support;

use bytes::{Bytes, BytesMut};
use nws_protocol::{
    ChannelId, LinkCode, PeerId,
    frame::FrameCodec,
    wire::{Control, Data, Payload},
};
use nws_transports::{MemoryNetwork, RecvLane, SendLane};
use std::time::Duration;
use support::{Client, Event, Node, Setup, at, raw::Raw};
use tokio::{
    io::AsyncReadExt,
    time::{Instant, sleep, timeout},
};
use tokio_util::codec::Decoder;

const PEER: PeerId = PeerId::from_bytes([7; 16]);
const SOON: Duration = Duration::from_secs(5);

/// One client at our proxy, and a proxy by hand that stopped our first lane and then came with one of its own.
struct Scene {
    node: Node,
    client: Client,
    raw: Raw,
    channel: ChannelId,
    own: SendLane,
    stopped: Instant,
}

async fn accept(raw: &Raw) -> RecvLane {
    timeout(SOON, raw.link.accept()).await.expect("no lane").unwrap()
}

impl Scene {
    /// `more` stands on the lane of the other end after its list.
    async fn new(more: Vec<Data>) -> Self {
        let network = MemoryNetwork::new(1);
        let node = Setup::memory(1, &network).await.start();
        let mut client = node.join("chat");
        let mut raw = Raw::greet(&network.transport([10, 0, 0, 9]), &at(1), 9).await;
        let channel = raw.matches("chat").await;
        let mut first = accept(&raw).await;
        first.stop(LinkCode::Unmatched);
        let stopped = Instant::now();
        sleep(Duration::from_millis(100)).await;
        let mut messages = vec![Data::Open(channel), Data::Members { peers: vec![PEER], more: false }];
        messages.extend(more);
        let own = raw.lane(&messages).await;
        assert_eq!(client.next().await, Event::Connect(PEER.to_string()));
        Self { node, client, raw, channel, own, stopped }
    }

    /// What stands on the second lane after Open, to its end or as long as something comes.
    async fn second(&self) -> Vec<Data> {
        let mut lane = accept(&self.raw).await;
        let (mut codec, mut buffer, mut heard) = (FrameCodec::new(1 << 20), BytesMut::new(), Vec::new());
        let _ = timeout(SOON, async { while lane.read_buf(&mut buffer).await.unwrap() > 0 {} }).await;
        while let Some(frame) = codec.decode(&mut buffer).unwrap() {
            heard.push(Data::decode(frame).unwrap());
        }
        assert_eq!(heard.remove(0), Data::Open(self.channel));
        heard
    }

    fn list(&self) -> Data {
        Data::Members { peers: vec![self.id()], more: false }
    }

    fn id(&self) -> PeerId {
        self.client.id().parse().unwrap()
    }

    fn says(&self, text: &'static str) -> Data {
        Data::Broadcast { source: self.id(), payload: Payload::Json(Bytes::from_static(text.as_bytes())) }
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_said_to_somebody_who_is_there_waits_for_the_next_lane() {
    let scene = Scene::new(Vec::new()).await;
    scene.client.say("1").await;
    assert_eq!(scene.second().await, [scene.list(), scene.says("1")]);
    assert!(scene.stopped.elapsed() >= Duration::from_secs(1), "it is given time to be ready");
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_delivered_is_answered_on_the_next_lane() {
    let target = PeerId::from_bytes([8; 16]);
    let direct = Data::Direct { source: PEER, target, payload: Payload::Json(Bytes::from_static(b"1")) };
    let scene = Scene::new(vec![direct]).await;
    assert_eq!(scene.second().await, [scene.list(), Data::Undeliverable { source: PEER, target }]);
}

#[tokio::test(start_paused = true)]
async fn what_is_said_to_one_who_is_there_waits_for_the_next_lane() {
    let scene = Scene::new(Vec::new()).await;
    scene.client.tell(&PEER.to_string(), "2").await;
    let payload = Payload::Json(Bytes::from_static(b"2"));
    assert_eq!(scene.second().await, [scene.list(), Data::Direct { source: scene.id(), target: PEER, payload }]);
}

/// The last words of a page that is closed in that second are not lost either.
#[tokio::test(start_paused = true)]
async fn who_leaves_meanwhile_has_said_it_all_the_same() {
    let mut scene = Scene::new(Vec::new()).await;
    scene.client.say("1").await;
    let (said, gone) = (scene.says("1"), Data::Part(scene.id()));
    let list = scene.list();
    let other = scene.node.join("other");
    drop(std::mem::replace(&mut scene.client, other));
    assert_eq!(scene.second().await, [list, said, gone]);
}

/// When the word comes that it has left, no lane follows.
#[tokio::test(start_paused = true)]
async fn a_channel_that_was_left_there_gets_no_next_lane() {
    let mut scene = Scene::new(Vec::new()).await;
    scene.client.say("1").await;
    scene.raw.say(&Control::Leave(scene.channel)).await;
    scene.node.shares(0).await;
    assert!(timeout(SOON, scene.raw.link.accept()).await.is_err());
    drop(scene.own);
}
