//! What every client saw and sent, and the promises that hold over it. It knows nothing of links, lanes
//! or proxies except which proxy a client is at, and when something broke between two proxies.

use crate::net::{Chan, Slot};
use nws_protocol::PeerId;
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

/// What a proxy tells a client.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Told {
    Connect(PeerId),
    Disconnect(PeerId),
    /// A broadcast or a direct message; its number among all that `source` sent.
    Message {
        source: PeerId,
        no: usize,
    },
    /// `unknown_target`, for the message with this number.
    Refused {
        no: usize,
    },
}

/// A promise that was broken, in words.
pub(crate) type Broken = String;

#[derive(Debug, Default)]
pub(crate) struct Witness {
    clients: BTreeMap<PeerId, Client>,
    /// How often, and when last, something broke between two proxies: for all channels, and for one.
    breaks: BTreeMap<(Slot, Slot, Option<Chan>), (usize, Duration)>,
    pub(crate) delivered: usize,
    pub(crate) handed_over: usize,
}

#[derive(Debug)]
struct Client {
    slot: Slot,
    chan: Chan,
    here: bool,
    /// Its proxy crashed: what it sent may be lost, and nobody looks at what it saw.
    crashed: bool,
    /// Whom it sees, and the last message of each in this session.
    view: BTreeMap<PeerId, Option<usize>>,
    connects: BTreeMap<PeerId, usize>,
    last_disconnect: BTreeMap<PeerId, Duration>,
    sent: Vec<Message>,
}

#[derive(Debug)]
struct Message {
    at: Duration,
    to: Option<PeerId>,
    /// Whom the sender saw when it sent.
    audience: BTreeSet<PeerId>,
    delivered: BTreeSet<PeerId>,
    refused: bool,
}

impl Message {
    fn is_for(&self, peer: PeerId) -> bool {
        self.to.is_none_or(|to| to == peer) && !self.refused
    }
}

impl Witness {
    pub(crate) fn joined(&mut self, peer: PeerId, slot: Slot, chan: Chan) {
        let client = Client {
            slot,
            chan,
            here: true,
            crashed: false,
            view: BTreeMap::new(),
            connects: BTreeMap::new(),
            last_disconnect: BTreeMap::new(),
            sent: Vec::new(),
        };
        self.clients.insert(peer, client);
    }

    pub(crate) fn left(&mut self, peer: PeerId) {
        self.clients.get_mut(&peer).unwrap().here = false;
    }

    pub(crate) fn crashed(&mut self, slot: Slot) {
        for client in self.clients.values_mut().filter(|client| client.slot == slot && client.here) {
            client.here = false;
            client.crashed = true;
        }
    }

    /// Something broke between two proxies; for one channel or for all.
    pub(crate) fn broke(&mut self, a: Slot, b: Slot, chan: Option<Chan>, now: Duration) {
        let entry = self.breaks.entry((a.min(b), a.max(b), chan)).or_default();
        *entry = (entry.0 + 1, now);
    }

    fn breaks(&self, a: PeerId, b: PeerId) -> (usize, Option<Duration>) {
        let (a, b) = (&self.clients[&a], &self.clients[&b]);
        let (low, high) = (a.slot.min(b.slot), a.slot.max(b.slot));
        let all = self.breaks.get(&(low, high, None));
        let one = self.breaks.get(&(low, high, Some(a.chan)));
        let count = all.map_or(0, |b| b.0) + one.map_or(0, |b| b.0);
        (count, all.map(|b| b.1).max(one.map(|b| b.1)))
    }

    /// A client sends; the answer is the number of the message.
    pub(crate) fn sends(&mut self, source: PeerId, to: Option<PeerId>, now: Duration) -> usize {
        let client = self.clients.get_mut(&source).unwrap();
        let audience = match to {
            Some(to) => client.view.contains_key(&to).then_some(to).into_iter().collect(),
            None => client.view.keys().copied().collect(),
        };
        client.sent.push(Message { at: now, to, audience, delivered: BTreeSet::new(), refused: false });
        client.sent.len() - 1
    }

    /// Any peer that this client sees or saw.
    pub(crate) fn acquaintances(&self, peer: PeerId) -> Vec<PeerId> {
        self.clients[&peer].connects.keys().copied().collect()
    }

    /// A proxy tells a client something.
    pub(crate) fn told(&mut self, peer: PeerId, what: Told, now: Duration) -> Result<(), Broken> {
        let reason = match what {
            Told::Connect(other) => self.connect(peer, other),
            Told::Disconnect(other) => self.disconnect(peer, other, now),
            Told::Message { source, no } => self.message(peer, source, no),
            Told::Refused { no } => self.refused(peer, no),
        };
        let gone = !self.clients[&peer].here;
        match reason {
            Ok(()) if gone => Err(format!("{what:?} was told to {peer}, who is gone")),
            Ok(()) => Ok(()),
            Err(reason) => Err(format!("{what:?} told to {peer}: {reason}")),
        }
    }

    fn connect(&mut self, peer: PeerId, other: PeerId) -> Result<(), Broken> {
        let allowed = 1 + self.breaks(peer, other).0;
        let client = self.clients.get_mut(&peer).unwrap();
        let count = client.connects.entry(other).or_default();
        *count += 1;
        if peer == other {
            return Err("announced to itself".to_owned());
        }
        if *count > allowed {
            return Err(format!("announced {count} times with {} breaks on the way", allowed - 1));
        }
        if client.view.insert(other, None).is_some() {
            return Err("announced while announced".to_owned());
        }
        Ok(())
    }

    fn disconnect(&mut self, peer: PeerId, other: PeerId, now: Duration) -> Result<(), Broken> {
        let client = self.clients.get_mut(&peer).unwrap();
        client.last_disconnect.insert(other, now);
        client.view.remove(&other).map(drop).ok_or_else(|| "gone without having been there".to_owned())
    }

    fn message(&mut self, peer: PeerId, source: PeerId, no: usize) -> Result<(), Broken> {
        if peer == source && self.clients[&source].sent[no].to.is_none() {
            return Err("its own broadcast".to_owned());
        }
        if peer == source {
            // A direct message to oneself comes back.
            self.clients.get_mut(&peer).unwrap().sent[no].delivered.insert(peer);
            return Ok(());
        }
        let session = self.clients[&peer].view.get(&source);
        let last = *session.ok_or_else(|| "a message from somebody who is not connected".to_owned())?;
        let sender = &self.clients[&source];
        if let Some(last) = last {
            if no <= last {
                return Err(format!("number {no} came after {last}"));
            }
            let skipped = (last + 1..no).find(|no| sender.sent[*no].is_for(peer));
            if let Some(skipped) = skipped {
                return Err(format!("number {skipped} is missing between {last} and {no}"));
            }
        }
        self.clients.get_mut(&peer).unwrap().view.insert(source, Some(no));
        self.delivered += 1;
        let message = &mut self.clients.get_mut(&source).unwrap().sent[no];
        if !message.is_for(peer) {
            return Err("it was for somebody else, or refused".to_owned());
        }
        if !message.delivered.insert(peer) {
            return Err("it came twice".to_owned());
        }
        Ok(())
    }

    fn refused(&mut self, peer: PeerId, no: usize) -> Result<(), Broken> {
        let message = &mut self.clients.get_mut(&peer).unwrap().sent[no];
        message.refused = true;
        if message.delivered.is_empty() { Ok(()) } else { Err("refused and delivered".to_owned()) }
    }

    /// Nothing is on the way any more: was anything lost in silence, and does everybody see everybody?
    pub(crate) fn quiet(&self) -> Result<(), Broken> {
        for (peer, client) in &self.clients {
            if client.here {
                let there = self.clients.iter().filter(|(id, c)| c.here && c.chan == client.chan && *id != peer);
                let there: BTreeSet<PeerId> = there.map(|(id, _)| *id).collect();
                let seen: BTreeSet<PeerId> = client.view.keys().copied().collect();
                if there != seen {
                    let missing: Vec<&PeerId> = there.difference(&seen).collect();
                    let ghosts: Vec<&PeerId> = seen.difference(&there).collect();
                    return Err(format!("after quiet {peer} does not see {missing:?} and sees {ghosts:?}"));
                }
            }
            if !client.crashed {
                client.sent.iter().enumerate().try_for_each(|(no, message)| self.accounted(*peer, no, message))?;
            }
        }
        Ok(())
    }

    /// Whether a message was delivered to each one that its sender saw, or is visibly lost.
    fn accounted(&self, source: PeerId, no: usize, message: &Message) -> Result<(), Broken> {
        let sender = &self.clients[&source];
        if let Some(to) = message.to {
            let gone = sender.last_disconnect.get(&to).is_some_and(|at| *at >= message.at);
            let broke = to != source && self.breaks(source, to).1.is_some_and(|at| at >= message.at);
            let excused = message.refused || !sender.here || (gone && broke);
            if !excused && !message.delivered.contains(&to) {
                return Err(format!("direct message {no} of {source} to {to} vanished (broke: {broke}, gone: {gone})"));
            }
        }
        for receiver in &message.audience {
            let client = &self.clients[receiver];
            if message.delivered.contains(receiver) || message.refused || !client.here {
                continue;
            }
            let gone = |of: &Client, who| of.last_disconnect.get(who).is_some_and(|at| *at >= message.at);
            let broke = self.breaks(source, *receiver).1.is_some_and(|at| at >= message.at);
            // A sender that left meanwhile can't be told, and for the receiver it is gone either way.
            let visible = !sender.here || gone(sender, receiver) || gone(client, &source);
            if !(broke && visible) {
                return Err(format!(
                    "message {no} of {source}, sent at {:?}, did not come to {receiver} (broke: {broke}, visible: {visible})",
                    message.at
                ));
            }
        }
        Ok(())
    }
}
