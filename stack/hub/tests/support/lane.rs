//! Two other proxies, and what their lanes bring.

use super::{House, key};
use bytes::Bytes;
use nws_hub::{LaneIn, LinkId};
use nws_protocol::{
    InstanceId, PeerId,
    wire::{Data, Payload},
};

pub const P: InstanceId = InstanceId::from_bytes([1; 16]);
pub const Q: InstanceId = InstanceId::from_bytes([2; 16]);

pub fn peer(n: u8) -> PeerId {
    PeerId::from_bytes([n; 16])
}

pub fn json(text: &str) -> Payload {
    Payload::Json(Bytes::from(text.to_owned()))
}

pub fn list(peers: &[u8]) -> Data {
    Data::Members { peers: peers.iter().map(|n| peer(*n)).collect(), more: false }
}

pub fn says(n: u8, text: &str) -> Data {
    Data::Broadcast { source: peer(n), payload: json(text) }
}

pub async fn lane(house: &House, from: InstanceId, link: u64, messages: Vec<Data>) -> LaneIn {
    let hub = house.channels.hub(&key("x")).unwrap();
    let mut lane = hub.lane_in(from, LinkId(link));
    lane.begin().await;
    lane.deliver(&mut messages.clone()).await.unwrap();
    lane
}
