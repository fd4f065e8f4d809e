//! Many small messages are bounded as few large ones are: each counts what it takes in memory.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may stop at the first surprise")]

mod support;

use bytes::Bytes;
use nws_hub::{HubLimits, LinkId};
use nws_protocol::{ChannelKey, ChannelKind, ChannelName, limits::MAX_FRAME_BYTES_CEILING};
use support::{
    House, key,
    lane::{P, lane, list, peer},
};

const LIMIT: usize = 1 << 20;

fn limits() -> HubLimits {
    HubLimits { channel_log_bytes: LIMIT, client_queue_bytes: LIMIT, lane_queue_bytes: LIMIT, ..HubLimits::default() }
}

fn count(mut say: impl FnMut() -> bool) -> usize {
    (0..).take_while(|_| say()).count()
}

#[test]
fn messages_of_one_byte_fill_the_log_of_a_raw_relay_long_before_it_holds_so_many_bytes() {
    let mut house = House::new(limits());
    let key = ChannelKey { kind: ChannelKind::Local, name: ChannelName::new("x").unwrap() };
    let (sender, _stuck) = (house.join_key(key.clone()), house.join_key(key));
    // As large as the system makes each: 176 bytes were measured.
    let said = count(|| sender.seat.publish(&Bytes::copy_from_slice(b"\x81\x01x")).is_ok());
    assert!((LIMIT / 200..LIMIT / 150).contains(&said), "{said}");
}

#[test]
fn small_direct_messages_fill_the_queue_of_one_client() {
    let mut house = House::new(limits());
    let (sender, stuck) = (house.join("x"), house.join("x"));
    let id = stuck.id();
    let said = count(|| sender.seat.send(&id, None).is_ok());
    // A message without data is 99 bytes with its header.
    assert!((LIMIT / 250..LIMIT / 190).contains(&said), "{said}");
}

#[tokio::test]
async fn small_direct_messages_fill_the_queue_of_a_lane() {
    let mut house = House::new(limits());
    let sender = house.join("x");
    let hub = house.channels.hub(&key("x")).unwrap();
    let _remote = lane(&house, P, 1, vec![list(&[7])]).await;
    let _stuck = hub.lane_out(P, LinkId(1), MAX_FRAME_BYTES_CEILING);
    let id = peer(7).to_string();
    let said = count(|| sender.seat.send(&id, None).is_ok());
    // Each has two ids of 16 bytes.
    assert!((LIMIT / 180..LIMIT / 120).contains(&said), "{said}");
}
