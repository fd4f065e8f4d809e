//! Proxies share channels: over the memory transport, with time paused.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may stop at the first surprise")]

mod support;

use nws_protocol::NetworkKey;
use nws_transports::{Cut, MemoryNetwork};
use std::{net::IpAddr, time::Duration};
use support::{Event, Node, Setup, at};
use tokio::time::{Instant, sleep};

async fn pair(network: &MemoryNetwork) -> (Node, Node) {
    let a = Setup::memory(1, network).await.start();
    let b = Setup::memory(2, network).await.dials(at(1)).start();
    (a, b)
}

#[tokio::test(start_paused = true)]
async fn two_proxies_share_a_channel() {
    let network = MemoryNetwork::new(1);
    let (a, b) = pair(&network).await;
    let mut one = a.join("chat");
    let mut two = b.join("chat");
    let mut elsewhere = b.join("other");
    assert_eq!(one.connect().await, two.id());
    assert_eq!(two.connect().await, one.id());
    one.say("1").await;
    one.tell(&two.id(), "2").await;
    one.say("{\"a\":[3]}").await;
    assert_eq!(two.next().await, Event::Broadcast(one.id(), "1".to_owned()));
    assert_eq!(two.next().await, Event::Message(one.id(), "2".to_owned()));
    assert_eq!(two.next().await, Event::Broadcast(one.id(), "{\"a\":[3]}".to_owned()));
    two.say("\"back\"").await;
    assert_eq!(one.next().await, Event::Broadcast(two.id(), "\"back\"".to_owned()));
    // What the last client said before it left arrives before its going.
    for number in 0..1000 {
        two.say(&number.to_string()).await;
    }
    let (two_id, status) = (two.id(), a.mesh.status().await);
    drop(two);
    for number in 0..1000 {
        assert_eq!(one.next().await, Event::Broadcast(two_id.clone(), number.to_string()));
    }
    assert_eq!(one.next().await, Event::Disconnect(two_id));
    assert_eq!((status.links.len(), status.links[0].channels), (1, 1));
    a.shares(0).await;
    elsewhere.nothing_for(Duration::from_secs(30)).await;
    one.nothing_for(Duration::from_secs(30)).await;
}

#[tokio::test(start_paused = true)]
async fn three_proxies_share_a_channel_and_forward_nothing() {
    let network = MemoryNetwork::new(2);
    network.set_default_delay(Duration::from_millis(3));
    network.set_jitter(Duration::from_millis(3));
    let (a, b) = pair(&network).await;
    let c = Setup::memory(3, &network).await.dials(at(1)).dials(at(2)).start();
    let mut clients = [a.join("chat"), b.join("chat"), c.join("chat")];
    let ids = clients.each_ref().map(support::Client::id);
    for (at, client) in clients.iter_mut().enumerate() {
        let mut seen = [client.connect().await, client.connect().await];
        let mut others: Vec<_> = ids.iter().filter(|id| **id != ids[at]).cloned().collect();
        seen.sort();
        others.sort();
        assert_eq!(seen.to_vec(), others);
    }
    clients[0].say("1").await;
    for client in &mut clients[1..] {
        assert_eq!(client.next().await, Event::Broadcast(ids[0].clone(), "1".to_owned()));
    }
    for client in &mut clients {
        client.nothing_for(Duration::from_secs(20)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_page_reloaded_a_hundred_times_is_announced_each_time_in_order() {
    let network = MemoryNetwork::new(3);
    network.set_default_delay(Duration::from_millis(1));
    let (a, b) = pair(&network).await;
    let mut one = a.join("chat");
    let mut here: Option<String> = None;
    for round in 0..100u64 {
        let mut two = b.join("chat");
        // Sometimes it stays until it was seen, sometimes not.
        if round % 3 == 0 {
            assert_eq!(two.connect().await, one.id());
            two.say(&round.to_string()).await;
            loop {
                match one.next().await {
                    Event::Connect(peer) => assert_eq!(here.replace(peer), None),
                    Event::Disconnect(peer) => assert_eq!(here.take(), Some(peer)),
                    Event::Broadcast(peer, data) => {
                        assert_eq!((Some(&peer), data), (here.as_ref(), round.to_string()));
                        assert_eq!(peer, two.id());
                        break;
                    }
                    event => panic!("{event:?}"),
                }
            }
        } else {
            sleep(Duration::from_micros(700 * (round % 7))).await;
        }
    }
    let mut last = b.join("chat");
    last.say("\"last\"").await;
    assert_eq!(last.connect().await, one.id());
    last.say("\"last\"").await;
    loop {
        match one.next().await {
            Event::Connect(peer) => assert_eq!(here.replace(peer), None),
            Event::Disconnect(peer) => assert_eq!(here.take(), Some(peer)),
            Event::Broadcast(peer, _) if peer == last.id() => break,
            event => panic!("{event:?}"),
        }
    }
    assert_eq!(here, Some(last.id()));
    one.nothing_for(Duration::from_secs(20)).await;
    last.nothing_for(Duration::from_secs(20)).await;
}

#[tokio::test(start_paused = true)]
async fn a_killed_link_disconnects_once_and_comes_back() {
    let network = MemoryNetwork::new(4);
    let (a, b) = pair(&network).await;
    let (mut one, mut two) = (a.join("chat"), b.join("chat"));
    for _ in 0..5 {
        assert_eq!(one.connect().await, two.id());
        assert_eq!(two.connect().await, one.id());
        assert_eq!(network.kill([10, 0, 0, 1], [10, 0, 0, 2]), 1);
        assert_eq!(one.next().await, Event::Disconnect(two.id()));
        assert_eq!(two.next().await, Event::Disconnect(one.id()));
    }
    assert_eq!(one.connect().await, two.id());
    one.nothing_for(Duration::from_secs(60)).await;
}

#[tokio::test(start_paused = true)]
async fn a_silent_link_is_closed_at_its_limit() {
    let network = MemoryNetwork::new(5);
    let (a, b) = pair(&network).await;
    let (mut one, mut two) = (a.join("chat"), b.join("chat"));
    assert_eq!(one.connect().await, two.id());
    assert_eq!(two.connect().await, one.id());
    // Pings keep an idle link up.
    one.nothing_for(Duration::from_secs(600)).await;
    let cut = Instant::now();
    network.partition(&[IpAddr::from([10, 0, 0, 1])], &[IpAddr::from([10, 0, 0, 2])], Cut::Silent);
    assert_eq!(one.next().await, Event::Disconnect(two.id()));
    assert!((9..=16).contains(&cut.elapsed().as_secs()), "{:?}", cut.elapsed());
    assert_eq!(two.next().await, Event::Disconnect(one.id()));
    sleep(Duration::from_secs(20)).await;
    network.heal();
    assert_eq!(one.connect().await, two.id());
    assert_eq!(two.connect().await, one.id());
    one.nothing_for(Duration::from_secs(60)).await;
}

#[tokio::test(start_paused = true)]
async fn proxies_of_different_networks_never_match() {
    let network = MemoryNetwork::new(6);
    let mut nodes = Vec::new();
    for (id, network_key) in
        [NetworkKey::default(), NetworkKey::new([1; 32]), NetworkKey::new([2; 32])].into_iter().enumerate()
    {
        let mut setup = Setup::memory(id as u8 + 1, &network).await;
        setup.config.network_key = network_key;
        for other in 0..id {
            setup = setup.dials(at(other as u8 + 1));
        }
        nodes.push(setup.start());
    }
    let mut clients: Vec<_> = nodes.iter().map(|node| node.join("chat")).collect();
    for node in &nodes {
        node.linked(2).await;
    }
    for client in &mut clients {
        client.nothing_for(Duration::from_secs(60)).await;
    }
    for node in &nodes {
        assert!(node.mesh.status().await.links.iter().all(|link| link.channels == 0));
    }
}

#[tokio::test(start_paused = true)]
async fn a_proxy_that_dials_itself_notices_and_stops() {
    let network = MemoryNetwork::new(7);
    let node = Setup::memory(1, &network).await.dials(at(1)).start();
    let mut client = node.join("chat");
    client.nothing_for(Duration::from_secs(120)).await;
    assert_eq!(network.links(), 0);
    assert_eq!(node.mesh.status().await.links.len(), 0);
}

#[tokio::test(start_paused = true)]
async fn shutdown_is_noticed_at_once() {
    let network = MemoryNetwork::new(8);
    network.set_default_delay(Duration::from_millis(2));
    let (a, b) = pair(&network).await;
    let (mut one, mut two) = (a.join("chat"), b.join("chat"));
    assert_eq!(one.connect().await, two.id());
    assert_eq!(two.connect().await, one.id());
    let start = Instant::now();
    let (event, ()) = tokio::join!(one.next(), b.mesh.shutdown(Duration::from_secs(2)));
    assert_eq!(event, Event::Disconnect(two.id()));
    assert!(start.elapsed() < Duration::from_secs(1), "{:?}", start.elapsed());
    assert_eq!(b.mesh.status().await.links.len(), 0);
    a.linked(0).await;
    assert_eq!(network.links(), 0);
}

/// A reader takes 64 KiB each so often; the sender says as much as it may.
async fn slow_reader(rounds: u32, pause: Duration) {
    let network = MemoryNetwork::new(9);
    network.set_default_delay(Duration::from_millis(1));
    let (a, b) = pair(&network).await;
    let (mut one, mut two) = (a.join("chat"), b.join("chat"));
    assert_eq!(two.connect().await, one.id());
    assert_eq!(one.connect().await, two.id());
    let payload = format!("\"{}\"", "x".repeat(64 * 1024));
    let sender = async {
        // Its own socket is written to all the time, as a gateway does.
        one.catch_up();
        for _ in 0..rounds {
            one.say(&payload).await;
        }
        one.say("\"done\"").await;
        Instant::now()
    };
    let reader = async {
        let mut count = 0;
        loop {
            match two.next().await {
                Event::Broadcast(_, data) if data == "\"done\"" => return (count, Instant::now()),
                Event::Broadcast(_, data) => assert_eq!(data.len(), payload.len()),
                event => panic!("{event:?}"),
            }
            count += 1;
            sleep(pause).await;
        }
    };
    let start = Instant::now();
    let (sent, (count, read)) = tokio::join!(sender, reader);
    assert_eq!(count, rounds);
    // The sender was held back: it was not much earlier than the reader.
    assert!(sent - start > (read - start) / 2, "{:?} {:?}", sent - start, read - start);
}

#[tokio::test(start_paused = true)]
async fn nothing_is_lost_when_a_reader_is_slow() {
    slow_reader(600, Duration::from_millis(100)).await;
}

#[tokio::test(start_paused = true)]
async fn nothing_is_lost_when_a_reader_crawls() {
    slow_reader(600, Duration::from_millis(450)).await;
}

#[tokio::test(start_paused = true)]
async fn many_channels_share_one_link() {
    let network = MemoryNetwork::new(10);
    network.set_default_delay(Duration::from_millis(1));
    let (a, b) = pair(&network).await;
    let mut pairs: Vec<_> =
        (0..300).map(|number| (a.join(&format!("c{number}")), b.join(&format!("c{number}")))).collect();
    for (one, two) in &mut pairs {
        assert_eq!(one.connect().await, two.id());
        assert_eq!(two.connect().await, one.id());
    }
    a.shares(300).await;
    assert_eq!(network.links(), 1);
    for (number, (one, two)) in pairs.iter_mut().enumerate() {
        two.say(&number.to_string()).await;
        assert_eq!(one.next().await, Event::Broadcast(two.id(), number.to_string()));
    }
    for (mut one, two) in pairs.drain(..200) {
        let two_id = two.id();
        drop(two);
        assert_eq!(one.next().await, Event::Disconnect(two_id));
    }
    a.shares(100).await;
    b.shares(100).await;
    network.kill_host([10, 0, 0, 2]);
    for (one, two) in &mut pairs {
        assert_eq!(one.next().await, Event::Disconnect(two.id()));
        assert_eq!(one.connect().await, two.id());
    }
}

#[tokio::test(start_paused = true)]
async fn a_proxy_that_takes_less_is_not_sent_more() {
    let network = MemoryNetwork::new(11);
    let mut small = Setup::memory(1, &network).await;
    small.config.max_frame_bytes = 100_000;
    let (a, b) = (small.start(), Setup::memory(2, &network).await.dials(at(1)).start());
    let (mut one, mut two) = (a.join("chat"), b.join("chat"));
    assert_eq!(one.connect().await, two.id());
    assert_eq!(two.connect().await, one.id());
    let large = format!("\"{}\"", "x".repeat(200_000));
    two.say("1").await;
    two.say(&large).await;
    two.tell(&one.id(), &large).await;
    two.say("2").await;
    for data in ["1", "2"] {
        assert_eq!(one.next().await, Event::Broadcast(two.id(), data.to_owned()));
    }
    for target in [None, Some(one.id())] {
        let Event::Other(error) = two.next().await else { panic!("no error") };
        let error: serde_json::Value = serde_json::from_str(&error).unwrap();
        assert_eq!((error["code"].as_str(), error["target"].as_str()), (Some("too_large"), target.as_deref()));
        assert!(error["message"].as_str().unwrap().contains("98976 bytes"), "{error}");
    }
    // The other way about it comes through, and the link lives.
    one.say(&large).await;
    assert_eq!(two.next().await, Event::Broadcast(one.id(), large));
    one.nothing_for(Duration::from_secs(30)).await;
    two.nothing_for(Duration::from_secs(30)).await;
    assert_eq!(network.links(), 1);
}
