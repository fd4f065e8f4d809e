//! Clients of one proxy: presence and order.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may stop at the first surprise")]

mod support;

use nws_hub::{Full, HubLimits, JoinError};
use nws_protocol::{ChannelKey, ChannelKind, ChannelName};
use rand_chacha::{
    ChaCha8Rng,
    rand_core::{RngCore, SeedableRng},
};
use support::{House, small};

#[test]
fn a_lone_client_is_told_nothing() {
    let mut house = House::new(small());
    assert!(house.join("a").take().is_empty());
}

#[test]
fn each_is_told_once_of_each_other_and_who_it_is() {
    let mut house = House::new(small());
    let (mut a, mut b) = (house.join("x"), house.join("x"));
    let mut other = house.join("y");
    let told = a.take();
    assert_eq!(told, [serde_json::json!({"action":"connect","source":a.id(),"target":b.id()})]);
    assert_eq!(b.told(), [format!("+{}", a.id())]);
    let c = house.join("x");
    assert_eq!(a.told(), [format!("+{}", c.id())]);
    let left = b.id();
    drop(b);
    assert_eq!(a.told(), [format!("-{left}")]);
    assert!(other.told().is_empty());
}

#[test]
fn a_broadcast_reaches_all_others_as_it_was_and_never_its_sender() {
    let mut house = House::new(small());
    let (mut a, mut b, mut c) = (house.join("x"), house.join("x"), house.join("x"));
    for client in [&mut a, &mut b, &mut c] {
        client.take();
    }
    a.broadcast(r#"{"z":1,"a":[1e400, "\ud800"]}"#).unwrap_or_else(|Full| panic!("room"));
    let mut parts = Vec::new();
    let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
    assert!(b.seat.poll_take(&mut cx, &mut parts).is_ready());
    let text = String::from_utf8_lossy(&parts[0]).into_owned();
    assert!(text.ends_with(r#","data":{"z":1,"a":[1e400, "\ud800"]}}"#), "{text}");
    assert!(a.take().is_empty());
    c.seat.poll_take(&mut cx, &mut parts).is_ready().then_some(()).unwrap();
}

#[test]
fn broadcasts_and_direct_messages_of_one_sender_keep_their_order() {
    let mut house = House::new(HubLimits::default());
    let (mut a, mut b) = (house.join("x"), house.join("x"));
    a.take();
    b.take();
    for n in 0..300 {
        if n % 3 == 0 {
            a.seat.send(&b.id(), Some(&n.to_string())).unwrap();
        } else {
            a.broadcast(&n.to_string()).unwrap();
        }
    }
    let got: Vec<i64> = b.take().iter().map(|message| message["data"].as_i64().unwrap()).collect();
    assert_eq!(got, (0..300).collect::<Vec<_>>());
}

#[test]
fn a_message_to_oneself_comes_back_and_one_to_nobody_is_answered() {
    let mut house = House::new(small());
    let mut a = house.join("x");
    let id = a.id();
    a.seat.send(&id, Some("1")).unwrap();
    a.seat.send("nobody", Some("1")).unwrap();
    a.seat.send(&"a".repeat(26), None).unwrap();
    let gone = house.join("x").id();
    a.seat.send(&gone, None).unwrap();
    let told = a.told();
    let expected = [
        format!("{id}>1"),
        "!unknown_target nobody".into(),
        format!("!unknown_target {}", "a".repeat(26)),
        format!("+{gone}"),
        format!("-{gone}"),
        format!("!unknown_target {gone}"),
    ];
    assert_eq!(told, expected);
}

#[test]
fn kinds_do_not_mix_under_one_name_and_raw_relays_have_no_presence() {
    let mut house = House::new(small());
    let raw = |kind| ChannelKey { kind, name: ChannelName::new("x").unwrap() };
    let mut network = house.join("x");
    let mut local = house.join_key(raw(ChannelKind::Local));
    let (mut one, mut two) = (house.join_key(raw(ChannelKind::Broadcast)), house.join_key(raw(ChannelKind::Broadcast)));
    one.seat.publish(&bytes::Bytes::from_static(b"\x82\x01z")).unwrap();
    let mut parts = Vec::new();
    let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
    assert!(two.seat.poll_take(&mut cx, &mut parts).is_ready());
    assert_eq!(parts, [&b"\x82\x01z"[..]]);
    assert!(one.take().is_empty() && network.take().is_empty() && local.take().is_empty());
}

#[test]
fn the_limit_of_clients_is_told() {
    let mut house = House::new(HubLimits { max_clients: 2, ..small() });
    let (a, _b) = (house.join("x"), house.join("y"));
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    assert_eq!(house.channels.join(support::key("z"), &mut rng).unwrap_err(), JoinError::TooManyClients(2));
    drop(a);
    assert!(house.channels.join(support::key("z"), &mut rng).is_ok());
    assert_eq!(house.channels.clients(), 1);
    assert_eq!(house.channels.open(), 1);
}

/// Any mixture of coming, going, speaking and reading: each receiver sees each sender's messages
/// without a gap, after its `connect` and before its `disconnect`, and each join announced once.
#[test]
fn any_mixture_keeps_the_promises() {
    for seed in 0..300 {
        mixture(seed);
    }
}

fn mixture(seed: u64) {
    use std::collections::BTreeMap;
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut house = House::new(HubLimits { channel_log_bytes: 4000, client_queue_bytes: 4000, ..HubLimits::default() });
    /// What one client knows of another: the number of the next message, or that it has gone.
    type View = BTreeMap<String, Option<i64>>;
    let mut clients: Vec<(support::Client, View, i64)> = Vec::new();
    let read = |client: &mut support::Client, view: &mut View, all: bool| {
        for message in if all { client.take() } else { client.take_some() } {
            let peer = message
                [if message["action"] == "connect" || message["action"] == "disconnect" { "target" } else { "source" }]
            .as_str()
            .unwrap()
            .to_owned();
            match message["action"].as_str().unwrap() {
                "connect" => assert!(view.insert(peer, Some(-1)).is_none(), "seed {seed}: announced twice"),
                "disconnect" => {
                    let was = view.insert(peer, None);
                    assert!(matches!(was, Some(Some(_))), "seed {seed}: gone without being there");
                }
                "error" => {}
                _ => {
                    let Some(Some(next)) = view.get_mut(&peer) else {
                        panic!("seed {seed}: said something while not there")
                    };
                    let n = message["data"].as_i64().unwrap();
                    assert!(*next == -1 || n == *next, "seed {seed}: {n} where {next} was due");
                    *next = n + 1;
                }
            }
        }
        assert!(client.closed.is_none(), "seed {seed}");
    };
    for _ in 0..400 {
        let n = clients.len();
        let pick = |rng: &mut ChaCha8Rng| (rng.next_u32() as usize) % n.max(1);
        match rng.next_u32() % 10 {
            0 if n < 8 => clients.push((house.join("x"), View::new(), 0)),
            1 if n > 0 && rng.next_u32().is_multiple_of(4) => {
                let gone = pick(&mut rng);
                clients.remove(gone);
            }
            2..=4 if n > 0 => {
                let i = pick(&mut rng);
                let (client, _, next) = &mut clients[i];
                if client.broadcast(&next.to_string()).is_ok() {
                    *next += 1;
                }
            }
            5 if n > 1 => {
                // A direct message to everyone, in any order: the same number for all.
                let i = pick(&mut rng);
                let ids: Vec<String> = clients.iter().map(|(client, ..)| client.id()).collect();
                let (client, _, next) = &mut clients[i];
                let me = client.id();
                let free =
                    ids.iter().filter(|id| **id != me).all(|id| client.seat.send(id, Some(&next.to_string())).is_ok());
                if free {
                    *next += 1;
                } else {
                    // Some got it and some did not: start anew as another client.
                    clients.remove(i);
                }
            }
            _ if n > 0 => {
                let i = pick(&mut rng);
                let (client, view, _) = &mut clients[i];
                read(client, view, false);
            }
            _ => {}
        }
    }
    let here: Vec<(String, i64)> = clients.iter().map(|(client, _, next)| (client.id(), *next)).collect();
    for (client, view, _) in &mut clients {
        read(client, view, true);
        for (id, next) in here.iter().filter(|(id, _)| *id != client.id()) {
            let seen = view[id].unwrap();
            assert!(seen == -1 || seen == *next, "seed {seed}: the last message is missing");
        }
        let present = view.values().filter(|peer| peer.is_some()).count();
        assert_eq!(present, here.len() - 1, "seed {seed}");
    }
}
