//! How a reader takes what is new for it, in batches, and gives back what it has written.

use crate::{
    log::{Content, Origin},
    reader::{Reader, Who},
    render,
    state::{Place, State},
};
use bytes::{Bytes, BytesMut};
use nws_protocol::{ids::IdText, wire::Data};

/// A batch ends when it has this many bytes: enough for large writes, little enough that what a
/// slow reader has in hand does not matter.
const BATCH_BYTES: usize = 256 * 1024;

/// A batch ends when it has this many parts, each of which is one piece of a vectored write
/// (`IOV_MAX` is 1024 on Linux).
const BATCH_PARTS: usize = 256;

/// What a reader finds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Taken {
    /// There is something in the batch.
    Some,
    /// Nothing is new.
    Nothing,
    /// Nothing will come any more: a newer lane replaced this one, or the channel is closed here.
    End,
    /// It was thrown out.
    ThrownOut,
}

impl State {
    /// The reader wrote all that it has in hand; fills `parts`, which is empty, with what is new.
    pub(crate) fn take(&mut self, place: Place, parts: &mut Vec<Bytes>) -> Taken {
        self.commit(place);
        let kind = self.kind;
        let closed = self.closed;
        let Self { readers, log, lane_log, .. } = self;
        let Some(reader) = readers.get_mut(place).and_then(Option::as_mut) else { return Taken::ThrownOut };
        if reader.fate.is_some() {
            return Taken::ThrownOut;
        }
        let (you, log) = match reader.who {
            Who::Client { peer, .. } => (Some(peer.text()), log),
            Who::Lane(_) => (None, lane_log),
        };
        let end = log.end();
        let last = reader.ends_at.unwrap_or(end);
        let mut bytes = 0;
        let mut notices = BytesMut::new();
        while bytes < BATCH_BYTES && parts.len() < BATCH_PARTS {
            if let Some(frames) = reader.pop_before(reader.taken) {
                flush(&mut notices, parts);
                bytes += frames.len();
                parts.push(frames);
                continue;
            }
            if reader.taken >= last {
                break;
            }
            let position = reader.taken;
            reader.taken += 1;
            let Some(entry) = log.entry(position).filter(|entry| reader.wanted(position, entry)) else { continue };
            match (&entry.content, you) {
                (Content::Frames(frames), Some(_)) => {
                    flush(&mut notices, parts);
                    bytes += frames.len();
                    parts.push(frames.clone());
                }
                (Content::Frames(frames), None) => {
                    let Origin::Local(source) = entry.origin else { continue };
                    flush(&mut notices, parts);
                    let form = match &entry.lane_form {
                        Some(form) => form.clone(),
                        None => entry.lane_form.insert(render::lane_form(kind, source, frames)).clone(),
                    };
                    // Whoever said what is left out was told when it was said.
                    let form = render::without_large(form, reader.max_frame_bytes);
                    bytes += form.len();
                    if !form.is_empty() {
                        parts.push(form);
                    }
                }
                (presence, you) => bytes += put_notice(&mut notices, presence, you.as_ref()),
            }
        }
        flush(&mut notices, parts);
        reader.in_hand = bytes as u64;
        if !parts.is_empty() {
            return Taken::Some;
        }
        let over = reader.queue_is_empty() && (closed || reader.ends_at.is_some()) && you.is_none();
        self.commit(place);
        if over { Taken::End } else { Taken::Nothing }
    }

    /// The reader wrote part of what it has in hand.
    pub(crate) fn progress(&mut self, place: Place, bytes: u64) {
        if let Some(reader) = self.reader(place) {
            reader.written += bytes;
            reader.in_hand = reader.in_hand.saturating_sub(bytes);
        }
    }

    fn commit(&mut self, place: Place) {
        let Some(reader) = self.reader(place) else { return };
        reader.written += std::mem::take(&mut reader.in_hand);
        let (from, to, who) = (reader.cursor, reader.taken, reader.who);
        if reader.fate.is_some() || (from == to && !reader.over && reader.watched.is_none()) {
            return;
        }
        reader.cursor = to;
        if from != to {
            self.log_of(who).pass(from, to);
        }
        let waiting = self.waiting(place);
        let limit = self.limit_of(place);
        if let Some(reader) = self.reader(place)
            && waiting <= limit / 2
        {
            reader.over = false;
            reader.watched = None;
        }
        self.settle();
    }

    /// Bytes that a reader has still to pass, its own queue included.
    pub(crate) fn waiting(&mut self, place: Place) -> u64 {
        let Some((who, cursor, queued)) =
            self.reader(place).map(|reader| (reader.who, reader.cursor, reader.queue_bytes()))
        else {
            return 0;
        };
        self.log_of(who).backlog(cursor) + queued as u64
    }

    /// How many bytes may wait for a reader before its senders are held.
    pub(crate) fn limit_of(&mut self, place: Place) -> u64 {
        let (client, lane) = (self.limits.channel_log_bytes, self.limits.lane_queue_bytes);
        let queue = self.limits.client_queue_bytes;
        match self.reader(place).map(|reader: &mut Reader| (reader.who, reader.over)) {
            // A full log holds senders too.
            Some((Who::Lane(_), _)) => lane.min(client) as u64,
            Some((Who::Client { .. }, true)) => queue as u64,
            _ => client as u64,
        }
    }
}

/// Appends a presence entry as this reader is told of it, and says how many bytes that were.
fn put_notice(notices: &mut BytesMut, presence: &Content, you: Option<&IdText>) -> usize {
    let before = notices.len();
    let (peer, here) = match presence {
        Content::Connect(peer) => (*peer, true),
        Content::Disconnect(peer) => (*peer, false),
        Content::Frames(_) => return 0,
    };
    match you {
        Some(you) => render::put_presence(notices, you, peer, here),
        None if here => Data::Join(peer).encode(notices),
        None => Data::Part(peer).encode(notices),
    }
    notices.len() - before
}

fn flush(notices: &mut BytesMut, parts: &mut Vec<Bytes>) {
    if !notices.is_empty() {
        parts.push(notices.split().freeze());
    }
}
