#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may stop at the first surprise")]
use super::*;
use DiscoveredTransport::{Quic, Tcp};

fn id(n: u16) -> InstanceId {
    let mut bytes = [0; 16];
    bytes[..2].copy_from_slice(&n.to_be_bytes());
    InstanceId::from_bytes(bytes)
}

fn at(text: &str) -> Vec<SocketAddr> {
    text.split_whitespace().map(|one| one.parse().unwrap()).collect()
}

fn found(n: u16, candidates: &[(DiscoveredTransport, &str)]) -> Option<DiscoveryEvent> {
    let candidates =
        candidates.iter().map(|(kind, addr)| Candidate { kind: *kind, addr: addr.parse().unwrap() }).collect();
    Some(DiscoveryEvent::Found { instance: id(n), candidates })
}

fn lost(n: u16) -> Option<DiscoveryEvent> {
    Some(DiscoveryEvent::Lost { instance: id(n) })
}

const A: &str = "10.0.0.1:7";
const B: &str = "10.0.0.2:7";

#[tokio::test(start_paused = true)]
async fn both_services_of_an_instance_are_one_find_with_quic_first() {
    let (mut directory, now) = (Directory::default(), Instant::now());
    directory.seen(id(1), Tcp, at(A), now);
    directory.seen(id(1), Quic, at(A), now);
    assert_eq!(directory.poll(now), found(1, &[(Quic, A), (Tcp, A)]));
    assert_eq!(directory.poll(now), None);
    assert_eq!(directory.next_timeout(), None);
    assert_eq!(directory.services(id(1)).collect::<Vec<_>>(), [Quic, Tcp]);
}

#[tokio::test(start_paused = true)]
async fn what_is_seen_again_unchanged_is_no_news_and_a_change_is() {
    let (mut directory, now) = (Directory::default(), Instant::now());
    directory.seen(id(1), Quic, at(A), now);
    assert_eq!(directory.poll(now), found(1, &[(Quic, A)]));
    directory.seen(id(1), Quic, at(A), now);
    assert_eq!(directory.poll(now), None);
    directory.seen(id(1), Quic, at(B), now);
    assert_eq!(directory.poll(now), found(1, &[(Quic, B)]));
    directory.seen(id(1), Quic, at(A), now);
    directory.seen(id(1), Quic, at(B), now);
    assert_eq!(directory.poll(now), None);
}

#[tokio::test(start_paused = true)]
async fn a_goodbye_of_both_services_is_one_loss() {
    let (mut directory, now) = (Directory::default(), Instant::now());
    directory.seen(id(1), Quic, at(A), now);
    directory.seen(id(1), Tcp, at(A), now);
    directory.poll(now);
    directory.withdrawn(id(1), Quic, now);
    assert_eq!(directory.poll(now), None);
    directory.withdrawn(id(1), Tcp, now + WITHDRAWAL_SETTLES / 2);
    assert_eq!(directory.poll(now + WITHDRAWAL_SETTLES), lost(1));
    assert_eq!(directory.poll(now + WITHDRAWAL_SETTLES * 2), None);
    assert_eq!(directory.entries.len(), 0);
}

#[tokio::test(start_paused = true)]
async fn one_service_may_go_alone_and_a_quick_return_is_no_news() {
    let (mut directory, now) = (Directory::default(), Instant::now());
    directory.seen(id(1), Quic, at(A), now);
    directory.seen(id(1), Tcp, at(A), now);
    directory.poll(now);
    directory.withdrawn(id(1), Quic, now);
    assert_eq!(directory.poll(now + WITHDRAWAL_SETTLES), found(1, &[(Tcp, A)]));
    directory.withdrawn(id(1), Tcp, now);
    directory.seen(id(1), Tcp, at(A), now);
    assert_eq!(directory.poll(now + WITHDRAWAL_SETTLES), None);
}

#[tokio::test(start_paused = true)]
async fn an_instance_that_went_before_it_was_told_of_is_never_told_of() {
    let (mut directory, now) = (Directory::default(), Instant::now());
    directory.seen(id(1), Quic, at(A), now);
    directory.seen(id(1), Quic, Vec::new(), now);
    assert_eq!(directory.poll(now), None);
    assert_eq!(directory.poll(now + WITHDRAWAL_SETTLES), None);
    assert_eq!(directory.entries.len(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_sweep_forgets_what_is_not_seen_again() {
    let (mut directory, now) = (Directory::default(), Instant::now());
    for n in 1..=3 {
        directory.seen(id(n), Quic, at(A), now);
        directory.poll(now);
    }
    let until = now + Duration::from_secs(10);
    directory.sweep(Quic, until);
    // Taken back and then seen: only the daemon was in between.
    directory.withdrawn(id(2), Quic, now);
    directory.seen(id(2), Quic, at(A), now + WITHDRAWAL_SETTLES * 2);
    assert_eq!(directory.poll(now + WITHDRAWAL_SETTLES * 2), None);
    assert_eq!(directory.next_timeout(), Some(until));
    assert_eq!(directory.poll(until), None);
    assert_eq!(directory.poll(until + WITHDRAWAL_SETTLES), lost(1));
    assert_eq!(directory.poll(until + WITHDRAWAL_SETTLES), lost(3));
    assert_eq!(directory.poll(until + WITHDRAWAL_SETTLES), None);
}

#[tokio::test(start_paused = true)]
async fn when_it_is_full_those_who_are_there_stay() {
    let (mut directory, now) = (Directory::default(), Instant::now());
    for n in 0..MAX_INSTANCES {
        assert_eq!(directory.seen(id(n as u16), Quic, at(A), now), Taken::Yes);
    }
    let one_more = id(MAX_INSTANCES as u16);
    assert_eq!(directory.seen(one_more, Quic, at(A), now), Taken::Full);
    assert_eq!(directory.seen(id(0), Quic, at(B), now), Taken::Yes);
    while directory.poll(now).is_some() {}
    directory.withdrawn(id(0), Quic, now);
    assert_eq!(directory.poll(now + WITHDRAWAL_SETTLES), lost(0));
    assert_eq!(directory.seen(one_more, Quic, at(A), now), Taken::Yes);
}
