//! Strangers who claim the id of a proxy that is linked already: what they can't do, and what the real one still can.
//! Time is paused.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may stop at the first surprise")]

mod support;

use nws_protocol::{LinkCode, wire::Control};
use nws_transports::{LinkError, MemoryNetwork, MemoryTransport};
use std::time::Duration;
use support::{Client, Event, Node, Setup, at, raw::Raw};
use tokio::time::{Instant, sleep, timeout};

/// Two honest proxies, of which 2 dialled 1; each has a client in "chat" and one in "secret".
struct Scene {
    network: MemoryNetwork,
    a: Node,
    b: Node,
    clients: [Client; 4],
    stranger: MemoryTransport,
}

impl Scene {
    async fn new() -> Self {
        let network = MemoryNetwork::new(1);
        network.set_default_delay(Duration::from_millis(2));
        let a = Setup::memory(1, &network).await.start();
        let b = Setup::memory(2, &network).await.dials(at(1)).start();
        let mut clients = [a.join("chat"), b.join("chat"), a.join("secret"), b.join("secret")];
        for (one, two) in [(0, 1), (1, 0), (2, 3), (3, 2)] {
            let peer = clients[two].id();
            assert_eq!(clients[one].connect().await, peer);
        }
        let stranger = network.transport([10, 0, 0, 9]);
        Self { network, a, b, clients, stranger }
    }

    /// Nobody is told anything for so long, and then everybody hears each other, and there is one link.
    async fn undisturbed(mut self, time: Duration) {
        self.clients[0].nothing_for(time).await;
        for (from, to) in [(0, 1), (1, 0), (2, 3), (3, 2)] {
            self.clients[from].say("1").await;
            let said = Event::Broadcast(self.clients[from].id(), "1".to_owned());
            assert_eq!(self.clients[to].next().await, said);
        }
        self.a.linked(1).await;
        self.b.linked(1).await;
        assert_eq!(self.network.links(), 1);
    }
}

/// The stranger asks for these channels, whatever it is answered, until it is sent away.
async fn asks(mut raw: Raw, channels: &[&str]) -> (LinkCode, Duration) {
    let start = Instant::now();
    let mut matcher = raw.matcher();
    channels.iter().for_each(|channel| matcher.join(&support::key(channel)));
    loop {
        while let Some(message) = matcher.transmit(&mut rand_core::OsRng) {
            raw.say(&message).await;
        }
        match raw.hear().await.expect("no goodbye") {
            Control::Goodbye { code, .. } => return (code, start.elapsed()),
            message => matcher.handle(message, &mut support::raw::Free, Duration::ZERO).unwrap(),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_link_that_answers_is_not_given_up_for_one_that_claims_the_id_of_its_dialler() {
    // Even if the stranger knows the names of all channels.
    for channels in [&[][..], &["chat", "secret"]] {
        let scene = Scene::new().await;
        for _ in 0..5 {
            let raw = Raw::greet(&scene.stranger, &at(1), 2).await;
            let (code, took) = asks(raw, channels).await;
            assert_eq!(code, LinkCode::Duplicate);
            assert!(took < Duration::from_millis(1100), "{took:?}");
        }
        scene.undisturbed(Duration::from_secs(30)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_link_is_not_superseded_by_one_that_has_not_matched_its_channels() {
    for channels in [&[][..], &["chat"], &["secret", "else"]] {
        let scene = Scene::new().await;
        for _ in 0..3 {
            let raw = Raw::greet(&scene.stranger, &at(2), 1).await;
            let (code, took) = asks(raw, channels).await;
            assert_eq!(code, LinkCode::Duplicate);
            assert!((4900..5200).contains(&took.as_millis()), "{took:?}");
        }
        scene.undisturbed(Duration::from_secs(30)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn several_strangers_at_once_change_nothing() {
    let scene = Scene::new().await;
    let strangers = futures::future::join_all((0..8).map(|number| {
        let scene = &scene;
        async move {
            let (victim, claim) = [(1, 2), (2, 1)][number % 2];
            asks(Raw::greet(&scene.stranger, &at(victim), claim).await, &["chat"]).await.0
        }
    }));
    assert_eq!(strangers.await, vec![LinkCode::Duplicate; 8]);
    scene.undisturbed(Duration::from_secs(30)).await;
}

#[tokio::test(start_paused = true)]
async fn a_proxy_that_lost_its_link_and_dials_again_is_let_in_when_the_old_one_is_silent() {
    let network = MemoryNetwork::new(1);
    let a = Setup::memory(1, &network).await.start();
    let mut one = a.join("chat");
    let transport = network.transport([10, 0, 0, 2]);
    let mut first = Raw::greet(&transport, &at(1), 2).await;
    first.matches("chat").await;
    a.shares(1).await;
    // It says nothing any more.
    let start = Instant::now();
    let mut second = Raw::greet(&transport, &at(1), 2).await;
    second.matches("chat").await;
    let took = start.elapsed();
    assert!((900..1200).contains(&took.as_millis()), "{took:?}");
    let closed = timeout(Duration::from_secs(5), first.link.closed()).await.unwrap();
    assert!(matches!(closed, LinkError::ClosedByPeer { code: LinkCode::Duplicate, .. }), "{closed:?}");
    a.linked(1).await;
    one.nothing_for(Duration::from_secs(1)).await;
}

#[tokio::test(start_paused = true)]
async fn a_link_on_which_nothing_is_matched_is_no_hindrance() {
    let network = MemoryNetwork::new(1);
    let b = Setup::memory(2, &network).await.start();
    let mut two = b.join("chat");
    let stranger = network.transport([10, 0, 0, 9]);
    // The stranger comes first, and stays.
    let squatter = Raw::greet(&stranger, &at(2), 1).await;
    let squatter = tokio::spawn(asks(squatter, &["else"]));
    b.linked(1).await;
    sleep(Duration::from_secs(20)).await;
    let start = Instant::now();
    let a = Setup::memory(1, &network).await.dials(at(2)).start();
    let one = a.join("chat");
    assert_eq!(two.connect().await, one.id());
    assert!(start.elapsed() < Duration::from_millis(500), "{:?}", start.elapsed());
    assert_eq!(timeout(Duration::from_secs(5), squatter).await.unwrap().unwrap().0, LinkCode::Duplicate);
}
