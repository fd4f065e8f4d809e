//! What happens by chance: clients act, proxies stop, links break, the network is parted.

use crate::{
    net::Slot,
    world::{Event, World},
};
use nws_protocol::{LinkCode, PeerId};
use rand_chacha::rand_core::RngCore;
use std::time::Duration;

impl World {
    /// A proxy ends: with a goodbye, or by a crash.
    fn stop(&mut self, slot: Slot, goodbye: bool) {
        self.witness.crashed(slot);
        let proxy = &mut self.proxies[slot];
        proxy.alive = false;
        proxy.run += 1;
        proxy.hubs.clear();
        let instance = proxy.instance;
        for at in std::mem::take(&mut proxy.ends) {
            let other = self.end(at.other()).slot;
            self.witness.broke(slot, other, None, self.now);
            self.end_mut(at).open = false;
            let soon = goodbye || self.chance(50);
            let wait = if soon { self.delay() } else { self.between(15_000, 17_000) };
            let code = if goodbye { LinkCode::GoingAway } else { LinkCode::Silent };
            self.schedule(self.now + wait, Event::Closed { to: at.other(), code, local: !goodbye });
        }
        if self.discovery {
            for other in (0..self.proxies.len()).filter(|other| *other != slot) {
                let wait = self.between(500, 20_000);
                self.schedule(self.now + wait, Event::Lost { slot: other, instance });
            }
        }
        let wait = self.between(1, 5000);
        self.schedule(self.now + wait, Event::Restart { slot });
    }

    fn partition(&mut self, a: Slot, b: Slot, lasting: Duration) {
        if a == b || self.blocked(a, b).is_some() {
            return;
        }
        let since = self.now;
        self.partitions.insert((a.min(b), a.max(b)), (since, since + lasting));
        for at in self.proxies[a].ends.clone() {
            if self.end(at.other()).slot == b {
                for at in [at, at.other()] {
                    let wait = self.between(15_000, 17_000);
                    self.schedule(self.now + wait, Event::Silence { at, since });
                }
            }
        }
    }

    pub(crate) fn by_chance(&mut self) {
        let slot = self.pick(self.proxies.len());
        if !self.proxies[slot].alive {
            return;
        }
        let other = self.pick(self.proxies.len());
        let what = self.pick(1000);
        match what {
            990.. if self.rough => {
                self.note(|| format!("{slot}: stops"));
                self.stop(slot, what >= 996);
            }
            980..990 if self.rough => {
                let lasting = self.between(100, 25_000);
                self.note(|| format!("{slot} can't reach {other} for {lasting:?}"));
                self.partition(slot, other, lasting);
            }
            976..980 if self.rough => {
                let lasting = self.between(1000, 25_000);
                self.note(|| format!("{slot}: interface down for {lasting:?}"));
                (0..self.proxies.len()).for_each(|other| self.partition(slot, other, lasting));
            }
            956..976 if self.rough => {
                if let Some(at) = self.proxies[slot].ends.first().copied() {
                    self.note(|| format!("link {} is cut", at.link));
                    self.cut(at.link);
                }
            }
            // A second way to a proxy that is linked already: duplicates, hand-over.
            900..956 => {
                if self.proxies[slot].neighbours.known() < 40 && self.chance(40) {
                    self.add_fixed(slot, other);
                }
            }
            what => self.client_acts(slot, what),
        }
    }

    fn client_acts(&mut self, slot: Slot, what: usize) {
        let chan = self.rng.next_u32() as u8 % self.channels;
        let locals: Vec<PeerId> =
            self.proxies[slot].hubs.get(&chan).map(|hub| hub.roster.locals().collect()).unwrap_or_default();
        if locals.is_empty() || (what < 150 && locals.len() < 4) {
            return self.client_joins(slot, chan);
        }
        let client = locals[self.pick(locals.len())];
        match what {
            0..300 => {
                self.client_leaves(slot, chan, client);
                // A page that is loaded again.
                if self.chance(40) {
                    self.client_joins(slot, chan);
                }
            }
            300..600 => {
                let known = self.witness.acquaintances(client);
                let target = if known.is_empty() { client } else { known[self.pick(known.len())] };
                self.client_messages(slot, chan, client, target);
            }
            _ => self.client_broadcasts(slot, chan, client),
        }
    }
}
