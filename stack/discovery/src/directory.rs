//! What is known of each instance: pure. Merges the services of one instance into one list of candidates and
//! says what changed since it last said something. Knows neither DNS nor clocks; time is an argument.

use crate::{Candidate, DiscoveredTransport, DiscoveryEvent};
use nws_protocol::InstanceId;
use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
    time::Duration,
};
use tokio::time::Instant;

/// Most instances that are remembered. When it is full, further ones are not taken in until one goes: somebody who
/// announces thousands of instances can't displace those who are really there. A guess, four times the most links.
pub(crate) const MAX_INSTANCES: usize = 4096;

/// A goodbye takes back one service after the other. Between the two the instance seems to have moved, which is
/// nothing to act on; so after a withdrawal the news waits for the other. Measured: the two come within a few milliseconds.
const WITHDRAWAL_SETTLES: Duration = Duration::from_millis(50);

/// One service of one instance.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Service {
    addresses: Vec<SocketAddr>,
    /// To be forgotten at the end of a sweep unless it is heard of again.
    doubted: bool,
}

#[derive(Debug, Default)]
struct Entry {
    services: BTreeMap<DiscoveredTransport, Service>,
    /// What was last said; empty when nothing was, or `Lost`.
    said: Vec<Candidate>,
}

impl Entry {
    fn candidates(&self) -> Vec<Candidate> {
        let each = |(kind, service): (&DiscoveredTransport, &Service)| {
            let kind = *kind;
            service.addresses.iter().map(move |addr| Candidate { kind, addr: *addr }).collect::<Vec<_>>()
        };
        self.services.iter().flat_map(each).collect()
    }
}

/// Whether a sighting was taken in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Taken {
    Yes,
    /// [`MAX_INSTANCES`] are known already.
    Full,
}

/// The instances that are there.
#[derive(Debug, Default)]
pub(crate) struct Directory {
    entries: BTreeMap<InstanceId, Entry>,
    /// Instances with news, by when it may be told.
    news: BTreeSet<(Instant, InstanceId)>,
    sweeps: BTreeMap<DiscoveredTransport, Instant>,
}

impl Directory {
    /// A service was seen with these addresses; none takes it back.
    pub(crate) fn seen(
        &mut self,
        instance: InstanceId,
        kind: DiscoveredTransport,
        addresses: Vec<SocketAddr>,
        now: Instant,
    ) -> Taken {
        if addresses.is_empty() {
            self.remove(instance, kind, now);
            return Taken::Yes;
        }
        if !self.entries.contains_key(&instance) && self.entries.len() >= MAX_INSTANCES {
            return Taken::Full;
        }
        let entry = self.entries.entry(instance).or_default();
        let service = Service { addresses, doubted: false };
        if entry.services.insert(kind, service.clone()).is_none_or(|old| old.addresses != service.addresses) {
            self.news.insert((now, instance));
        }
        Taken::Yes
    }

    /// A service is no longer announced. During a sweep that is only believed of those who were seen again: while the
    /// daemon fills its memory anew it takes back what it knows only in part.
    pub(crate) fn withdrawn(&mut self, instance: InstanceId, kind: DiscoveredTransport, now: Instant) {
        let doubted = |entry: &Entry| entry.services.get(&kind).is_some_and(|service| service.doubted);
        if !self.entries.get(&instance).is_some_and(doubted) {
            self.remove(instance, kind, now);
        }
    }

    fn remove(&mut self, instance: InstanceId, kind: DiscoveredTransport, now: Instant) {
        if self.entries.get_mut(&instance).is_some_and(|entry| entry.services.remove(&kind).is_some()) {
            self.news.insert((now + WITHDRAWAL_SETTLES, instance));
        }
    }

    /// Changes may have been missed: what is not seen again until `until` is forgotten then.
    pub(crate) fn sweep(&mut self, kind: DiscoveredTransport, until: Instant) {
        for service in self.entries.values_mut().filter_map(|entry| entry.services.get_mut(&kind)) {
            service.doubted = true;
        }
        self.sweeps.insert(kind, until);
    }

    /// Which services of this instance are there.
    pub(crate) fn services(&self, instance: InstanceId) -> impl Iterator<Item = DiscoveredTransport> {
        self.entries.get(&instance).into_iter().flat_map(|entry| entry.services.keys().copied())
    }

    /// When [`poll`](Self::poll) should be called again.
    pub(crate) fn next_timeout(&self) -> Option<Instant> {
        let news = self.news.first().map(|(due, _)| *due);
        news.into_iter().chain(self.sweeps.values().copied()).min()
    }

    /// What has changed for the listener.
    pub(crate) fn poll(&mut self, now: Instant) -> Option<DiscoveryEvent> {
        self.end_sweeps(now);
        while let Some(&(due, instance)) = self.news.first() {
            if due > now {
                return None;
            }
            self.news.remove(&(due, instance));
            if let Some(event) = self.say(instance) {
                return Some(event);
            }
        }
        None
    }

    fn say(&mut self, instance: InstanceId) -> Option<DiscoveryEvent> {
        let entry = self.entries.get_mut(&instance)?;
        let candidates = entry.candidates();
        if candidates == entry.said {
            if candidates.is_empty() {
                self.entries.remove(&instance);
            }
            return None;
        }
        if candidates.is_empty() {
            self.entries.remove(&instance);
            return Some(DiscoveryEvent::Lost { instance });
        }
        entry.said.clone_from(&candidates);
        Some(DiscoveryEvent::Found { instance, candidates })
    }

    fn end_sweeps(&mut self, now: Instant) {
        let over: Vec<DiscoveredTransport> =
            self.sweeps.iter().filter(|(_, until)| **until <= now).map(|(kind, _)| *kind).collect();
        for kind in over {
            self.sweeps.remove(&kind);
            let doubted = |entry: &Entry| entry.services.get(&kind).is_some_and(|service| service.doubted);
            let gone: Vec<InstanceId> =
                self.entries.iter().filter(|(_, entry)| doubted(entry)).map(|(instance, _)| *instance).collect();
            for instance in gone {
                self.remove(instance, kind, now);
            }
        }
    }
}

#[cfg(test)]
mod tests;
