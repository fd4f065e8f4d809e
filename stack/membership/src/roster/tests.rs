#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may stop at the first surprise")]

use super::*;
use Change::{Connect, Disconnect};

fn peer(n: u32) -> PeerId {
    let mut bytes = [0; 16];
    bytes[..4].copy_from_slice(&n.to_be_bytes());
    PeerId::from_bytes(bytes)
}

fn peers(range: std::ops::Range<u32>) -> Vec<PeerId> {
    range.map(peer).collect()
}

const P: InstanceId = InstanceId::from_bytes([1; 16]);
const Q: InstanceId = InstanceId::from_bytes([2; 16]);

/// What a call announced.
fn told(call: impl FnOnce(&mut Vec<Change>)) -> Vec<Change> {
    let mut out = Vec::new();
    call(&mut out);
    out
}

/// A roster with local peer 1 and, live behind `P`, peers 10 and 11.
fn live_roster() -> Roster {
    let mut roster = Roster::new();
    assert!(roster.join(peer(1)));
    roster.lane_begins(P);
    roster.members(P, &peers(10..12), false, &mut Vec::new()).unwrap();
    roster
}

#[test]
fn a_local_id_can_be_taken_once() {
    let mut roster = live_roster();
    assert!(!roster.join(peer(1)), "a local has it");
    assert!(!roster.join(peer(10)), "a remote has it");
    assert!(roster.part(peer(1)));
    assert!(!roster.part(peer(1)));
    assert!(!roster.part(peer(10)), "only local clients part here");
    assert!(roster.join(peer(1)));
    assert_eq!((roster.local_count(), roster.remote_count()), (1, 2));
}

#[test]
fn a_joiner_is_told_of_locals_first_then_of_remotes() {
    let mut roster = live_roster();
    assert!(roster.join(peer(99)));
    assert_eq!(roster.peers().collect::<Vec<_>>(), [peer(1), peer(99), peer(10), peer(11)]);
    assert_eq!(roster.locals().collect::<Vec<_>>(), [peer(1), peer(99)]);
}

#[test]
fn a_list_in_several_frames_is_announced_when_it_is_complete() {
    let mut roster = Roster::new();
    roster.lane_begins(P);
    assert_eq!(told(|out| roster.members(P, &[peer(2)], true, out).unwrap()), []);
    assert_eq!(roster.locate(peer(2)), None, "not announced, so not there yet");
    assert_eq!(roster.speaks(P, peer(2)), Err(Misbehaved::BeforeList));
    assert_eq!(roster.peers().count(), 0);
    assert_eq!(told(|out| roster.members(P, &[peer(1)], false, out).unwrap()), [Connect(peer(1)), Connect(peer(2))]);
    assert_eq!(roster.locate(peer(2)), Some(Whereabouts::Remote(P)));
    assert_eq!(roster.speaks(P, peer(2)), Ok(()));
}

#[test]
fn joins_and_parts_are_announced_once_each() {
    let mut roster = live_roster();
    assert_eq!(told(|out| roster.remote_join(P, peer(12), out).unwrap()), [Connect(peer(12))]);
    assert_eq!(roster.remote_join(P, peer(12), &mut Vec::new()), Err(Misbehaved::AlreadyHere));
    assert_eq!(told(|out| roster.remote_part(P, peer(12), out).unwrap()), [Disconnect(peer(12))]);
    assert_eq!(roster.remote_part(P, peer(12), &mut Vec::new()), Err(Misbehaved::NotHere));
    assert_eq!(roster.speaks(P, peer(12)), Err(Misbehaved::NotHere));
    assert_eq!(told(|out| roster.remote_join(P, peer(12), out).unwrap()), [Connect(peer(12))]);
}

#[test]
fn nothing_counts_before_the_list() {
    let mut roster = Roster::new();
    let mut out = Vec::new();
    for begun in [false, true] {
        if begun {
            roster.lane_begins(P);
        }
        assert_eq!(roster.remote_join(P, peer(1), &mut out), Err(Misbehaved::BeforeList));
        assert_eq!(roster.remote_part(P, peer(1), &mut out), Err(Misbehaved::BeforeList));
        assert_eq!(roster.speaks(P, peer(1)), Err(Misbehaved::BeforeList));
    }
    assert_eq!(out, []);
}

#[test]
fn a_list_comes_once_at_the_beginning_of_a_lane() {
    let mut roster = live_roster();
    let mut out = Vec::new();
    assert_eq!(roster.members(P, &[], false, &mut out), Err(Misbehaved::UnexpectedList), "complete already");
    assert_eq!(roster.members(Q, &[], false, &mut out), Err(Misbehaved::UnexpectedList), "no lane");
    roster.lane_ends(P, true, &mut out);
    assert_eq!(roster.members(P, &[], false, &mut out), Err(Misbehaved::UnexpectedList), "its lane has ended");
    assert_eq!(out, []);
}

#[test]
fn a_peer_listed_twice_is_refused() {
    let mut roster = Roster::new();
    roster.lane_begins(P);
    assert_eq!(roster.members(P, &[peer(1), peer(1)], false, &mut Vec::new()), Err(Misbehaved::AlreadyHere));
    roster.lane_begins(Q);
    roster.members(Q, &[peer(2)], true, &mut Vec::new()).unwrap();
    assert_eq!(roster.members(Q, &[peer(2)], false, &mut Vec::new()), Err(Misbehaved::AlreadyHere));
}

#[test]
fn nobody_can_claim_a_peer_of_another_proxy_or_of_ours() {
    let mut roster = live_roster();
    let mut out = Vec::new();
    roster.lane_begins(Q);
    assert_eq!(roster.members(Q, &[peer(10)], true, &mut out), Err(Misbehaved::ForeignPeer));
    roster.lane_begins(Q);
    roster.members(Q, &[peer(20)], false, &mut Vec::new()).unwrap();
    for foreign in [peer(1), peer(10)] {
        assert_eq!(roster.remote_join(Q, foreign, &mut out), Err(Misbehaved::ForeignPeer));
        assert_eq!(roster.remote_part(Q, foreign, &mut out), Err(Misbehaved::ForeignPeer));
        assert_eq!(roster.speaks(Q, foreign), Err(Misbehaved::ForeignPeer));
    }
    assert_eq!(out, []);
    assert_eq!(roster.locate(peer(10)), Some(Whereabouts::Remote(P)));
    assert_eq!(roster.locate(peer(1)), Some(Whereabouts::Local));
}

#[test]
fn a_peer_in_an_incomplete_list_is_spoken_for_and_freed_with_the_lane() {
    let mut roster = live_roster();
    roster.lane_begins(Q);
    roster.members(Q, &[peer(20)], true, &mut Vec::new()).unwrap();
    assert_eq!(roster.remote_join(P, peer(20), &mut Vec::new()), Err(Misbehaved::ForeignPeer));
    assert!(!roster.join(peer(20)));
    assert_eq!(told(|out| roster.lane_ends(Q, false, out)), [], "nobody was told of it");
    assert!(roster.join(peer(20)));
}

#[test]
fn a_lane_that_ends_takes_its_members_with_it() {
    let mut roster = live_roster();
    assert_eq!(told(|out| roster.lane_ends(P, false, out)), [Disconnect(peer(10)), Disconnect(peer(11))]);
    assert_eq!(told(|out| roster.lane_ends(P, false, out)), [], "once");
    assert_eq!(roster.peers().collect::<Vec<_>>(), [peer(1)]);
    roster.lane_begins(Q);
    roster.members(Q, &[peer(10)], false, &mut Vec::new()).unwrap();
}

#[test]
fn a_hand_over_announces_only_the_difference() {
    let mut roster = live_roster();
    assert_eq!(told(|out| roster.lane_ends(P, true, out)), []);
    assert_eq!(roster.locate(peer(10)), Some(Whereabouts::Remote(P)), "kept meanwhile");
    assert_eq!(roster.speaks(P, peer(10)), Err(Misbehaved::BeforeList));
    roster.lane_begins(P);
    assert_eq!(told(|out| roster.members(P, &[peer(12)], true, out).unwrap()), []);
    assert_eq!(
        told(|out| roster.members(P, &[peer(11)], false, out).unwrap()),
        [Disconnect(peer(10)), Connect(peer(12))]
    );
    assert_eq!(roster.remote_count(), 2);
    assert!(roster.join(peer(10)), "a gone id is free");
}

#[test]
fn a_hand_over_that_comes_to_nothing_still_announces_the_end() {
    let mut kept = live_roster();
    kept.lane_ends(P, true, &mut Vec::new());
    let mut listing = kept.clone();
    assert_eq!(told(|out| kept.lane_ends(P, false, out)), [Disconnect(peer(10)), Disconnect(peer(11))]);

    listing.lane_begins(P);
    listing.members(P, &[peer(11), peer(12)], true, &mut Vec::new()).unwrap();
    assert_eq!(told(|out| listing.lane_ends(P, false, out)), [Disconnect(peer(10)), Disconnect(peer(11))]);
    assert!(listing.join(peer(12)));
}

#[test]
fn a_second_hand_over_in_the_middle_of_a_list_keeps_the_announced_members() {
    let mut roster = live_roster();
    roster.lane_ends(P, true, &mut Vec::new());
    roster.lane_begins(P);
    roster.members(P, &[peer(11), peer(12)], true, &mut Vec::new()).unwrap();
    assert_eq!(told(|out| roster.lane_ends(P, true, out)), []);
    roster.lane_begins(P);
    assert_eq!(told(|out| roster.members(P, &peers(10..12), false, out).unwrap()), []);
    assert_eq!(roster.remote_join(P, peer(12), &mut Vec::new()), Ok(()));
}

#[test]
fn a_misbehaved_list_leaves_nothing_behind_once_the_lane_has_ended() {
    let mut roster = live_roster();
    roster.lane_ends(P, true, &mut Vec::new());
    roster.lane_begins(P);
    let list = [peer(12), peer(11), peer(1)];
    assert_eq!(roster.members(P, &list, false, &mut Vec::new()), Err(Misbehaved::ForeignPeer));
    assert_eq!(told(|out| roster.lane_ends(P, false, out)), [Disconnect(peer(10)), Disconnect(peer(11))]);
    assert_eq!(roster.owners.len(), 0);
    assert_eq!(roster.remotes.len(), 0);
}

#[test]
fn one_proxy_can_have_only_so_many_members() {
    let most = u32::try_from(MAX_MEMBERS_PER_INSTANCE).unwrap();
    let mut roster = Roster::new();
    roster.lane_begins(P);
    let list = peers(0..most + 1);
    assert_eq!(roster.members(P, &list, false, &mut Vec::new()), Err(Misbehaved::TooMany));
    roster.lane_ends(P, false, &mut Vec::new());
    roster.lane_begins(P);
    roster.members(P, &list[..MAX_MEMBERS_PER_INSTANCE], false, &mut Vec::new()).unwrap();
    assert_eq!(roster.remote_join(P, peer(most), &mut Vec::new()), Err(Misbehaved::TooMany));
    roster.remote_part(P, peer(0), &mut Vec::new()).unwrap();
    roster.remote_join(P, peer(most), &mut Vec::new()).unwrap();
}

#[test]
fn all_proxies_together_can_have_only_so_many_members() {
    let each = u32::try_from(MAX_MEMBERS_PER_INSTANCE).unwrap();
    let proxies = u32::try_from(MAX_REMOTE_MEMBERS).unwrap() / each;
    let mut roster = Roster::new();
    for n in 0..proxies {
        let from = InstanceId::from_bytes([u8::try_from(n).unwrap() + 10; 16]);
        roster.lane_begins(from);
        roster.members(from, &peers(n * each..(n + 1) * each), false, &mut Vec::new()).unwrap();
    }
    roster.lane_begins(P);
    let one_more = peer(proxies * each);
    assert_eq!(roster.members(P, &[one_more], false, &mut Vec::new()), Err(Misbehaved::TooMany));
    assert_eq!(Misbehaved::TooMany.code(), LinkCode::Limit);
    assert_eq!(Misbehaved::ForeignPeer.code(), LinkCode::Malformed);
}
