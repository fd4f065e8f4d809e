//! Everything about one channel that is under its lock: the roster, the logs, the readers.
//!
//! Clients and lanes have a log each. What comes from other proxies goes to clients alone, so it must wait for clients alone: were it
//! kept until the lanes have passed it, or held while they are behind, two proxies whose clients send to each other would both stop
//! reading, each until the other reads.
//!
//! Synchronous and without IO; whoever is to be woken is put on a list and woken after the lock
//! is gone.

use crate::{
    limits::HubLimits,
    log::{Content, Log, Origin},
    reader::{Fate, Reader, Who},
};
use bytes::Bytes;
use nws_membership::roster::{Change, Roster};
use nws_protocol::{ChannelKind, InstanceId, PeerId};
use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    sync::Arc,
    task::Waker,
};

/// A reader's place in the table.
pub(crate) type Place = usize;

/// An incoming lane, in the order of arrival.
#[derive(Debug)]
pub(crate) struct Inbound {
    pub(crate) id: u64,
    pub(crate) from: InstanceId,
    /// It has given way to the next one, which may begin.
    pub(crate) handed_over: bool,
    /// To be woken when it is its turn, or there is room, or the hub closed.
    pub(crate) waker: Option<Waker>,
}

/// Those whom an entry is counted for in one log.
#[derive(Debug, Clone, Copy)]
struct Count {
    /// The entry's position.
    end: u64,
    readers: usize,
    /// The log has a reader.
    asked: bool,
}

impl Count {
    fn of(log: &Log) -> Self {
        Self { end: log.end(), readers: 0, asked: false }
    }
}

/// The channel.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) kind: ChannelKind,
    pub(crate) limits: Arc<HubLimits>,
    pub(crate) roster: Roster,
    /// What clients are told.
    pub(crate) log: Log,
    /// What lanes are told: what clients of this proxy do. The same memory as in the other log.
    pub(crate) lane_log: Log,
    pub(crate) readers: Vec<Option<Reader>>,
    by_peer: HashMap<PeerId, Place>,
    /// The lane that now goes to each proxy.
    pub(crate) lanes: BTreeMap<InstanceId, Place>,
    pub(crate) inbound: VecDeque<Inbound>,
    /// Clients are not read from.
    holding: bool,
    /// Lanes are not read from. Only while clients are behind, or while answers to what lanes brought pile up.
    holding_lanes: bool,
    /// Readers are being thrown out, which appends in its turn.
    throwing_out: bool,
    /// The last client of this proxy has gone.
    pub(crate) closed: bool,
    /// To be woken when the lock is gone.
    pub(crate) wake: Vec<Waker>,
}

impl State {
    pub(crate) fn new(kind: ChannelKind, limits: Arc<HubLimits>) -> Self {
        Self {
            kind,
            limits,
            roster: Roster::default(),
            log: Log::default(),
            lane_log: Log::default(),
            readers: Vec::new(),
            by_peer: HashMap::new(),
            lanes: BTreeMap::new(),
            inbound: VecDeque::new(),
            holding: false,
            holding_lanes: false,
            throwing_out: false,
            closed: false,
            wake: Vec::new(),
        }
    }

    pub(crate) fn reader(&mut self, place: Place) -> Option<&mut Reader> {
        self.readers.get_mut(place)?.as_mut()
    }

    /// The log that such a reader reads.
    pub(crate) const fn log_of(&mut self, who: Who) -> &mut Log {
        match who {
            Who::Client { .. } => &mut self.log,
            Who::Lane(_) => &mut self.lane_log,
        }
    }

    fn seat(&mut self, reader: Reader) -> Place {
        if let Some(place) = self.readers.iter().position(Option::is_none) {
            if let Some(free) = self.readers.get_mut(place) {
                *free = Some(reader);
            }
            return place;
        }
        // Most channels have one or two readers: no room is taken for more.
        if self.readers.len() < 4 {
            self.readers.reserve_exact(1);
        }
        self.readers.push(Some(reader));
        self.readers.len() - 1
    }

    /// Takes a reader off the log and out of the table.
    pub(crate) fn unseat(&mut self, place: Place) {
        let Some(reader) = self.readers.get_mut(place).and_then(Option::take) else { return };
        if reader.fate.is_none() {
            let log = self.log_of(reader.who);
            log.pass(reader.cursor, log.end());
        }
        while self.readers.last().is_some_and(Option::is_none) {
            self.readers.pop();
        }
        match reader.who {
            Who::Client { peer, .. } => {
                self.by_peer.remove(&peer);
            }
            Who::Lane(to) => {
                if self.lanes.get(&to) == Some(&place) {
                    self.lanes.remove(&to);
                }
            }
        }
        self.settle();
    }

    /// A client comes. Answers its place and who is there already.
    pub(crate) fn join(&mut self, peer: PeerId) -> Option<(Place, Vec<PeerId>)> {
        let presence = self.kind == ChannelKind::Network;
        let here = if presence { self.roster.peers().collect() } else { Vec::new() };
        if self.closed || !self.roster.join(peer) {
            return None;
        }
        self.append(Origin::Local(peer), Content::Connect(peer));
        let place = self.seat(Reader::new(Who::Client { peer, presence }, self.log.end()));
        self.by_peer.insert(peer, place);
        Some((place, here))
    }

    /// A client goes, or is thrown out.
    pub(crate) fn part(&mut self, peer: PeerId) {
        if self.roster.part(peer) {
            self.append(Origin::Local(peer), Content::Disconnect(peer));
        }
        if self.roster.local_count() == 0 && !self.closed {
            self.closed = true;
            self.wake_all();
        }
    }

    /// A lane to another proxy begins. One that goes there already takes nothing more and ends.
    pub(crate) fn add_lane(&mut self, to: InstanceId, max_frame_bytes: usize) -> Place {
        let end = self.lane_log.end();
        if let Some(old) = self.lanes.get(&to).copied()
            && let Some(reader) = self.reader(old)
        {
            reader.ends_at = Some(end);
            let waker = reader.asleep.take();
            self.wake.extend(waker);
        }
        let mut reader = Reader::new(Who::Lane(to), end);
        reader.max_frame_bytes = max_frame_bytes;
        let place = self.seat(reader);
        self.lanes.insert(to, place);
        place
    }

    /// Appends for everyone who wants it, and wakes them.
    pub(crate) fn append(&mut self, origin: Origin, content: Content) {
        let is_local = matches!(origin, Origin::Local(_));
        let (mut clients, mut lanes) = (Count::of(&self.log), Count::of(&self.lane_log));
        for reader in self.readers.iter_mut().flatten().filter(|reader| reader.fate.is_none()) {
            let count = match reader.who {
                Who::Client { .. } => &mut clients,
                Who::Lane(_) if is_local => &mut lanes,
                Who::Lane(_) => continue,
            };
            count.asked = true;
            if reader.wants(origin, &content) {
                count.readers += 1;
                self.wake.extend(reader.asleep.take());
            } else if reader.cursor == count.end {
                // It is not for this reader, who is waiting for the next: it need not wake to pass it.
                reader.cursor = count.end + 1;
                reader.taken = count.end + 1;
            } else {
                count.readers += 1;
            }
        }
        if lanes.asked {
            self.lane_log.push(origin, content.clone(), lanes.readers);
        }
        self.log.push(origin, content, clients.readers);
        self.check_lanes();
        self.check_presence();
        let limit = self.limits.channel_log_bytes;
        self.holding |= self.log.bytes() >= limit || self.lane_log.bytes() >= limit;
        self.holding_lanes |= self.log.bytes() >= limit;
    }

    /// Gives one reader something for it alone, after all that was appended so far.
    pub(crate) fn give(&mut self, place: Place, frames: Bytes) {
        let limits = Arc::clone(&self.limits);
        let Some(who) = self.reader(place).filter(|reader| reader.fate.is_none()).map(|reader| reader.who) else {
            return;
        };
        let end = self.log_of(who).end();
        let Some(reader) = self.reader(place) else { return };
        reader.push(end, frames);
        // A lane's own queue above its limit is answers to what lanes bring, since clients are held before.
        let (limit, lanes_limit) = match who {
            Who::Client { .. } => (limits.client_queue_bytes, limits.client_queue_bytes),
            Who::Lane(_) => (limits.lane_queue_bytes, limits.lane_queue_bytes.saturating_mul(2)),
        };
        let waiting = reader.queue_bytes();
        reader.over |= waiting >= limit;
        let waker = reader.asleep.take();
        self.wake.extend(waker);
        self.holding |= waiting >= limit;
        self.holding_lanes |= waiting >= lanes_limit;
    }

    /// The largest frame that all lanes carry.
    pub(crate) fn least_lane_frame(&self) -> usize {
        let readers = self.lanes.values().filter_map(|place| self.readers.get(*place)?.as_ref());
        readers.map(|reader| reader.max_frame_bytes).min().unwrap_or(usize::MAX)
    }

    /// Where a client of this proxy sits.
    pub(crate) fn place_of(&self, peer: PeerId) -> Option<Place> {
        self.by_peer.get(&peer).copied()
    }

    /// Tells everyone what the roster found.
    pub(crate) fn announce(&mut self, from: InstanceId, changes: &[Change]) {
        for change in changes {
            self.append(
                Origin::Remote(from),
                match *change {
                    Change::Connect(peer) => Content::Connect(peer),
                    Change::Disconnect(peer) => Content::Disconnect(peer),
                },
            );
        }
    }

    /// A lane far behind holds those who feed it.
    fn check_lanes(&mut self) {
        for place in self.lanes.values() {
            let Some(reader) = self.readers.get_mut(*place).and_then(Option::as_mut) else { continue };
            let waiting = self.lane_log.backlog(reader.cursor) + reader.queue_bytes() as u64;
            if waiting >= self.limits.lane_queue_bytes as u64 {
                reader.over = true;
                self.holding = true;
            }
        }
    }

    /// Presence can't be held back. Where it alone would fill a log twice over, those who are
    /// furthest behind are thrown out.
    fn check_presence(&mut self) {
        let limit = self.limits.channel_log_bytes as u64;
        let is_far_over = |log: &Log| log.bytes() as u64 >= limit.saturating_mul(2);
        if self.throwing_out || !(is_far_over(&self.log) || is_far_over(&self.lane_log)) {
            return;
        }
        self.throwing_out = true;
        let places: Vec<Place> = (0..self.readers.len()).collect();
        for place in places {
            let Some(reader) = self.readers.get(place).and_then(Option::as_ref) else { continue };
            let (cursor, who, is_out) = (reader.cursor, reader.who, reader.fate.is_some());
            let log = self.log_of(who);
            if !is_out && is_far_over(log) && log.backlog(cursor) > limit {
                self.throw_out(place);
            }
        }
        self.throwing_out = false;
    }

    /// Takes a reader off the log for good; it learns of it when it asks for more.
    pub(crate) fn throw_out(&mut self, place: Place) {
        self.throw_out_for(place, Fate::TooSlow);
    }

    /// The same, for another reason.
    pub(crate) fn throw_out_for(&mut self, place: Place, fate: Fate) {
        let Some(reader) = self.readers.get_mut(place).and_then(Option::as_mut) else { return };
        if reader.fate.is_some() {
            return;
        }
        reader.fate = Some(fate);
        reader.forget_queue();
        reader.over = false;
        self.wake.extend(reader.asleep.take());
        self.wake.extend(reader.held.take());
        self.wake.extend(reader.busy.take());
        let (cursor, who) = (reader.cursor, reader.who);
        let log = self.log_of(who);
        log.pass(cursor, log.end());
        match who {
            Who::Client { peer, .. } => {
                self.by_peer.remove(&peer);
                self.part(peer);
            }
            Who::Lane(to) => {
                // A newer lane goes there by now, if this one was replaced.
                if self.lanes.get(&to) == Some(&place) {
                    self.lanes.remove(&to);
                }
            }
        }
        self.settle();
    }

    /// Whether clients may say more.
    pub(crate) const fn has_room(&self) -> bool {
        !self.holding
    }

    /// Whether lanes may bring more.
    pub(crate) const fn has_room_for_lanes(&self) -> bool {
        !self.holding_lanes
    }

    /// Looks again whether senders are to be held; lets them go when an eighth of the limit is free: enough
    /// that they do not stop and go for each message, little enough that a slow receiver frees it soon.
    pub(crate) fn settle(&mut self) {
        if !self.holding && !self.holding_lanes {
            return;
        }
        let limit = self.limits.channel_log_bytes;
        let is_full = |log: &Log| log.bytes() > limit - limit / 8;
        if is_full(&self.log) {
            return;
        }
        let (mut clients_over, mut lanes_over, mut answers) = (false, false, false);
        for reader in self.readers.iter().flatten() {
            match reader.who {
                Who::Client { .. } => clients_over |= reader.over,
                Who::Lane(_) => {
                    lanes_over |= reader.over;
                    answers |= reader.queue_bytes() >= self.limits.lane_queue_bytes;
                }
            }
        }
        if self.holding_lanes && !clients_over && !answers {
            self.holding_lanes = false;
            self.wake.extend(self.inbound.iter_mut().filter_map(|lane| lane.waker.take()));
        }
        if self.holding && !is_full(&self.lane_log) && !clients_over && !lanes_over {
            self.holding = false;
            for reader in self.readers.iter_mut().flatten() {
                self.wake.extend(reader.held.take());
            }
        }
    }

    /// All readers in the table, with their places.
    pub(crate) fn places(&self) -> impl Iterator<Item = Place> + use<> {
        0..self.readers.len()
    }

    fn wake_all(&mut self) {
        for reader in self.readers.iter_mut().flatten() {
            self.wake.extend(reader.asleep.take());
            self.wake.extend(reader.held.take());
        }
        self.wake.extend(self.inbound.iter_mut().filter_map(|lane| lane.waker.take()));
    }
}
