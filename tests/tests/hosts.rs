//! Proxies on several hosts that know nothing of each other: they find each other, and their clients are in one channel.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may stop at the first surprise")]

use nws_tests::{
    client::Client,
    netns::{Addresses, Host, Lab},
    program::SOON,
    proxy::Proxy,
};
use serde_json::json;
use std::time::{Duration, Instant};

/// The promise: found and linked this soon after the second proxy's start.
const LINKED_WITHIN: Duration = Duration::from_millis(1500);

/// What does not wait for the silence, also where each of several programs stands still for a while.
const BEFORE_SILENCE: Duration = Duration::from_secs(10);

/// What waits for the silence, or is mended with it.
const AFTER_SILENCE: Duration = Duration::from_secs(30);

const CHANNEL: &str = "ws://127.0.0.1:9009/chat";

#[track_caller]
fn join(host: &Host) -> Client {
    Client::join_on(host, CHANNEL)
}

/// Each hears what each of the others says.
#[track_caller]
fn talk(clients: &mut [Client], topic: &str) {
    for speaker in 0..clients.len() {
        let words = json!(format!("{topic} from {speaker}"));
        clients[speaker].broadcast(words.clone());
        for (listener, client) in clients.iter_mut().enumerate().filter(|(listener, _)| *listener != speaker) {
            client.wait(&format!("{listener} hears {words}"), SOON, |message| message["data"] == words);
        }
    }
}

#[test]
fn three_hosts_and_a_late_one_talk_with_nothing_configured() {
    let mut lab = Lab::new(3);
    let _proxies: Vec<Proxy> = lab.hosts().iter().map(|host| Proxy::on(host, &[])).collect();
    let mut clients: Vec<Client> = lab.hosts().iter().map(join).collect();
    // Each of the three hears of the two others.
    for client in &mut clients {
        for _ in 0..2 {
            client.wait_action("connect", SOON);
        }
    }
    talk(&mut clients, "greetings");

    let late = lab.add_host(Addresses::Both);
    let _late = Proxy::on(&late, &[]);
    clients.push(join(&late));
    let begin = Instant::now();
    for client in &mut clients[..3] {
        client.wait_action("connect", SOON);
    }
    println!("the fourth was in the channel after {:?}", begin.elapsed());
    for _ in 0..3 {
        clients[3].wait_action("connect", SOON);
    }
    talk(&mut clients, "all four");

    clients.pop().unwrap().leave();
    for client in &mut clients {
        client.wait_action("disconnect", BEFORE_SILENCE);
    }
}

#[test]
fn a_second_proxy_is_linked_in_time() {
    let once = || {
        let lab = Lab::new(2);
        let _one = Proxy::on(&lab.host(1), &[]);
        let mut there = join(&lab.host(1));
        let two = Proxy::on(&lab.host(2), &[]);
        let _here = join(&lab.host(2));
        there.wait_action("connect", SOON);
        let took = two.started().elapsed();
        println!("found, linked and matched {took:?} after the start");
        took
    };
    // The machine may do something else for a moment, but not each time.
    assert!((0..3).any(|_| once() < LINKED_WITHIN), "not once within {LINKED_WITHIN:?}");
}

#[test]
fn the_clients_of_a_killed_proxy_are_gone_and_it_may_return() {
    for (transport, within) in [("tcp", BEFORE_SILENCE), ("quic", AFTER_SILENCE)] {
        let lab = Lab::new(2);
        let _one = Proxy::on(&lab.host(1), &["--transport", transport]);
        let mut stays = join(&lab.host(1));
        let mut two = Proxy::on(&lab.host(2), &["--transport", transport]);
        let _gone = join(&lab.host(2));
        stays.wait_action("connect", SOON);
        two.kill();
        let begin = Instant::now();
        stays.wait_action("disconnect", within);
        println!("{transport}: gone {:?} after the kill", begin.elapsed());

        let _again = Proxy::on(&lab.host(2), &["--transport", transport]);
        let _returns = join(&lab.host(2));
        stays.wait_action("connect", SOON);
    }
}

#[test]
fn an_interface_that_was_down_for_twenty_seconds_joins_again() {
    let lab = Lab::new(3);
    let _proxies: Vec<Proxy> = lab.hosts().iter().map(|host| Proxy::on(host, &[])).collect();
    let mut clients: Vec<Client> = lab.hosts().iter().map(join).collect();
    for client in &mut clients {
        for _ in 0..2 {
            client.wait_action("connect", SOON);
        }
    }
    lab.host(3).interface_down();
    let begin = Instant::now();
    // Nothing says so but silence.
    let [one, two, three] = &mut clients[..] else { panic!("three clients") };
    for client in [&mut *one, &mut *two] {
        client.wait_action("disconnect", AFTER_SILENCE);
    }
    for _ in 0..2 {
        three.wait_action("disconnect", AFTER_SILENCE);
    }
    println!("all noticed after {:?}", begin.elapsed());
    let rest = Duration::from_secs(20).saturating_sub(begin.elapsed());
    three.never("connect without a network", rest, |message| message["action"] == "connect");
    lab.host(3).interface_up();
    let begin = Instant::now();
    for client in [one, two] {
        client.wait_action("connect", AFTER_SILENCE);
    }
    for _ in 0..2 {
        three.wait_action("connect", AFTER_SILENCE);
    }
    println!("all together again {:?} after it was up", begin.elapsed());
    talk(&mut clients, "after the storm");
}
