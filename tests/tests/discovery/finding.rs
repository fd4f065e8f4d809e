//! Who is found, how soon, and at which addresses.

use crate::finder::{FOUND_WITHIN, Finder, Found, finds_in_any_order, found_with, took};
use nws_tests::{
    netns::{Addresses, Lab},
    program::SOON,
};
use std::time::Duration;

/// Many programs on one machine are no measure of the promise: this is for who is missed, and found only when records are renewed.
const ALL_FOUND_WITHIN: Duration = Duration::from_secs(10);

#[test]
fn two_hosts_find_each_other_with_all_their_addresses() {
    let lab = Lab::new(2);
    let mut old = Finder::both(&lab.host(1)).visible();
    let meet = |old: &mut Finder| {
        let mut new = Finder::both(&lab.host(2));
        let started = new.program.started();
        let by_old = old.finds(&new, SOON);
        let by_new = new.finds(old, SOON);
        took("the older host finds the newer one after its start", started, by_old.at);
        took("the newer host finds the older one after its own start", started, by_new.at);
        (new, by_old.at.max(by_new.at) - started, by_new)
    };
    let (mut new, mut met, mut by_new) = meet(&mut old);
    // The machine may do something else for a moment, but not each time.
    for _ in 0..2 {
        if met < FOUND_WITHIN {
            break;
        }
        drop(new);
        (new, met, by_new) = meet(&mut old);
    }
    assert!(met < FOUND_WITHIN, "{met:?} at the third attempt");
    let started = new.program.started();
    new.program.rewind();
    let seen = new.health("visible", SOON);
    took("the newer host sees its own announcement after its start", started, seen);
    new.program.rewind();

    // Addresses of one host may come with several packets.
    let complete = |found: Found, finder: &mut Finder, id: &str| {
        if found.candidates.len() == 6 {
            return found;
        }
        finder.program.wait("all addresses", SOON, |line| found_with(line, id, 6))
    };
    let by_new = complete(by_new, &mut new, &old.id);
    let text = by_new.text();
    assert_eq!(text[..2], ["quic 10.77.0.1:4001", "quic [fd77::1]:4001"]);
    assert!(text[2].starts_with("quic [fe80::") && text[2].contains('%'), "{text:?}");
    assert_eq!(text[3..5], ["tcp 10.77.0.1:4001", "tcp [fd77::1]:4001"]);
}

#[test]
fn five_hosts_that_start_together_and_a_late_one_all_find_each_other() {
    let mut lab = Lab::new(5);
    let mut finders: Vec<Finder> = lab.hosts().iter().map(Finder::both).collect();
    let started = finders.iter().map(|finder| finder.program.started()).max().unwrap();
    let mut last = started;
    for at in 0..finders.len() {
        for other in 0..finders.len() {
            if at != other {
                let id = finders[other].id.clone();
                last = last.max(finds_in_any_order(&mut finders[at], &id));
            }
        }
    }
    took("five hosts all know each other after the last one's start", started, last);
    assert!(last - started < ALL_FOUND_WITHIN, "{:?}", last - started);

    let mut late = Finder::both(&lab.add_host(Addresses::Both));
    let started = late.program.started();
    let mut last = started;
    for finder in &mut finders {
        last = last.max(finder.finds(&late, SOON).at);
        let by_late = finds_in_any_order(&mut late, &finder.id.clone());
        last = last.max(by_late);
    }
    took("a late sixth host and all others know each other after its start", started, last);
    assert!(last - started < ALL_FOUND_WITHIN, "{:?}", last - started);
}

#[test]
fn each_transport_can_be_announced_alone() {
    let lab = Lab::new(3);
    let mut quic = Finder::start(&lab.host(1), "--quic 4001");
    let mut tcp = Finder::start(&lab.host(2), "--tcp 4002");
    let mut neither = Finder::start(&lab.host(3), "");
    for finder in [&mut quic, &mut neither] {
        let found = finder.finds_kinds(&tcp.id, &["tcp"], SOON);
        assert!(found.candidates.iter().all(|(kind, addr)| kind == "tcp" && addr.port() == 4002), "{found:?}");
    }
    let found = tcp.finds_kinds(&quic.id, &["quic"], SOON);
    assert!(found.candidates.iter().all(|(kind, addr)| kind == "quic" && addr.port() == 4001), "{found:?}");
    quic.program.rewind();
    quic.health("visible", SOON);
    // Who announces nothing has nothing to be seen.
    neither.program.never("misses itself", Duration::from_secs(4), |line| line.text.contains("visible"));
    let nobody = neither.id.clone();
    quic.never_finds(&nobody, Duration::from_millis(100));
}

#[test]
fn hosts_with_one_kind_of_address() {
    for (addresses, first) in [(Addresses::V4, "quic 10.77.0.1:4001"), (Addresses::V6, "quic [fd77::1]:4001")] {
        let lab = Lab::with(&[addresses, addresses]);
        let mut one = Finder::both(&lab.host(1)).visible();
        let mut two = Finder::both(&lab.host(2)).visible();
        one.finds(&two, SOON);
        finds_in_any_order(&mut two, &one.id);
        two.program.rewind();
        let expected = if addresses == Addresses::V4 { 2 } else { 4 };
        let found = two.program.wait("all addresses", SOON, |line| found_with(line, &one.id, expected));
        assert_eq!(found.text()[0], first);
    }
}

#[test]
fn two_on_one_host_without_a_network_use_loopback() {
    let lab = Lab::new(1);
    lab.host(1).interface_down();
    let mut one = Finder::both(&lab.host(1)).visible();
    let mut two = Finder::both(&lab.host(1)).visible();
    assert_eq!(one.finds(&two, SOON).text(), ["quic 127.0.0.1:4001", "tcp 127.0.0.1:4001"]);
    finds_in_any_order(&mut two, &one.id);
}

#[test]
fn only_the_named_interfaces_are_used() {
    let lab = Lab::new(3);
    let mut one = Finder::start(&lab.host(1), "--quic 4001 --tcp 4001 --interface lab0").visible();
    let mut elsewhere = Finder::start(&lab.host(2), "--quic 4002 --tcp 4002 --interface lo");
    let mut absent = Finder::start(&lab.host(3), "--quic 4003 --tcp 4003 --interface later0");
    absent.health("not visible", SOON);
    let mut witness = Finder::both(&lab.host(3));
    witness.finds(&one, SOON);
    one.finds(&witness, SOON);
    for id in [elsewhere.id.clone(), absent.id.clone()] {
        one.never_finds(&id, Duration::from_millis(500));
    }
    let id = one.id.clone();
    elsewhere.never_finds(&id, Duration::from_millis(100));
    absent.never_finds(&id, Duration::from_millis(100));
}
