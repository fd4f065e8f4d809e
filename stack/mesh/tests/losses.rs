//! What discovery is asked when a link ends: whether a proxy that went without a word is still there. Time is paused.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may stop at the first surprise")]

mod support;

use async_trait::async_trait;
use nws_discovery::{Discovery, DiscoveryEvent};
use nws_protocol::{InstanceId, LinkCode, wire::Control};
use nws_transports::{Cut, MemoryNetwork};
use std::{
    net::{IpAddr, Ipv4Addr},
    time::Duration,
};
use support::{DEADLINE, Event, Node, Setup, at, raw::Raw};
use tokio::{
    sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
    time::{Instant, sleep, timeout},
};

/// Knows nobody, and notes whom it is to look for.
#[derive(Debug)]
struct Notes(UnboundedSender<InstanceId>);

#[async_trait]
impl Discovery for Notes {
    async fn next(&mut self) -> Option<DiscoveryEvent> {
        std::future::pending().await
    }

    async fn shutdown(&mut self) {}

    fn verify(&self, instance: InstanceId) {
        self.0.send(instance).unwrap();
    }
}

/// Our proxy, which was dialled by another, and whom discovery was asked about.
struct Scene {
    network: MemoryNetwork,
    node: Node,
    asked: UnboundedReceiver<InstanceId>,
}

impl Scene {
    async fn new() -> Self {
        let network = MemoryNetwork::new(1);
        let setup = Setup::memory(1, &network).await;
        Self::with(network, setup)
    }

    fn with(network: MemoryNetwork, mut setup: Setup) -> Self {
        let (notes, asked) = unbounded_channel();
        setup.discovery = Some(Box::new(Notes(notes)));
        Self { network, node: setup.start(), asked }
    }

    async fn other(&self) -> Node {
        let other = Setup::memory(2, &self.network).await.dials(at(1)).start();
        self.node.linked(1).await;
        other
    }

    async fn asks(&mut self) -> InstanceId {
        timeout(DEADLINE, self.asked.recv()).await.expect("nobody was asked about").unwrap()
    }

    async fn asks_nothing_more(&mut self) {
        sleep(Duration::from_secs(60)).await;
        assert!(self.asked.try_recv().is_err());
    }
}

fn host(id: u8) -> IpAddr {
    Ipv4Addr::new(10, 0, 0, id).into()
}

#[tokio::test(start_paused = true)]
async fn whoever_is_cut_off_is_looked_for_once() {
    let mut scene = Scene::new().await;
    let other = scene.other().await;
    scene.network.partition(&[host(1)], &[host(2)], Cut::Dead);
    assert_eq!(scene.asks().await, other.instance);
    scene.node.linked(0).await;
    scene.asks_nothing_more().await;
    // It comes back, and is lost again.
    scene.network.heal();
    scene.asks_nothing_more().await;
    scene.node.linked(1).await;
    scene.network.partition(&[host(1)], &[host(2)], Cut::Dead);
    assert_eq!(scene.asks().await, other.instance);
    scene.asks_nothing_more().await;
}

#[tokio::test(start_paused = true)]
async fn whoever_falls_silent_is_looked_for() {
    let mut scene = Scene::new().await;
    let other = scene.other().await;
    let start = Instant::now();
    scene.network.partition(&[host(1)], &[host(2)], Cut::Silent);
    assert_eq!(scene.asks().await, other.instance);
    assert!(start.elapsed() >= Duration::from_secs(10), "{:?}", start.elapsed());
    scene.asks_nothing_more().await;
}

#[tokio::test(start_paused = true)]
async fn whoever_says_goodbye_or_was_closed_is_not_looked_for() {
    let mut scene = Scene::new().await;
    // It leaves as soon as the link is up: while our answer to its first words is under way, or not even written.
    scene.network.set_default_delay(Duration::from_millis(50));
    let other = scene.other().await;
    other.mesh.shutdown(DEADLINE).await;
    scene.node.linked(0).await;
    scene.asks_nothing_more().await;
    // Closed here, as it broke the rules.
    let mut raw = Raw::greet(&scene.network.transport([10, 0, 0, 9]), &at(1), 9).await;
    let query = raw.matcher().transmit(&mut rand_core::OsRng).unwrap();
    raw.say(&query).await;
    scene.node.linked(1).await;
    raw.say(&Control::Revoke(vec![[0; 16]; 4])).await;
    assert_eq!(raw.goodbye().await, LinkCode::Malformed);
    scene.asks_nothing_more().await;
}

#[tokio::test(start_paused = true)]
async fn who_never_said_who_it_is_is_nobody_to_look_for() {
    let mut scene = Scene::new().await;
    let raw = Raw::dial(&scene.network.transport([10, 0, 0, 9]), &at(1)).await;
    scene.network.kill_host([10, 0, 0, 9]);
    drop(raw);
    scene.asks_nothing_more().await;
}

/// Somebody claims the id of a proxy that is linked, and is cut off before it has proved anything.
#[tokio::test(start_paused = true)]
async fn whoever_is_linked_still_is_not_looked_for() {
    let network = MemoryNetwork::new(1);
    let other = Setup::memory(2, &network).await.start();
    let setup = Setup::memory(5, &network).await.dials(at(2));
    let mut scene = Scene::with(network, setup);
    let (mut one, two) = (scene.node.join("chat"), other.join("chat"));
    one.meets(&two.id()).await;
    let mut raw = Raw::greet(&scene.network.transport([10, 0, 0, 9]), &at(5), 2).await;
    let query = raw.matcher().transmit(&mut rand_core::OsRng).unwrap();
    raw.say(&query).await;
    scene.node.linked(2).await;
    assert_eq!(scene.network.kill_host([10, 0, 0, 9]), 1);
    scene.node.linked(1).await;
    scene.asks_nothing_more().await;
    two.say("1").await;
    assert_eq!(one.next_said().await, Event::Broadcast(two.id(), "1".to_owned()));
}
