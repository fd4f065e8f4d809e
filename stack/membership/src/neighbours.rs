//! Which proxies we know, whom to dial and when, and which of several links to one proxy stays.
//!
//! The mesh owns it, tells it what happened, and after each call does what [`Neighbours::poll`] says,
//! before anything else about the links concerned. It knows nothing of sockets, handshakes, lanes or
//! channels; an address is whatever the mesh can dial (`A`).
//!
//! # Whom we dial
//!
//! - A proxy that discovery found: at once if our id is the smaller one (after [`Config::settle`], so that
//!   the records of all its transports are in), else after [`Config::patience`] if it has not dialled us.
//! - A fixed peer: at once and for ever. Who it is shows when it answers. While there is a link to
//!   whoever answered last, whoever dialled that link, it is left in peace.
//! - The addresses of one target are tried in order, the next as soon as one failed; after the last,
//!   the round begins again after a backoff. A lost link is dialled again likewise, and again with
//!   patience by the larger id. When discovery lost the proxy, a link that is up stays, and nobody
//!   dials any more once it is down. A proxy that said it is going away is as if discovery had lost it. Where there was no room
//!   for the link (`Limit`), the next dial waits for as long as the longest backoff.
//! - Our own id is never dialled. A fixed peer that turns out to be us is reported once and left alone.
//!
//! # Which link stays
//!
//! A link is established for the proxy that dialled it after the Hellos, and for the other one at the first
//! Query. When a link is established while there is one to the same proxy already:
//!
//! | old one dialled by | new one dialled by | at the one that dialled the new one | at the other |
//! |---|---|---|---|
//! | larger id | smaller id | superseded, once the new one has proved itself | the same |
//! | smaller id | larger id | the new one is closed before Query | the new one is closed |
//! | same as the new one | same as the old one | the new one is closed before Query | the old one is probed |
//!
//! An id in Hello proves nothing: whoever has seen a discovery record can claim it. So a new link is not believed at the cost of
//! an old one that is of use:
//!
//! - *Probe.* The proxy that dials again believes the old link dead. The other one asks it: when nothing comes on it in
//!   [`PROBE_TIMEOUT`](nws_protocol::limits::PROBE_TIMEOUT), or no channel is matched on it, the old one is closed and the new one is
//!   up; else the new one is closed as a duplicate.
//! - *Proof.* The link of the smaller id is up beside the old one, matches channels and moves no lane. When it has matched all
//!   channels that the old one has, the old one is superseded: lanes move, then it is closed. When it has not in
//!   [`Config::prove_within`] it is closed as a duplicate, and the old one stays. Nobody matches a channel without its name.
//! - When the old one is gone meanwhile, whoever waits or proves itself is in use at once.
//!
//! What is left to somebody who claims another's id: to hold a link on which nothing is matched, until that proxy dials or is
//! dialled; to have such a link of its owner closed, which costs a new dial; and, knowing the names of *all* channels that
//! two proxies share, to take the place of the larger one's link to the smaller.
//!
//! At most one link is superseded and not gone yet. When its successor dies or is replaced it is closed
//! too: what half moved is not moved back. And when it is gone before all its lanes were moved, which
//! any reason but [`LinkCode::Duplicate`] says, its successor is closed with `Stalled`: something was lost on the
//! way, and peers that stay connected would hide that.
//!
//! When there is no room for a newcomer, a link with nothing in common makes way: see [`Neighbours::make_way`].

mod action;
mod backoff;
mod config;
mod contest;
mod crowd;
mod dialler;
mod duplicate;

pub use action::{Action, DialId, FixedId, Full, LinkId, Verdict};
pub use config::Config;
pub use crowd::Idle;

use dialler::{Dialler, Target};
use duplicate::{Ruling, ruling};
use nws_protocol::{InstanceId, LinkCode};
use rand_core::RngCore;
use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

/// See the module. `now` is the time since any fixed start, and never goes back.
#[derive(Debug)]
pub struct Neighbours<A> {
    us: InstanceId,
    config: Config,
    neighbours: BTreeMap<InstanceId, Neighbour>,
    fixed: Vec<Fixed>,
    /// The proxy at the other end of each link that is current, superseded, on trial or waiting.
    links: BTreeMap<LinkId, InstanceId>,
    /// Until when each link on trial must have proved itself.
    trials: BTreeMap<LinkId, Duration>,
    dialler: Dialler<A>,
    /// Emptied by the owner after each call; one call adds at most a few entries per link and target.
    actions: VecDeque<Action<A>>,
}

/// Invariant: it is recorded, or has a current link, or is being dialled; else it is forgotten.
#[derive(Debug, Default)]
struct Neighbour {
    /// Whether discovery knows it.
    recorded: bool,
    current: Option<Current>,
    superseded: Option<LinkId>,
    /// Dialled by the smaller id while the current one was not: to supersede it, once it has proved itself.
    trial: Option<Current>,
    /// Dialled by whoever dialled the current one: to replace it, if that one turns out to be dead.
    waiting: Option<LinkId>,
}

#[derive(Debug, Clone, Copy)]
struct Current {
    link: LinkId,
    by_us: bool,
    since: Duration,
}

#[derive(Debug, Default)]
struct Fixed {
    /// Who answered last.
    instance: Option<InstanceId>,
}

impl<A: Clone + PartialEq> Neighbours<A> {
    /// Knows nobody yet.
    #[must_use]
    pub fn new(us: InstanceId, config: Config) -> Self {
        Self {
            us,
            config,
            neighbours: BTreeMap::new(),
            fixed: Vec::new(),
            links: BTreeMap::new(),
            trials: BTreeMap::new(),
            dialler: Dialler::new(),
            actions: VecDeque::new(),
        }
    }

    /// A peer that the user named, with its addresses in order of preference.
    ///
    /// # Errors
    /// When there are as many as [`Config::max_neighbours`].
    pub fn add_fixed(&mut self, addresses: Vec<A>, now: Duration) -> Result<FixedId, Full> {
        if self.fixed.len() >= self.config.max_neighbours {
            return Err(Full);
        }
        let peer = FixedId(self.fixed.len());
        self.fixed.push(Fixed::default());
        self.dialler.aim(Target::Fixed(peer), addresses, &self.config);
        self.dialler.begin_at(Target::Fixed(peer), now);
        self.dial_what_is_due(now);
        Ok(peer)
    }

    /// Discovery found a proxy, or found it again, at these addresses in order of preference. When the table is
    /// full the proxy that was dialled in vain most often makes room; `false` when there is none such.
    pub fn found(&mut self, instance: InstanceId, addresses: Vec<A>, now: Duration) -> bool {
        if instance == self.us {
            return true;
        }
        if !self.neighbours.contains_key(&instance) && !self.make_room(1) {
            return false;
        }
        let neighbour = self.neighbours.entry(instance).or_default();
        let new = !std::mem::replace(&mut neighbour.recorded, true);
        let linked = neighbour.current.is_some();
        let target = Target::Found(instance);
        self.dialler.aim(target, addresses, &self.config);
        if !linked {
            let we_are_smaller = self.us < instance;
            if new {
                self.dialler
                    .begin_at(target, now + if we_are_smaller { self.config.settle } else { self.config.patience });
            } else {
                // A sign of life: don't sit out a long backoff.
                let wait = if we_are_smaller { self.config.backoff_start } else { self.config.patience };
                self.dialler.begin_no_later_than(target, now + wait);
            }
        }
        self.dial_what_is_due(now);
        true
    }

    /// Discovery lost a proxy: its record was withdrawn or ran out.
    pub fn lost(&mut self, instance: InstanceId, now: Duration) {
        if let Some(neighbour) = self.neighbours.get_mut(&instance) {
            neighbour.recorded = false;
            // A dial in progress may still get through; nothing follows it.
            self.dialler.aim(Target::Found(instance), Vec::new(), &self.config);
            self.tidy(instance);
        }
        self.dial_what_is_due(now);
    }

    /// A dial came to nothing before Hello was received.
    pub fn dial_failed(&mut self, dial: DialId, now: Duration, rng: &mut impl RngCore) {
        if let Some(Target::Found(instance)) = self.dialler.failed(dial, now, &self.config, rng) {
            self.tidy(instance);
        }
        self.dial_what_is_due(now);
    }

    /// We were dialled and received Hello, from this proxy. The link counts only from [`Self::accepted`] on.
    pub fn greeted(&self, instance: InstanceId) -> Verdict {
        if instance == self.us { Verdict::Close(LinkCode::SelfDial) } else { Verdict::Keep }
    }

    /// We dialled and received Hello, from this proxy. With `Keep` the link is established.
    pub fn dialled(
        &mut self,
        dial: DialId,
        link: LinkId,
        instance: InstanceId,
        now: Duration,
        rng: &mut impl RngCore,
    ) -> Verdict {
        let Some(target) = self.dialler.got_through(dial) else {
            return Verdict::Close(LinkCode::Duplicate);
        };
        let verdict = if instance == self.us {
            Verdict::Close(LinkCode::SelfDial)
        } else {
            if let Target::Fixed(FixedId(at)) = target
                && let Some(fixed) = self.fixed.get_mut(at)
            {
                fixed.instance = Some(instance);
            }
            self.establish(link, instance, true, now)
        };
        match (target, verdict) {
            (Target::Fixed(peer), Verdict::Close(LinkCode::SelfDial)) => {
                self.dialler.forget(target);
                self.actions.push_back(Action::Ourselves { peer });
            }
            (Target::Fixed(_), Verdict::Keep | Verdict::Prove | Verdict::Close(LinkCode::Duplicate)) => {}
            (Target::Found(meant), _) if self.neighbours.get(&meant).is_some_and(|n| n.current.is_some()) => {}
            // Somebody else answers there, or there is no room for the link.
            _ => self.dialler.begin_later(target, now, Duration::ZERO, &self.config, rng),
        }
        if let Target::Found(meant) = target {
            self.tidy(meant);
        }
        self.dial_what_is_due(now);
        verdict
    }

    /// We were dialled and received the first Query, from this proxy. With `Keep` the link is established.
    pub fn accepted(&mut self, link: LinkId, instance: InstanceId, now: Duration) -> Verdict {
        let verdict =
            if instance == self.us { self.greeted(instance) } else { self.establish(link, instance, false, now) };
        self.dial_what_is_due(now);
        verdict
    }

    /// An established link is gone, whoever closed it. `reason` is the code in Goodbye or in the close. For a superseded
    /// link it is `Duplicate` exactly if each side has read all lanes of the other to their end.
    pub fn link_down(&mut self, link: LinkId, reason: LinkCode, now: Duration, rng: &mut impl RngCore) {
        let Some(instance) = self.links.remove(&link) else { return };
        let Some(neighbour) = self.neighbours.get_mut(&instance) else { return };
        if neighbour.no_more_contends(link) {
            self.trials.remove(&link);
            return;
        }
        if neighbour.superseded == Some(link) {
            neighbour.superseded = None;
            if let Some(Current { link: by, .. }) = neighbour.current
                && reason != LinkCode::Duplicate
            {
                self.actions.push_back(Action::Close { link: by, code: LinkCode::Stalled });
                self.link_down(by, LinkCode::Stalled, now, rng);
            }
            return;
        }
        let Some(was) = neighbour.current.take() else { return };
        if let Some(superseded) = neighbour.superseded.take() {
            self.links.remove(&superseded);
            self.actions.push_back(Action::Close { link: superseded, code: LinkCode::Duplicate });
        }
        if reason == LinkCode::GoingAway {
            neighbour.recorded = false;
        }
        if self.succeed(instance, now) {
            return;
        }
        let recorded = self.neighbours.get(&instance).is_some_and(|neighbour| neighbour.recorded);
        let steady = now.saturating_sub(was.since) >= self.config.steady_after;
        for target in self.targets_of(instance) {
            if steady {
                self.dialler.went_well(target);
            }
            let patience = match target {
                Target::Found(_) if !recorded => continue,
                Target::Found(_) if self.us > instance => self.config.patience,
                _ => Duration::ZERO,
            };
            let patience = if reason == LinkCode::Limit { patience.max(self.config.backoff_most) } else { patience };
            self.dialler.begin_later(target, now, patience, &self.config, rng);
        }
        self.tidy(instance);
        self.dial_what_is_due(now);
    }

    /// The time that [`Self::next_timeout`] named has come.
    pub fn timeout(&mut self, now: Duration) {
        self.end_trials(now);
        self.dial_what_is_due(now);
    }

    /// When to call [`Self::timeout`] unless something else happens first. Changes with each call.
    #[must_use]
    pub fn next_timeout(&self) -> Option<Duration> {
        let trial = self.trials.values().min().copied();
        [self.dialler.next_timeout(&self.config), trial].into_iter().flatten().min()
    }

    /// The next thing to do. To be called after each other call until there is nothing.
    pub fn poll(&mut self) -> Option<Action<A>> {
        self.actions.pop_front()
    }

    /// The link to that proxy that is in use, if there is one.
    #[must_use]
    pub fn link_to(&self, instance: InstanceId) -> Option<LinkId> {
        self.neighbours.get(&instance)?.current.map(|current| current.link)
    }

    /// The proxies that are linked, each with the link in use.
    pub fn linked(&self) -> impl Iterator<Item = (InstanceId, LinkId)> + '_ {
        self.neighbours.iter().filter_map(|(instance, neighbour)| Some((*instance, neighbour.current?.link)))
    }

    /// How many proxies are known, linked or not.
    #[must_use]
    pub fn known(&self) -> usize {
        self.neighbours.len()
    }

    fn establish(&mut self, link: LinkId, instance: InstanceId, by_us: bool, now: Duration) -> Verdict {
        let old = self.neighbours.get(&instance).and_then(|neighbour| neighbour.current);
        let verdict = match old.map(|old| ruling(self.us, instance, old.by_us, by_us)) {
            Some(Ruling::Refuse) => Verdict::Close(LinkCode::Duplicate),
            Some(Ruling::Replace) => self.wait(link, instance),
            Some(Ruling::Supersede) => self.try_out(link, instance, by_us, now),
            None => {
                let unknown = !self.neighbours.contains_key(&instance);
                if self.links.len() >= self.config.max_links || (unknown && !self.make_room(0)) {
                    return Verdict::Close(LinkCode::Limit);
                }
                let neighbour = self.neighbours.entry(instance).or_default();
                neighbour.current = Some(Current { link, by_us, since: now });
                Verdict::Keep
            }
        };
        if let Verdict::Close(_) = verdict {
            return verdict;
        }
        self.links.insert(link, instance);
        for target in self.targets_of(instance) {
            if let Some(dial) = self.dialler.rest(target) {
                self.actions.push_back(Action::Abandon { dial });
            }
        }
        verdict
    }

    /// All under which that proxy is dialled.
    fn targets_of(&self, instance: InstanceId) -> Vec<Target> {
        let fixed = self.fixed.iter().enumerate().filter(|(_, fixed)| fixed.instance == Some(instance));
        fixed.map(|(at, _)| Target::Fixed(FixedId(at))).chain([Target::Found(instance)]).collect()
    }

    /// Forgets a proxy that there is no more reason to remember.
    fn tidy(&mut self, instance: InstanceId) {
        let Some(neighbour) = self.neighbours.get(&instance) else { return };
        let target = Target::Found(instance);
        if neighbour.recorded || self.dialler.is_dialling(target) {
            return;
        }
        self.dialler.forget(target);
        if neighbour.current.is_none() {
            self.neighbours.remove(&instance);
        }
    }

    /// Whether there is room for one more proxy, after the one dialled in vain most often, and at least so often, went.
    fn make_room(&mut self, at_least: u32) -> bool {
        if self.neighbours.len() < self.config.max_neighbours {
            return true;
        }
        let unlinked = self.neighbours.iter().filter(|(_, neighbour)| neighbour.current.is_none());
        let failures = unlinked.map(|(instance, _)| (self.dialler.failures(Target::Found(*instance)), *instance));
        let Some((_, worst)) = failures.max().filter(|(failures, _)| *failures >= at_least) else { return false };
        self.neighbours.remove(&worst);
        if let Some(dial) = self.dialler.forget(Target::Found(worst)) {
            self.actions.push_back(Action::Abandon { dial });
        }
        true
    }

    fn dial_what_is_due(&mut self, now: Duration) {
        while let Some((dial, address)) = self.dialler.due(now, &self.config) {
            self.actions.push_back(Action::Dial { dial, address });
        }
    }
}

#[cfg(test)]
mod tests;
