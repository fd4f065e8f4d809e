//! A shared log of one channel: what was said and who came and went, in order, kept until every
//! reader has it. Its clients have one, its lanes another.
//!
//! A plain data structure: it knows no socket, no waker and no client, only how many readers have
//! still to pass each entry.

use bytes::Bytes;
use nws_protocol::{InstanceId, PeerId};
use std::collections::VecDeque;

/// Where an entry comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    /// A client of this proxy.
    Local(PeerId),
    /// A client of another proxy.
    Remote(InstanceId),
}

/// What an entry says.
#[derive(Debug, Clone)]
pub(crate) enum Content {
    /// Whole WebSocket frames as a server sends them, one after the other, all from one origin.
    Frames(Bytes),
    /// A peer is there.
    Connect(PeerId),
    /// A peer is gone.
    Disconnect(PeerId),
}

/// What each entry counts besides its frames: its own size, and the room that the deque has to spare.
const ENTRY_BYTES: usize = 128;

/// What frames count besides their length: what the system and the shared pointer need for a piece of memory. With
/// [`ENTRY_BYTES`] it is what a message of one byte was measured to take.
const PIECE_BYTES: usize = 48;

/// One entry of the log.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) origin: Origin,
    pub(crate) content: Content,
    /// The same as frames of a data lane, made when the first lane takes it.
    pub(crate) lane_form: Option<Bytes>,
    /// How many readers have not passed it yet.
    readers: usize,
    /// Bytes of all entries before it since the log began.
    offset: u64,
}

impl Entry {
    /// About its size in memory, so that many small messages are bounded as few large ones are. Its form for lanes is not
    /// counted: at most as much again, where there are lanes.
    fn bytes(&self) -> usize {
        match &self.content {
            Content::Frames(frames) => ENTRY_BYTES + PIECE_BYTES + frames.len(),
            Content::Connect(_) | Content::Disconnect(_) => ENTRY_BYTES,
        }
    }
}

/// The log. Positions count entries since it began; a reader's cursor is the position of the next
/// entry that it has not passed.
#[derive(Debug, Default)]
pub(crate) struct Log {
    entries: VecDeque<Entry>,
    first: u64,
    end_offset: u64,
    bytes: usize,
}

impl Log {
    /// The position that the next entry will have.
    pub(crate) fn end(&self) -> u64 {
        self.first + self.entries.len() as u64
    }

    /// Bytes held, with what the entries themselves take.
    pub(crate) const fn bytes(&self) -> usize {
        self.bytes
    }

    /// Appends for so many readers. With none it is gone at once.
    pub(crate) fn push(&mut self, origin: Origin, content: Content, readers: usize) {
        let entry = Entry { origin, content, lane_form: None, readers, offset: self.end_offset };
        let bytes = entry.bytes();
        self.end_offset += bytes as u64;
        self.bytes += bytes;
        self.entries.push_back(entry);
        self.trim();
    }

    /// The entry at a position, while it is held.
    pub(crate) fn entry(&mut self, position: u64) -> Option<&mut Entry> {
        let index = usize::try_from(position.checked_sub(self.first)?).ok()?;
        self.entries.get_mut(index)
    }

    /// A reader passed the entries from `from` up to but not including `to`.
    pub(crate) fn pass(&mut self, from: u64, to: u64) {
        for position in from..to {
            if let Some(entry) = self.entry(position) {
                entry.readers = entry.readers.saturating_sub(1);
            }
        }
        self.trim();
    }

    /// Bytes that a reader at this cursor has still to pass.
    pub(crate) fn backlog(&mut self, cursor: u64) -> u64 {
        let end = self.end_offset;
        self.entry(cursor).map_or(0, |entry| end - entry.offset)
    }

    fn trim(&mut self) {
        while let Some(entry) = self.entries.front() {
            if entry.readers > 0 {
                break;
            }
            self.bytes -= entry.bytes();
            self.first += 1;
            self.entries.pop_front();
        }
        // A burst leaves no room behind.
        if self.entries.is_empty() && self.entries.capacity() > 64 {
            self.entries = VecDeque::new();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frames(bytes: usize) -> Content {
        Content::Frames(Bytes::from(vec![0; bytes]))
    }

    /// What frames count besides their length.
    const EACH: usize = ENTRY_BYTES + PIECE_BYTES;

    const FROM: Origin = Origin::Local(PeerId::from_bytes([1; 16]));

    #[test]
    fn entries_live_until_the_last_reader_passed() {
        let mut log = Log::default();
        log.push(FROM, frames(100), 2);
        log.push(FROM, frames(50), 2);
        let (one, both) = (50 + EACH, 150 + 2 * EACH);
        assert_eq!((log.bytes(), log.end()), (both, 2));
        assert_eq!((log.backlog(0), log.backlog(1)), (both as u64, one as u64));
        log.pass(0, 2);
        assert_eq!(log.bytes(), both);
        log.pass(0, 1);
        assert_eq!(log.bytes(), one);
        log.pass(1, 2);
        assert_eq!((log.bytes(), log.end(), log.backlog(2)), (0, 2, 0));
    }

    #[test]
    fn a_later_entry_waits_for_the_earlier_one() {
        let mut log = Log::default();
        log.push(FROM, frames(1), 1);
        log.push(FROM, frames(2), 0);
        assert_eq!(log.bytes(), 3 + 2 * EACH);
        log.pass(0, 1);
        assert_eq!(log.bytes(), 0);
    }

    #[test]
    fn without_readers_nothing_is_kept() {
        let mut log = Log::default();
        log.push(FROM, Content::Connect(PeerId::from_bytes([2; 16])), 0);
        assert_eq!((log.bytes(), log.end()), (0, 1));
        assert!(log.entry(0).is_none());
    }

    #[test]
    fn an_entry_counts_what_it_takes() {
        assert!(size_of::<Entry>() <= ENTRY_BYTES, "{}", size_of::<Entry>());
    }

    #[test]
    fn a_burst_leaves_no_capacity_behind() {
        let mut log = Log::default();
        for _ in 0..1000 {
            log.push(FROM, frames(1), 1);
        }
        log.pass(0, 1000);
        assert_eq!(log.entries.capacity(), 0);
    }
}
