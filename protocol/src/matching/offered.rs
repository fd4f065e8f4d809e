//! The tags that the responder has on offer, as the initiator remembers them: those looked up, and those that wait
//! until the budget allows it, one guess each.

use super::{Charge, MAX_OFFERED, MIN_RETRY, MatchFault, tags::TagIndex};
use crate::wire::Tag;
use rand_core::{CryptoRng, RngCore};
use std::{collections::BTreeMap, time::Duration};

#[derive(Clone, Copy)]
enum Offer {
    /// Waits under this number.
    Waits(u64),
    /// Was charged and looked up.
    Seen,
}

/// At most [`MAX_OFFERED`] tags.
pub(super) struct Offered {
    tags: TagIndex<Offer>,
    waiting: BTreeMap<u64, Tag>,
    next_number: u64,
    /// Not before then is the budget asked again.
    next_look: Option<Duration>,
}

impl Offered {
    pub(super) fn new(rng: &mut (impl CryptoRng + RngCore)) -> Self {
        Self { tags: TagIndex::new(rng), waiting: BTreeMap::new(), next_number: 0, next_look: None }
    }

    /// Tags that were offered. They wait.
    pub(super) fn add(&mut self, tags: &[Tag]) -> Result<(), MatchFault> {
        if self.tags.len() + tags.len() > MAX_OFFERED {
            return Err(MatchFault::TooManyOffered);
        }
        for tag in tags {
            if self.tags.insert(*tag, Offer::Waits(self.next_number)).is_some() {
                return Err(MatchFault::OfferedTwice);
            }
            self.waiting.insert(self.next_number, *tag);
            self.next_number += 1;
        }
        Ok(())
    }

    /// A tag that was revoked. One that waited costs nothing.
    pub(super) fn remove(&mut self, tag: &Tag) -> Result<(), MatchFault> {
        if let Offer::Waits(number) = self.tags.remove(tag).ok_or(MatchFault::NotOffered)? {
            self.waiting.remove(&number);
        }
        Ok(())
    }

    /// Whether the tag is on offer and was paid for.
    pub(super) fn was_seen(&self, tag: &Tag) -> bool {
        matches!(self.tags.get(tag), Some(Offer::Seen))
    }

    /// Tags to look up now, paid for: all that wait, or half of them, or half of these and so on, whatever the budget
    /// gives. `None` when there are none, or the budget gives nothing.
    pub(super) fn next(&mut self, charge: &mut dyn Charge, now: Duration) -> Option<Vec<Tag>> {
        if self.waiting.is_empty() {
            self.next_look = None;
            return None;
        }
        if self.next_look.is_some_and(|at| now < at) {
            return None;
        }
        let mut count = u32::try_from(self.waiting.len()).unwrap_or(u32::MAX);
        while let Err(wait) = charge.charge(count, now) {
            count /= 2;
            if count == 0 {
                self.next_look = Some(now.saturating_add(wait.max(MIN_RETRY)));
                return None;
            }
        }
        self.next_look = None;
        let tags: Vec<Tag> = (0..count).map_while(|_| self.waiting.pop_first()).map(|(_, tag)| tag).collect();
        for tag in &tags {
            self.tags.insert(*tag, Offer::Seen);
        }
        Some(tags)
    }

    /// When the budget may be asked again, if tags wait.
    pub(super) fn next_look(&self) -> Option<Duration> {
        self.next_look.filter(|_| !self.waiting.is_empty())
    }

    pub(super) fn len(&self) -> usize {
        self.tags.len()
    }
}
