//! A server that comes back: what either side sends again, so that nothing is lost and nothing comes twice.

use super::{
    Core, Frame, Now, PartyId,
    frame::Payload,
    model::{Dialect, Side, Stage},
    own::{Refused, Reply},
};
use crate::counters::Counters;
use nws_protocol::relay::{Answer, DisconnectCode, ErrorCode, Event, Position, item_cost, split_binary};
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
            let channels = there.iter().map(|(position, _)| *position).collect();
            self.answer(party, Frame::answer(id, &Answer::Resumed { server, channels }));
        }
        for channel in asked {
            self.ask(channel);
        }
        for (Position { channel, .. }, items) in there {
            for item in items {
                self.deliver(channel, Side::Server, &item, payload_cost(&item));
            }
            self.finish_over(now, channel);
        }
        Ok(Reply::Nothing)
    }

    /// Takes over what the server has received and consumed of a channel. Gives the relay's own position, and what it has to
    /// send again; nothing if the two can't be brought together.
    fn catch_up(&mut self, now: Now, id: u64, position: Position) -> Option<(Position, Vec<Payload>)> {
        let channel = self.channels.get(&id)?;
        let consumed = position.consumed.max(channel.up.credit.consumed());
        let mut items = None;
        if consumed <= channel.up.credit.sent() && self.consume(now, id, Side::Server, consumed).is_ok() {
            items = self.channels.get(&id)?.kept.after(position.received).map(|items| items.cloned().collect());
        }
        let Some(items) = items else {
            Counters::add(&self.counters.flow_control);
            // That it is not in the answer tells the server.
            self.end_channel(now, id, Some(Side::Server), DisconnectCode::FlowControl);
            self.forget(now, id);
            return None;
        };
        self.tell_consumed(id, Side::Server);
        let down = &mut self.channels.get_mut(&id)?.down;
        // The answer tells it.
        down.told = down.credit.consumed();
        Some((Position { channel: id, received: down.items, consumed: down.told }, items))
    }

    /// A channel that ended while the server was away: it has what was said before, and learns of the end.
    fn finish_over(&mut self, now: Now, id: u64) {
        let Some(channel) = self.channels.get(&id).filter(|channel| matches!(channel.stage, Stage::Over { .. })) else {
            return;
        };
        if let (Some(end), Some(holder)) = (channel.end.clone(), self.end_of(id, Side::Server))
            && self.dialect(holder) == Dialect::Own
        {
            self.push(holder, Frame::event(&Event::Disconnected(end)));
        }
        self.forget(now, id);
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
            let items = self.channels.get(&id).map(|channel| channel.unconsumed()).unwrap_or_default();
            if items.iter().any(|item| matches!(item, Payload::Binary(_))) {
                self.end_channel(now, id, None, DisconnectCode::TextOnly);
                continue;
            }
            for item in items {
                self.deliver(id, Side::Server, &item, payload_cost(&item));
            }
            self.finish_over(now, id);
        }
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
