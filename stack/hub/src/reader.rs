//! One reader of a channel's log: a client, or the lane to another proxy.

use bytes::Bytes;
use nws_protocol::{InstanceId, PeerId};
use std::{collections::VecDeque, task::Waker};
use tokio::time::Instant;

use crate::log::{Content, Entry, Origin};

/// Who reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Who {
    /// A client of this proxy; `presence` when its kind of channel tells who comes and goes.
    Client { peer: PeerId, presence: bool },
    /// The lane to this proxy.
    Lane(InstanceId),
}

/// Why a reader was taken off the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It held the others up for longer than is allowed.
    TooSlow,
    /// It said more at once than another proxy takes, which is so many bytes, on a kind of channel that knows no errors.
    SaidTooMuch(usize),
}

/// What each piece for one reader alone counts besides its length: its place in the queue, with room to spare, and
/// what the system and the shared pointer need for a piece of memory.
const QUEUED_BYTES: usize = 96;

/// A reader and what is for it alone.
#[derive(Debug)]
pub(crate) struct Reader {
    pub(crate) who: Who,
    /// It has passed everything before this position; the log counts on it.
    pub(crate) cursor: u64,
    /// It has in hand everything from `cursor` to here.
    pub(crate) taken: u64,
    /// What is for it alone, each with the position that it comes before.
    queue: VecDeque<(u64, Bytes)>,
    queue_bytes: usize,
    /// A lane that a newer one replaced takes nothing from here on.
    pub(crate) ends_at: Option<u64>,
    /// To be woken when there is something to write.
    pub(crate) asleep: Option<Waker>,
    /// To be woken when it may say more.
    pub(crate) held: Option<Waker>,
    /// To be woken when it is thrown out while it is busy writing.
    pub(crate) busy: Option<Waker>,
    /// Too much is waiting for it; its senders are held until half of that is gone.
    pub(crate) over: bool,
    /// Bytes it has in hand and has not written yet.
    pub(crate) in_hand: u64,
    /// Bytes written since it came.
    pub(crate) written: u64,
    /// Since when it is watched for stalling, and what it had written then.
    pub(crate) watched: Option<(Instant, u64)>,
    pub(crate) fate: Option<Fate>,
    /// A lane carries no larger frame, the length prefix not counted.
    pub(crate) max_frame_bytes: usize,
}

impl Reader {
    pub(crate) const fn new(who: Who, cursor: u64) -> Self {
        Self {
            who,
            cursor,
            taken: cursor,
            queue: VecDeque::new(),
            queue_bytes: 0,
            ends_at: None,
            asleep: None,
            held: None,
            busy: None,
            over: false,
            in_hand: 0,
            written: 0,
            watched: None,
            fate: None,
            max_frame_bytes: usize::MAX,
        }
    }

    /// Whether it is to get this entry.
    pub(crate) fn wants(&self, origin: Origin, content: &Content) -> bool {
        if self.fate.is_some() || self.ends_at.is_some() {
            return false;
        }
        match (self.who, origin) {
            (Who::Client { peer, .. }, Origin::Local(from)) if from == peer => false,
            (Who::Client { presence, .. }, _) => presence || matches!(content, Content::Frames(_)),
            (Who::Lane(_), Origin::Local(_)) => true,
            (Who::Lane(_), Origin::Remote(_)) => false,
        }
    }

    /// The same for an entry of the log that came before a newer lane replaced this one.
    pub(crate) fn wanted(&self, position: u64, entry: &Entry) -> bool {
        match self.ends_at {
            Some(end) if position < end => matches!(entry.origin, Origin::Local(_)),
            _ => self.wants(entry.origin, &entry.content),
        }
    }

    /// Adds what is for it alone, to come before the entry at `position`.
    pub(crate) fn push(&mut self, position: u64, frames: Bytes) {
        self.queue_bytes += QUEUED_BYTES + frames.len();
        self.queue.push_back((position, frames));
    }

    /// What is for it alone and comes before the entry at `position`.
    pub(crate) fn pop_before(&mut self, position: u64) -> Option<Bytes> {
        if self.queue.front()?.0 > position {
            return None;
        }
        let (_, frames) = self.queue.pop_front()?;
        self.queue_bytes -= QUEUED_BYTES + frames.len();
        if self.queue.is_empty() && self.queue.capacity() > 64 {
            self.queue = VecDeque::new();
        }
        Some(frames)
    }

    /// Bytes of what is for it alone, with what the pieces themselves take.
    pub(crate) const fn queue_bytes(&self) -> usize {
        self.queue_bytes
    }

    pub(crate) fn queue_is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// Drops what is for it alone.
    pub(crate) fn forget_queue(&mut self) {
        self.queue = VecDeque::new();
        self.queue_bytes = 0;
    }
}
