//! What waits for parties, and who has to wait until it is less.
//!
//! Credit bounds each channel, so data that has credit is taken on, however long the queue of who gets it is: one that does
//! not read holds up its own channels only. Two things have no credit of the relay's own, and are held for each party: what
//! parties of the first dialect say, and answers. And all queues have a bound in sum, beyond which those who send to a
//! party with a long queue are held up after all.

use super::{
    BATCH_BYTES, Core, Frame, PartyId,
    model::{Dialect, Holder, Queued, Receipt},
};

impl Core {
    /// What others, or the relay by itself, have to say to a party.
    pub(super) fn push(&mut self, id: PartyId, frame: Frame) {
        self.push_queued(id, Queued { frame, receipt: None, is_answer: false });
    }

    /// What it gets for what it said itself.
    pub(super) fn answer(&mut self, id: PartyId, frame: Frame) {
        self.push_queued(id, Queued { frame, receipt: None, is_answer: true });
    }

    pub(super) fn push_item(&mut self, id: PartyId, frame: Frame, receipt: Option<Receipt>) {
        self.push_queued(id, Queued { frame, receipt, is_answer: false });
    }

    fn push_queued(&mut self, id: PartyId, queued: Queued) {
        let Some(party) = self.parties.get_mut(&id) else { return };
        let bytes = queued.bytes();
        party.queued_bytes = party.queued_bytes.saturating_add(bytes);
        if queued.is_answer {
            party.answer_bytes = party.answer_bytes.saturating_add(bytes);
        }
        self.queued_bytes = self.queued_bytes.saturating_add(bytes);
        // Else it is under way to take some already.
        if party.queue.is_empty() {
            self.wakes.push(id);
        }
        party.queue.push_back(queued);
    }

    /// Takes back the answer that was put last.
    pub(super) fn unpush(&mut self, id: PartyId) {
        let Some(party) = self.parties.get_mut(&id) else { return };
        let bytes = party.queue.pop_back().map_or(0, |queued| queued.bytes());
        party.queued_bytes = party.queued_bytes.saturating_sub(bytes);
        party.answer_bytes = party.answer_bytes.saturating_sub(bytes);
        self.let_go(bytes);
    }

    /// So much less waits, of all parties.
    pub(super) fn let_go(&mut self, bytes: usize) {
        let was_over = self.is_crowded();
        self.queued_bytes = self.queued_bytes.saturating_sub(bytes);
        if was_over && !self.is_crowded() {
            self.wakes.extend(std::mem::take(&mut self.crowd));
        }
    }

    /// Whether more waits, of all parties, than should.
    fn is_crowded(&self) -> bool {
        self.queued_bytes > self.limits.queued_bytes
    }

    /// Whether a party may have more from `who`; if not, `who` is woken when it may.
    pub(super) fn has_room(&mut self, id: PartyId, who: PartyId) -> bool {
        let has_credit = self.dialect(who) == Dialect::Own;
        let is_crowded = self.is_crowded();
        match self.parties.get_mut(&id) {
            Some(party) if party.queued_bytes > self.limits.queue_bytes && (is_crowded || !has_credit) => {
                party.waiting.insert(who);
                if has_credit {
                    self.crowd.insert(who);
                }
                false
            }
            _ => true,
        }
    }

    /// The same for a party's own answers. Others may have filled its queue, and it is heard all the same: it may be one that
    /// reads only when it has said what it has to say.
    pub(super) fn has_own_room(&mut self, id: PartyId) -> bool {
        let is_crowded = self.is_crowded();
        let limit = if is_crowded { BATCH_BYTES.min(self.limits.queue_bytes) } else { self.limits.queue_bytes };
        match self.parties.get_mut(&id) {
            Some(party) if party.answer_bytes > limit => {
                party.waiting.insert(id);
                if is_crowded {
                    self.crowd.insert(id);
                }
                false
            }
            _ => true,
        }
    }

    /// The same for a server, which may be away. Then what is kept has a bound of its own.
    pub(super) fn server_has_room(&mut self, server: u64, who: PartyId) -> bool {
        let limit = self.limits.queue_bytes;
        let has_credit = self.dialect(who) == Dialect::Own;
        match self.servers.get_mut(&server).map(|server| &mut server.holder) {
            Some(Holder::Party(party)) => {
                let party = *party;
                self.has_room(party, who)
            }
            Some(Holder::Away { bytes, waiting }) if *bytes > limit && !has_credit => {
                waiting.insert(who);
                false
            }
            _ => true,
        }
    }

    /// Whether a party's queue is so long that what a later event replaces is better told then.
    pub(super) fn has_long_queue(&self, id: PartyId) -> bool {
        self.parties.get(&id).is_some_and(|party| party.queued_bytes > self.limits.queue_bytes)
    }
}
