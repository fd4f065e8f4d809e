//! What all links together may ask about channels: a budget for the whole proxy, beside those of each link and each address. Time
//! is paused.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may stop at the first surprise")]

mod support;

use nws_protocol::{matching::BudgetLimits, wire::Control};
use nws_transports::MemoryNetwork;
use std::time::Duration;
use support::{Setup, at, raw::Raw};
use tokio::time::sleep;

/// How soon one guess comes back. A link may be silent for 15 of them.
const REFILL: Duration = Duration::from_secs(1);

/// A proxy whose budget is enough for the first Queries of two links and half of a third; each of them is of eight elements.
struct Scene {
    network: MemoryNetwork,
    node: support::Node,
}

impl Scene {
    async fn new() -> Self {
        let network = MemoryNetwork::new(1);
        let mut setup = Setup::memory(1, &network).await;
        setup.config.proxy_budget = BudgetLimits { burst: 20, refill: REFILL };
        Self { network, node: setup.start() }
    }

    /// A link of its own address, and the answer to its first Query.
    async fn asks(&self, host: u8) -> (Raw, Vec<[u8; 32]>, Control) {
        let mut raw = Raw::greet(&self.network.transport([10, 0, 0, host]), &at(1), host).await;
        let query = raw.matcher().transmit(&mut rand_core::OsRng).unwrap();
        let Control::Query { seq: 1, blinded } = &query else { panic!("{query:?}") };
        assert_eq!(blinded.len(), 8);
        raw.say(&query).await;
        let answer = raw.hear().await.unwrap();
        (raw, blinded.clone(), answer)
    }
}

#[tokio::test(start_paused = true)]
async fn many_addresses_together_guess_no_more_than_the_proxy_allows() {
    let scene = Scene::new().await;
    let mut links = Vec::new();
    for host in [11, 12] {
        let (raw, _, answer) = scene.asks(host).await;
        assert!(matches!(answer, Control::Answer { seq: 1, .. }), "{answer:?}");
        links.push(raw);
    }
    let (mut raw, blinded, answer) = scene.asks(13).await;
    // Four are left, and four more come back.
    let Control::Busy { seq: 1, retry_after } = answer else { panic!("{answer:?}") };
    assert_eq!(retry_after, 4 * REFILL);
    sleep(retry_after).await;
    raw.say(&Control::Query { seq: 2, blinded: blinded.clone() }).await;
    let answer = raw.hear().await.unwrap();
    assert!(matches!(answer, Control::Answer { seq: 2, .. }), "{answer:?}");
    // It was charged to all: now nothing is left for anybody.
    let (_raw, _, answer) = scene.asks(14).await;
    let Control::Busy { seq: 1, retry_after } = answer else { panic!("{answer:?}") };
    assert_eq!(retry_after, 8 * REFILL);
    scene.node.linked(4).await;
}

/// What was refused for the proxy's budget was not taken from the link's or the address's.
#[tokio::test(start_paused = true)]
async fn what_the_proxy_refuses_costs_neither_the_link_nor_its_address() {
    let network = MemoryNetwork::new(1);
    let mut setup = Setup::memory(1, &network).await;
    let rare = BudgetLimits { burst: 8, refill: Duration::from_secs(3600) };
    (setup.config.link_budget, setup.config.address_budget) = (rare, rare);
    setup.config.proxy_budget = BudgetLimits { burst: 8, refill: REFILL };
    let scene = Scene { network, node: setup.start() };
    let (_first, _, answer) = scene.asks(11).await;
    assert!(matches!(answer, Control::Answer { .. }), "{answer:?}");
    let (mut raw, blinded, answer) = scene.asks(12).await;
    let Control::Busy { seq: 1, retry_after } = answer else { panic!("{answer:?}") };
    assert_eq!(retry_after, 8 * REFILL);
    sleep(retry_after).await;
    raw.say(&Control::Query { seq: 2, blinded }).await;
    let answer = raw.hear().await.unwrap();
    assert!(matches!(answer, Control::Answer { seq: 2, .. }), "{answer:?}");
}
