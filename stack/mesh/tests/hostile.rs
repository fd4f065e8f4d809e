//! What a link must not say, and what becomes of it; everybody else goes on undisturbed. Time is paused.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may stop at the first surprise")]

mod support;

use bytes::{Bytes, BytesMut};
use nws_hub::HubLimits;
use nws_protocol::{
    ChannelId, LinkCode, PeerId,
    limits::MAX_UNMATCHED_LANES,
    wire::{Control, Data, Payload},
};
use nws_transports::{LinkError, MemoryNetwork, MemoryTransport};
use rand_core::OsRng;
use std::time::Duration;
use support::{
    Client, Event, Node, Setup, at,
    raw::{Raw, hello},
};
use tokio::{
    io::AsyncWriteExt,
    time::{Instant, sleep, timeout},
};

const STRANGER: u8 = 9;

/// Two honest proxies that talk, and a third host for the stranger.
struct Scene {
    a: Node,
    _b: Node,
    one: Client,
    two: Client,
    stranger: MemoryTransport,
    said: u32,
}

impl Scene {
    async fn new() -> Self {
        Self::with(HubLimits::default()).await
    }

    async fn with(limits: HubLimits) -> Self {
        let network = MemoryNetwork::new(1);
        let mut a = Setup::memory(1, &network).await;
        a.limits = limits;
        let a = a.start();
        let b = Setup::memory(2, &network).await.dials(at(1)).start();
        let (mut one, mut two) = (a.join("chat"), b.join("chat"));
        assert_eq!(one.connect().await, two.id());
        assert_eq!(two.connect().await, one.id());
        Self { a, _b: b, one, two, stranger: network.transport([10, 0, 0, STRANGER]), said: 0 }
    }

    async fn dial(&self) -> Raw {
        Raw::dial(&self.stranger, &at(1)).await
    }

    async fn greet(&self) -> Raw {
        Raw::greet(&self.stranger, &at(1), STRANGER).await
    }

    /// The honest ones are undisturbed.
    async fn goes_on(&mut self) {
        self.said += 1;
        self.one.say(&self.said.to_string()).await;
        assert_eq!(self.two.next().await, Event::Broadcast(self.one.id(), self.said.to_string()));
    }
}

#[tokio::test(start_paused = true)]
async fn the_first_message_must_be_a_hello_of_this_version() {
    let mut scene = Scene::new().await;
    let mut other_version = hello(STRANGER);
    other_version.version = 2;
    for (message, code) in [
        (Control::Hello(other_version), LinkCode::Version),
        (Control::Hello(hello(1)), LinkCode::SelfDial),
        (Control::Ping(1), LinkCode::Malformed),
    ] {
        let mut raw = scene.dial().await;
        raw.say(&message).await;
        assert_eq!(raw.goodbye().await, code);
        scene.goes_on().await;
    }
    // No Hello at all.
    let start = Instant::now();
    let raw = scene.dial().await;
    assert_eq!(raw.goodbye().await, LinkCode::Silent);
    assert!(start.elapsed() <= Duration::from_secs(11));
    scene.goes_on().await;
}

#[tokio::test(start_paused = true)]
async fn garbage_on_the_control_lane_closes_the_link() {
    let mut scene = Scene::new().await;
    for (bytes, code) in [
        (&[0xffu8; 16][..], LinkCode::Malformed),
        (&[5, 0xff, 0xff, 0xff, 0xff, 0xff][..], LinkCode::Malformed),
        // A body that nobody knows, and none.
        (&[3, 0x9a, 0x06, 0x00][..], LinkCode::Malformed),
        (&[0][..], LinkCode::Malformed),
        // 4097 bytes, and 4 GiB.
        (&[0x81, 0x20][..], LinkCode::FrameTooLarge),
        (&[0xff, 0xff, 0xff, 0xff, 0x0f][..], LinkCode::FrameTooLarge),
    ] {
        let mut raw = scene.dial().await;
        raw.write(bytes).await;
        assert_eq!(raw.goodbye().await, code, "{bytes:?}");
        scene.goes_on().await;
    }
    for bytes in [&[3, 0x9a, 0x06, 0x00][..], &[1, 0xff][..]] {
        let mut raw = scene.greet().await;
        raw.matches("chat").await;
        raw.write(bytes).await;
        assert_eq!(raw.goodbye().await, LinkCode::Malformed);
    }
    let mut raw = scene.greet().await;
    raw.matches("chat").await;
    // 64 MiB.
    raw.write(&[0x80, 0x80, 0x80, 0x20]).await;
    assert_eq!(raw.goodbye().await, LinkCode::FrameTooLarge);
    scene.goes_on().await;
}

#[tokio::test(start_paused = true)]
async fn messages_out_of_place_close_the_link() {
    let mut scene = Scene::new().await;
    for message in [
        Control::Hello(hello(STRANGER)),
        Control::Answer { seq: 1, evaluated: Vec::new(), offer: Vec::new() },
        Control::Revoke(vec![[0; 16]]),
        Control::Busy { seq: 1, retry_after: Duration::ZERO },
    ] {
        let mut raw = scene.greet().await;
        raw.say(&message).await;
        assert_eq!(raw.goodbye().await, LinkCode::Malformed, "{message:?}");
        let mut raw = scene.greet().await;
        raw.matches("chat").await;
        raw.say(&message).await;
        assert_eq!(raw.goodbye().await, LinkCode::Malformed, "{message:?}");
    }
    scene.two.catch_up();
    let mut scene = Scene::new().await;
    scene.goes_on().await;
}

#[tokio::test(start_paused = true)]
async fn elements_that_are_not_canonical_close_the_link() {
    let mut scene = Scene::new().await;
    for element in [[0; 32], [0xff; 32]] {
        let mut raw = scene.greet().await;
        raw.say(&Control::Query { seq: 1, blinded: vec![element; 8] }).await;
        assert_eq!(raw.goodbye().await, LinkCode::BadElement);
        scene.goes_on().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_flood_of_guesses_is_put_off_and_then_closed() {
    let mut scene = Scene::new().await;
    let mut raw = scene.greet().await;
    let mut matcher = raw.matcher();
    for number in 0..1000 {
        matcher.join(&support::key(&format!("guess{number}")));
    }
    let Some(Control::Query { blinded, .. }) = matcher.transmit(&mut OsRng) else { panic!("no query") };
    assert_eq!(blinded.len(), 1024);
    raw.say(&Control::Query { seq: 1, blinded: blinded.clone() }).await;
    assert!(matches!(raw.hear().await, Some(Control::Answer { seq: 1, .. })));
    let mut busy = 0;
    for seq in 2..100 {
        raw.say(&Control::Query { seq, blinded: blinded.clone() }).await;
        match raw.hear().await {
            Some(Control::Busy { retry_after, .. }) => {
                assert!(retry_after > Duration::from_secs(60));
                busy += 1;
            }
            Some(Control::Goodbye { code, .. }) => {
                assert_eq!(code, LinkCode::Flood);
                break;
            }
            other => panic!("{other:?}"),
        }
        scene.goes_on().await;
    }
    assert!((1..20).contains(&busy), "{busy}");
    scene.goes_on().await;
}

#[tokio::test(start_paused = true)]
async fn a_lane_for_a_channel_that_is_not_matched_is_held_and_then_stopped() {
    let mut scene = Scene::new().await;
    let mut raw = scene.greet().await;
    raw.matches("chat").await;
    let start = Instant::now();
    let mut lane = raw.lane(&[Data::Open(ChannelId::from_bytes([7; 8]))]).await;
    let error = loop {
        match timeout(Duration::from_millis(50), lane.write_all(&[0; 1024])).await {
            Ok(Err(error)) => break error,
            Ok(Ok(())) => sleep(Duration::from_millis(50)).await,
            Err(_) => {}
        }
        assert!(start.elapsed() < Duration::from_secs(5));
    };
    assert!(start.elapsed() >= Duration::from_secs(1));
    let cause = error.get_ref().unwrap().downcast_ref::<LinkError>().unwrap();
    assert_eq!(cause, &LinkError::LaneReset(LinkCode::Unmatched));
    // Many of them do not keep others out for long, and the link lives.
    for _ in 0..200 {
        if let Ok(lane) = timeout(Duration::from_secs(5), raw.link.open()).await {
            let mut lane = lane.unwrap();
            let mut frame = BytesMut::new();
            Data::Open(ChannelId::from_bytes([7; 8])).encode(&mut frame);
            lane.write_all(&frame).await.unwrap();
            lane.flush().await.unwrap();
        }
    }
    raw.say(&Control::Ping(5)).await;
    while raw.hear().await != Some(Control::Pong(5)) {}
    scene.goes_on().await;
}

#[tokio::test(start_paused = true)]
async fn of_lanes_for_channels_that_are_not_matched_few_are_held_at_once() {
    let mut scene = Scene::new().await;
    let mut raw = scene.greet().await;
    raw.matches("chat").await;
    let mut lanes = Vec::new();
    for _ in 0..200 {
        lanes.push(raw.lane(&[Data::Open(ChannelId::from_bytes([7; 8]))]).await);
    }
    // Those that are held are stopped after a second, and only then others are looked at.
    sleep(Duration::from_millis(1500)).await;
    let mut stopped = 0;
    for lane in &mut lanes {
        stopped += usize::from(lane.write_all(&[0]).await.is_err());
    }
    assert!((MAX_UNMATCHED_LANES..MAX_UNMATCHED_LANES + 4).contains(&stopped), "{stopped}");
    scene.goes_on().await;
}

#[tokio::test(start_paused = true)]
async fn what_is_wrong_on_a_data_lane_closes_the_link() {
    let peer = PeerId::from_bytes([3; 16]);
    let other = PeerId::from_bytes([4; 16]);
    let members = || Data::Members { peers: vec![peer], more: false };
    let said =
        |source, data: &'static [u8]| Data::Broadcast { source, payload: Payload::Json(Bytes::from_static(data)) };
    let text = Data::Broadcast { source: peer, payload: Payload::Text(Bytes::from_static(b"x")) };
    let open = Data::Open;
    for (what, messages, raw_bytes) in [
        ("a message before the list", vec![said(peer, b"1")], &[][..]),
        ("a peer that was not announced", vec![members(), said(other, b"1")], &[]),
        ("a peer announced twice", vec![members(), Data::Join(peer)], &[]),
        ("a part of a stranger", vec![members(), Data::Part(other)], &[]),
        ("a second list", vec![members(), members()], &[]),
        ("another Open", vec![members(), open(ChannelId::from_bytes([0; 8]))], &[]),
        ("another kind of channel", vec![members(), text], &[]),
        ("no JSON", vec![members(), said(peer, b"{")], &[]),
        ("two JSON values", vec![members(), said(peer, b"1,\"action\":2")], &[]),
        ("an unknown message", vec![members()], &[3, 0x9a, 0x06, 0x00]),
        ("garbage", vec![members()], &[0xff; 64]),
    ] {
        let scene = Scene::new().await;
        let mut raw = scene.greet().await;
        let channel = raw.matches("chat").await;
        let mut lane = raw.lane(&[&[open(channel)], messages.as_slice()].concat()).await;
        lane.write_all(raw_bytes).await.unwrap();
        assert_eq!(raw.goodbye().await, LinkCode::Malformed, "{what}");
        // Whoever it had announced is gone.
        let Scene { mut one, two, a, .. } = scene;
        let mut here = 0;
        while let Ok(event) = timeout(Duration::from_secs(1), one.next_ever()).await {
            match event {
                Event::Connect(_) => here += 1,
                Event::Disconnect(_) => here -= 1,
                Event::Broadcast(..) => {}
                event => panic!("{what}: {event:?}"),
            }
        }
        assert_eq!(here, 0, "{what}");
        assert_eq!(a.mesh.status().await.links.len(), 1);
        drop(two);
    }
    let scene = Scene::new().await;
    let mut raw = scene.greet().await;
    let channel = raw.matches("chat").await;
    let mut lane = raw.lane(&[open(channel), members()]).await;
    lane.write_all(&[0x80, 0x80, 0x80, 0x20]).await.unwrap();
    assert_eq!(raw.goodbye().await, LinkCode::FrameTooLarge);
    // A lane that begins with something else.
    let mut raw = scene.greet().await;
    raw.matches("chat").await;
    let _lane = raw.lane(&[members()]).await;
    assert_eq!(raw.goodbye().await, LinkCode::Malformed);
}

#[tokio::test(start_paused = true)]
async fn strangers_who_say_nothing_do_not_keep_others_out() {
    let mut scene = Scene::new().await;
    let mut silent = Vec::new();
    for _ in 0..40 {
        silent.push(scene.stranger.dial(at(1)).await);
    }
    let mut refused = 0;
    for link in &silent {
        if let Ok(LinkError::ClosedByPeer { code, .. }) = timeout(Duration::from_millis(1), link.closed()).await {
            assert_eq!(code, LinkCode::Limit);
            refused += 1;
        }
    }
    assert_eq!(refused, 24);
    scene.goes_on().await;
}

#[tokio::test(start_paused = true)]
async fn a_proxy_that_reads_no_lane_holds_the_others_up_once_and_loses_its_link() {
    // Less than the mesh itself waits for a lane that takes nothing.
    let mut scene = Scene::with(HubLimits { lane_stall: Duration::from_secs(20), ..HubLimits::default() }).await;
    let mut raw = scene.greet().await;
    raw.matches("chat").await;
    let payload = format!("\"{}\"", "x".repeat(64 * 1024));
    let rounds = 1000;
    let start = Instant::now();
    let sender = async {
        scene.one.catch_up();
        for _ in 0..rounds {
            scene.one.say(&payload).await;
        }
    };
    let reader = async {
        for _ in 0..rounds {
            while let Ok(event) = timeout(Duration::from_secs(60), scene.two.next_ever()).await {
                if matches!(event, Event::Broadcast(..)) {
                    break;
                }
            }
        }
        start.elapsed()
    };
    let goodbye = async { (raw.goodbye().await, start.elapsed()) };
    let ((), took, (code, closed)) = tokio::join!(sender, reader, goodbye);
    assert_eq!(code, LinkCode::Stalled);
    assert!(took < Duration::from_secs(21), "{took:?}");
    assert!(closed < Duration::from_secs(22), "{closed:?}");
    scene.goes_on().await;
}

trait Dial {
    async fn dial(&self, address: String) -> nws_transports::BoxLink;
}

impl Dial for MemoryTransport {
    async fn dial(&self, address: String) -> nws_transports::BoxLink {
        nws_transports::Transport::dial(self, address.parse().unwrap()).await.unwrap()
    }
}
