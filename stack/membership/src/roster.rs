//! The membership of one channel at one proxy: its own clients, and the peers behind other proxies.
//!
//! The channel's hub owns it under its lock and calls it for each thing that happens, so that
//! presence and messages have one order. It knows nothing of links, lanes as byte streams, clients'
//! queues or time; it answers what the local clients are to be told, in the order to tell it.
//!
//! # What is known of one remote proxy
//!
//! | state | lane attached | announced members | next |
//! |---|---|---|---|
//! | *absent* | no | none | `lane_begins` → listing |
//! | *listing* | yes, its full list is still coming | those kept from the lane before, if any | last `members` → live |
//! | *live* | yes | those of the list, then as they join and part | `lane_ends` → absent or kept |
//! | *kept* | no, a successor is on its way | those of the lane that ended | `lane_begins` → listing |
//!
//! | input | absent | listing | live | kept |
//! |---|---|---|---|---|
//! | `lane_begins` | listing | listing anew, members kept ¹ | listing, members kept ¹ | listing, members kept |
//! | `members`, more to come | `UnexpectedList` | remembered, not announced | `UnexpectedList` | `UnexpectedList` |
//! | `members`, the last | `UnexpectedList` | live; the difference is announced | `UnexpectedList` | `UnexpectedList` |
//! | `remote_join`, `remote_part`, `speaks` | `BeforeList` | `BeforeList` | as the words say | `BeforeList` |
//! | `lane_ends`, handed over | – | kept, or absent when nobody was announced | kept, or absent likewise | kept |
//! | `lane_ends`, otherwise | – | absent; the announced are gone | absent; the announced are gone | absent; the announced are gone |
//!
//! ¹ The hub attaches a lane only after the one before has ended, so this does not happen; it is
//! taken as a hand-over.
//!
//! A list is announced as a whole, when it is complete, as the difference to what was kept: first who
//! is gone, then who is new. Whoever is in both heard nothing. After any [`Misbehaved`] the caller ends
//! the lane; what it had announced until then is taken back by `lane_ends`.
//!
//! A *kept* proxy waits for as long as nobody says otherwise: whoever said `handed_over` owes either a
//! `lane_begins` or a `lane_ends(…, false, …)`.

use nws_protocol::{InstanceId, LinkCode, PeerId};
use std::collections::{BTreeMap, BTreeSet};

/// Most members of one channel behind one remote proxy. A guess: above the 28,232 connections that
/// Linux opens by default from one address to one port (`ip_local_port_range`).
pub const MAX_MEMBERS_PER_INSTANCE: usize = 32_768;

/// Most members of one channel behind all remote proxies together. A guess; each takes about 100 bytes.
pub const MAX_REMOTE_MEMBERS: usize = 65_536;

/// What every local client is to be told, except a client about itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Change {
    /// This peer is there now.
    Connect(PeerId),
    /// This peer is gone; nothing more comes from it.
    Disconnect(PeerId),
}

/// Where a member is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Whereabouts {
    /// A client of this proxy.
    Local,
    /// A client of that proxy.
    Remote(InstanceId),
}

/// What a remote proxy did wrong on a channel's lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Misbehaved {
    /// It spoke before its member list was complete.
    #[error("a message before the member list was complete")]
    BeforeList,
    /// It sent a member list where none is due.
    #[error("a member list where none is due")]
    UnexpectedList,
    /// It announced a peer twice.
    #[error("a peer was announced that is already here")]
    AlreadyHere,
    /// It spoke of, or for, a peer that it has not announced.
    #[error("a peer that was not announced")]
    NotHere,
    /// It claimed a peer that belongs to this proxy or to another one.
    #[error("a peer that belongs to another proxy")]
    ForeignPeer,
    /// It announced more peers than there is room for.
    #[error("more members than there is room for")]
    TooMany,
}

impl Misbehaved {
    /// The code with which the lane, or the link, is closed.
    #[must_use]
    pub const fn code(self) -> LinkCode {
        match self {
            Self::TooMany => LinkCode::Limit,
            _ => LinkCode::Malformed,
        }
    }
}

/// The membership of one channel at one proxy.
#[derive(Debug, Default, Clone)]
pub struct Roster {
    locals: BTreeSet<PeerId>,
    /// Never holds an instance without a lane and without members.
    remotes: BTreeMap<InstanceId, Remote>,
    /// The proxy of each remote peer that is announced, or listed and not announced yet. So two
    /// proxies can't claim one peer, not even between the frames of a long list.
    owners: BTreeMap<PeerId, InstanceId>,
}

#[derive(Debug, Default, Clone)]
struct Remote {
    phase: Phase,
    /// Whom the local clients know.
    announced: BTreeSet<PeerId>,
}

#[derive(Debug, Default, Clone)]
enum Phase {
    /// No lane: the one before was handed over.
    #[default]
    Kept,
    /// A lane whose list is incomplete, and what came of the list.
    Listing(BTreeSet<PeerId>),
    /// A lane whose list is complete.
    Live,
}

impl Roster {
    /// A channel with nobody in it.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A client of this proxy joins. `false` when the id is taken, here or by a remote proxy: draw another.
    #[must_use]
    pub fn join(&mut self, peer: PeerId) -> bool {
        !self.owners.contains_key(&peer) && self.locals.insert(peer)
    }

    /// A client of this proxy leaves. `false` when it was not here.
    pub fn part(&mut self, peer: PeerId) -> bool {
        self.locals.remove(&peer)
    }

    /// The clients of this proxy, in the order of their ids.
    pub fn locals(&self) -> impl Iterator<Item = PeerId> + '_ {
        self.locals.iter().copied()
    }

    /// How many clients of this proxy are in the channel.
    #[must_use]
    pub fn local_count(&self) -> usize {
        self.locals.len()
    }

    /// How many announced peers of other proxies are in the channel.
    #[must_use]
    pub fn remote_count(&self) -> usize {
        self.remotes.values().map(|remote| remote.announced.len()).sum()
    }

    /// All members that are announced: the local ones, then the remote ones proxy by proxy. What a
    /// joiner is told of, except itself.
    pub fn peers(&self) -> impl Iterator<Item = PeerId> + '_ {
        self.locals().chain(self.remotes.values().flat_map(|remote| remote.announced.iter().copied()))
    }

    /// Where an announced member is; `None` when there is no such member.
    #[must_use]
    pub fn locate(&self, peer: PeerId) -> Option<Whereabouts> {
        if self.locals.contains(&peer) {
            return Some(Whereabouts::Local);
        }
        let owner = *self.owners.get(&peer)?;
        let announced = self.remotes.get(&owner).is_some_and(|remote| remote.announced.contains(&peer));
        announced.then_some(Whereabouts::Remote(owner))
    }

    /// A lane from that proxy is attached; its full list is expected.
    pub fn lane_begins(&mut self, from: InstanceId) {
        self.forget_incomplete_list(from);
        self.remotes.entry(from).or_default().phase = Phase::Listing(BTreeSet::new());
    }

    /// One frame of the full list with which a lane begins; with `more`, another follows.
    ///
    /// # Errors
    /// When no list is due, or a peer in it is listed twice, belongs to somebody else, or is one too many.
    /// The lane is to be ended then.
    pub fn members(
        &mut self,
        from: InstanceId,
        list: &[PeerId],
        more: bool,
        out: &mut Vec<Change>,
    ) -> Result<(), Misbehaved> {
        let remote = self.remotes.get_mut(&from).ok_or(Misbehaved::UnexpectedList)?;
        let Phase::Listing(listed) = &mut remote.phase else { return Err(Misbehaved::UnexpectedList) };
        for &peer in list {
            if listed.contains(&peer) {
                return Err(Misbehaved::AlreadyHere);
            }
            if listed.len() >= MAX_MEMBERS_PER_INSTANCE {
                return Err(Misbehaved::TooMany);
            }
            claim(&self.locals, &mut self.owners, from, peer)?;
            listed.insert(peer);
        }
        if more {
            return Ok(());
        }
        let listed = std::mem::take(listed);
        for &gone in remote.announced.difference(&listed) {
            self.owners.remove(&gone);
            out.push(Change::Disconnect(gone));
        }
        out.extend(listed.difference(&remote.announced).copied().map(Change::Connect));
        remote.announced = listed;
        remote.phase = Phase::Live;
        Ok(())
    }

    /// A client of that proxy joined.
    ///
    /// # Errors
    /// When its list is incomplete, or the peer is here already, belongs to somebody else, or is one too many.
    pub fn remote_join(&mut self, from: InstanceId, peer: PeerId, out: &mut Vec<Change>) -> Result<(), Misbehaved> {
        let announced = live(&mut self.remotes, from)?;
        if announced.contains(&peer) {
            return Err(Misbehaved::AlreadyHere);
        }
        if announced.len() >= MAX_MEMBERS_PER_INSTANCE {
            return Err(Misbehaved::TooMany);
        }
        claim(&self.locals, &mut self.owners, from, peer)?;
        announced.insert(peer);
        out.push(Change::Connect(peer));
        Ok(())
    }

    /// A client of that proxy left.
    ///
    /// # Errors
    /// When its list is incomplete, or the peer is not one of its announced members.
    pub fn remote_part(&mut self, from: InstanceId, peer: PeerId, out: &mut Vec<Change>) -> Result<(), Misbehaved> {
        let announced = live(&mut self.remotes, from)?;
        if !announced.remove(&peer) {
            return Err(self.stranger(from, peer));
        }
        self.owners.remove(&peer);
        out.push(Change::Disconnect(peer));
        Ok(())
    }

    /// Whether `peer` may be the source of a message from that proxy now. Two look-ups, no allocation.
    ///
    /// # Errors
    /// When the proxy's list is incomplete, or the peer is not one of its announced members.
    pub fn speaks(&self, from: InstanceId, peer: PeerId) -> Result<(), Misbehaved> {
        match self.remotes.get(&from) {
            Some(Remote { phase: Phase::Live, announced }) if announced.contains(&peer) => Ok(()),
            Some(Remote { phase: Phase::Live, .. }) => Err(self.stranger(from, peer)),
            _ => Err(Misbehaved::BeforeList),
        }
    }

    /// Asserts that this proxy's member list is complete, as nothing but lists may come before.
    ///
    /// # Errors
    /// [`Misbehaved::BeforeList`].
    pub fn listed(&self, from: InstanceId) -> Result<(), Misbehaved> {
        match self.remotes.get(&from) {
            Some(Remote { phase: Phase::Live, .. }) => Ok(()),
            _ => Err(Misbehaved::BeforeList),
        }
    }

    /// The lane from that proxy is over. When a newer lane takes its place (`handed_over`), its announced
    /// members stay until the newer one's list is complete; otherwise they are gone.
    pub fn lane_ends(&mut self, from: InstanceId, handed_over: bool, out: &mut Vec<Change>) {
        self.forget_incomplete_list(from);
        let Some(remote) = self.remotes.get_mut(&from) else { return };
        if handed_over && !remote.announced.is_empty() {
            remote.phase = Phase::Kept;
            return;
        }
        for gone in self.remotes.remove(&from).into_iter().flat_map(|remote| remote.announced) {
            self.owners.remove(&gone);
            out.push(Change::Disconnect(gone));
        }
    }

    /// Gives back what an incomplete list had claimed beyond the announced members.
    fn forget_incomplete_list(&mut self, from: InstanceId) {
        let Some(remote) = self.remotes.get_mut(&from) else { return };
        if let Phase::Listing(listed) = &mut remote.phase {
            for peer in std::mem::take(listed).difference(&remote.announced) {
                self.owners.remove(peer);
            }
        }
    }

    /// What is wrong with a proxy that speaks for a peer which is not its own.
    fn stranger(&self, from: InstanceId, peer: PeerId) -> Misbehaved {
        let elsewhere = self.owners.get(&peer).is_some_and(|owner| *owner != from);
        if elsewhere || self.locals.contains(&peer) { Misbehaved::ForeignPeer } else { Misbehaved::NotHere }
    }
}

/// The announced members of a proxy whose list is complete.
fn live(remotes: &mut BTreeMap<InstanceId, Remote>, from: InstanceId) -> Result<&mut BTreeSet<PeerId>, Misbehaved> {
    match remotes.get_mut(&from) {
        Some(Remote { phase: Phase::Live, announced }) => Ok(announced),
        _ => Err(Misbehaved::BeforeList),
    }
}

/// Notes that a peer is that proxy's, if it is nobody else's and there is room.
fn claim(
    locals: &BTreeSet<PeerId>,
    owners: &mut BTreeMap<PeerId, InstanceId>,
    from: InstanceId,
    peer: PeerId,
) -> Result<(), Misbehaved> {
    match owners.get(&peer) {
        Some(owner) if *owner == from => Ok(()),
        Some(_) => Err(Misbehaved::ForeignPeer),
        None if locals.contains(&peer) => Err(Misbehaved::ForeignPeer),
        None if owners.len() >= MAX_REMOTE_MEMBERS => Err(Misbehaved::TooMany),
        None => {
            owners.insert(peer, from);
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests;
