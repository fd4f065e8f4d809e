//! The life of a server: a credential, a party, away, over.

use super::{
    Core, Frame, Now, PartyId,
    channels::plain_end,
    model::{Dialect, Holder, Queued, Receipt, Server, Side, Stage},
    timers::Timer,
};
use crate::{counters::Counters, credential::Credential};
use nws_protocol::relay::{DisconnectCode, ErrorCode, Event};
use std::collections::{BTreeSet, VecDeque};

impl Core {
    /// A new server, whose credential comes from `random`. If it is `installed`, the party is the server, and its id is drawn; else
    /// whoever has the credential can be.
    ///
    /// # Errors
    /// With which limit is reached.
    pub(super) fn new_server(
        &mut self,
        now: Now,
        party: PartyId,
        installed: bool,
        mut random: impl FnMut() -> [u8; 16],
    ) -> Result<u64, &'static str> {
        if self.servers.len() >= self.limits.servers {
            return Err("as many servers as there may be are here");
        }
        let account = self.parties.get(&party).and_then(|party| party.account);
        let before = account.map_or(0, |account| self.accounts.get(&account).copied().unwrap_or_default());
        if before >= self.limits.servers_per_address {
            return Err("as many servers as may come from one address are here");
        }
        let id = if installed { self.draw_id(&mut random)? } else { self.next_id()? };
        let Some(creator) = self.parties.get_mut(&party) else { return Err("you have left") };
        if let Some(account) = account {
            self.accounts.insert(account, before + 1);
        }
        let until = now.saturating_add(self.limits.credential);
        let holder = if installed { Holder::Party(party) } else { Holder::Nobody };
        if installed {
            creator.servers.insert(id);
        } else {
            self.timers.set(until, Timer::Server(id));
        }
        let credential = Credential::new(random());
        self.servers.insert(
            id,
            Server {
                credential,
                account,
                holder,
                until,
                channels: BTreeSet::new(),
                over: VecDeque::new(),
                kept_bytes: 0,
            },
        );
        Counters::add(&self.counters.servers);
        Ok(id)
    }

    /// As digits, for who created it.
    pub(super) fn digits(&self, id: u64) -> String {
        self.servers.get(&id).map(|server| server.credential.digits()).unwrap_or_default()
    }

    /// takes as long for a server that there is not.
    pub(super) fn is_credential(&self, id: u64, guess: &str) -> bool {
        let nobody = Credential::new([0; 16]);
        let server = self.servers.get(&id);
        server.map_or(&nobody, |server| &server.credential).matches(guess) & server.is_some()
    }

    /// The party of a server has left: the server is away.
    pub(super) fn server_left(&mut self, now: Now, id: u64) {
        let until = now.saturating_add(self.limits.grace);
        let Some(server) = self.servers.get_mut(&id) else { return };
        server.holder = Holder::Away { bytes: 0, waiting: BTreeSet::new() };
        server.until = until;
        self.timers.set(until, Timer::Server(id));
        Counters::add(&self.counters.servers_away);
    }

    /// Gives a server to a party. Whoever had it loses it. Its channels are as they were, and nothing is said about them.
    pub(super) fn give(&mut self, now: Now, id: u64, party: PartyId) {
        let Some(server) = self.servers.get_mut(&id) else { return };
        let (until, channels) = (server.until, server.channels.clone());
        let before = std::mem::replace(&mut server.holder, Holder::Party(party));
        self.timers.clear(until, Timer::Server(id));
        for channel in &channels {
            if let Some(channel) = self.channels.get_mut(channel) {
                channel.behind = None;
            }
        }
        match before {
            Holder::Nobody => {}
            Holder::Away { waiting, .. } => self.wakes.extend(waiting),
            Holder::Party(old) if old == party => {}
            Holder::Party(old) => {
                Counters::add(&self.counters.servers_replaced);
                if let Some(old) = self.parties.get_mut(&old) {
                    old.servers.remove(&id);
                    old.behind.retain(|channel| !channels.contains(channel));
                    // What it has not got the new one gets.
                    let stays =
                        |receipt: &Receipt| receipt.side == Side::Client || !channels.contains(&receipt.channel);
                    old.receipts.retain(stays);
                    old.queue.retain(|queued| queued.receipt.as_ref().is_none_or(stays));
                    let bytes = old.queue.iter().map(Queued::bytes).sum();
                    let gone = std::mem::replace(&mut old.queued_bytes, bytes).saturating_sub(bytes);
                    if old.is_idle() {
                        old.idle_since = now;
                    }
                    // They wait for what the server gets, which is another's queue now; and this one may never take again.
                    self.wakes.extend(std::mem::take(&mut old.waiting));
                    self.let_go(gone);
                }
                self.wakes.push(old);
                if self.dialect(old) == Dialect::Own {
                    self.push(old, Frame::event(&Event::Replaced { server: id }));
                }
            }
        }
        if let Some(party) = self.parties.get_mut(&party) {
            party.servers.insert(id);
        }
        // Nobody can be at both ends in the own dialect, as there is one number for both.
        if self.dialect(party) == Dialect::Own {
            for channel in channels {
                if self.side(party, channel) == Some(Side::Client) {
                    self.end_own(now, channel, party);
                }
            }
        }
    }

    fn end_own(&mut self, now: Now, id: u64, party: PartyId) {
        if matches!(self.channels.get(&id).map(|channel| channel.stage), Some(Stage::Asked { .. })) {
            self.reject(now, id, ErrorCode::Refused, "you are this server yourself now");
        } else {
            self.push(party, Frame::event(&Event::Disconnected(plain_end(id, DisconnectCode::Gone))));
            self.forget(now, id);
        }
    }

    /// A server ends, and its channels with it. Its party, if it has one, is not told. Clients that were not accepted get the
    /// error.
    pub(super) fn end_server(&mut self, now: Now, id: u64, code: DisconnectCode, error: ErrorCode, words: &str) {
        let Some(server) = self.servers.get(&id) else { return };
        for channel in server.channels.clone() {
            match self.channels.get(&channel).map(|channel| channel.stage) {
                Some(Stage::Asked { .. }) => self.reject(now, channel, error, words),
                // The client is told; the server is not, as it is no server any more.
                Some(Stage::Open) => self.end_channel(now, channel, Some(Side::Server), code),
                Some(Stage::Over { .. }) | None => self.forget(now, channel),
            }
        }
        let Some(server) = self.servers.remove(&id) else { return };
        self.timers.clear(server.until, Timer::Server(id));
        if let Some(account) = server.account
            && let Some(count) = self.accounts.get_mut(&account)
        {
            *count -= 1;
            if *count == 0 {
                self.accounts.remove(&account);
            }
        }
        match server.holder {
            Holder::Party(party) => {
                if let Some(party) = self.parties.get_mut(&party) {
                    party.servers.remove(&id);
                    if party.is_idle() {
                        party.idle_since = now;
                    }
                }
            }
            Holder::Away { waiting, .. } => self.wakes.extend(waiting),
            Holder::Nobody => {}
        }
    }

    /// all channels end, and everybody who can be told is told. From now on there is nothing to ask for.
    pub(crate) fn stop(&mut self, now: Now) {
        self.clock = now;
        self.stopping = true;
        let channels: Vec<u64> = self.channels.keys().copied().collect();
        for channel in channels {
            match self.channels.get(&channel).map(|channel| channel.stage) {
                Some(Stage::Asked { .. }) => {
                    self.tell_server(channel, &plain_end(channel, DisconnectCode::Shutdown));
                    self.reject(now, channel, ErrorCode::Shutdown, "the relay ends");
                }
                Some(Stage::Open) => self.end_channel(now, channel, None, DisconnectCode::Shutdown),
                Some(Stage::Over { .. }) | None => {}
            }
        }
    }

    /// Forgets all servers and channels, as `initialize` does.
    pub(super) fn forget_all(&mut self, now: Now) {
        let servers: Vec<u64> = self.servers.keys().copied().collect();
        for server in servers {
            // Those of the own dialect learn of each channel.
            let channels = self.servers.get(&server).map(|server| server.channels.clone()).unwrap_or_default();
            for channel in channels {
                self.tell_server(channel, &plain_end(channel, DisconnectCode::Gone));
            }
            self.end_server(now, server, DisconnectCode::Gone, ErrorCode::UnknownServer, "server not connected");
        }
    }
}
