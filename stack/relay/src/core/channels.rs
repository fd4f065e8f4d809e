//! The life of a channel: asked, open, over.

use super::{
    Core, Frame, Now, PartyId,
    frame::{Payload, brief},
    model::{Channel, Dialect, Direction, Holder, Receipt, Side, Stage},
    timers::Timer,
};
use crate::counters::Counters;
use nws_protocol::relay::{Answer, DisconnectCode, Disconnected, ErrorCode, Event, Failure, Retained};

/// Channels of a server that are kept although they are over. A guess.
const MAX_OVER: usize = 16;

/// Why there is no new channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NoChannel {
    Unknown,
    Away,
    /// It would be at both ends.
    Own,
    /// With the limit, of a client or of a server.
    ClientHasMany(usize),
    ServerHasMany(usize),
    /// Servers of the own dialect know ports from 0 to 65535.
    Port,
    /// To be tried again.
    NoRoom,
}

impl Core {
    /// Makes a channel; says whether it is open. `port` is a number if it is one of those that there are, `words` what the
    /// first dialect calls it.
    pub(super) fn connect(
        &mut self,
        now: Now,
        client: PartyId,
        server_id: u64,
        id: Option<u64>,
        port: Option<u16>,
        words: &str,
    ) -> Result<(u64, bool), NoChannel> {
        let server = self.servers.get(&server_id).ok_or(NoChannel::Unknown)?;
        let holder = server.party().ok_or(NoChannel::Away)?;
        let (Some(host), Some(guest)) = (self.parties.get(&holder), self.parties.get(&client)) else {
            return Err(NoChannel::Away);
        };
        let dialect = host.dialect;
        if dialect == Dialect::Own && holder == client {
            return Err(NoChannel::Own);
        }
        if guest.channels.len() >= self.limits.channels_per_client {
            return Err(NoChannel::ClientHasMany(self.limits.channels_per_client));
        }
        if server.channels.len() >= self.limits.channels_per_server {
            return Err(NoChannel::ServerHasMany(self.limits.channels_per_server));
        }
        if dialect == Dialect::Own && port.is_none() {
            return Err(NoChannel::Port);
        }
        if !self.has_room(holder, client) {
            return Err(NoChannel::NoRoom);
        }
        let channel = self.next_channel;
        self.next_channel += 1;
        let until = now.saturating_add(self.limits.accept);
        let open = dialect == Dialect::First;
        let port = port.unwrap_or_default();
        let stage = if open { Stage::Open } else { Stage::Asked { id, port, until } };
        self.channels.insert(
            channel,
            Channel {
                server: server_id,
                client,
                stage,
                up: Direction::new(self.limits.window),
                down: Direction::new(self.limits.window),
                kept: Retained::new(),
                behind: None,
                end: None,
                heard: now,
                quiet_at: None,
            },
        );
        if let Some(server) = self.servers.get_mut(&server_id) {
            server.channels.insert(channel);
        }
        if let Some(guest) = self.parties.get_mut(&client) {
            guest.channels.insert((server_id, channel));
        }
        if open {
            self.opened(now, channel);
            self.tell_connected(channel, holder, words);
        } else {
            self.timers.set(until, Timer::Asked(channel));
            self.ask(channel);
        }
        Counters::add(&self.counters.channels);
        Ok((channel, open))
    }

    /// Tells a server of the first dialect of a client that it has.
    pub(super) fn tell_connected(&mut self, id: u64, holder: PartyId, port: &str) {
        let client = self.channels.get(&id).and_then(|channel| self.parties.get(&channel.client));
        let Some(address) = client.map(|client| as_socket(client.address)) else { return };
        let (delimiter, port) = (&self.delimiter, brief(port));
        let frame = Frame::words(format!("connected:atPort:for: {id}{delimiter}{port}{delimiter}{address}"));
        self.push(holder, frame);
    }

    /// Tells a server of the own dialect of a client that asks.
    pub(super) fn ask(&mut self, id: u64) {
        let Some(channel) = self.channels.get(&id) else { return };
        let Stage::Asked { port, .. } = channel.stage else { return };
        let Some(holder) = self.servers.get(&channel.server).and_then(|server| server.party()) else { return };
        let Some(client) = self.parties.get(&channel.client) else { return };
        let address = client.address.to_string();
        let event = Event::Connected { channel: id, server: channel.server, port, address: address.into() };
        let frame = Frame::event(&event);
        self.push(holder, frame);
    }

    fn opened(&mut self, now: Now, id: u64) {
        if let Some(channel) = self.channels.get_mut(&id) {
            channel.stage = Stage::Open;
            channel.heard = now;
            if let Some(limit) = self.limits.channel_idle {
                let until = now.saturating_add(limit);
                channel.quiet_at = Some(until);
                self.timers.set(until, Timer::Quiet(id));
            }
        }
    }

    /// The server takes the client, which is told.
    pub(super) fn accept(&mut self, now: Now, id: u64) {
        let Some(channel) = self.channels.get(&id) else { return };
        let (Stage::Asked { id: request, until, .. }, client) = (channel.stage, channel.client) else { return };
        self.timers.clear(until, Timer::Asked(id));
        self.opened(now, id);
        match self.dialect(client) {
            Dialect::Own => {
                if let Some(request) = request {
                    self.answer(client, Frame::answer(request, &Answer::Connected { channel: id }));
                }
            }
            Dialect::First => self.decided(client, true, "connected client"),
        }
    }

    /// The client that asked gets no channel, and learns why. The server is told nothing here.
    pub(super) fn reject(&mut self, now: Now, id: u64, code: ErrorCode, words: &str) {
        let Some(channel) = self.channels.get(&id) else { return };
        let (Stage::Asked { id: request, .. }, client) = (channel.stage, channel.client) else { return };
        self.forget(now, id);
        match self.dialect(client) {
            Dialect::Own => {
                if let Some(request) = request {
                    let failure = Failure { code, message: words.into(), channel: None };
                    self.answer(client, Frame::answer(request, &Answer::Error(failure)));
                }
            }
            Dialect::First => self.decided(client, false, words),
        }
    }

    /// it was not accepted in time.
    pub(super) fn give_up(&mut self, now: Now, id: u64) {
        self.tell_server(id, &plain_end(id, DisconnectCode::Timeout));
        self.reject(now, id, ErrorCode::Timeout, "the server did not answer in time");
    }

    /// The party of a client has left.
    pub(super) fn client_left(&mut self, now: Now, id: u64) {
        self.end_channel(now, id, Some(Side::Client), DisconnectCode::Gone);
    }

    /// Ends a channel; whoever did not do it is told.
    pub(super) fn end_channel(&mut self, now: Now, id: u64, by: Option<Side>, code: DisconnectCode) {
        self.end_channel_with(now, id, by, plain_end(id, code));
    }

    /// The same with what the end that did it gave.
    pub(super) fn end_channel_with(&mut self, now: Now, id: u64, by: Option<Side>, end: Disconnected<'static>) {
        let Some(channel) = self.channels.get(&id) else { return };
        let (stage, client, server) = (channel.stage, channel.client, channel.server);
        if matches!(stage, Stage::Over { .. }) {
            return;
        }
        if by != Some(Side::Client) && stage == Stage::Open && self.dialect(client) == Dialect::Own {
            self.push(client, Frame::event(&Event::Disconnected(end.clone())));
        }
        if by == Some(Side::Server) || stage != Stage::Open {
            if by != Some(Side::Server) {
                self.tell_server(id, &end);
            }
            return self.forget(now, id);
        }
        let Some(server) = self.servers.get(&server) else { return self.forget(now, id) };
        // A channel that was broken is worth nothing any more.
        let is_whole = matches!(
            end.code,
            DisconnectCode::Closed | DisconnectCode::Finished | DisconnectCode::Gone | DisconnectCode::Idle
        );
        let is_away = matches!(server.holder, Holder::Away { .. });
        // What it was told may be lost on its way. If it comes back, it gets what was said before, and then this.
        let is_behind = self.channels.get(&id).is_some_and(|channel| channel.behind.is_some());
        if is_whole && (is_away || is_behind || self.may_come_again(id)) {
            if !is_behind {
                self.tell_server(id, &end);
            }
            self.detach_client(now, id);
            if let Some(channel) = self.channels.get_mut(&id) {
                channel.stage = Stage::Over { until: now };
                channel.end = Some(end);
                if std::mem::take(&mut channel.up.blocked) {
                    self.wakes.push(client);
                }
            }
            if !is_away && !is_behind {
                self.keep_over(now, id);
            }
            return;
        }
        self.tell_server(id, &end);
        self.forget(now, id);
    }

    fn is_own(&self, party: PartyId) -> bool {
        self.dialect(party) == Dialect::Own
    }

    /// Whether a server that is there may have to get some of a channel again.
    pub(super) fn may_come_again(&self, id: u64) -> bool {
        let Some(channel) = self.channels.get(&id).filter(|channel| !channel.kept.is_empty()) else { return false };
        self.servers.get(&channel.server).and_then(|server| server.party()).is_some_and(|holder| self.is_own(holder))
    }

    /// One more channel of a server that is there is over, and not forgotten. There are never many of them.
    pub(super) fn keep_over(&mut self, now: Now, id: u64) {
        let until = now.saturating_add(self.limits.grace);
        let Some(channel) = self.channels.get_mut(&id) else { return };
        channel.stage = Stage::Over { until };
        self.timers.set(until, Timer::Over(id));
        let Some(server) = self.servers.get_mut(&channel.server) else { return };
        server.over.push_back(id);
        if server.over.len() > MAX_OVER
            && let Some(oldest) = server.over.pop_front()
        {
            self.forget(now, oldest);
        }
    }

    /// Tells the server, if it is there and of a dialect that can be told.
    pub(super) fn tell_server(&mut self, id: u64, end: &Disconnected<'static>) {
        let holder = self.channels.get(&id).and_then(|channel| self.servers.get(&channel.server)?.party());
        if let Some(holder) = holder.filter(|holder| self.dialect(*holder) == Dialect::Own) {
            self.push(holder, Frame::event(&Event::Disconnected(end.clone())));
        }
    }

    /// Takes the channel out of all tables. Who waited to say something on it says it again, and is told.
    pub(super) fn forget(&mut self, now: Now, id: u64) {
        self.detach_client(now, id);
        let Some(channel) = self.channels.remove(&id) else { return };
        self.keep_less(channel.server, channel.kept_bytes());
        match channel.stage {
            Stage::Asked { until, .. } => self.timers.clear(until, Timer::Asked(id)),
            Stage::Over { until } => self.timers.clear(until, Timer::Over(id)),
            Stage::Open => {}
        }
        if let Some(at) = channel.quiet_at {
            self.timers.clear(at, Timer::Quiet(id));
        }
        if channel.behind.is_some() {
            self.is_up_to_date(channel.server, id);
        }
        if let Some(server) = self.servers.get_mut(&channel.server) {
            server.channels.remove(&id);
            server.over.retain(|over| *over != id);
            if channel.down.blocked {
                self.wakes.extend(server.party());
            }
        }
        if channel.up.blocked {
            self.wakes.push(channel.client);
        }
    }

    fn detach_client(&mut self, now: Now, id: u64) {
        let Some(channel) = self.channels.get(&id) else { return };
        if let Some(client) = self.parties.get_mut(&channel.client) {
            client.channels.remove(&(channel.server, id));
            if client.is_idle() {
                client.idle_since = now;
            }
        }
    }

    /// The end that a party is of a channel; nothing if it is none.
    pub(super) fn side(&self, party: PartyId, id: u64) -> Option<Side> {
        let channel = self.channels.get(&id).filter(|channel| !matches!(channel.stage, Stage::Over { .. }))?;
        if channel.client == party {
            return Some(Side::Client);
        }
        let holder = self.servers.get(&channel.server)?.party()?;
        (holder == party).then_some(Side::Server)
    }

    /// The party at an end of a channel, if there is one now.
    pub(super) fn end_of(&self, id: u64, side: Side) -> Option<PartyId> {
        let channel = self.channels.get(&id)?;
        match side {
            Side::Client => (!matches!(channel.stage, Stage::Over { .. })).then_some(channel.client),
            Side::Server => self.servers.get(&channel.server)?.party(),
        }
    }

    /// Hands an item to an end. An end of the first dialect has consumed it when it is written.
    pub(super) fn deliver(&mut self, id: u64, to: Side, payload: &Payload, cost: u64) {
        let (Some(party), Some(channel)) = (self.end_of(id, to), self.channels.get(&id)) else { return };
        let dialect = self.dialect(party);
        let called = match to {
            Side::Server => id,
            Side::Client => channel.server,
        };
        let receipt = || Receipt { channel: id, side: to, cost };
        // What can't be told in the other's dialect is `finish`; it costs no more than that.
        if let Some(frame) = payload.frame(dialect, id, called, &self.delimiter) {
            self.push_item(party, frame, (dialect == Dialect::First).then(receipt));
        }
    }
}

pub(super) const fn plain_end(channel: u64, code: DisconnectCode) -> Disconnected<'static> {
    Disconnected { channel, code, status: None, reason: None }
}

/// As a socket for IPv4 and IPv6 has it: the first dialect's form.
fn as_socket(address: std::net::IpAddr) -> String {
    match address {
        std::net::IpAddr::V4(address) => format!("::ffff:{address}"),
        std::net::IpAddr::V6(address) => address.to_string(),
    }
}
