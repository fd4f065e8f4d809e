//! What a hub does with a roster: tells its clients, feeds its lanes, attaches one lane of each remote proxy at
//! a time. Without logs, queues and pacing.

use crate::{
    net::{At, Chan, Control, Frame, LaneState, Slot},
    witness::Told,
    world::{Event, Sabotage, World},
};
use nws_membership::{Change, Misbehaved, Roster, Whereabouts};
use nws_protocol::{InstanceId, PeerId};
use std::{collections::BTreeMap, time::Duration};

/// How long the members of a lane that ended wait for its successor.
const KEPT_FOR: Duration = Duration::from_secs(5);

#[derive(Debug, Default)]
pub(crate) struct Hub {
    pub(crate) roster: Roster,
    /// The lane to each remote proxy.
    pub(crate) lanes_out: BTreeMap<InstanceId, (At, usize)>,
    /// The attached lane from each remote proxy.
    pub(crate) attached: BTreeMap<InstanceId, (At, usize)>,
    /// Since when the members of a lane that ended are kept for its successor.
    kept: BTreeMap<InstanceId, Duration>,
}

impl World {
    fn hub(&mut self, slot: Slot, chan: Chan) -> Option<&mut Hub> {
        self.proxies[slot].hubs.get_mut(&chan)
    }

    fn tell(&mut self, peer: PeerId, what: Told) {
        if let Err(broken) = self.witness.told(peer, what, self.now) {
            self.fail(broken);
        }
    }

    fn announce(&mut self, slot: Slot, chan: Chan, changes: &[Change], except: Option<PeerId>) {
        let Some(hub) = self.hub(slot, chan) else { return };
        let locals: Vec<PeerId> = hub.roster.locals().filter(|local| Some(*local) != except).collect();
        for change in changes {
            for local in &locals {
                self.tell(
                    *local,
                    match *change {
                        Change::Connect(peer) => Told::Connect(peer),
                        Change::Disconnect(peer) => Told::Disconnect(peer),
                    },
                );
            }
        }
    }

    fn feed(&mut self, slot: Slot, chan: Chan, frame: &Frame) {
        let Some(hub) = self.hub(slot, chan) else { return };
        for (at, lane) in hub.lanes_out.values().copied().collect::<Vec<_>>() {
            self.send(at, lane, frame.clone());
        }
    }

    pub(crate) fn client_joins(&mut self, slot: Slot, chan: Chan) {
        let peer = PeerId::random(&mut self.rng);
        self.note(|| format!("{slot}: {peer} joins {chan}"));
        let opened = !self.proxies[slot].hubs.contains_key(&chan);
        let hub = self.proxies[slot].hubs.entry(chan).or_default();
        assert!(hub.roster.join(peer));
        let others: Vec<PeerId> = hub.roster.peers().filter(|other| *other != peer).collect();
        self.witness.joined(peer, slot, chan);
        others.iter().for_each(|other| self.tell(peer, Told::Connect(*other)));
        self.announce(slot, chan, &[Change::Connect(peer)], Some(peer));
        self.feed(slot, chan, &Frame::Join(peer));
        if opened {
            for at in self.established_ends(slot) {
                let message = self.end_mut(at).matching.join(chan);
                self.say(at, message);
            }
        }
    }

    pub(crate) fn client_leaves(&mut self, slot: Slot, chan: Chan, peer: PeerId) {
        self.note(|| format!("{slot}: {peer} leaves {chan}"));
        self.witness.left(peer);
        let Some(hub) = self.hub(slot, chan) else { return };
        assert!(hub.roster.part(peer));
        let empty = hub.roster.local_count() == 0;
        self.announce(slot, chan, &[Change::Disconnect(peer)], None);
        self.feed(slot, chan, &Frame::Part(peer));
        if empty {
            self.feed(slot, chan, &Frame::End);
            self.proxies[slot].hubs.remove(&chan);
            for at in self.established_ends(slot) {
                let lanes = self.end_mut(at).incoming.iter_mut();
                let mut stopped = Vec::new();
                for (lane, incoming) in lanes.filter(|(_, i)| i.chan == Some(chan) && i.state != LaneState::Done) {
                    incoming.state = LaneState::Done;
                    incoming.held.clear();
                    stopped.push(*lane);
                }
                for lane in stopped {
                    let wait = self.delay();
                    self.schedule(self.now + wait, Event::Stop { to: at.other(), lane });
                }
                let (here, there) = (self.end(at).slot, self.end(at.other()).slot);
                if self.end(at).matching.matched.contains(&chan) {
                    self.witness.broke(here, there, Some(chan), self.now);
                }
                if let Some(message) = self.end_mut(at).matching.leave(chan) {
                    self.say(at, message);
                }
                self.drain(at);
            }
            self.prove(slot);
        }
    }

    pub(crate) fn client_broadcasts(&mut self, slot: Slot, chan: Chan, source: PeerId) {
        let no = self.witness.sends(source, None, self.now);
        self.note(|| format!("{slot}: {source} broadcasts {no} in {chan}"));
        let Some(hub) = self.hub(slot, chan) else { return };
        for local in hub.roster.locals().filter(|local| *local != source).collect::<Vec<_>>() {
            self.tell(local, Told::Message { source, no });
        }
        self.feed(slot, chan, &Frame::Broadcast { source, no });
    }

    pub(crate) fn client_messages(&mut self, slot: Slot, chan: Chan, source: PeerId, target: PeerId) {
        let no = self.witness.sends(source, Some(target), self.now);
        self.note(|| format!("{slot}: {source} sends {no} to {target} in {chan}"));
        let Some(hub) = self.hub(slot, chan) else { return };
        match hub.roster.locate(target) {
            Some(Whereabouts::Local) => self.tell(target, Told::Message { source, no }),
            Some(Whereabouts::Remote(there)) if hub.lanes_out.contains_key(&there) => {
                let (at, lane) = hub.lanes_out[&there];
                self.send(at, lane, Frame::Direct { source, target, no });
            }
            _ => self.tell(source, Told::Refused { no }),
        }
    }

    /// The channel is matched at this end: a lane is opened, and takes the place of one on a superseded link.
    pub(crate) fn matched(&mut self, at: At, chan: Chan) {
        let (slot, there) = (self.end(at).slot, self.end(at.other()).instance);
        let superseded = self.end(at).superseded_by.is_some();
        if self.end(at).on_trial.is_some() {
            return;
        }
        let Some(hub) = self.hub(slot, chan) else { return };
        let old = hub.lanes_out.get(&there).copied();
        let locals: Vec<PeerId> = hub.roster.locals().collect();
        // A late match on a superseded link is of use only while there is no lane on the newer one.
        if !(superseded && (old.is_some() || self.end(at).lanes_done_sent)) {
            let new = self.open_lane(at);
            if let Some(hub) = self.hub(slot, chan) {
                hub.lanes_out.insert(there, (at, new));
            }
            if let Some((old_at, old_lane)) = old {
                self.send(old_at, old_lane, Frame::End);
                self.drain(old_at);
            }
            self.send(at, new, Frame::Open(chan));
            let (first, rest) = locals.split_at(locals.len() / 2);
            self.send(at, new, Frame::Members(first.to_vec(), true));
            self.send(at, new, Frame::Members(rest.to_vec(), false));
        }
        self.attach_lanes(slot);
    }

    /// The other proxy left the channel. Its lane is read on to its end.
    pub(crate) fn unmatched(&mut self, at: At, chan: Chan) {
        let (slot, other, there) = (self.end(at).slot, self.end(at.other()).slot, self.end(at.other()).instance);
        self.witness.broke(slot, other, Some(chan), self.now);
        let Some(hub) = self.hub(slot, chan) else { return };
        if let Some((_, lane)) = hub.lanes_out.get(&there).copied().filter(|(on, _)| *on == at) {
            hub.lanes_out.remove(&there);
            self.send(at, lane, Frame::End);
            self.drain(at);
        }
    }

    /// The other proxy stopped a lane of ours: its hub is closed.
    pub(crate) fn lane_stopped(&mut self, at: At, lane: usize) {
        let (slot, there) = (self.end(at).slot, self.end(at.other()).instance);
        for hub in self.proxies[slot].hubs.values_mut() {
            if hub.lanes_out.get(&there) == Some(&(at, lane)) {
                hub.lanes_out.remove(&there);
            }
        }
        self.drain(at);
    }

    pub(crate) fn lane_frame(&mut self, at: At, lane: usize, frame: Frame) {
        let slot = self.end(at).slot;
        let incoming = self.end_mut(at).incoming.entry(lane).or_default();
        if let Frame::Open(chan) = frame {
            incoming.chan = Some(chan);
            return self.attach_lanes(slot);
        }
        match (incoming.state, incoming.chan) {
            (LaneState::Held, _) => incoming.held.push_back(frame),
            (LaneState::Attached, Some(chan)) => self.attached_frame(at, lane, chan, frame),
            _ => {}
        }
    }

    /// Attaches what may be attached, the lanes of superseded links first.
    pub(crate) fn attach_lanes(&mut self, slot: Slot) {
        let mut ends = self.established_ends(slot);
        ends.sort_by_key(|at| self.end(*at).superseded_by.is_none());
        for at in ends {
            for lane in self.end(at).incoming.keys().copied().collect::<Vec<_>>() {
                let Some((chan, hub_is_free)) = self.attachable(at, lane) else { continue };
                if !hub_is_free && self.sabotage != Some(Sabotage::AttachEarly) {
                    continue;
                }
                let there = self.end(at.other()).instance;
                let Some(incoming) = self.end_mut(at).incoming.get_mut(&lane) else { continue };
                incoming.state = LaneState::Attached;
                let held = std::mem::take(&mut incoming.held);
                let Some(hub) = self.hub(slot, chan) else { continue };
                hub.roster.lane_begins(there);
                if let Some((old, old_lane)) = hub.attached.insert(there, (at, lane))
                    && let Some(old) = self.end_mut(old).incoming.get_mut(&old_lane)
                {
                    old.state = LaneState::Done;
                }
                for frame in held {
                    self.attached_frame(at, lane, chan, frame);
                }
            }
        }
    }

    /// The channel of a lane that is held, whose channel is matched and open here; and whether all older ones have ended.
    fn attachable(&self, at: At, lane: usize) -> Option<(Chan, bool)> {
        let end = self.end(at);
        let incoming = end.incoming.get(&lane).filter(|incoming| incoming.state == LaneState::Held)?;
        let chan = incoming.chan?;
        if !end.matching.matched.contains(&chan) || end.on_trial.is_some() {
            return None;
        }
        let hub = self.proxies[end.slot].hubs.get(&chan)?;
        let there = self.end(at.other()).instance;
        // Without a lane back our clients would see peers that can't hear them.
        let lane_back = hub.lanes_out.contains_key(&there);
        let free = !hub.attached.contains_key(&there) && lane_back;
        // A lane on the superseded link may still be on its way, overtaken by this one.
        let older = self.established_ends(end.slot).into_iter().map(|older| self.end(older));
        let mut older = older.filter(|older| older.superseded_by == Some(at.link));
        let overtaken = older.any(|older| !older.all_read() && !older.has_read(chan));
        Some((chan, free && !overtaken))
    }

    fn attached_frame(&mut self, at: At, lane: usize, chan: Chan, frame: Frame) {
        let (slot, from) = (self.end(at).slot, self.end(at.other()).instance);
        let swallow = self.sabotage == Some(Sabotage::SwallowUndeliverable);
        let (mut out, mut tell, mut back) = (Vec::new(), Vec::new(), None);
        let Some(hub) = self.hub(slot, chan) else { return };
        let roster = &mut hub.roster;
        let result: Result<(), Misbehaved> = match frame {
            Frame::Open(_) => Ok(()),
            Frame::Members(list, more) => roster.members(from, &list, more, &mut out),
            Frame::Join(peer) => roster.remote_join(from, peer, &mut out),
            Frame::Part(peer) => roster.remote_part(from, peer, &mut out),
            Frame::Broadcast { source, no } => roster.speaks(from, source).map(|()| {
                tell.extend(roster.locals().map(|local| (local, Told::Message { source, no })));
            }),
            Frame::Direct { source, target, no } => roster.speaks(from, source).map(|()| {
                if roster.locate(target) == Some(Whereabouts::Local) {
                    tell.push((target, Told::Message { source, no }));
                } else if !swallow {
                    back = hub.lanes_out.get(&from).map(|lane| (*lane, Frame::Undeliverable { source, no }));
                }
            }),
            Frame::Undeliverable { source, no } => {
                if roster.locate(source) == Some(Whereabouts::Local) {
                    tell.push((source, Told::Refused { no }));
                }
                Ok(())
            }
            Frame::End => return self.lane_ended(at, lane, chan),
        };
        tell.into_iter().for_each(|(peer, what)| self.tell(peer, what));
        back.into_iter().for_each(|((at, lane), frame)| self.send(at, lane, frame));
        self.announce(slot, chan, &out, None);
        if let Err(wrong) = result {
            self.fail(format!("an honest proxy misbehaved: {wrong}"));
        }
    }

    fn lane_ended(&mut self, at: At, lane: usize, chan: Chan) {
        let (slot, from) = (self.end(at).slot, self.end(at.other()).instance);
        if let Some(incoming) = self.end_mut(at).incoming.get_mut(&lane) {
            incoming.state = LaneState::Done;
        }
        // The other end may know before us that a newer link has proved itself.
        let mut ends = self.proxies[slot].ends.iter();
        let handed_over = self.end(at).superseded_by.is_some() || ends.any(|n| self.end(*n).on_trial == Some(at));
        self.witness.handed_over += usize::from(handed_over);
        self.lane_is_over(slot, chan, from, handed_over);
        if handed_over {
            let (since, run) = (self.now, self.proxies[slot].run);
            self.schedule(since + KEPT_FOR, Event::Kept { slot, run, chan, from, since });
            if let Some(hub) = self.hub(slot, chan) {
                hub.kept.insert(from, since);
            }
        }
        self.attach_lanes(slot);
        self.drain(at);
    }

    /// Nobody waits any longer for a successor that has not begun.
    pub(crate) fn kept_too_long(&mut self, slot: Slot, chan: Chan, from: InstanceId, since: Duration) {
        let Some(hub) = self.hub(slot, chan) else { return };
        if hub.kept.get(&from) == Some(&since) && !hub.attached.contains_key(&from) {
            self.lane_is_over(slot, chan, from, false);
        }
    }

    fn lane_is_over(&mut self, slot: Slot, chan: Chan, from: InstanceId, handed_over: bool) {
        let forget = self.sabotage == Some(Sabotage::KeepTheLost) && !handed_over;
        let Some(hub) = self.hub(slot, chan) else { return };
        hub.attached.remove(&from);
        let mut out = Vec::new();
        hub.roster.lane_ends(from, handed_over || forget, &mut out);
        self.announce(slot, chan, &out, None);
    }

    /// A link is gone at this end, with all its lanes.
    pub(crate) fn lanes_are_gone(&mut self, at: At) {
        let (slot, there) = (self.end(at).slot, self.end(at.other()).instance);
        let superseded = self.end(at).superseded_by.is_some();
        for chan in self.proxies[slot].hubs.keys().copied().collect::<Vec<_>>() {
            let Some(hub) = self.hub(slot, chan) else { continue };
            hub.lanes_out.retain(|_, (on, _)| *on != at);
            let over = match hub.attached.get(&there) {
                Some((on, _)) => *on == at,
                // Those kept for a successor that won't come.
                None => !superseded,
            };
            if over {
                self.lane_is_over(slot, chan, there, false);
            }
        }
        self.end_mut(at).incoming.clear();
        self.attach_lanes(slot);
    }

    /// Moves a superseded link towards its end: first all lanes from here are finished, then all from there are read.
    pub(crate) fn drain(&mut self, at: At) {
        let end = self.end(at);
        if !end.open || end.superseded_by.is_none() {
            return;
        }
        let lanes = end.lanes_opened();
        let hubs = &self.proxies[end.slot].hubs;
        if !end.lanes_done_sent && !hubs.values().any(|hub| hub.lanes_out.values().any(|(on, _)| *on == at)) {
            self.end_mut(at).lanes_done_sent = true;
            self.say(at, Control::LanesDone(lanes));
        }
        let end = self.end_mut(at);
        if end.lanes_done_sent && !end.drained_sent && end.all_read() {
            end.drained_sent = true;
            let slot = end.slot;
            self.say(at, Control::Drained);
            self.attach_lanes(slot);
        }
        self.close_if_drained(at);
    }
}
