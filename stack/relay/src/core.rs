//! The relay without its sockets: servers, credentials, channels, credit, what is kept for a server that may come back, and
//! when each of them ends. Both dialects meet here.
//!
//! It does no IO, reads no clock and draws no randomness; time, and the source of credentials and ids, are arguments. What it has
//! to say to a party waits in that party's queue until it is [taken](Core::take); whom to tell that there is something
//! is in [`Core::wakes`].

mod channels;
mod credit;
mod crowd;
mod first;
mod frame;
mod ids;
mod kept;
mod limits;
mod model;
mod own;
mod resume;
mod room;
mod servers;
#[cfg(test)]
mod tests;
mod timers;

pub(crate) use frame::Frame;
pub(crate) use limits::{CoreLimits, Now};
pub(crate) use model::{Dialect, PartyId};

use crate::counters::Counters;
use crowd::Crowd;
use model::{Channel, Party, Server};
use nws_protocol::relay::{Event, Welcome};
use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    net::IpAddr,
    sync::Arc,
};
use timers::Timers;

/// Room for so many frames is kept when a queue is empty. A guess.
const QUIET_FRAMES: usize = 4;

/// What became of what a party said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub(crate) enum Heard {
    /// It had its effect.
    Done,
    /// It had none yet, as there is no room for it: it is to be said again when the party is woken, and nothing else may
    /// be heard of the party before.
    Later,
}

/// The relay.
#[derive(Debug)]
pub(crate) struct Core {
    limits: CoreLimits,
    /// Of the first dialect.
    pub(crate) delimiter: String,
    counters: Arc<Counters>,
    parties: BTreeMap<PartyId, Party>,
    servers: BTreeMap<u64, Server>,
    channels: BTreeMap<u64, Channel>,
    next_party: u64,
    /// The next id of the sequence.
    next_server: u64,
    next_channel: u64,
    /// Servers of each address that is counted.
    accounts: BTreeMap<IpAddr, usize>,
    /// What is kept of all channels.
    kept_bytes: usize,
    /// What waits for all parties, with what is being written.
    queued_bytes: usize,
    /// Who waits until that is less.
    crowd: Crowd,
    /// Who is to be closed, as it did not become less by them.
    doomed: Vec<PartyId>,
    /// When it is, as was said last.
    clock: Now,
    timers: Timers,
    wakes: Vec<PartyId>,
    stopping: bool,
}

impl Core {
    pub(crate) fn new(limits: CoreLimits, delimiter: String, counters: Arc<Counters>) -> Self {
        Self {
            limits,
            delimiter,
            counters,
            parties: BTreeMap::new(),
            servers: BTreeMap::new(),
            channels: BTreeMap::new(),
            next_party: 0,
            next_server: 0,
            next_channel: 0,
            accounts: BTreeMap::new(),
            kept_bytes: 0,
            queued_bytes: 0,
            crowd: Crowd::new(),
            doomed: Vec::new(),
            clock: Now::ZERO,
            timers: Timers::default(),
            wakes: Vec::new(),
            stopping: false,
        }
    }

    /// A WebSocket was opened, from this address; `account` is what its servers are counted by, if they are.
    pub(crate) fn join(&mut self, now: Now, dialect: Dialect, address: IpAddr, account: Option<IpAddr>) -> PartyId {
        self.clock = now;
        let id = PartyId(self.next_party);
        self.next_party += 1;
        self.parties.insert(
            id,
            Party {
                dialect,
                address: address.to_canonical(),
                account,
                queue: VecDeque::new(),
                queued_bytes: 0,
                answer_bytes: 0,
                taken_bytes: 0,
                taken_since: now,
                is_doomed: false,
                behind: BTreeSet::new(),
                owed: BTreeSet::new(),
                receipts: Vec::new(),
                servers: BTreeSet::new(),
                channels: BTreeSet::new(),
                waiting: BTreeSet::new(),
                deciding: None,
                idle_since: now,
            },
        );
        if dialect == Dialect::Own {
            let limit = |bytes: usize| bytes as u64;
            let welcome = Welcome {
                window: self.limits.window,
                message_bytes: limit(self.limits.message_bytes),
                grace_ms: u64::try_from(self.limits.grace.as_millis()).unwrap_or(u64::MAX),
            };
            self.push(id, Frame::event(&Event::Welcome(welcome)));
        }
        id
    }

    /// Its WebSocket is closed, or is about to be: it is heard no more.
    pub(crate) fn leave(&mut self, now: Now, id: PartyId) {
        self.clock = now;
        for (_, channel) in self.parties.get(&id).map(|party| party.channels.clone()).unwrap_or_default() {
            self.client_left(now, channel);
        }
        for server in self.parties.get(&id).map(|party| party.servers.clone()).unwrap_or_default() {
            self.server_left(now, server);
        }
        if let Some(party) = self.parties.remove(&id) {
            let bytes = party.waiting_bytes();
            self.wakes.extend(party.waiting);
            self.crowd.remove(id);
            self.let_go(bytes);
        }
    }

    /// What was taken before is written; takes what is to be written now.
    pub(crate) fn take(&mut self, now: Now, id: PartyId, batch: &mut Vec<Frame>) {
        self.clock = now;
        let Some(party) = self.parties.get_mut(&id) else { return };
        let written = std::mem::take(&mut party.receipts);
        let (mut bytes, mut taken) = (0, 0);
        while bytes < self.limits.batch_bytes
            && let Some(queued) = party.queue.pop_front()
        {
            if taken == 0 {
                party.taken_since = queued.since;
            }
            bytes += queued.frame.len();
            taken += queued.bytes();
            if queued.is_answer {
                party.answer_bytes = party.answer_bytes.saturating_sub(queued.bytes());
            }
            party.receipts.extend(queued.receipt);
            batch.push(queued.frame);
        }
        party.queued_bytes = party.queued_bytes.saturating_sub(taken);
        // It is in memory until it is written.
        let gone = std::mem::replace(&mut party.taken_bytes, taken);
        if party.queue.is_empty() {
            // A burst leaves little behind.
            party.queue.shrink_to(QUIET_FRAMES);
        }
        self.let_go(gone);
        let (free, somebody_waits) = (self.free(), !self.crowd.is_empty());
        let Some(party) = self.parties.get_mut(&id) else { return };
        // Who takes nothing makes no room. It may wait itself, and if it woke itself by looking, it would look again, for ever.
        let is_less = taken > 0 || gone > 0;
        // Not for each frame: so that those who wait come in when it is worth their while.
        let is_short = party.queued_bytes <= self.limits.queue_bytes / 2;
        let has_room = party.waiting_bytes().saturating_add(self.limits.batch_bytes.min(free / 2)) <= free;
        if is_less && (is_short || (has_room && somebody_waits)) {
            self.wakes.extend(std::mem::take(&mut party.waiting));
        }
        let mut owed = BTreeSet::new();
        if is_short && (has_room || party.queue.is_empty()) {
            owed = std::mem::take(&mut party.owed);
        }
        for channel in owed {
            if let Some(side) = self.side(id, channel) {
                self.tell_consumed(channel, side.other());
            }
        }
        for receipt in written {
            self.written(now, id, receipt);
        }
        self.hand_over(now, id);
    }

    /// Who has something to take, or may say again what there was no room for. Some may have left.
    pub(crate) fn wakes(&mut self) -> Vec<PartyId> {
        std::mem::take(&mut self.wakes)
    }

    /// Since when a party has had neither a server nor a channel; `None` if it has one.
    pub(crate) fn idle_since(&self, id: PartyId) -> Option<Now> {
        self.parties.get(&id).filter(|party| party.is_idle()).map(|party| party.idle_since)
    }

    /// Parties, servers, and channels without those that are over.
    pub(crate) fn sizes(&self) -> (usize, usize, usize) {
        let over: usize = self.servers.values().map(|server| server.over.len()).sum();
        (self.parties.len(), self.servers.len(), self.channels.len().saturating_sub(over))
    }

    /// Bytes that wait for parties or are being written to them, and that are kept for servers.
    pub(crate) fn held_bytes(&self) -> (usize, usize) {
        (self.queued_bytes, self.kept_bytes)
    }

    /// How many parties there are.
    pub(crate) fn party_count(&self) -> usize {
        self.parties.len()
    }

    fn touch(&mut self, now: Now, id: PartyId) {
        if let Some(party) = self.parties.get_mut(&id) {
            party.idle_since = now;
        }
    }

    fn dialect(&self, id: PartyId) -> Dialect {
        self.parties.get(&id).map_or(Dialect::Own, |party| party.dialect)
    }
}
