//! Parties of both dialects who say anything at any time: nothing panics, all tables agree with each other after each step, and
//! who has to wait is woken in the end, and when all have left nothing stays.

use super::{World, limits};
use crate::core::{
    Core, Dialect, Heard, PartyId,
    model::{Holder, Queued, Stage},
    timers::Timer,
};
use bytes::{Bytes, BytesMut};
use nws_protocol::relay::{Asked, Credential, Position, Request, Text, binary_head};
use proptest::prelude::*;
use rand_chacha::ChaCha8Rng;
use rand_core::{RngCore, SeedableRng};
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};
use tokio_tungstenite::tungstenite::Utf8Bytes;

impl Core {
    /// What must hold whatever was said.
    fn check(&self) {
        for (id, channel) in &self.channels {
            let server = &self.servers[&channel.server];
            assert!(server.channels.contains(id), "{id} is unknown to its server");
            let is_client =
                self.parties.get(&channel.client).is_some_and(|party| party.channels.contains(&(channel.server, *id)));
            let holder = server.party().map(|party| &self.parties[&party]);
            assert_eq!(
                channel.behind.is_some() && holder.is_some(),
                holder.is_some_and(|holder| holder.behind.contains(id)),
                "{id} is never handed over"
            );
            assert_eq!(is_client, !matches!(channel.stage, Stage::Over { .. }), "{id}: {:?}", channel.stage);
            if let Stage::Asked { until, .. } = channel.stage {
                assert!(self.timers.has(until, Timer::Asked(*id)));
            }
        }
        let kept: usize = self.channels.values().map(|channel| channel.kept_bytes()).sum();
        assert_eq!(self.kept_bytes, kept);
        for (at, timer) in self.timers.iter() {
            if let Timer::Quiet(id) = timer {
                assert_eq!(self.channels[id].quiet_at, Some(*at), "a timer of {id} stays behind");
            }
        }
        for (id, server) in &self.servers {
            let kept: usize = server.channels.iter().map(|id| self.channels[id].kept_bytes()).sum();
            assert_eq!(server.kept_bytes, kept);
            assert!(server.channels.iter().all(|channel| self.channels[channel].server == *id));
            assert!(server.over.iter().all(|channel| server.channels.contains(channel)));
            match &server.holder {
                Holder::Party(party) => assert!(self.parties[party].servers.contains(id)),
                Holder::Away { .. } | Holder::Nobody => assert!(self.timers.has(server.until, Timer::Server(*id))),
            }
        }
        let queued: usize = self.parties.values().map(|party| party.queued_bytes + party.taken_bytes).sum();
        assert_eq!(self.queued_bytes, queued);
        for (id, party) in &self.parties {
            assert_eq!(party.queued_bytes, party.queue.iter().map(Queued::bytes).sum::<usize>());
            let answers = party.queue.iter().filter(|queued| queued.is_answer);
            assert_eq!(party.answer_bytes, answers.map(Queued::bytes).sum::<usize>());
            // Something is taken once more, and then it is told.
            assert!(party.owed.is_empty() || party.waiting_bytes() > 0, "{id:?} is never told");
            for channel in &party.behind {
                let channel = &self.channels[channel];
                assert!(channel.behind.is_some() && self.servers[&channel.server].party() == Some(*id));
            }
            assert!(party.servers.iter().all(|server| self.servers[server].party() == Some(*id)));
            assert!(party.channels.iter().all(|(server, channel)| self.channels[channel].server == *server));
            assert!(party.dialect == Dialect::First || party.servers.len() <= 1);
            if let Some(channel) = party.deciding {
                assert!(matches!(self.channels[&channel].stage, Stage::Asked { .. }));
            }
        }
    }

    /// Whether something that is bound to come will wake a party whose words there was no room for.
    fn will_wake(&self, id: PartyId) -> bool {
        (self.queued_bytes > 0 && self.crowd.contains(id))
            || self.parties.values().any(|party| party.waiting.contains(&id) && party.waiting_bytes() > 0)
            || self
                .servers
                .values()
                .any(|server| matches!(&server.holder, Holder::Away { waiting, .. } if waiting.contains(&id)))
            || self.channels.values().any(|channel| {
                let server = self.servers[&channel.server].party();
                (channel.up.blocked && channel.client == id) || (channel.down.blocked && server == Some(id))
            })
            || self.parties[&id].deciding.is_some()
    }
}

/// Far more than it takes until all have been heard who can be.
const MOST_ROUNDS: usize = 1000;

/// What a party said.
#[derive(Debug, Clone)]
enum Said {
    Text(Utf8Bytes),
    Binary(Bytes),
}

struct Chaos {
    world: World,
    random: ChaCha8Rng,
    parties: Vec<PartyId>,
    /// What there was no room for.
    held: BTreeMap<PartyId, Said>,
    woken: BTreeSet<PartyId>,
    /// Every id that was given.
    servers: BTreeSet<u64>,
}

impl Chaos {
    fn below(&mut self, bound: u64) -> u64 {
        self.random.next_u64() % bound
    }

    fn step(&mut self) {
        if self.parties.len() < 2 || self.below(30) == 0 {
            let dialect = if self.below(2) == 0 { Dialect::First } else { Dialect::Own };
            let party = self.world.join(dialect);
            self.parties.push(party);
        }
        let which = usize::try_from(self.below(self.parties.len() as u64)).unwrap();
        let party = self.parties[which];
        match self.below(20) {
            0 => {
                self.parties.remove(which);
                self.held.remove(&party);
                self.world.core.leave(self.world.now, party);
            }
            1 => {
                let later = Duration::from_millis(self.below(20_000));
                self.world.now += later;
                self.world.core.tick(self.world.now);
            }
            2..=5 => {
                let mut frames = Vec::new();
                self.world.core.take(self.world.now, party, &mut frames);
            }
            _ => {
                // Who waits says nothing else, and says it again when it is woken.
                let said = match self.held.get(&party) {
                    Some(_) if !self.woken.remove(&party) => return,
                    Some(said) => said.clone(),
                    None if self.world.core.dialect(party) == Dialect::First => Said::Text(self.first().into()),
                    None => self.own(),
                };
                self.say(party, said);
            }
        }
        if self.below(1000) == 0 {
            self.world.core.forget_all(self.world.now);
        }
    }

    fn say(&mut self, party: PartyId, said: Said) {
        self.woken.remove(&party);
        let heard = match (&said, self.world.core.dialect(party)) {
            (Said::Text(text), Dialect::Own) => self.world.say(party, text),
            (Said::Text(text), Dialect::First) => self.world.command(party, text),
            (Said::Binary(frame), _) => self.world.core.ask_own_binary(self.world.now, party, frame),
        };
        match heard {
            Heard::Done => self.held.remove(&party),
            Heard::Later => self.held.insert(party, said),
        };
    }

    /// Plays the sessions of those who are woken, until nobody is: each says again what there was no room for, and takes if its
    /// socket has taken all before. Sessions do so without waiting for anything, so if it had no end, no other task would have its
    /// turn.
    fn settle(&mut self) {
        for _ in 0..MOST_ROUNDS {
            self.woken.extend(self.world.core.wakes());
            let woken = std::mem::take(&mut self.woken);
            if woken.is_empty() {
                return;
            }
            for party in woken {
                if let Some(said) = self.held.get(&party).cloned() {
                    self.say(party, said);
                }
                self.take_if_written(party);
            }
        }
        panic!("they wake each other for ever: {:?}", self.held);
    }

    /// As a session does, whose socket has taken all.
    fn take_if_written(&mut self, id: PartyId) {
        if self.world.core.parties.get(&id).is_some_and(|party| party.waiting_bytes() == 0) {
            self.world.core.take(self.world.now, id, &mut Vec::new());
        }
    }

    fn check(&mut self) {
        for doomed in self.world.core.doomed() {
            self.parties.retain(|party| *party != doomed);
            self.held.remove(&doomed);
            self.world.core.leave(self.world.now, doomed);
        }
        self.world.core.check();
        for woken in self.world.core.wakes() {
            self.woken.insert(woken);
            self.take_if_written(woken);
        }
        self.woken.extend(self.world.core.wakes());
        for (id, party) in &self.world.core.parties {
            let is_taken = party.waiting_bytes() > 0 || self.world.core.crowd.contains(*id);
            assert!(party.behind.is_empty() || is_taken, "{id:?} is handed no more");
        }
        for (party, said) in &self.held {
            assert!(
                self.woken.contains(party) || self.world.core.will_wake(*party),
                "{party:?} waits for ever: {said:?}"
            );
        }
    }

    /// One of those that there are, most of the time; or one that there was.
    fn server(&mut self) -> u64 {
        self.servers.extend(self.world.core.servers.keys());
        let (last, latest) = (self.below(3), self.below(20) == 0);
        let known: Vec<u64> = if latest {
            self.servers.iter().copied().collect()
        } else {
            self.world.core.servers.keys().copied().collect()
        };
        let at = known.len().saturating_sub(1 + usize::try_from(last).unwrap());
        known.get(at).copied().unwrap_or_default()
    }

    fn own(&mut self) -> Said {
        // Of those that there are, most of the time; and of those that there were.
        let channel = self.world.core.next_channel.saturating_sub(1 + self.below(6));
        let server = self.server();
        let text = "x".repeat(usize::try_from(self.below(120)).unwrap());
        let number = self.below(400);
        let id = Some(self.below(100));
        let request = match self.below(16) {
            0 => Request::Register,
            1 => Request::Resume {
                server,
                credential: Credential::new(self.world.core.digits(server) + if self.below(4) == 0 { "1" } else { "" })
                    .unwrap_or(Credential::new("0").unwrap()),
                channels: (0..self.below(4))
                    .map(|_| Position {
                        channel: self.world.core.next_channel.saturating_sub(1 + self.below(6)),
                        received: self.below(4),
                        consumed: self.below(100),
                    })
                    .collect(),
            },
            2 if number < 100 => Request::Unregister,
            2..=4 => Request::Connect { server, port: 7 },
            5 | 6 => Request::Accept { channel },
            7 => Request::Refuse { channel, reason: None },
            8 | 9 => Request::Consumed { channel, bytes: number },
            10 => Request::Finish { channel },
            11 if number < 100 => Request::Close { channel, status: None, reason: None },
            12 | 13 => {
                return Said::Binary([&binary_head(channel)[..], text.as_bytes()].concat().into());
            }
            _ => Request::Data { channel, data: Text::new(&text) },
        };
        let mut text = BytesMut::new();
        Asked { id, request }.put(&mut text);
        Said::Text(Utf8Bytes::try_from(text).unwrap())
    }

    fn first(&mut self) -> String {
        let channel = self.world.core.next_channel.saturating_sub(1 + self.below(6));
        let server = self.server();
        let digits = self.world.core.digits(server);
        match self.below(8) {
            0 => r#"{"instruction":"create server credential"}"#.to_owned(),
            1 | 2 => format!(r#"{{"instruction":"install server","parameters":[{server},"{digits}"]}}"#),
            3 => format!(r#"{{"instruction":"connect to server","parameters":[{server},7]}}"#),
            4 | 5 => format!(r#"{{"instruction":"forward to client","parameters":[{channel},"0123456789"]}}"#),
            6 => format!(r#"{{"instruction":"forward to server","parameters":[{server},"0123456789"]}}"#),
            _ => format!(r#"{{"instruction":"forward to server","parameters":[{server},{{}},{channel}]}}"#),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn whatever_is_said_the_tables_agree(seed: u64, steps in 1..400_usize, kept in 2000..100_000_usize, queued in 3000..50_000_usize, batch in 1..2000_usize) {
        let mut core_limits = limits();
        (core_limits.window, core_limits.queue_bytes, core_limits.kept_bytes) = (300, 3000, kept);
        (core_limits.queued_bytes, core_limits.batch_bytes) = (queued, batch);
        (core_limits.channels_per_client, core_limits.channels_per_server, core_limits.servers) = (5, 7, 6);
        core_limits.channel_idle = Some(Duration::from_secs(15));
        let mut chaos = Chaos {
            world: World::new(core_limits),
            random: ChaCha8Rng::seed_from_u64(seed),
            parties: Vec::new(),
            held: BTreeMap::new(),
            woken: BTreeSet::new(),
            servers: BTreeSet::new(),
        };
        for _ in 0..steps {
            chaos.step();
            chaos.check();
            // Not always, as sessions may be slow too.
            if chaos.below(2) == 0 {
                chaos.settle();
                chaos.check();
            }
        }
        for party in std::mem::take(&mut chaos.parties) {
            chaos.held.remove(&party);
            chaos.world.core.leave(chaos.world.now, party);
            chaos.check();
        }
        while let Some(next) = chaos.world.core.next_tick() {
            chaos.world.now = next;
            chaos.world.core.tick(next);
        }
        assert_eq!((chaos.world.core.sizes(), chaos.world.core.held_bytes()), ((0, 0, 0), (0, 0)));
    }
}
