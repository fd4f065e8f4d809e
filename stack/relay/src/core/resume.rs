//! A server that comes back: what either side sends again, so that nothing is lost and nothing comes twice.

use super::{
    Core, Frame, Now, PartyId,
    frame::Payload,
    model::{Side, Stage},
    own::{Refused, Reply},
    timers::Timer,
};
use crate::counters::Counters;
use nws_protocol::relay::{Answer, DisconnectCode, ErrorCode, Position, item_cost, split_binary};
use std::collections::BTreeMap;

impl Core {
    /// `resume` of the own dialect.
    pub(super) fn resume(
        &mut self,
        now: Now,
        party: PartyId,
        server: u64,
        credential: &str,
        positions: &[Position],
        id: Option<u64>,
    ) -> Result<Reply, Refused> {
        // the same work whatever is wrong.
        if !self.is_credential(server, credential) {
            Counters::add(&self.counters.bad_credentials);
            return Err(Refused::new(ErrorCode::BadCredential, "this is not the credential of a server of this id"));
        }
        if self.parties.get(&party).is_some_and(|party| !party.servers.is_empty()) {
            return Err(Refused::new(ErrorCode::AlreadyRegistered, "you are a server already"));
        }
        self.give(now, server, party);
        Counters::add(&self.counters.servers_resumed);
        let listed: BTreeMap<u64, Position> = positions.iter().map(|position| (position.channel, *position)).collect();
        let channels = self.servers.get(&server).map(|server| server.channels.clone()).unwrap_or_default();
        let mut there = Vec::new();
        let mut asked = Vec::new();
        for channel in channels {
            let stage = self.channels.get(&channel).map(|channel| channel.stage);
            let Some(position) = listed.get(&channel) else {
                match stage {
                    Some(Stage::Asked { .. }) => asked.push(channel),
                    // Whether it has closed it, or was started anew and knows nothing of it, is not known.
                    Some(Stage::Open) => self.end_channel(now, channel, Some(Side::Server), DisconnectCode::Gone),
                    Some(Stage::Over { .. }) | None => self.forget(now, channel),
                }
                continue;
            };
            if matches!(stage, Some(Stage::Asked { .. })) {
                self.accept(now, channel);
            }
            if let Some(position) = self.catch_up(now, channel, *position) {
                there.push(position);
            }
        }
        if let Some(id) = id {
            let channels = there.clone();
            self.answer(party, Frame::answer(id, &Answer::Resumed { server, channels }));
        }
        for channel in asked {
            self.ask(channel);
        }
        for Position { channel, .. } in there {
            let received = listed.get(&channel).map_or(0, |position| position.received);
            self.hand_over_later(party, channel, received);
        }
        self.hand_over(now, party);
        Ok(Reply::Nothing)
    }

    /// Takes over what the server has received and consumed of a channel. Gives the relay's own position; nothing if the two can't
    /// be brought together.
    fn catch_up(&mut self, now: Now, id: u64, position: Position) -> Option<Position> {
        let channel = self.channels.get(&id)?;
        let consumed = position.consumed.max(channel.up.credit.consumed());
        let mut is_kept = false;
        if consumed <= channel.up.credit.sent() && self.consume(now, id, Side::Server, consumed).is_ok() {
            is_kept = self.channels.get(&id)?.kept.after(position.received).is_some();
        }
        if !is_kept {
            Counters::add(&self.counters.flow_control);
            // That it is not in the answer tells the server.
            self.end_channel(now, id, Some(Side::Server), DisconnectCode::FlowControl);
            self.forget(now, id);
            return None;
        }
        self.tell_consumed(id, Side::Server);
        let down = &mut self.channels.get_mut(&id)?.down;
        // The answer tells it.
        down.told = down.credit.consumed();
        Some(Position { channel: id, received: down.items, consumed: down.told })
    }

    /// A server's party has still to be handed the items of a channel from this one on.
    fn hand_over_later(&mut self, party: PartyId, id: u64, from: u64) {
        let (Some(party), Some(channel)) = (self.parties.get_mut(&party), self.channels.get_mut(&id)) else { return };
        channel.behind = Some(from);
        party.behind.insert(id);
        // Until it has all of it, it can't do without.
        if let Stage::Over { until } = channel.stage {
            self.timers.clear(until, Timer::Over(id));
            if let Some(server) = self.servers.get_mut(&channel.server) {
                server.over.retain(|over| *over != id);
            }
        }
    }

    /// Hands a party what it has still to be handed, as much as is written at once. What is left waits where it is kept, and not
    /// in a queue.
    pub(super) fn hand_over(&mut self, now: Now, id: PartyId) {
        loop {
            let free = self.free();
            let Some(party) = self.parties.get(&id).filter(|party| !party.is_doomed) else { return };
            let Some(channel) = party.behind.first().copied() else { return };
            let (waits, is_empty) = (party.waiting_bytes(), party.queue.is_empty());
            if party.queued_bytes >= self.limits.batch_bytes {
                return;
            }
            if waits >= free {
                // Else it takes more, and is here again.
                if is_empty {
                    self.wait_for_room(id);
                }
                return;
            }
            let Some(state) = self.channels.get_mut(&channel) else { return };
            // It may have said that it has consumed what it did not get.
            let next = state.behind.unwrap_or_default().max(state.unconsumed());
            if let Some(item) = state.kept.after(next).and_then(|mut items| items.next()).cloned() {
                state.behind = Some(next + 1);
                self.deliver(channel, Side::Server, &item, payload_cost(&item));
            } else {
                state.behind = None;
                let server = state.server;
                self.is_up_to_date(server, channel);
                self.finish_over(now, channel);
            }
        }
    }

    /// A server has been handed all of a channel, or the channel is no more.
    pub(super) fn is_up_to_date(&mut self, server: u64, channel: u64) {
        let party = self.servers.get(&server).and_then(|server| server.party());
        if let Some(party) = party.and_then(|party| self.parties.get_mut(&party)) {
            party.behind.remove(&channel);
        }
    }

    /// A channel that ended while the server was away: it has what was said before, and learns of the end. As both may be lost on
    /// their way, it is kept for another time.
    fn finish_over(&mut self, now: Now, id: u64) {
        let Some(channel) = self.channels.get(&id).filter(|channel| matches!(channel.stage, Stage::Over { .. })) else {
            return;
        };
        if let Some(end) = channel.end.clone() {
            self.tell_server(id, &end);
        }
        if self.may_come_again(id) {
            self.keep_over(now, id);
        } else {
            self.forget(now, id);
        }
    }

    /// A party of the first dialect has the right credential: the server is its from now on. It gets what was not written
    /// to the one before. Repeated by the same party it changes nothing.
    pub(super) fn install(&mut self, now: Now, server: u64, party: PartyId) {
        if self.servers.get(&server).is_none_or(|server| server.party() == Some(party)) {
            return;
        }
        self.give(now, server, party);
        for id in self.servers.get(&server).map(|server| server.channels.clone()).unwrap_or_default() {
            if let Some(Stage::Asked { port, .. }) = self.channels.get(&id).map(|channel| channel.stage) {
                self.tell_connected(id, party, &port.to_string());
                self.accept(now, id);
            }
            let Some(channel) = self.channels.get(&id) else { continue };
            let from = channel.unconsumed();
            let is_binary = |item: &Payload| matches!(item, Payload::Binary(_));
            if channel.kept.after(from).is_some_and(|mut items| items.any(is_binary)) {
                self.end_channel(now, id, None, DisconnectCode::TextOnly);
                continue;
            }
            self.hand_over_later(party, id, from);
        }
        self.hand_over(now, party);
    }
}

/// What an item counted when it was said.
fn payload_cost(payload: &Payload) -> u64 {
    match payload {
        Payload::Finish => item_cost(0),
        Payload::Plain(text) => item_cost(text.len()),
        Payload::Event(event) => item_cost(super::frame::data_bytes(event)),
        Payload::Binary(frame) => split_binary(frame.clone()).map_or(0, |(_, data)| item_cost(data.len())),
    }
}
