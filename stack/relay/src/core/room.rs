//! What waits for parties, and who has to wait until it is less.
//!
//! Credit bounds each channel, so data that has credit is taken on, however long the queue of who gets it is: one that does
//! not read holds up its own channels only. Two things have no credit of the relay's own, and are held for each party: what
//! parties of the first dialect say, and answers. What waits for all parties has a bound of its own: see [`super::crowd`].

use super::{
    Core, Frame, PartyId,
    model::{Dialect, Holder, Queued, Receipt},
};

impl Core {
    /// What others, or the relay by itself, have to say to a party.
    pub(super) fn push(&mut self, id: PartyId, frame: Frame) {
        self.push_queued(id, Queued { frame, receipt: None, is_answer: false, since: self.clock });
    }

    /// What it gets for what it said itself.
    pub(super) fn answer(&mut self, id: PartyId, frame: Frame) {
        self.push_queued(id, Queued { frame, receipt: None, is_answer: true, since: self.clock });
    }

    pub(super) fn push_item(&mut self, id: PartyId, frame: Frame, receipt: Option<Receipt>) {
        self.push_queued(id, Queued { frame, receipt, is_answer: false, since: self.clock });
    }

    fn push_queued(&mut self, id: PartyId, queued: Queued) {
        let Some(party) = self.parties.get_mut(&id).filter(|party| !party.is_doomed) else { return };
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

    /// Whether a party may have more from `who`; if not, `who` is woken when it may.
    pub(super) fn has_room(&mut self, id: PartyId, who: PartyId) -> bool {
        let has_credit = self.dialect(who) == Dialect::Own;
        let free = self.free();
        let Some(party) = self.parties.get_mut(&id) else { return true };
        let is_crowded = party.waiting_bytes() >= free;
        let has_room = !is_crowded && (has_credit || party.queued_bytes <= self.limits.queue_bytes);
        if !has_room {
            party.waiting.insert(who);
            if is_crowded {
                self.wait_for_room(who);
            }
        }
        has_room
    }

    /// The same for a party's own answers. Others may have filled its queue, and it is heard all the same: it may be one that
    /// reads only when it has said what it has to say.
    pub(super) fn has_own_room(&mut self, id: PartyId) -> bool {
        let free = self.free();
        let Some(party) = self.parties.get_mut(&id) else { return true };
        let is_crowded = party.answer_bytes >= free;
        let has_room = !is_crowded && party.answer_bytes <= self.limits.queue_bytes;
        if !has_room {
            party.waiting.insert(id);
            if is_crowded {
                self.wait_for_room(id);
            }
        }
        has_room
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

    /// Whether so much waits for a party that what a later event replaces is better told when it is less.
    pub(super) fn has_long_queue(&self, id: PartyId) -> bool {
        let free = self.free();
        self.parties.get(&id).is_some_and(|party| {
            let waits = party.waiting_bytes();
            party.queued_bytes > self.limits.queue_bytes || (waits > 0 && waits >= free)
        })
    }
}
