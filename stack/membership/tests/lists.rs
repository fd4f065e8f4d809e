//! What becomes of a member list that a newer lane cuts short.
#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use nws_membership::{Change, Misbehaved, Roster};
use nws_protocol::{InstanceId, PeerId};

const ONE: InstanceId = InstanceId::from_bytes([1; 16]);
const TWO: InstanceId = InstanceId::from_bytes([2; 16]);
const KEPT: PeerId = PeerId::from_bytes([7; 16]);
const CLAIMED: PeerId = PeerId::from_bytes([8; 16]);

/// The claims of a list that was never complete are given back, those of peers that are announced are not.
#[test]
fn a_list_that_a_newer_lane_cuts_short_claims_nobody() {
    let (mut roster, mut told) = (Roster::new(), Vec::new());
    roster.lane_begins(ONE);
    roster.members(ONE, &[KEPT], false, &mut told).unwrap();
    for _ in 0..2 {
        roster.lane_begins(ONE);
        roster.members(ONE, &[KEPT, CLAIMED], true, &mut told).unwrap();
    }
    roster.lane_begins(ONE);
    roster.lane_begins(TWO);
    assert_eq!(roster.members(TWO, &[KEPT], false, &mut told), Err(Misbehaved::ForeignPeer));
    roster.lane_ends(TWO, false, &mut told);
    roster.lane_begins(TWO);
    roster.members(TWO, &[CLAIMED], false, &mut told).unwrap();
    assert_eq!(told, [Change::Connect(KEPT), Change::Connect(CLAIMED)]);
}
