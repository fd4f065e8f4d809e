//! The network: links with a control lane and one-way data lanes, each an ordered queue with delays of its
//! own, so that lanes overtake each other. It loses what is on the way when a link dies, and holds back
//! what crosses a partition. It knows nothing of what the frames mean.

use crate::{
    matching::Matching,
    world::{Event, World},
};
use nws_membership::neighbours::{DialId, LinkId};
use nws_protocol::{InstanceId, LinkCode, PeerId};
use rand_chacha::rand_core::RngCore;
use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

/// A place for a proxy; a proxy that crashed is followed by another run in its place.
pub(crate) type Slot = usize;
/// A channel.
pub(crate) type Chan = u8;

/// Where a proxy can be dialled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Address {
    pub(crate) slot: Slot,
    pub(crate) quic: bool,
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum Control {
    /// The initiator's first word after the Hellos: the responder regards the link as established.
    FirstQuery,
    Query(Chan, u64),
    Answer(Chan, u64),
    Offer(Chan, u64),
    Revoke(Chan),
    Accept(Chan, u64),
    Leave(Chan),
    /// On a superseded link: all my lanes are finished; there were so many.
    LanesDone(usize),
    /// On a superseded link: I have read all of yours to the end.
    Drained,
}

#[derive(Debug, Clone)]
pub(crate) enum Frame {
    Open(Chan),
    Members(Vec<PeerId>, bool),
    Join(PeerId),
    Part(PeerId),
    Broadcast { source: PeerId, no: usize },
    Direct { source: PeerId, target: PeerId, no: usize },
    Undeliverable { source: PeerId, no: usize },
    End,
}

#[derive(Debug)]
pub(crate) struct Lane<F> {
    queue: VecDeque<F>,
    last: Duration,
}

impl<F> Default for Lane<F> {
    fn default() -> Self {
        Self { queue: VecDeque::new(), last: Duration::ZERO }
    }
}

/// A lane at its receiver.
#[derive(Debug, Default)]
pub(crate) struct Incoming {
    pub(crate) chan: Option<Chan>,
    /// What came before it was attached.
    pub(crate) held: VecDeque<Frame>,
    pub(crate) state: LaneState,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LaneState {
    #[default]
    Held,
    Attached,
    Done,
}

#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) ends: [End; 2],
    /// Nothing gets through any more.
    pub(crate) cut: bool,
}

/// End 0 is the initiator.
#[derive(Debug)]
pub(crate) struct End {
    pub(crate) slot: Slot,
    pub(crate) run: u32,
    pub(crate) instance: InstanceId,
    pub(crate) open: bool,
    pub(crate) dial: Option<DialId>,
    pub(crate) established: bool,
    pub(crate) superseded_by: Option<usize>,
    /// The link in use, which this one is to supersede once it has matched what that one has.
    pub(crate) on_trial: Option<At>,
    pub(crate) matching: Matching,
    pub(crate) incoming: BTreeMap<usize, Incoming>,
    /// What is on the way from this end.
    control: Lane<Control>,
    lanes: Vec<Lane<Frame>>,
    pub(crate) lanes_done_sent: bool,
    /// How many lanes the other end says there were.
    pub(crate) lanes_done: Option<usize>,
    pub(crate) drained_sent: bool,
    pub(crate) drained: bool,
}

impl End {
    pub(crate) fn new(slot: Slot, run: u32, instance: InstanceId, dial: Option<DialId>) -> Self {
        Self {
            slot,
            run,
            instance,
            open: true,
            dial,
            established: false,
            superseded_by: None,
            on_trial: None,
            matching: Matching::new(dial.is_some()),
            incoming: BTreeMap::new(),
            control: Lane::default(),
            lanes: Vec::new(),
            lanes_done_sent: false,
            lanes_done: None,
            drained_sent: false,
            drained: false,
        }
    }

    pub(crate) fn lanes_opened(&self) -> usize {
        self.lanes.len()
    }

    /// All lanes that the other end opened have come, and ended.
    pub(crate) fn all_read(&self) -> bool {
        self.lanes_done == Some(self.incoming.len()) && self.incoming.values().all(|i| i.state == LaneState::Done)
    }
}

/// One end of one link.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct At {
    pub(crate) link: usize,
    pub(crate) end: usize,
}

impl At {
    pub(crate) fn other(self) -> Self {
        Self { end: 1 - self.end, ..self }
    }

    pub(crate) fn id(self) -> LinkId {
        LinkId((self.link * 2 + self.end) as u64)
    }

    pub(crate) fn of(id: LinkId) -> Self {
        Self { link: id.0 as usize / 2, end: id.0 as usize % 2 }
    }
}

impl World {
    pub(crate) fn end(&self, at: At) -> &End {
        &self.links[at.link].ends[at.end]
    }

    pub(crate) fn end_mut(&mut self, at: At) -> &mut End {
        &mut self.links[at.link].ends[at.end]
    }

    pub(crate) fn between(&mut self, from: u64, to: u64) -> Duration {
        Duration::from_micros(from * 1000 + self.rng.next_u64() % ((to - from) * 1000))
    }

    pub(crate) fn delay(&mut self) -> Duration {
        let most = self.slowness;
        self.between(1, most)
    }

    /// Until when nothing gets from one place to the other.
    pub(crate) fn blocked(&self, a: Slot, b: Slot) -> Option<Duration> {
        self.partitions.get(&(a.min(b), a.max(b))).map(|(_, until)| *until).filter(|until| *until > self.now)
    }

    pub(crate) fn open_lane(&mut self, from: At) -> usize {
        let end = self.end_mut(from);
        end.lanes.push(Lane::default());
        end.lanes.len() - 1
    }

    pub(crate) fn send(&mut self, from: At, lane: usize, frame: Frame) {
        let at = self.now + self.delay();
        let lane_out = &mut self.end_mut(from).lanes[lane];
        lane_out.queue.push_back(frame);
        lane_out.last = lane_out.last.max(at);
        let at = lane_out.last;
        self.schedule(at, Event::Lane { to: from.other(), lane });
    }

    pub(crate) fn say(&mut self, from: At, message: Control) {
        let at = self.now + self.delay();
        let control = &mut self.end_mut(from).control;
        control.queue.push_back(message);
        control.last = control.last.max(at);
        let at = control.last;
        self.schedule(at, Event::Control { to: from.other() });
    }

    /// Whether something that arrives now gets through; if a partition is in the way, it comes again later.
    fn gets_through(&mut self, to: At, event: Event) -> bool {
        if self.links[to.link].cut || !self.end(to).open {
            return false;
        }
        let Some(until) = self.blocked(self.end(to).slot, self.end(to.other()).slot) else { return true };
        // All that waits comes at one moment, in the order in which it was scheduled.
        self.schedule(until, event);
        false
    }

    pub(crate) fn arrives(&mut self, event: Event) {
        match event {
            Event::Lane { to, lane } if self.gets_through(to, event) => {
                if let Some(frame) = self.end_mut(to.other()).lanes[lane].queue.pop_front() {
                    self.note(|| format!("link {} end {} lane {lane}: {frame:?}", to.link, to.end));
                    self.lane_frame(to, lane, frame);
                }
            }
            Event::Control { to } if self.gets_through(to, event) => {
                if let Some(message) = self.end_mut(to.other()).control.queue.pop_front() {
                    self.note(|| format!("link {} end {}: {message:?}", to.link, to.end));
                    self.control_message(to, message);
                }
            }
            Event::Stop { to, lane } if self.gets_through(to, event) => self.lane_stopped(to, lane),
            Event::Closed { to, code, local } if self.end(to).open && (local || self.gets_through(to, event)) => {
                self.close(to, code);
            }
            _ => {}
        }
    }

    /// The link breaks; each end learns of it by itself, soon or by silence.
    pub(crate) fn cut(&mut self, link: usize) {
        self.links[link].cut = true;
        for end in 0..2 {
            let wait = if self.chance(70) { self.between(1, 200) } else { self.between(15_000, 17_000) };
            let to = At { link, end };
            self.schedule(self.now + wait, Event::Closed { to, code: LinkCode::Silent, local: true });
        }
    }
}
