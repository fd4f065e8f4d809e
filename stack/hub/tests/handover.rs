//! When a lane gives way to another of the same proxy: nobody is announced twice, and nobody stays behind.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may stop at the first surprise")]

mod support;

use nws_hub::LinkId;
use nws_protocol::{limits::MAX_FRAME_BYTES_CEILING, wire::Data};
use support::{
    House, key,
    lane::{P, json, lane, list, peer, says},
    lane_takes, small,
};

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
