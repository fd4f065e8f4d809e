//! Lanes to and from other proxies.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may stop at the first surprise")]

mod support;

use bytes::Bytes;
use nws_hub::{HubLimits, LaneFault, LaneIn, LinkId};
use nws_protocol::{
    InstanceId, LinkCode, PeerId,
    limits::MAX_FRAME_BYTES_CEILING,
    wire::{Data, Payload},
};
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
    time::Duration,
};
use support::{House, key, lane_takes, small};

const P: InstanceId = InstanceId::from_bytes([1; 16]);
const Q: InstanceId = InstanceId::from_bytes([2; 16]);

fn peer(n: u8) -> PeerId {
    PeerId::from_bytes([n; 16])
}

fn json(text: &str) -> Payload {
    Payload::Json(Bytes::from(text.to_owned()))
}

fn list(peers: &[u8]) -> Data {
    Data::Members { peers: peers.iter().map(|n| peer(*n)).collect(), more: false }
}

fn says(n: u8, text: &str) -> Data {
    Data::Broadcast { source: peer(n), payload: json(text) }
}

async fn lane(house: &House, from: InstanceId, link: u64, messages: Vec<Data>) -> LaneIn {
    let hub = house.channels.hub(&key("x")).unwrap();
    let mut lane = hub.lane_in(from, LinkId(link));
    lane.begin().await;
    lane.deliver(&mut messages.clone()).await.unwrap();
    lane
}

#[test]
fn a_lane_begins_with_the_list_and_carries_what_clients_do_in_order() {
    let mut house = House::new(small());
    let a = house.join("x");
    let hub = house.channels.hub(&key("x")).unwrap();
    let mut lane = hub.lane_out(P, LinkId(1), MAX_FRAME_BYTES_CEILING);
    assert_eq!(lane_takes(&mut lane), Some(vec![Data::Members { peers: vec![a.peer()], more: false }]));
    let b = house.join("x");
    b.broadcast("1").unwrap();
    a.broadcast("[2]").unwrap();
    let (a_peer, b_peer) = (a.peer(), b.peer());
    drop(b);
    let expected = [
        Data::Join(b_peer),
        Data::Broadcast { source: b_peer, payload: json("1") },
        Data::Broadcast { source: a_peer, payload: json("[2]") },
        Data::Part(b_peer),
    ];
    assert_eq!(lane_takes(&mut lane).unwrap(), expected);
    drop(a);
    assert_eq!(lane_takes(&mut lane), Some(vec![Data::Part(a_peer)]));
    assert_eq!(lane_takes(&mut lane), None);
}

#[tokio::test]
async fn what_comes_from_a_lane_reaches_clients_and_no_other_lane() {
    let mut house = House::new(small());
    let mut a = house.join("x");
    let hub = house.channels.hub(&key("x")).unwrap();
    let mut to_q = hub.lane_out(Q, LinkId(2), MAX_FRAME_BYTES_CEILING);
    lane_takes(&mut to_q);
    let direct = Data::Direct { source: peer(8), target: a.peer(), payload: json("\"d\"") };
    let _in = lane(&house, P, 1, vec![list(&[8, 9]), says(8, "1"), direct, says(9, "2"), Data::Part(peer(9))]).await;
    let (p8, p9) = (peer(8), peer(9));
    let expected = [
        format!("+{p8}"),
        format!("+{p9}"),
        format!("{p8}:1"),
        format!("{p8}>\"d\""),
        format!("{p9}:2"),
        format!("-{p9}"),
    ];
    assert_eq!(a.told(), expected);
    assert_eq!(lane_takes(&mut to_q), Some(vec![]));
    let mut late = house.join("x");
    let told = late.told();
    assert!(told.contains(&format!("+{p8}")) && told.contains(&format!("+{}", a.id())) && told.len() == 2);
}

#[tokio::test]
async fn direct_messages_go_to_the_lane_of_the_target_and_come_back_undeliverable() {
    let mut house = House::new(small());
    let mut a = house.join("x");
    let hub = house.channels.hub(&key("x")).unwrap();
    let (mut to_p, mut to_q) =
        (hub.lane_out(P, LinkId(1), MAX_FRAME_BYTES_CEILING), hub.lane_out(Q, LinkId(2), MAX_FRAME_BYTES_CEILING));
    lane_takes(&mut to_p);
    lane_takes(&mut to_q);
    let mut in_p = lane(&house, P, 1, vec![list(&[8])]).await;
    a.told();
    a.seat.send(&peer(8).to_string(), Some("7")).unwrap();
    let sent = Data::Direct { source: a.peer(), target: peer(8), payload: json("7") };
    assert_eq!(lane_takes(&mut to_p), Some(vec![sent]));
    assert_eq!(lane_takes(&mut to_q), Some(vec![]));
    let back = Data::Undeliverable { source: a.peer(), target: peer(8) };
    in_p.deliver(&mut vec![back]).await.unwrap();
    assert_eq!(a.told(), [format!("!unknown_target {}", peer(8))]);
    // And the other way about: what is for nobody here is sent back.
    in_p.deliver(&mut vec![Data::Direct { source: peer(8), target: peer(77), payload: json("1") }]).await.unwrap();
    assert_eq!(lane_takes(&mut to_p), Some(vec![Data::Undeliverable { source: peer(8), target: peer(77) }]));
}

#[tokio::test]
async fn a_lost_lane_announces_its_peers_as_gone_once() {
    let mut house = House::new(small());
    let mut a = house.join("x");
    let lane = lane(&house, P, 1, vec![list(&[8, 9])]).await;
    a.told();
    drop(lane);
    assert_eq!(a.told(), [format!("-{}", peer(8)), format!("-{}", peer(9))]);
}

#[tokio::test]
async fn a_lane_handed_over_keeps_its_peers_and_the_new_list_is_a_difference() {
    let mut house = House::new(small());
    let mut a = house.join("x");
    let mut old = lane(&house, P, 1, vec![list(&[7, 8])]).await;
    a.told();
    let hub = house.channels.hub(&key("x")).unwrap();
    let mut new = hub.lane_in(P, LinkId(2));
    let waiting = tokio::spawn(async move {
        new.begin().await;
        new.deliver(&mut vec![list(&[8, 9]), says(8, "2")]).await.unwrap();
        new
    });
    tokio::task::yield_now().await;
    // The old lane's last words come first.
    old.deliver(&mut vec![says(8, "1")]).await.unwrap();
    old.hand_over();
    let new = waiting.await.unwrap();
    drop(old);
    let (p7, p8, p9) = (peer(7), peer(8), peer(9));
    let mut told = a.told();
    assert_eq!(told.remove(0), format!("{p8}:1"));
    assert_eq!(told.pop().unwrap(), format!("{p8}:2"));
    told.sort();
    let mut expected = vec![format!("-{p7}"), format!("+{p9}")];
    expected.sort();
    assert_eq!(told, expected);
    drop(new);
    assert_eq!(a.told().len(), 2);
}

#[tokio::test]
async fn a_hand_over_to_nobody_ends_in_a_disconnect() {
    let mut house = House::new(small());
    let mut a = house.join("x");
    let mut old = lane(&house, P, 1, vec![list(&[7])]).await;
    old.hand_over();
    assert_eq!(a.told(), [format!("+{}", peer(7))]);
    drop(old);
    assert_eq!(a.told(), [format!("-{}", peer(7))]);
}

#[tokio::test]
async fn a_hand_over_to_a_lane_that_dies_before_its_list_ends_in_a_disconnect() {
    let mut house = House::new(small());
    let mut a = house.join("x");
    let mut old = lane(&house, P, 1, vec![list(&[7])]).await;
    let hub = house.channels.hub(&key("x")).unwrap();
    let mut new = hub.lane_in(P, LinkId(2));
    old.hand_over();
    new.begin().await;
    a.told();
    drop(old);
    assert!(a.told().is_empty());
    drop(new);
    assert_eq!(a.told(), [format!("-{}", peer(7))]);
}

#[tokio::test]
async fn a_successor_that_never_begins_leaves_nobody_behind() {
    let mut house = House::new(small());
    let mut a = house.join("x");
    let mut old = lane(&house, P, 1, vec![list(&[7])]).await;
    let hub = house.channels.hub(&key("x")).unwrap();
    let new = hub.lane_in(P, LinkId(2));
    old.hand_over();
    a.told();
    drop(old);
    drop(new);
    assert_eq!(a.told(), [format!("-{}", peer(7))]);
}

#[test]
fn a_newer_lane_to_the_same_proxy_ends_the_older_after_what_it_had() {
    let mut house = House::new(small());
    let a = house.join("x");
    let hub = house.channels.hub(&key("x")).unwrap();
    let mut old = hub.lane_out(P, LinkId(1), MAX_FRAME_BYTES_CEILING);
    lane_takes(&mut old);
    a.broadcast("1").unwrap();
    let mut new = hub.lane_out(P, LinkId(2), MAX_FRAME_BYTES_CEILING);
    a.broadcast("2").unwrap();
    let said = |text| Data::Broadcast { source: a.peer(), payload: json(text) };
    assert_eq!(lane_takes(&mut old), Some(vec![said("1")]));
    assert_eq!(lane_takes(&mut old), None);
    drop(old);
    let expected = vec![Data::Members { peers: vec![a.peer()], more: false }, said("2")];
    assert_eq!(lane_takes(&mut new), Some(expected));
    a.broadcast("3").unwrap();
    assert_eq!(lane_takes(&mut new), Some(vec![said("3")]));
}

#[tokio::test]
async fn who_breaks_the_rules_is_told_so() {
    let mut house = House::new(small());
    let a = house.join("x");
    let cases = [
        vec![says(8, "1")],
        vec![Data::Undeliverable { source: a.peer(), target: peer(8) }],
        vec![list(&[8]), says(9, "1")],
        vec![list(&[8]), Data::Part(peer(9))],
        vec![list(&[8]), Data::Join(peer(8))],
        vec![list(&[8]), Data::Join(a.peer())],
        vec![list(&[8]), Data::Open(nws_protocol::ChannelId::from_bytes([0; 8]))],
        vec![list(&[8]), Data::Broadcast { source: peer(8), payload: Payload::Binary(Bytes::new()) }],
    ];
    for mut case in cases {
        let hub = house.channels.hub(&key("x")).unwrap();
        let mut lane = hub.lane_in(P, LinkId(1));
        lane.begin().await;
        let fault = lane.deliver(&mut case).await.unwrap_err();
        assert_eq!(fault.code(), LinkCode::Malformed, "{fault}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_full_channel_stops_the_lane_until_there_is_room() {
    let mut house = House::new(small());
    let mut a = house.join("x");
    let mut lane = lane(&house, P, 1, vec![list(&[8])]).await;
    let text = format!("\"{}\"", "d".repeat(1000));
    let mut sent = 0;
    let held = loop {
        let mut batch = vec![says(8, &text)];
        match tokio::time::timeout(Duration::from_millis(10), lane.deliver(&mut batch)).await {
            Ok(result) => result.unwrap(),
            Err(_) => break batch,
        }
        sent += 1;
    };
    assert!((9..=11).contains(&sent) && held.len() == 1);
    assert_eq!(a.take().len(), sent + 1);
    lane.deliver(&mut held.clone()).await.unwrap();
}

/// Whether somebody was woken.
#[derive(Default)]
struct Bell(AtomicBool);

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[tokio::test(start_paused = true)]
async fn a_lane_without_progress_is_given_up_and_only_then() {
    let mut house = House::new(small());
    let mut a = house.join("x");
    let hub = house.channels.hub(&key("x")).unwrap();
    let mut stuck = hub.lane_out(P, LinkId(1), MAX_FRAME_BYTES_CEILING);
    let text = format!("\"{}\"", "d".repeat(1000));
    let begun = tokio::time::Instant::now();
    // Its writer is busy, and asks for no more.
    let bell = Arc::new(Bell::default());
    let waker = std::task::Waker::from(Arc::clone(&bell));
    assert!(stuck.poll_stalled(&mut Context::from_waker(&waker)).is_pending());
    let mut sent = 0;
    while sent < 50 {
        if a.broadcast(&text).is_ok() {
            sent += 1;
        } else {
            tokio::time::sleep(a.seat.judge_interval()).await;
            a.seat.judge();
        }
    }
    let held = begun.elapsed();
    assert!(held >= Duration::from_secs(10) && held < Duration::from_secs(11), "{held:?}");
    assert!(bell.0.load(Ordering::Relaxed));
    let mut cx = Context::from_waker(Waker::noop());
    assert!(stuck.poll_stalled(&mut cx).is_ready());
    assert!(matches!(stuck.poll_next(&mut cx), Poll::Ready(Err(_))));
    assert!(a.take().is_empty());
}

#[tokio::test]
async fn the_last_client_closes_the_channel_and_lanes_with_it() {
    let mut house = House::new(small());
    let a = house.join("x");
    let hub = house.channels.hub(&key("x")).unwrap();
    let mut watch = house.channels.watch();
    assert_eq!(watch.changed().await[0].hub.as_ref().unwrap().epoch(), hub.epoch());
    let mut lane = lane(&house, P, 1, vec![list(&[8])]).await;
    let mut out = hub.lane_out(P, LinkId(1), MAX_FRAME_BYTES_CEILING);
    drop(a);
    lane.closed().await;
    assert_eq!(lane.deliver(&mut vec![says(8, "1")]).await, Err(LaneFault::Closed));
    lane_takes(&mut out);
    assert_eq!(lane_takes(&mut out), None);
    assert!(watch.changed().await[0].hub.is_none());
    // Closed and opened in one breath: one change, with another epoch.
    let b = house.join("x");
    drop(b);
    let _c = house.join("x");
    let changes = watch.changed().await;
    assert_eq!(changes.len(), 1);
    assert!(changes[0].hub.as_ref().is_some_and(|new| new.epoch() > hub.epoch() && !Arc::ptr_eq(new, &hub)));
    assert!(house.channels.hub(&key("y")).is_none());
}

#[tokio::test]
async fn a_raw_relay_has_no_direct_messages_in_either_direction() {
    let mut house = House::new(small());
    let raw = nws_protocol::ChannelKey { kind: nws_protocol::ChannelKind::Broadcast, ..key("x") };
    let a = house.join_key(raw.clone());
    let hub = house.channels.hub(&raw).unwrap();
    let direct = Data::Direct { source: peer(8), target: a.peer(), payload: json("1") };
    let undeliverable = Data::Undeliverable { source: a.peer(), target: peer(8) };
    for message in [direct, undeliverable] {
        let mut lane = hub.lane_in(P, LinkId(1));
        lane.begin().await;
        let fault = lane.deliver(&mut vec![list(&[8]), message]).await.unwrap_err();
        assert_eq!(fault.code(), LinkCode::Malformed);
    }
}

fn said(lane: &mut nws_hub::LaneOut) -> Vec<String> {
    let data = |message| match message {
        Data::Broadcast { payload: Payload::Json(data), .. } | Data::Direct { payload: Payload::Json(data), .. } => {
            Some(data.slice(..data.len().min(4)).iter().map(|byte| char::from(*byte)).collect())
        }
        _ => None,
    };
    lane_takes(lane).unwrap().into_iter().filter_map(data).collect()
}

#[tokio::test]
async fn what_another_proxy_does_not_take_is_said_to_the_others_and_to_its_sender() {
    let mut house = House::new(HubLimits::default());
    let (mut a, mut b) = (house.join("x"), house.join("x"));
    let hub = house.channels.hub(&key("x")).unwrap();
    let mut to_p = hub.lane_out(P, LinkId(1), 70_000);
    let mut to_q = hub.lane_out(Q, LinkId(2), MAX_FRAME_BYTES_CEILING);
    let _in_p = lane(&house, P, 1, vec![list(&[8])]).await;
    let _in_q = lane(&house, Q, 2, vec![list(&[9])]).await;
    lane_takes(&mut to_p);
    lane_takes(&mut to_q);
    a.told();
    b.told();
    let large = format!("\"big{}\"", "x".repeat(70_000));
    // One read of the sender's socket brings several; what is not too large goes everywhere.
    let mut batch = bytes::BytesMut::new();
    for data in ["1", &large, "2", &large, "3"] {
        a.seat.put_broadcast(&mut batch, Some(data));
    }
    a.seat.publish(&batch.freeze()).unwrap();
    assert_eq!(said(&mut to_p), ["1", "2", "3"]);
    assert_eq!(said(&mut to_q), ["1", "\"big", "2", "\"big", "3"]);
    assert_eq!(b.told().len(), 5);
    assert_eq!(a.told(), ["!too_large ", "!too_large "]);
    // Many small ones together are not too large.
    let mut batch = bytes::BytesMut::new();
    (0..2000).for_each(|_| a.seat.put_broadcast(&mut batch, Some("12345678901234567890")));
    a.seat.publish(&batch.freeze()).unwrap();
    assert_eq!(said(&mut to_p).len(), 2000);
    said(&mut to_q);
    // Direct ones likewise; the target is named.
    a.seat.send(&peer(8).to_string(), Some(&large)).unwrap();
    a.seat.send(&peer(9).to_string(), Some(&large)).unwrap();
    assert_eq!(a.told(), [format!("!too_large {}", peer(8))]);
    assert!(said(&mut to_p).is_empty());
    assert_eq!(said(&mut to_q), ["\"big"]);
    // When nobody is behind the small one any more, nobody is missed out.
    drop(to_p);
    a.broadcast(&large).unwrap();
    assert!(a.told().is_empty());
}

#[tokio::test]
async fn a_raw_relay_knows_no_errors_and_closes_who_says_too_much() {
    let mut house = House::new(HubLimits::default());
    let raw = nws_protocol::ChannelKey { kind: nws_protocol::ChannelKind::Broadcast, ..key("x") };
    let mut a = house.join_key(raw.clone());
    let hub = house.channels.hub(&raw).unwrap();
    let mut to_p = hub.lane_out(P, LinkId(1), 70_000);
    lane_takes(&mut to_p);
    let mut frame = bytes::BytesMut::new();
    nws_protocol::wsframe::put_header(&mut frame, nws_protocol::wsframe::Opcode::Binary, 70_000);
    frame.extend_from_slice(&[0; 70_000]);
    a.seat.publish(&frame.freeze()).unwrap();
    a.take();
    assert_eq!(a.closed, Some(nws_protocol::ClientClose::TooBig(70_000 - 1024)));
}
