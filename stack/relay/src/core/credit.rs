//! Items and their credit: what is taken on from one end, handed to the other, and consumed there.

use super::{
    Core, Frame, Now, PartyId,
    frame::Payload,
    model::{Dialect, Receipt, Side, Stage},
};
use crate::counters::Counters;
use nws_protocol::relay::{DisconnectCode, ErrorCode, Event, ITEM_COST};

/// What is wrong about an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NoItem {
    Unknown,
    NotOpen,
    Finished,
    /// Binary data to an end that has none; the channel has to end.
    TextOnly,
    /// The channel has ended with `flow_control`.
    Ended,
    /// To be tried again.
    NoRoom,
}

impl NoItem {
    /// As the own dialect says it; nothing if `disconnected` says it already, or nothing is wrong.
    pub(super) const fn error(self) -> Option<(ErrorCode, &'static str)> {
        match self {
            Self::Unknown => Some((ErrorCode::UnknownChannel, "you have no channel of this number")),
            Self::NotOpen => Some((ErrorCode::NotOpen, "the server has not accepted this channel yet")),
            Self::Finished => Some((ErrorCode::Finished, "data after finish is dropped")),
            Self::TextOnly => Some((ErrorCode::TextOnly, "the other end can take text only; the channel is closed")),
            Self::Ended | Self::NoRoom => None,
        }
    }
}

/// What an item costs, and so whether it needs credit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// With its cost.
    Data(u64),
    Finish,
}

impl Kind {
    const fn cost(self) -> u64 {
        match self {
            Self::Data(cost) => cost,
            Self::Finish => ITEM_COST,
        }
    }
}

impl Core {
    /// One end says something on a channel. `make` gives the item.
    pub(super) fn say(
        &mut self,
        now: Now,
        party: PartyId,
        id: u64,
        from: Side,
        kind: Kind,
        make: impl FnOnce() -> Payload,
    ) -> Result<(), NoItem> {
        let (cost, dialect) = (kind.cost(), self.dialect(party));
        let other = self.end_of(id, from.other());
        let channel = self.channels.get_mut(&id).ok_or(NoItem::Unknown)?;
        if channel.stage != Stage::Open {
            return Err(NoItem::NotOpen);
        }
        let server = channel.server;
        let direction = channel.from(from);
        if direction.finished {
            return Err(NoItem::Finished);
        }
        if kind != Kind::Finish && !direction.credit.may_send() {
            if dialect == Dialect::First {
                direction.blocked = true;
                return Err(NoItem::NoRoom);
            }
            return self.break_channel(now, id);
        }
        let room = match from {
            Side::Client => self.server_has_room(server, party),
            Side::Server => other.is_none_or(|client| self.has_room(client, party)),
        };
        if !room {
            return Err(NoItem::NoRoom);
        }
        let payload = make();
        if matches!(payload, Payload::Binary(_)) && other.is_some_and(|other| self.dialect(other) == Dialect::First) {
            return Err(NoItem::TextOnly);
        }
        let Some(channel) = self.channels.get_mut(&id) else { return Err(NoItem::Unknown) };
        channel.heard = now;
        let before = channel.kept_bytes();
        let direction = channel.from(from);
        direction.items += 1;
        if kind == Kind::Finish {
            direction.credit.finish();
            direction.finished = true;
        } else if direction.credit.send(cost).is_err() {
            return self.break_channel(now, id);
        }
        if from == Side::Client {
            channel.kept.push(payload.clone(), cost);
            let grown = channel.kept_bytes().saturating_sub(before);
            self.keep_more(server, grown);
            self.keep_within(now);
            // It may be the one that had to end.
            if self.channels.get(&id).is_none_or(|channel| channel.stage != Stage::Open) {
                return Err(NoItem::Ended);
            }
        }
        Counters::add(&self.counters.items);
        self.counters.item_bytes.fetch_add(cost - ITEM_COST, std::sync::atomic::Ordering::Relaxed);
        // What a server has still to be handed again comes before it.
        if from == Side::Server || self.channels.get(&id).is_none_or(|channel| channel.behind.is_none()) {
            self.deliver(id, from.other(), &payload, cost);
        }
        if self.channels.get(&id).is_some_and(|channel| channel.up.finished && channel.down.finished) {
            self.end_channel(now, id, None, DisconnectCode::Finished);
        }
        Ok(())
    }

    fn break_channel(&mut self, now: Now, id: u64) -> Result<(), NoItem> {
        Counters::add(&self.counters.flow_control);
        self.end_channel(now, id, None, DisconnectCode::FlowControl);
        Err(NoItem::Ended)
    }

    /// An end says how much it is done with.
    pub(super) fn consumed(&mut self, now: Now, party: PartyId, id: u64, bytes: u64) -> Result<(), NoItem> {
        let side = self.side(party, id).ok_or(NoItem::Unknown)?;
        let channel = self.channels.get(&id).ok_or(NoItem::Unknown)?;
        if channel.stage != Stage::Open {
            return Err(NoItem::NotOpen);
        }
        self.consume(now, id, side, bytes)?;
        self.tell_consumed(id, side);
        Ok(())
    }

    /// `side` has consumed so much. What was kept for it is let go, and who waited for the credit is woken.
    pub(super) fn consume(&mut self, now: Now, id: u64, side: Side, bytes: u64) -> Result<(), NoItem> {
        let sender = self.end_of(id, side.other());
        let Some(channel) = self.channels.get_mut(&id) else { return Err(NoItem::Unknown) };
        let before = channel.kept_bytes();
        let direction = channel.from(side.other());
        if direction.credit.consume(bytes).is_err() {
            return self.break_channel(now, id);
        }
        if direction.blocked && direction.credit.may_send() {
            direction.blocked = false;
            self.wakes.extend(sender);
        }
        if side == Side::Server {
            channel.kept.consume(bytes);
            let less = before.saturating_sub(channel.kept_bytes());
            let server = channel.server;
            self.keep_less(server, less);
        }
        Ok(())
    }

    /// Tells the sender what `side` has consumed, if it is more than it was told and it keeps to it by itself. R-23: one whose
    /// queue is long is told later, and once.
    pub(super) fn tell_consumed(&mut self, id: u64, side: Side) {
        let Some(sender) = self.end_of(id, side.other()).filter(|sender| self.dialect(*sender) == Dialect::Own) else {
            return;
        };
        if self.has_long_queue(sender) {
            if let Some(sender) = self.parties.get_mut(&sender) {
                sender.owed.insert(id);
            }
            return;
        }
        let Some(direction) = self.channels.get_mut(&id).map(|channel| channel.from(side.other())) else { return };
        let bytes = direction.credit.consumed();
        if bytes > direction.told {
            direction.told = bytes;
            self.push(sender, Frame::event(&Event::Consumed { channel: id, bytes }));
        }
    }

    /// Something was written to a party of the first dialect, which has consumed it so. Who sent it is told now and then.
    pub(super) fn written(&mut self, now: Now, party: PartyId, receipt: Receipt) {
        let Receipt { channel: id, side, cost } = receipt;
        // It may have become another's meanwhile, who gets it again.
        if self.end_of(id, side) != Some(party) {
            return;
        }
        let window = self.limits.window;
        let Some(channel) = self.channels.get_mut(&id) else { return };
        let direction = channel.from(side.other());
        let bytes = direction.credit.consumed().saturating_add(cost).min(direction.credit.sent());
        let much = bytes.saturating_sub(direction.told) >= window.div_ceil(2);
        if self.consume(now, id, side, bytes).is_ok() && much {
            self.tell_consumed(id, side);
        }
    }
}
