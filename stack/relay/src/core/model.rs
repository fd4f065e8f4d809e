//! What the relay remembers: parties, servers, channels. Only what each is made of; what happens to them is elsewhere.

use super::{
    frame::{Frame, OVERHEAD_BYTES, Payload},
    limits::Now,
};
use crate::credential::Credential;
use nws_protocol::relay::{Disconnected, Retained, SendCredit};
use std::{
    collections::{BTreeSet, VecDeque},
    net::IpAddr,
};

/// A party, by a number that is never given again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct PartyId(pub(super) u64);

/// The language of a party.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// The six instructions of 2017.
    First,
    /// `nws-relay-1`.
    Own,
}

/// Which end of a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Server,
    Client,
}

impl Side {
    pub(super) const fn other(self) -> Self {
        match self {
            Self::Server => Self::Client,
            Self::Client => Self::Server,
        }
    }
}

/// What is counted as consumed when it was written: that of a party of the first dialect.
#[derive(Debug, Clone, Copy)]
pub(super) struct Receipt {
    pub(super) channel: u64,
    /// Who receives.
    pub(super) side: Side,
    pub(super) cost: u64,
}

#[derive(Debug)]
pub(super) struct Queued {
    pub(super) frame: Frame,
    pub(super) receipt: Option<Receipt>,
    /// To what the party itself said.
    pub(super) is_answer: bool,
    pub(super) since: Now,
}

impl Queued {
    /// What it needs while it waits.
    pub(super) fn bytes(&self) -> usize {
        self.frame.len() + OVERHEAD_BYTES
    }
}

/// A WebSocket.
#[derive(Debug)]
pub(super) struct Party {
    pub(super) dialect: Dialect,
    pub(super) address: IpAddr,
    /// What its servers are counted by; nothing if they are not.
    pub(super) account: Option<IpAddr>,
    pub(super) queue: VecDeque<Queued>,
    pub(super) queued_bytes: usize,
    /// Of these, those of answers to what it said itself.
    pub(super) answer_bytes: usize,
    /// Of what was taken last, and is being written.
    pub(super) taken_bytes: usize,
    /// Since when the first of that waits.
    pub(super) taken_since: Now,
    /// It is to be closed, and gets nothing more.
    pub(super) is_doomed: bool,
    /// Channels of its servers whose items it is still handed again.
    pub(super) behind: BTreeSet<u64>,
    /// Channels on which something was consumed that it is told when its queue is shorter.
    pub(super) owed: BTreeSet<u64>,
    /// Of what was taken last, and is being written.
    pub(super) receipts: Vec<Receipt>,
    pub(super) servers: BTreeSet<u64>,
    /// As a client: server and channel, so that the newest of a server is the last of its range.
    pub(super) channels: BTreeSet<(u64, u64)>,
    /// Who waits for room in the queue.
    pub(super) waiting: BTreeSet<PartyId>,
    /// The channel that an answer of the first dialect waits for; what it says after that waits too.
    pub(super) deciding: Option<u64>,
    /// Since when it has had neither a server nor a channel, if it has none.
    pub(super) idle_since: Now,
}

impl Party {
    pub(super) fn is_idle(&self) -> bool {
        self.servers.is_empty() && self.channels.is_empty()
    }

    /// What waits for it, with what is being written.
    pub(super) const fn waiting_bytes(&self) -> usize {
        self.queued_bytes.saturating_add(self.taken_bytes)
    }

    /// Since when the first of that does.
    pub(super) fn waits_since(&self) -> Option<Now> {
        if self.taken_bytes > 0 { Some(self.taken_since) } else { self.queue.front().map(|queued| queued.since) }
    }
}

/// Whose a server is.
#[derive(Debug)]
pub(super) enum Holder {
    /// Its credential was created, and not used yet.
    Nobody,
    Party(PartyId),
    Away {
        /// What clients have said since, and is kept for it.
        bytes: usize,
        /// Who waits until that is less, or somebody comes.
        waiting: BTreeSet<PartyId>,
    },
}

#[derive(Debug)]
pub(super) struct Server {
    pub(super) credential: Credential,
    /// What it is counted by.
    pub(super) account: Option<IpAddr>,
    pub(super) holder: Holder,
    /// When it is over, while it has no party.
    pub(super) until: Now,
    pub(super) channels: BTreeSet<u64>,
    /// Those that are over, the oldest first.
    pub(super) over: VecDeque<u64>,
    /// What is kept of all its channels.
    pub(super) kept_bytes: usize,
}

impl Server {
    pub(super) const fn party(&self) -> Option<PartyId> {
        match self.holder {
            Holder::Party(party) => Some(party),
            Holder::Nobody | Holder::Away { .. } => None,
        }
    }
}

/// Whether a channel is accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    Asked {
        /// Of the client's request.
        id: Option<u64>,
        port: u16,
        /// When it is given up.
        until: Now,
    },
    Open,
    /// Only the server can still have it, if it comes back: what was said before, and then the end.
    Over {
        /// When a server that is there has no use for it any more. One that is away has it until it is over itself.
        until: Now,
    },
}

#[derive(Debug)]
pub(super) struct Channel {
    pub(super) server: u64,
    pub(super) client: PartyId,
    pub(super) stage: Stage,
    /// From the client to the server.
    pub(super) up: Direction,
    /// From the server to the client.
    pub(super) down: Direction,
    /// What went up and was not consumed, as the server may have to get it again.
    pub(super) kept: Retained<Payload>,
    /// The first item that the server has still to be handed again, since it came back; what is said meanwhile comes after it.
    pub(super) behind: Option<u64>,
    /// With [`Stage::Over`].
    pub(super) end: Option<Disconnected<'static>>,
    /// When something was said on it.
    pub(super) heard: Now,
    /// When its timer is set to look whether something was.
    pub(super) quiet_at: Option<Now>,
}

impl Channel {
    /// What this side sends.
    pub(super) const fn from(&mut self, side: Side) -> &mut Direction {
        match side {
            Side::Client => &mut self.up,
            Side::Server => &mut self.down,
        }
    }

    /// The first item that is kept.
    pub(super) fn unconsumed(&self) -> u64 {
        self.kept.sent().saturating_sub(self.kept.len() as u64)
    }

    /// What is kept of it in memory, about.
    pub(super) fn kept_bytes(&self) -> usize {
        let items = self.kept.len().saturating_mul(OVERHEAD_BYTES);
        usize::try_from(self.up.credit.in_flight()).unwrap_or(usize::MAX).saturating_add(items)
    }
}

/// One direction of a channel.
#[derive(Debug)]
pub(super) struct Direction {
    pub(super) credit: SendCredit,
    /// How many items came from the sender.
    pub(super) items: u64,
    pub(super) finished: bool,
    /// What the sender was told to be consumed.
    pub(super) told: u64,
    /// The sender, of the first dialect, waits for credit.
    pub(super) blocked: bool,
}

impl Direction {
    pub(super) const fn new(window: u64) -> Self {
        Self { credit: SendCredit::new(window), items: 0, finished: false, told: 0, blocked: false }
    }
}
