//! Requirement M-17 for a receiver that stops lanes again and again: each time another is opened, with a new list, though nobody
//! says anything. Time is paused.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may stop at the first surprise")]

mod support;

use bytes::BytesMut;
use nws_protocol::{ChannelId, LinkCode, PeerId, frame::FrameCodec, wire::Data};
use nws_transports::{MemoryNetwork, RecvLane};
use std::{collections::BTreeSet, time::Duration};
use support::{Client, Setup, at, raw::Raw};
use tokio::{
    io::AsyncReadExt,
    time::{Instant, timeout},
};
use tokio_util::codec::Decoder;

/// What the opener should wait, and what it surely does not wait longer than.
const REST: Duration = Duration::from_secs(1);
const SOON: Duration = Duration::from_secs(3);

/// The next lane, and who is on its list.
async fn next(raw: &Raw, channel: ChannelId) -> (RecvLane, BTreeSet<PeerId>) {
    let mut lane = timeout(SOON, raw.link.accept()).await.expect("no lane").unwrap();
    let (mut codec, mut buffer, mut heard) = (FrameCodec::new(1 << 20), BytesMut::new(), Vec::new());
    while heard.len() < 2 {
        match codec.decode(&mut buffer).unwrap() {
            Some(frame) => heard.push(Data::decode(frame).unwrap()),
            None => assert!(timeout(SOON, lane.read_buf(&mut buffer)).await.expect("no list").unwrap() > 0),
        }
    }
    assert_eq!(heard[0], Data::Open(channel));
    let Data::Members { peers, more: false } = &heard[1] else { panic!("{heard:?}") };
    (lane, peers.iter().copied().collect())
}

#[tokio::test(start_paused = true)]
async fn each_time_that_a_lane_is_stopped_another_comes_with_a_new_list() {
    let network = MemoryNetwork::new(1);
    let node = Setup::memory(1, &network).await.start();
    let mut clients: Vec<Client> = vec![node.join("chat")];
    let mut raw = Raw::greet(&network.transport([10, 0, 0, 9]), &at(1), 9).await;
    let channel = raw.matches("chat").await;
    let (mut lane, mut list) = next(&raw, channel).await;
    for _ in 0..4 {
        let here: BTreeSet<PeerId> = clients.iter().map(|client| client.id().parse().unwrap()).collect();
        assert_eq!(list, here);
        clients.push(node.join("chat"));
        lane.stop(LinkCode::Unmatched);
        let stopped = Instant::now();
        (lane, list) = next(&raw, channel).await;
        assert!(stopped.elapsed() >= REST, "{:?}", stopped.elapsed());
    }
    // One that is not stopped stays the only one.
    assert!(timeout(SOON, raw.link.accept()).await.is_err());
}
