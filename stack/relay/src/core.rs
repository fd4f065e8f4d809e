//! The relay without its sockets: servers, credentials, channels, credit, what is kept for a server that may come back, and
//! when each of them ends. Both dialects meet here.
//!
//! It does no IO, reads no clock and draws no randomness; time, and the source of credentials, are arguments. What it has
//! to say to a party waits in that party's queue until it is [taken](Core::take); whom to tell that there is something
//! is in [`Core::wakes`].

mod channels;
mod credit;
mod first;
mod frame;
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
use model::{Channel, Party, Server};
use nws_protocol::relay::{Event, Welcome};
use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    net::IpAddr,
    sync::Arc,
};
use timers::Timers;

/// Taken at once, to be written at once. A guess.
const BATCH_BYTES: usize = 128 * 1024;

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
    next_server: u64,
    next_channel: u64,
    /// Servers of each address that is counted.
    accounts: BTreeMap<IpAddr, usize>,
    /// What is kept of all channels.
    kept_bytes: usize,
    /// What waits for all parties, with what is being written.
    queued_bytes: usize,
    /// Who waits until that is less.
    crowd: BTreeSet<PartyId>,
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
            crowd: BTreeSet::new(),
            timers: Timers::default(),
            wakes: Vec::new(),
            stopping: false,
        }
    }

    /// A WebSocket was opened, from this address; `account` is what its servers are counted by, if they are.
    pub(crate) fn join(&mut self, now: Now, dialect: Dialect, address: IpAddr, account: Option<IpAddr>) -> PartyId {
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
        for (_, channel) in self.parties.get(&id).map(|party| party.channels.clone()).unwrap_or_default() {
            self.client_left(now, channel);
        }
        for server in self.parties.get(&id).map(|party| party.servers.clone()).unwrap_or_default() {
            self.server_left(now, server);
        }
        if let Some(party) = self.parties.remove(&id) {
            self.wakes.extend(party.waiting);
            self.crowd.remove(&id);
            self.let_go(party.queued_bytes.saturating_add(party.taken_bytes));
        }
    }

    /// What was taken before is written; takes what is to be written now.
    pub(crate) fn take(&mut self, now: Now, id: PartyId, batch: &mut Vec<Frame>) {
        let Some(party) = self.parties.get_mut(&id) else { return };
        let written = std::mem::take(&mut party.receipts);
        let (mut bytes, mut taken) = (0, 0);
        while bytes < BATCH_BYTES
            && let Some(queued) = party.queue.pop_front()
        {
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
        // Not for each frame: so that those who wait come in when it is worth their while.
        let mut owed = BTreeSet::new();
        if party.queued_bytes <= self.limits.queue_bytes / 2 {
            self.wakes.extend(std::mem::take(&mut party.waiting));
            owed = std::mem::take(&mut party.owed);
        }
        self.let_go(gone);
        for channel in owed {
            if let Some(side) = self.side(id, channel) {
                self.tell_consumed(channel, side.other());
            }
        }
        for receipt in written {
            self.written(now, id, receipt);
        }
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
