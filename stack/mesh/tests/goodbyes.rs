//! Whoever closes a link hears the other end until its goodbye is said: what is written to somebody who does not listen fails, and the
//! other end would take the link for a broken one, as the goodbye is still under way. Time is paused.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may stop at the first surprise")]

mod support;

use nws_protocol::{LinkCode, wire::Control};
use nws_transports::MemoryNetwork;
use std::{
    task::{Context, Waker},
    time::Duration,
};
use support::{
    DEADLINE, Setup, at,
    raw::{Raw, hello},
};

/// Reads on to the goodbye, and makes sure that the other end listens still.
async fn goodbye_while_listening(mut raw: Raw) -> LinkCode {
    loop {
        if let Control::Goodbye { code, .. } = raw.hear().await.expect("no goodbye") {
            let stopped = raw.send.poll_stopped(&mut Context::from_waker(Waker::noop()));
            assert!(stopped.is_pending(), "it stopped listening before");
            return code;
        }
    }
}

fn network() -> MemoryNetwork {
    let network = MemoryNetwork::new(1);
    network.set_default_delay(Duration::from_millis(50));
    network
}

#[tokio::test(start_paused = true)]
async fn an_established_link() {
    let network = network();
    let node = Setup::memory(1, &network).await.start();
    let mut raw = Raw::greet(&network.transport([10, 0, 0, 9]), &at(1), 9).await;
    let query = raw.matcher().transmit(&mut rand_core::OsRng).unwrap();
    raw.say(&query).await;
    node.linked(1).await;
    let (code, ()) = tokio::join!(goodbye_while_listening(raw), node.mesh.shutdown(DEADLINE));
    assert_eq!(code, LinkCode::GoingAway);
}

/// The reader itself finds that the link is over.
#[tokio::test(start_paused = true)]
async fn a_link_on_which_the_other_end_breaks_the_rules() {
    let network = network();
    let node = Setup::memory(1, &network).await.start();
    let mut raw = Raw::greet(&network.transport([10, 0, 0, 9]), &at(1), 9).await;
    let query = raw.matcher().transmit(&mut rand_core::OsRng).unwrap();
    raw.say(&query).await;
    node.linked(1).await;
    raw.say(&Control::Hello(hello(9))).await;
    assert_eq!(goodbye_while_listening(raw).await, LinkCode::Malformed);
}

#[tokio::test(start_paused = true)]
async fn a_link_that_is_refused() {
    let network = network();
    let node = Setup::memory(1, &network).await.start();
    // By its own name.
    let raw = Raw::greet(&network.transport([10, 0, 0, 9]), &at(1), 1).await;
    assert_eq!(goodbye_while_listening(raw).await, LinkCode::SelfDial);
    node.linked(0).await;
}
