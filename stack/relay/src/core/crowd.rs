//! The bound of all queues together. A party may have as much waiting for it as is still free, so that one who does not read
//! leaves half to the others, and many of them leave something; when nothing is free nobody is heard. While somebody has to wait for
//! that, whoever left something waiting for too long is closed.
//!
//! So what waits is never more than the bound, what one message brings about, and the ends of channels, each of which was made
//! while there was room.

use super::{
    Core, Now, PartyId,
    model::{Party, Queued},
    timers::Timer,
};
use std::collections::BTreeSet;

/// Those who wait for room try again when twice as much is free, or this part of all more, but not for less than so many bytes.
/// Guesses.
const MOST_STEPS: usize = 64;
const LEAST_STEP_BYTES: usize = 4096;

/// While somebody waits, it is looked at who hoards so many times in the time that a stall may take. A guess.
const LOOKS: u32 = 8;

/// Who waits for room, and what for.
#[derive(Debug)]
pub(super) struct Crowd {
    parties: BTreeSet<PartyId>,
    /// They try again when so much is free.
    wake_at: usize,
    /// Somebody was held up since it was looked at last.
    was_held: bool,
    /// It will be looked at.
    looks: bool,
}

impl Crowd {
    pub(super) const fn new() -> Self {
        Self { parties: BTreeSet::new(), wake_at: usize::MAX, was_held: false, looks: false }
    }

    pub(super) fn remove(&mut self, id: PartyId) {
        self.parties.remove(&id);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.parties.is_empty()
    }

    #[cfg(test)]
    pub(super) fn contains(&self, id: PartyId) -> bool {
        self.parties.contains(&id)
    }
}

impl Core {
    /// What may still wait, of all parties.
    pub(super) const fn free(&self) -> usize {
        self.limits.queued_bytes.saturating_sub(self.queued_bytes)
    }

    /// `who` is woken when more is free.
    pub(super) fn wait_for_room(&mut self, who: PartyId) {
        let (free, most) = (self.free(), self.limits.queued_bytes);
        let step = free.min(most / MOST_STEPS).max(LEAST_STEP_BYTES);
        // What is free when nothing waits is enough for everybody.
        let wake_at = free.saturating_add(step).min(most);
        self.crowd.parties.insert(who);
        self.crowd.wake_at = self.crowd.wake_at.min(wake_at);
        self.crowd.was_held = true;
        if !self.crowd.looks {
            self.look_later();
        }
    }

    fn look_later(&mut self) {
        self.crowd.looks = true;
        self.timers.set(self.clock.saturating_add(self.limits.stall / LOOKS), Timer::Crowd);
    }

    /// So much less waits, of all parties.
    pub(super) fn let_go(&mut self, bytes: usize) {
        self.queued_bytes = self.queued_bytes.saturating_sub(bytes);
        if self.free() >= self.crowd.wake_at {
            self.crowd.wake_at = usize::MAX;
            self.wakes.extend(std::mem::take(&mut self.crowd.parties));
        }
    }

    /// If somebody is held up: who left something waiting for as long as a stall may be is closed, those with most first, until
    /// half is free.
    pub(super) fn look(&mut self, now: Now) {
        self.crowd.looks = false;
        if !std::mem::take(&mut self.crowd.was_held) && self.crowd.is_empty() {
            return;
        }
        let is_late = |party: &Party| party.waits_since().is_some_and(|at| at.saturating_add(self.limits.stall) <= now);
        let late = self.parties.iter().filter(|(_, party)| !party.is_doomed && is_late(party));
        let mut late: Vec<(usize, PartyId)> = late.map(|(id, party)| (party.waiting_bytes(), *id)).collect();
        late.sort_unstable_by_key(|(bytes, _)| std::cmp::Reverse(*bytes));
        for (_, id) in late {
            if self.queued_bytes < self.limits.queued_bytes / 2 {
                break;
            }
            self.doom(id);
        }
        self.look_later();
    }

    /// What waits for it is dropped, and it gets nothing more, so that it is not told one thing without what came before.
    fn doom(&mut self, id: PartyId) {
        let Some(party) = self.parties.get_mut(&id) else { return };
        party.is_doomed = true;
        let bytes: usize = party.queue.drain(..).map(|queued: Queued| queued.bytes()).sum();
        (party.queued_bytes, party.answer_bytes) = (0, 0);
        party.owed.clear();
        self.wakes.extend(std::mem::take(&mut party.waiting));
        self.doomed.push(id);
        self.let_go(bytes);
    }

    /// Whose WebSockets are to be closed, as they held up others.
    pub(crate) fn doomed(&mut self) -> Vec<PartyId> {
        std::mem::take(&mut self.doomed)
    }
}
