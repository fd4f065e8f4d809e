//! A proxy that has as many links as it may have. Time is paused.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may stop at the first surprise")]

mod support;

use nws_protocol::{
    LinkCode,
    wire::{Control, Data},
};
use nws_transports::MemoryNetwork;
use std::time::Duration;
use support::{Event, Node, Setup, at, raw::Raw};
use tokio::{
    task::JoinHandle,
    time::{sleep, timeout},
};

const MEET: Duration = Duration::from_secs(60);

async fn node(network: &MemoryNetwork, max_links: usize) -> Node {
    let mut setup = Setup::memory(1, network).await;
    setup.config.max_links = max_links;
    setup.start()
}

/// A link from that host that matches nothing: its first Query is of dummies, and it answers Pings.
async fn stranger(network: &MemoryNetwork, host: u8, id: u8) -> Raw {
    let mut raw = Raw::greet(&network.transport([10, 0, 0, host]), &at(1), id).await;
    let query = raw.matcher().transmit(&mut rand_core::OsRng).unwrap();
    assert!(matches!(query, Control::Query { .. }));
    raw.say(&query).await;
    raw
}

/// The code that it is closed with, soon.
async fn closed(link: JoinHandle<LinkCode>) -> LinkCode {
    timeout(MEET, link).await.expect("not closed").unwrap()
}

/// Answers with the code that it was closed with.
fn stays(mut raw: Raw) -> JoinHandle<LinkCode> {
    tokio::spawn(async move {
        loop {
            match raw.hear().await {
                Some(Control::Goodbye { code, .. }) => return code,
                Some(_) => {}
                None => return LinkCode::None,
            }
        }
    })
}

#[tokio::test(start_paused = true)]
async fn one_stranger_does_not_keep_everybody_else_out() {
    let network = MemoryNetwork::new(1);
    let a = node(&network, 64).await;
    let mut one = a.join("chat");
    let mut links = Vec::new();
    for id in 0..64 {
        links.push(stays(stranger(&network, 9, 100 + id).await));
    }
    // A quarter is enough for it, and it stays while there is room.
    for early in links.drain(..48) {
        assert_eq!(closed(early).await, LinkCode::Limit);
    }
    sleep(Duration::from_secs(3600)).await;
    a.linked(16).await;
    let b = Setup::memory(2, &network).await.dials(at(1)).start();
    let two = b.join("chat");
    assert_eq!(timeout(MEET, one.next_ever()).await.ok(), Some(Event::Connect(two.id())));
    a.linked(17).await;
}

#[tokio::test(start_paused = true)]
async fn strangers_of_many_addresses_make_way_and_who_shares_a_channel_stays() {
    let network = MemoryNetwork::new(1);
    let a = node(&network, 20).await;
    let mut one = a.join("chat");
    let b = Setup::memory(2, &network).await.dials(at(1)).start();
    let two = b.join("chat");
    assert_eq!(timeout(MEET, one.next_ever()).await.ok(), Some(Event::Connect(two.id())));
    let mut links = Vec::new();
    // Host 109 has most of them, though not the oldest.
    for host in (100..110).chain([109; 9]) {
        sleep(Duration::from_secs(1)).await;
        links.push((host, stays(stranger(&network, host, 100 + links.len() as u8).await)));
    }
    a.linked(20).await;
    let c = Setup::memory(3, &network).await.dials(at(1)).start();
    let three = c.join("chat");
    assert_eq!(timeout(MEET, one.next_ever()).await.ok(), Some(Event::Connect(three.id())));
    let (host, first_of_109) = links.remove(9);
    assert_eq!((host, closed(first_of_109).await), (109, LinkCode::Limit));
    a.linked(20).await;
    // As many newcomers as there are links take the places of each other, not of those who share a channel.
    for id in 200..240 {
        sleep(Duration::from_secs(1)).await;
        links.push((id, stays(stranger(&network, id, id).await)));
    }
    sleep(MEET).await;
    assert_eq!(a.mesh.status().await.links.iter().filter(|link| link.channels == 1).count(), 2);
    one.nothing_for(MEET).await;
}

#[tokio::test(start_paused = true)]
async fn when_all_links_share_a_channel_a_newcomer_is_turned_away() {
    let network = MemoryNetwork::new(1);
    let a = node(&network, 1).await;
    let mut one = a.join("chat");
    let b = Setup::memory(2, &network).await.dials(at(1)).start();
    let two = b.join("chat");
    assert_eq!(timeout(MEET, one.next_ever()).await.ok(), Some(Event::Connect(two.id())));
    assert_eq!(closed(stays(stranger(&network, 9, 9).await)).await, LinkCode::Limit);
    a.linked(1).await;
    one.nothing_for(MEET).await;
}

/// Who left a channel and has much under way is not idle before it has come.
#[tokio::test(start_paused = true)]
async fn a_link_with_last_words_under_way_does_not_make_way() {
    let network = MemoryNetwork::new(1);
    let a = node(&network, 1).await;
    let mut one = a.join("chat");
    let mut raw = Raw::greet(&network.transport([10, 0, 0, 8]), &at(1), 8).await;
    let channel = raw.matches("chat").await;
    let peer = nws_protocol::PeerId::from_bytes([7; 16]);
    let list = Data::Members { peers: vec![peer], more: false };
    let lane = raw.lane(&[Data::Open(channel), list]).await;
    assert_eq!(one.next().await, Event::Connect(peer.to_string()));
    raw.say(&Control::Leave(channel)).await;
    a.shares(0).await;
    assert_eq!(closed(stays(stranger(&network, 9, 9).await)).await, LinkCode::Limit);
    drop(lane);
    assert_eq!(one.next().await, Event::Disconnect(peer.to_string()));
    sleep(Duration::from_secs(6)).await;
    let left = stays(raw);
    let newcomer = stays(stranger(&network, 9, 9).await);
    assert_eq!(closed(left).await, LinkCode::Limit);
    assert!(!newcomer.is_finished());
}
