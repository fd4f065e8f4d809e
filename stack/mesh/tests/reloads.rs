//! Pages that are loaded again and again, at both ends, faster than the network is: lanes overtake the words about them, and
//! words cross. Whoever is seen is reached, and whoever is reached is seen once. Time is paused: sleeping sets the pace.
//!
//! `NWS_SEED=n` replays one seed, `NWS_SEEDS=n` runs so many.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may stop at the first surprise")]

mod support;

use nws_transports::MemoryNetwork;
use rand_chacha::{
    ChaCha8Rng,
    rand_core::{RngCore, SeedableRng},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
    sync::Arc,
    time::Duration,
};
use support::{Client, Event, Node, Setup, at, slow_control::SlowControl};
use tokio::time::sleep;

/// Enough to take a few seconds.
const SEEDS: u64 = 60;

/// One load of a page, and what it has seen.
struct Page {
    client: Client,
    here: BTreeSet<String>,
    connects: BTreeMap<String, u32>,
    heard: BTreeMap<String, Vec<u32>>,
    /// For each thing it said, to all: whom it saw then.
    said: Vec<BTreeSet<String>>,
    /// Whom it saw go.
    lost: BTreeSet<String>,
}

impl Page {
    fn load(node: &Node) -> Self {
        Self {
            client: node.join("chat"),
            here: BTreeSet::new(),
            connects: BTreeMap::new(),
            heard: BTreeMap::new(),
            said: Vec::new(),
            lost: BTreeSet::new(),
        }
    }

    fn look(&mut self) {
        self.client.catch_up();
        for event in self.client.take_events() {
            match event {
                Event::Connect(peer) => {
                    *self.connects.entry(peer.clone()).or_default() += 1;
                    assert!(self.here.insert(peer), "announced while announced");
                }
                Event::Disconnect(peer) => {
                    assert!(self.here.remove(&peer), "gone without having been there");
                    self.lost.insert(peer);
                }
                Event::Broadcast(peer, data) => {
                    assert!(self.here.contains(&peer), "said by somebody who is not there");
                    self.heard.entry(peer).or_default().push(data.parse().unwrap());
                }
                event => panic!("{event:?}"),
            }
        }
    }

    async fn say(&mut self) {
        self.look();
        self.client.say(&self.said.len().to_string()).await;
        self.said.push(self.here.clone());
    }

    /// All that this page said to one that it saw, and that is still there, must have come.
    fn was_heard_by(&self, other: &Self) {
        let id = other.client.id();
        assert_eq!(self.connects.get(&id), Some(&1), "announced once");
        assert!(!self.lost.contains(&id) && self.here.len() == 1, "nobody else is there");
        let heard = other.heard.get(&self.client.id()).cloned().unwrap_or_default();
        for (number, seen) in (0..).zip(&self.said) {
            assert!(!seen.contains(&id) || heard.contains(&number), "{number} was said and not heard: {heard:?}");
        }
        assert!(heard.is_sorted_by(|a, b| a + 1 == *b), "out of order: {heard:?}");
    }
}

async fn run(seed: u64) {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut below = |n: u64| rng.next_u64() % n;
    let network = MemoryNetwork::new(seed);
    // No jitter: there a lane overtakes one that was opened before it, which neither QUIC nor TCP lets happen.
    network.set_default_delay(Duration::from_micros([100, 3000, 30_000][below(3) as usize]));
    let lag_us = [0, 1000, 10_000, 100_000, 700_000][below(5) as usize];
    let setup = async |id: u8| {
        let inner = Arc::new(network.transport([10, 0, 0, id]));
        let transport = Arc::new(SlowControl { inner, lag_us, seed: seed ^ u64::from(id) });
        Setup::new(id).listen(transport, SocketAddr::from(([10, 0, 0, id], 1))).await
    };
    let nodes = [setup(1).await.start(), setup(2).await.dials(at(1)).start()];
    let mut pages = nodes.each_ref().map(Page::load);
    for _ in 0..4 {
        let pace = [100, 1000, 10_000, 100_000][below(4) as usize];
        for _ in 0..below(12) {
            if below(3) > 0 {
                let side = below(2) as usize;
                if below(2) > 0 {
                    // The page is gone for a while.
                    let other = nodes[side].join("other");
                    let page = std::mem::replace(&mut pages[side].client, other);
                    drop(page);
                    sleep(Duration::from_micros(below(pace))).await;
                }
                pages[side] = Page::load(&nodes[side]);
            }
            sleep(Duration::from_micros(below(pace))).await;
            for page in &mut pages {
                page.say().await;
            }
        }
        for _ in 0..200 {
            sleep(Duration::from_millis(40)).await;
            for page in &mut pages {
                page.say().await;
            }
        }
        sleep(Duration::from_secs(10)).await;
        pages.iter_mut().for_each(Page::look);
        let [one, two] = &pages;
        one.was_heard_by(two);
        two.was_heard_by(one);
    }
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap())
}

#[test]
fn whoever_is_seen_is_reached_however_often_pages_are_loaded_again() {
    let seeds = match number("NWS_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("NWS_SEEDS").unwrap_or(SEEDS),
    };
    for seed in seeds {
        let done = std::panic::catch_unwind(|| {
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
            runtime.block_on(run(seed));
        });
        assert!(done.is_ok(), "replay it with NWS_SEED={seed}");
    }
}
