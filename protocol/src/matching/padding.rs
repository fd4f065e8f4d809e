//! The sizes that lists have on the wire: powers of two, so that they tell little of how many channels there are.

use super::MatchFault;
use crate::limits::MAX_ELEMENTS;
use rand_core::RngCore;

/// Fewest entries in the first Query, offer and Accept of a link.
pub(super) const FIRST: usize = 8;

/// Fewest entries in later ones.
pub(super) const LATER: usize = 4;

/// The size on the wire of a list of `count`, which is at most [`MAX_ELEMENTS`]: the next power of two, or the `fewest`.
pub(super) fn padded(count: usize, fewest: usize) -> usize {
    count.max(fewest).next_power_of_two().min(MAX_ELEMENTS)
}

/// Refuses a size that [`padded`] does not give.
pub(super) const fn check(field: &'static str, count: usize, fewest: usize) -> Result<(), MatchFault> {
    if count.is_power_of_two() && count >= fewest && count <= MAX_ELEMENTS {
        Ok(())
    } else {
        Err(MatchFault::Count { field, count })
    }
}

/// Puts a list into random order (Fisher and Yates). The bias of one draw is under 2^-50.
pub(super) fn shuffle<T>(list: &mut [T], rng: &mut impl RngCore) {
    for last in (1..list.len()).rev() {
        let draw = u128::from(rng.next_u64()) * (last as u128 + 1);
        list.swap(last, (draw >> 64) as usize);
    }
}
