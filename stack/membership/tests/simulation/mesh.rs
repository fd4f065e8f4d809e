//! What the mesh does for `Neighbours`: dials, exchanges Hellos, accepts at the first Query, drains, closes.

use crate::{
    matching,
    net::{Address, At, Control, End, LaneState, Link, Slot},
    world::{Event, World},
};
use nws_membership::neighbours::{Action, DialId, Verdict};
use nws_protocol::{LinkCode, limits::PROBE_TIMEOUT};
use std::time::Duration;

/// How long a superseded link may take to drain.
const DRAIN_PATIENCE: Duration = Duration::from_secs(5);
/// How long a dial may take.
const DIAL_TIMEOUT: Duration = Duration::from_secs(2);

impl End {
    /// Whether a lane of this channel has come on this link, and all such have ended.
    pub(crate) fn has_read(&self, chan: u8) -> bool {
        let mut lanes = self.incoming.values().filter(|incoming| incoming.chan == Some(chan)).peekable();
        lanes.peek().is_some() && lanes.all(|incoming| incoming.state == LaneState::Done)
    }
}

impl World {
    pub(crate) fn established_ends(&self, slot: Slot) -> Vec<At> {
        let run = self.proxies[slot].run;
        let all = self.proxies[slot].ends.iter().copied();
        all.filter(|at| self.end(*at).established && self.end(*at).open && self.end(*at).run == run).collect()
    }

    /// Does what `Neighbours` asks for.
    pub(crate) fn pump(&mut self, slot: Slot) {
        while let Some(action) = self.proxies[slot].neighbours.poll() {
            self.note(|| format!("{slot}: {action:?}"));
            match action {
                Action::Dial { dial, address } => self.dial(slot, dial, address),
                Action::Abandon { dial } => {
                    let mut ends = self.proxies[slot].ends.iter().copied();
                    if let Some(at) = ends.find(|at| self.end(*at).dial == Some(dial) && self.end(*at).open) {
                        self.close(at, LinkCode::Duplicate);
                    }
                }
                Action::Close { link, code } => self.close(At::of(link), code),
                Action::Supersede { old, by } => {
                    let (old, by) = (At::of(old), At::of(by));
                    self.end_mut(old).superseded_by = Some(by.link);
                    self.schedule(self.now + DRAIN_PATIENCE, Event::DrainDeadline { at: old });
                    self.admit(by);
                    self.drain(old);
                }
                Action::Probe { link } => {
                    let at = At::of(link);
                    let of_use = !self.end(at).matching.matched.is_empty() && self.answers(at);
                    let wait = if of_use { self.delay() } else { PROBE_TIMEOUT };
                    self.schedule(self.now + wait, Event::Probed { at, of_use });
                }
                Action::Admit { link } => self.admit(At::of(link)),
                Action::Ourselves { .. } => {}
            }
        }
        let proxy = &mut self.proxies[slot];
        let next = proxy.neighbours.next_timeout();
        if next != proxy.timer {
            proxy.timer = next;
            let run = proxy.run;
            if let Some(at) = next {
                self.schedule(at.max(self.now), Event::Timer { slot, run });
            }
        }
    }

    fn dial(&mut self, slot: Slot, dial: DialId, address: Address) {
        let there = address.slot;
        let run = self.proxies[slot].run;
        let deaf = self.blocked(slot, there).is_some() || (address.quic && self.without_quic);
        if deaf || !self.proxies[there].alive {
            let wait = if deaf { DIAL_TIMEOUT } else { self.delay() };
            self.schedule(self.now + wait, Event::DialFailed { slot, run, dial });
            return;
        }
        let link = self.links.len();
        let (here, other) = (&self.proxies[slot], &self.proxies[there]);
        let ends =
            [End::new(slot, here.run, here.instance, Some(dial)), End::new(there, other.run, other.instance, None)];
        self.links.push(Link { ends, cut: false });
        self.proxies[slot].ends.push(At { link, end: 0 });
        self.proxies[there].ends.push(At { link, end: 1 });
        let wait = self.delay() + self.delay() + self.delay();
        self.schedule(self.now + wait, Event::Greeted { link });
    }

    /// The initiator has the other's Hello, or gives up.
    pub(crate) fn greeted(&mut self, link: usize) {
        let at = At { link, end: 0 };
        let (here, there) = (self.end(at), self.end(at.other()));
        let (slot, instance, dial) = (here.slot, there.instance, here.dial);
        let Some(dial) = dial.filter(|_| here.open) else { return };
        if self.links[link].cut || !there.open || self.blocked(slot, there.slot).is_some() {
            return self.close(at, LinkCode::None);
        }
        self.end_mut(at).dial = None;
        let (now, rng) = (self.now, &mut self.rng);
        let verdict = self.proxies[slot].neighbours.dialled(dial, at.id(), instance, now, rng);
        self.pump(slot);
        self.note(|| format!("{slot}: link {link} dialled: {verdict:?}"));
        match verdict {
            Verdict::Keep => {
                self.say(at, Control::FirstQuery);
                self.establish(at);
            }
            Verdict::Prove => {
                self.say(at, Control::FirstQuery);
                self.try_out(at);
            }
            Verdict::Wait => self.fail("who dialled has nothing to wait for".to_owned()),
            Verdict::Close(code) => self.close(at, code),
        }
    }

    /// Whether a Ping on this link would be answered.
    fn answers(&self, at: At) -> bool {
        let (here, there) = (self.end(at), self.end(at.other()));
        here.open && there.open && !self.links[at.link].cut && self.blocked(here.slot, there.slot).is_none()
    }

    pub(crate) fn probed(&mut self, at: At, of_use: bool) {
        let slot = self.end(at).slot;
        if self.proxies[slot].run == self.end(at).run {
            let now = self.now;
            self.proxies[slot].neighbours.probed(at.id(), of_use, now);
            self.pump(slot);
        }
    }

    /// A link that was not believed is in use now.
    fn admit(&mut self, at: At) {
        if !self.end(at).established {
            return self.establish(at);
        }
        self.end_mut(at).on_trial = None;
        for chan in self.end(at).matching.matched.clone() {
            self.matched(at, chan);
        }
    }

    /// Something was matched or unmatched: whoever is on trial may have proved itself.
    pub(crate) fn prove(&mut self, slot: Slot) {
        let all = self.established_ends(slot);
        for at in all {
            let Some(old) = self.end(at).on_trial else { continue };
            let missing = self.end(old).matching.matched.difference(&self.end(at).matching.matched).next().copied();
            if missing.is_none() {
                let now = self.now;
                self.proxies[slot].neighbours.proved(at.id(), now);
                self.pump(slot);
            }
        }
    }

    fn try_out(&mut self, at: At) {
        let (slot, there) = (self.end(at).slot, self.end(at.other()).instance);
        self.end_mut(at).on_trial = self.proxies[slot].neighbours.link_to(there).map(At::of);
        self.establish(at);
        self.prove(slot);
    }

    fn establish(&mut self, at: At) {
        self.end_mut(at).established = true;
        let slot = self.end(at).slot;
        for chan in self.proxies[slot].hubs.keys().copied().collect::<Vec<_>>() {
            let message = self.end_mut(at).matching.join(chan);
            self.say(at, message);
        }
    }

    pub(crate) fn control_message(&mut self, at: At, message: Control) {
        let (slot, there) = (self.end(at).slot, self.end(at.other()).instance);
        match message {
            Control::FirstQuery => {
                let verdict = match self.proxies[slot].neighbours.greeted(there) {
                    Verdict::Keep => self.proxies[slot].neighbours.accepted(at.id(), there, self.now),
                    close => close,
                };
                self.pump(slot);
                self.note(|| format!("{slot}: link {} accepted: {verdict:?}", at.link));
                match verdict {
                    Verdict::Keep => self.establish(at),
                    Verdict::Prove => self.try_out(at),
                    Verdict::Wait => {}
                    Verdict::Close(code) => self.close(at, code),
                }
            }
            Control::LanesDone(count) => {
                self.end_mut(at).lanes_done = Some(count);
                self.attach_lanes(slot);
                self.drain(at);
            }
            Control::Drained => {
                self.end_mut(at).drained = true;
                self.drain(at);
            }
            message => {
                let (change, answer) = self.end_mut(at).matching.handle(message);
                if let Some(answer) = answer {
                    self.say(at, answer);
                }
                match change {
                    Some(matching::Change::Matched(chan)) => self.matched(at, chan),
                    Some(matching::Change::Unmatched(chan)) => self.unmatched(at, chan),
                    None => {}
                }
                self.prove(slot);
            }
        }
    }

    pub(crate) fn close_if_drained(&mut self, at: At) {
        if self.end(at).drained_sent && self.end(at).drained {
            self.close(at, LinkCode::Duplicate);
        }
    }

    pub(crate) fn drain_deadline(&mut self, at: At) {
        if self.end(at).open {
            self.close(at, LinkCode::Stalled);
        }
    }

    /// A link is over at this end, which tells the other.
    pub(crate) fn close(&mut self, at: At, code: LinkCode) {
        let end = self.end_mut(at);
        if !std::mem::replace(&mut end.open, false) {
            return;
        }
        let (slot, run, other, established) = (end.slot, end.run, self.end(at.other()).slot, self.end(at).established);
        self.note(|| format!("{slot}: link {} closed: {code:?}", at.link));
        self.proxies[slot].ends.retain(|mine| *mine != at);
        let wait = self.delay();
        self.schedule(self.now + wait, Event::Closed { to: at.other(), code, local: false });
        if let Some(dial) = self.end_mut(at).dial.take() {
            let (now, rng) = (self.now, &mut self.rng);
            self.proxies[slot].neighbours.dial_failed(dial, now, rng);
            self.pump(slot);
        }
        if !established && run == self.proxies[slot].run {
            // It may have been waiting for the word of the rules.
            let (now, rng) = (self.now, &mut self.rng);
            self.proxies[slot].neighbours.link_down(at.id(), code, now, rng);
        }
        if established && run == self.proxies[slot].run {
            if self.end(at).superseded_by.is_none() || code != LinkCode::Duplicate {
                self.witness.broke(slot, other, None, self.now);
            }
            self.lanes_are_gone(at);
            let (now, rng) = (self.now, &mut self.rng);
            self.proxies[slot].neighbours.link_down(at.id(), code, now, rng);
            self.pump(slot);
        }
    }
}
