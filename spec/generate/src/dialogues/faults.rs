//! Dialogues in which one end breaks a rule, and the other closes the link.

mod at_i;
mod at_r;

use crate::{control::elements, file::Case};
use nws_protocol::wire::Control;

pub(crate) fn cases() -> Vec<Case> {
    let mut cases = at_r::cases();
    cases.extend(at_i::cases());
    cases
}

const NOT_CANONICAL: [u8; 32] = [0xff; 32];
const IDENTITY: [u8; 32] = [0; 32];

pub(crate) fn query(seq: u32, blinded: Vec<[u8; 32]>) -> Control {
    Control::Query { seq, blinded }
}

fn with_bad(bad: [u8; 32]) -> Vec<[u8; 32]> {
    let mut list = elements(1, 8);
    list[5] = bad;
    list
}
