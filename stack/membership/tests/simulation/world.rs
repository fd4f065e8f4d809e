//! The world: proxies in their places, a clock that steps from event to event, and what happens to them by chance.

use crate::{
    hub::Hub,
    net::{Address, At, Chan, Link, Slot},
    witness::{Broken, Witness},
};
use nws_membership::{
    Neighbours,
    neighbours::{Config, DialId},
};
use nws_protocol::{InstanceId, LinkCode};
use rand_chacha::{
    ChaCha8Rng,
    rand_core::{RngCore, SeedableRng},
};
use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

/// A rule that is broken on purpose, to see whether it is noticed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sabotage {
    /// A newer lane is attached before the older one has ended.
    AttachEarly,
    /// A direct message to a peer that is gone is not answered.
    SwallowUndeliverable,
    /// The members of a lost lane are not announced gone.
    KeepTheLost,
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum Event {
    Control { to: At },
    Lane { to: At, lane: usize },
    Stop { to: At, lane: usize },
    Closed { to: At, code: LinkCode, local: bool },
    Greeted { link: usize },
    DialFailed { slot: Slot, run: u32, dial: DialId },
    Timer { slot: Slot, run: u32 },
    DrainDeadline { at: At },
    Found { slot: Slot, other: Slot, run: u32 },
    Lost { slot: Slot, instance: InstanceId },
    Silence { at: At, since: Duration },
    Probed { at: At, of_use: bool },
    Kept { slot: Slot, run: u32, chan: Chan, from: InstanceId, since: Duration },
    Restart { slot: Slot },
    Chance,
}

pub(crate) struct Proxy {
    pub(crate) run: u32,
    pub(crate) alive: bool,
    pub(crate) instance: InstanceId,
    pub(crate) neighbours: Neighbours<Address>,
    pub(crate) timer: Option<Duration>,
    pub(crate) hubs: BTreeMap<Chan, Hub>,
    pub(crate) ends: Vec<At>,
}

pub(crate) struct World {
    pub(crate) now: Duration,
    pub(crate) rng: ChaCha8Rng,
    pub(crate) links: Vec<Link>,
    pub(crate) proxies: Vec<Proxy>,
    pub(crate) witness: Witness,
    /// Since when and until when.
    pub(crate) partitions: BTreeMap<(Slot, Slot), (Duration, Duration)>,
    pub(crate) slowness: u64,
    pub(crate) without_quic: bool,
    pub(crate) sabotage: Option<Sabotage>,
    queue: BTreeMap<(Duration, u64), Event>,
    events: u64,
    /// Who was given whom as a fixed peer, for each run anew.
    fixed: Vec<(Slot, Slot)>,
    pub(crate) discovery: bool,
    pub(crate) channels: u8,
    /// Until when things happen by chance.
    busy_until: Duration,
    /// Links die, proxies crash; otherwise clients alone come, talk and go.
    pub(crate) rough: bool,
    trace: VecDeque<String>,
    /// How many events are kept to be printed.
    pub(crate) trace_length: usize,
    broken: Option<Broken>,
}

/// What a run came to.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) delivered: usize,
    pub(crate) handed_over: usize,
}

impl World {
    pub(crate) fn new(seed: u64, sabotage: Option<Sabotage>) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut below = |n: u32| rng.next_u32() % n;
        let count = 2 + below(7) as usize;
        let slowness = [5, 30, 300][below(3) as usize];
        let (discovery, without_quic, rough, channels) = (below(3) > 0, below(4) == 0, below(4) > 0, 1 + below(2));
        let mut fixed = Vec::new();
        for a in 0..count {
            for b in 0..count {
                // Without discovery each pair has at least one that knows the other. Some know themselves.
                let must = a < b && !discovery;
                let side = below(3);
                let stray = !discovery && below(20) == 0;
                if stray || (must && side != 1) {
                    fixed.push((a, b));
                }
                if must && side > 0 {
                    fixed.push((b, a));
                }
            }
        }
        let mut world = Self {
            now: Duration::from_secs(1),
            proxies: Vec::new(),
            links: Vec::new(),
            witness: Witness::default(),
            partitions: BTreeMap::new(),
            slowness,
            without_quic,
            sabotage,
            queue: BTreeMap::new(),
            events: 0,
            fixed,
            discovery,
            channels: u8::try_from(channels).unwrap(),
            busy_until: Duration::from_secs(60),
            rough,
            trace: VecDeque::new(),
            trace_length: 80,
            broken: None,
            rng,
        };
        for slot in 0..count {
            let instance = InstanceId::random(&mut world.rng);
            world.proxies.push(Proxy {
                run: 0,
                alive: false,
                instance,
                neighbours: Neighbours::new(instance, Config::default()),
                timer: None,
                hubs: BTreeMap::new(),
                ends: Vec::new(),
            });
            let wait = world.between(0, 3000);
            world.schedule(world.now + wait, Event::Restart { slot });
        }
        world.schedule(world.now, Event::Chance);
        world
    }

    /// Runs to the quiet after the last event. The error has all that is needed to find out what went wrong.
    pub(crate) fn run(mut self) -> Result<Outcome, String> {
        while let Some(((at, _), event)) = self.queue.pop_first() {
            self.now = at;
            if !matches!(event, Event::Timer { .. } | Event::Chance | Event::Lane { .. } | Event::Control { .. }) {
                self.note(|| format!("{event:?}"));
            }
            self.happens(event);
            if self.now > self.busy_until + Duration::from_secs(600) {
                self.fail("it never gets quiet".to_owned());
            }
            if self.broken.is_some() {
                break;
            }
        }
        let verdict = self.broken.take().map_or_else(|| self.witness.quiet().and_then(|()| self.meshed()), Err);
        match verdict {
            Ok(()) => Ok(Outcome { delivered: self.witness.delivered, handed_over: self.witness.handed_over }),
            Err(broken) => {
                let trace = self.trace.iter().map(String::as_str).collect::<Vec<_>>().join("\n");
                Err(format!("{trace}\n\n{broken}"))
            }
        }
    }

    /// After quiet each pair of proxies has one link, and both know which.
    fn meshed(&self) -> Result<(), Broken> {
        for (a, proxy) in self.proxies.iter().enumerate() {
            for (b, other) in self.proxies.iter().enumerate().filter(|(b, _)| *b != a) {
                let ours = proxy.neighbours.link_to(other.instance).map(At::of);
                let theirs = other.neighbours.link_to(proxy.instance).map(At::of);
                if ours.is_none() || ours != theirs.map(At::other) {
                    return Err(format!("after quiet {a} has {ours:?} to {b}, which has {theirs:?}"));
                }
            }
            if proxy.ends.len() != self.proxies.len() - 1 {
                return Err(format!("after quiet {a} has the links {:?}", proxy.ends));
            }
        }
        Ok(())
    }

    pub(crate) fn fail(&mut self, broken: Broken) {
        self.broken.get_or_insert(broken);
    }

    pub(crate) fn note(&mut self, what: impl FnOnce() -> String) {
        if self.trace.len() >= self.trace_length {
            self.trace.pop_front();
        }
        self.trace.push_back(format!("{:?} {}", self.now, what()));
    }

    pub(crate) fn schedule(&mut self, at: Duration, event: Event) {
        self.events += 1;
        self.queue.insert((at, self.events), event);
    }

    pub(crate) fn chance(&mut self, percent: u32) -> bool {
        self.rng.next_u32() % 100 < percent
    }

    pub(crate) fn pick(&mut self, count: usize) -> usize {
        self.rng.next_u32() as usize % count
    }

    fn happens(&mut self, event: Event) {
        match event {
            Event::Control { .. } | Event::Lane { .. } | Event::Stop { .. } | Event::Closed { .. } => {
                self.arrives(event);
            }
            Event::Greeted { link } => self.greeted(link),
            Event::DialFailed { slot, run, dial } if self.proxies[slot].run == run => {
                let (now, rng) = (self.now, &mut self.rng);
                self.proxies[slot].neighbours.dial_failed(dial, now, rng);
                self.pump(slot);
            }
            Event::Timer { slot, run } if self.proxies[slot].run == run && self.proxies[slot].alive => {
                let now = self.now;
                self.proxies[slot].timer = None;
                self.proxies[slot].neighbours.timeout(now);
                self.pump(slot);
            }
            Event::DialFailed { .. } | Event::Timer { .. } => {}
            Event::DrainDeadline { at } => self.drain_deadline(at),
            Event::Found { slot, other, run } => {
                if self.proxies[other].run == run && self.proxies[other].alive && self.proxies[slot].alive {
                    let (instance, now) = (self.proxies[other].instance, self.now);
                    let addresses = [true, false].map(|quic| Address { slot: other, quic }).to_vec();
                    self.proxies[slot].neighbours.found(instance, addresses, now);
                    self.pump(slot);
                }
            }
            Event::Lost { slot, instance } => {
                if self.proxies[slot].alive {
                    let now = self.now;
                    self.proxies[slot].neighbours.lost(instance, now);
                    self.pump(slot);
                }
            }
            Event::Silence { at, since } => {
                let pair = (self.end(at).slot, self.end(at.other()).slot);
                let same = self.partitions.get(&(pair.0.min(pair.1), pair.0.max(pair.1))).is_some_and(|p| p.0 == since);
                if same && self.blocked(pair.0, pair.1).is_some() {
                    self.close(at, LinkCode::Silent);
                }
            }
            Event::Probed { at, of_use } => self.probed(at, of_use),
            Event::Kept { slot, run, chan, from, since } => {
                if self.proxies[slot].run == run {
                    self.kept_too_long(slot, chan, from, since);
                }
            }
            Event::Restart { slot } => self.start(slot),
            Event::Chance => {
                if self.now < self.busy_until {
                    self.by_chance();
                    let wait = if self.chance(50) { self.between(0, 5) } else { self.between(0, 400) };
                    self.schedule(self.now + wait, Event::Chance);
                } else {
                    let now = self.now;
                    self.partitions.values_mut().for_each(|(_, until)| *until = (*until).min(now));
                }
            }
        }
    }

    fn start(&mut self, slot: Slot) {
        if self.proxies[slot].alive {
            return;
        }
        let instance = InstanceId::random(&mut self.rng);
        let proxy = &mut self.proxies[slot];
        proxy.run += 1;
        proxy.alive = true;
        proxy.instance = instance;
        proxy.neighbours = Neighbours::new(instance, Config::default());
        proxy.timer = None;
        let run = proxy.run;
        for (_, b) in self.fixed.clone().into_iter().filter(|(a, _)| *a == slot) {
            self.add_fixed(slot, b);
        }
        if self.discovery {
            for other in (0..self.proxies.len()).filter(|other| *other != slot) {
                let (wait, other_wait) = (self.between(1, 4000), self.between(1, 4000));
                self.schedule(self.now + wait, Event::Found { slot: other, other: slot, run });
                let run = self.proxies[other].run;
                self.schedule(self.now + other_wait, Event::Found { slot, other, run });
            }
        }
    }

    pub(crate) fn add_fixed(&mut self, slot: Slot, other: Slot) {
        let addresses = [true, false].map(|quic| Address { slot: other, quic }).to_vec();
        let now = self.now;
        self.proxies[slot].neighbours.add_fixed(addresses, now).unwrap();
        self.pump(slot);
    }
}
