//! How to get through to those whom we want: addresses in order of preference, backoff after the
//! last, so many attempts at once. It knows nothing of links, nor who stands behind an address.

use super::{Config, DialId, FixedId, backoff::Backoff};
use nws_protocol::InstanceId;
use rand_core::RngCore;
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

/// Whom we want to get through to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Target {
    /// Whoever is at an address that the user gave.
    Fixed(FixedId),
    /// A proxy that discovery found.
    Found(InstanceId),
}

/// Invariant: a target is in `agenda` with a time exactly if its phase is `Waiting` with that time, and a
/// dial is in `dials` exactly if its target's phase is `Dialling` with it.
#[derive(Debug)]
pub(super) struct Dialler<A> {
    pursuits: BTreeMap<Target, Pursuit<A>>,
    agenda: BTreeSet<(Duration, Target)>,
    dials: BTreeMap<DialId, Target>,
    next_dial: u64,
}

#[derive(Debug)]
struct Pursuit<A> {
    /// In order of preference.
    addresses: Vec<A>,
    /// Those of this round that have been tried.
    tried: Vec<A>,
    phase: Phase,
    backoff: Backoff,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Nothing to do: there is a link, or nobody to dial.
    Idle,
    /// Dials at this time, or as soon after as there is room.
    Waiting(Duration),
    Dialling(DialId),
}

impl<A: Clone + PartialEq> Dialler<A> {
    pub(super) fn new() -> Self {
        Self { pursuits: BTreeMap::new(), agenda: BTreeSet::new(), dials: BTreeMap::new(), next_dial: 0 }
    }

    /// Sets where a target is to be reached; a new target is idle.
    pub(super) fn aim(&mut self, target: Target, mut addresses: Vec<A>, config: &Config) {
        addresses.truncate(config.max_addresses);
        match self.pursuits.get_mut(&target) {
            Some(pursuit) => pursuit.addresses = addresses,
            None => {
                let pursuit = Pursuit { addresses, tried: Vec::new(), phase: Phase::Idle, backoff: Backoff::default() };
                self.pursuits.insert(target, pursuit);
            }
        }
    }

    /// Begins a new round at that time, unless the target is being dialled.
    pub(super) fn begin_at(&mut self, target: Target, at: Duration) {
        let Some(pursuit) = self.pursuits.get_mut(&target) else { return };
        match pursuit.phase {
            Phase::Dialling(_) => return,
            Phase::Waiting(was) => {
                self.agenda.remove(&(was, target));
            }
            Phase::Idle => {}
        }
        pursuit.tried.clear();
        pursuit.phase = Phase::Waiting(at);
        self.agenda.insert((at, target));
    }

    /// If the target waits for longer than to that time, it waits to that time.
    pub(super) fn begin_no_later_than(&mut self, target: Target, at: Duration) {
        if self.pursuits.get(&target).is_some_and(|p| matches!(p.phase, Phase::Waiting(was) if was > at)) {
            self.begin_at(target, at);
        }
    }

    /// Begins a new round after the next wait of its backoff, and `patience` on top.
    pub(super) fn begin_later(
        &mut self,
        target: Target,
        now: Duration,
        patience: Duration,
        config: &Config,
        rng: &mut impl RngCore,
    ) {
        let Some(pursuit) = self.pursuits.get_mut(&target) else { return };
        let wait = pursuit.backoff.next(config.backoff_start, config.backoff_most, rng);
        self.begin_at(target, now + patience + wait);
    }

    /// The target needs no dialling. Gives the dial that is to be abandoned.
    pub(super) fn rest(&mut self, target: Target) -> Option<DialId> {
        let pursuit = self.pursuits.get_mut(&target)?;
        match std::mem::replace(&mut pursuit.phase, Phase::Idle) {
            Phase::Idle => None,
            Phase::Waiting(at) => {
                self.agenda.remove(&(at, target));
                None
            }
            Phase::Dialling(dial) => {
                self.dials.remove(&dial);
                Some(dial)
            }
        }
    }

    /// Forgets a target. Gives the dial that is to be abandoned.
    pub(super) fn forget(&mut self, target: Target) -> Option<DialId> {
        let dial = self.rest(target);
        self.pursuits.remove(&target);
        dial
    }

    /// A link to the target lived long: its next wait is the shortest again.
    pub(super) fn went_well(&mut self, target: Target) {
        if let Some(pursuit) = self.pursuits.get_mut(&target) {
            pursuit.backoff.reset();
        }
    }

    /// How often in a row the target was not reached.
    pub(super) fn failures(&self, target: Target) -> u32 {
        self.pursuits.get(&target).map_or(0, |pursuit| pursuit.backoff.failures())
    }

    pub(super) fn is_dialling(&self, target: Target) -> bool {
        self.pursuits.get(&target).is_some_and(|pursuit| matches!(pursuit.phase, Phase::Dialling(_)))
    }

    /// A dial got through. `None` when it had been abandoned.
    pub(super) fn got_through(&mut self, dial: DialId) -> Option<Target> {
        let target = self.dials.remove(&dial)?;
        if let Some(pursuit) = self.pursuits.get_mut(&target) {
            pursuit.phase = Phase::Idle;
        }
        Some(target)
    }

    /// A dial failed: the next address is due at once; after the last one the round begins again later.
    pub(super) fn failed(
        &mut self,
        dial: DialId,
        now: Duration,
        config: &Config,
        rng: &mut impl RngCore,
    ) -> Option<Target> {
        let target = self.got_through(dial)?;
        let pursuit = self.pursuits.get_mut(&target)?;
        if pursuit.next_address().is_some() {
            pursuit.phase = Phase::Waiting(now);
            self.agenda.insert((now, target));
        } else {
            self.begin_later(target, now, Duration::ZERO, config, rng);
        }
        Some(target)
    }

    /// The next dial that is due and for which there is room.
    pub(super) fn due(&mut self, now: Duration, config: &Config) -> Option<(DialId, A)> {
        while self.dials.len() < config.max_dials {
            let &(at, target) = self.agenda.first().filter(|(at, _)| *at <= now)?;
            self.agenda.remove(&(at, target));
            let Some(pursuit) = self.pursuits.get_mut(&target) else { continue };
            pursuit.phase = Phase::Idle;
            let Some(address) = pursuit.next_address().cloned() else { continue };
            let dial = DialId(self.next_dial);
            self.next_dial += 1;
            pursuit.tried.push(address.clone());
            pursuit.phase = Phase::Dialling(dial);
            self.dials.insert(dial, target);
            return Some((dial, address));
        }
        None
    }

    /// When something is due next; while there is no room for it, an input makes room.
    pub(super) fn next_timeout(&self, config: &Config) -> Option<Duration> {
        if self.dials.len() >= config.max_dials { None } else { self.agenda.first().map(|(at, _)| *at) }
    }
}

impl<A: PartialEq> Pursuit<A> {
    fn next_address(&self) -> Option<&A> {
        self.addresses.iter().find(|address| !self.tried.contains(address))
    }
}
