//! Lanes to and from other proxies: what they carry, in which order, and what they must not.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may stop at the first surprise")]

mod support;

use bytes::Bytes;
use nws_hub::{LaneFault, LinkId};
use nws_protocol::{
    LinkCode,
    limits::MAX_FRAME_BYTES_CEILING,
    wire::{Data, Payload},
};
use std::sync::Arc;
use support::{
    House, key,
    lane::{P, Q, json, lane, list, peer, says},
    lane_takes, small,
};

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
