//! The bound of all queues together: it holds whatever is said and whoever does not read, it holds up nobody for ever, and nothing
//! is lost without a word.

use super::{World, limits};
use crate::core::{CoreLimits, Dialect, Frame, Heard, PartyId, frame::OVERHEAD_BYTES};
use bytes::Bytes;
use nws_protocol::relay::{Credential, Event, FromRelay, Position, Request, binary_head, split_binary};
use proptest::prelude::*;
use rand_chacha::ChaCha8Rng;
use rand_core::{RngCore, SeedableRng};
use std::{collections::BTreeMap, time::Duration};

const MESSAGE_BYTES: usize = 5000;
const BOUND: usize = 60_000;
const CLIENTS: usize = 12;
const CHANNELS: usize = 3;

/// What an end of a channel has been told on it, as far as it was read.
#[derive(Debug, Default)]
struct Heards {
    data: Vec<Bytes>,
    is_over: bool,
}

/// A server and its clients, each with channels, who say numbered data whenever they like and read when they like.
struct Play {
    world: World,
    random: ChaCha8Rng,
    server: PartyId,
    parties: Vec<PartyId>,
    /// With the client of each.
    channels: Vec<(u64, PartyId)>,
    said: BTreeMap<(PartyId, u64), Vec<Bytes>>,
    heard: BTreeMap<(PartyId, u64), Heards>,
    held: BTreeMap<PartyId, Bytes>,
    doomed: Vec<PartyId>,
    most: usize,
}

impl Play {
    fn new(seed: u64) -> Self {
        let mut core_limits = limits();
        // Credit bounds nothing here.
        (core_limits.window, core_limits.queue_bytes, core_limits.queued_bytes) = (1 << 40, 20_000, BOUND);
        let mut world = World::new(core_limits);
        let (server, first, channel) = world.pair();
        let mut parties = vec![first];
        let mut channels = vec![(channel, first)];
        parties.extend((1..CLIENTS).map(|_| world.join(Dialect::Own)));
        for client in &parties {
            for _ in 0..CHANNELS {
                channels.push((world.open(server, *client), *client));
            }
        }
        parties.push(server);
        let random = ChaCha8Rng::seed_from_u64(seed);
        let (said, heard, held) = Default::default();
        Self { world, random, server, parties, channels, said, heard, held, doomed: Vec::new(), most: 0 }
    }

    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.random.next_u32()).unwrap() % bound
    }

    /// A party says more of what it says on one of its channels.
    fn say(&mut self, party: PartyId) {
        if self.held.contains_key(&party) || self.doomed.contains(&party) {
            return;
        }
        let mine: Vec<u64> = self
            .channels
            .iter()
            .filter(|(_, client)| self.server == party || *client == party)
            .map(|(id, _)| *id)
            .collect();
        let channel = mine[self.below(mine.len())];
        let length = if self.below(4) == 0 { MESSAGE_BYTES } else { self.below(300) };
        let count = self.said.get(&(party, channel)).map_or(0, Vec::len) as u64;
        let data: Bytes = [&count.to_be_bytes()[..], &vec![7; length]].concat().into();
        self.put(party, [&binary_head(channel)[..], &data].concat().into());
    }

    fn put(&mut self, party: PartyId, frame: Bytes) {
        let (channel, data) = split_binary(frame.clone()).unwrap();
        match self.world.core.ask_own_binary(self.world.now, party, &frame) {
            Heard::Done => {
                self.held.remove(&party);
                self.said.entry((party, channel)).or_default().push(data);
            }
            Heard::Later => drop(self.held.insert(party, frame)),
        }
        self.settle();
    }

    /// Who was woken says again what it had to say; who is to be closed leaves.
    fn settle(&mut self) {
        let queued = self.world.core.held_bytes().0;
        self.most = self.most.max(queued);
        for doomed in self.world.core.doomed() {
            self.doomed.push(doomed);
            self.held.remove(&doomed);
            self.world.core.leave(self.world.now, doomed);
        }
        for woken in self.world.core.wakes() {
            if let Some(frame) = self.held.get(&woken).cloned() {
                self.put(woken, frame);
            }
        }
    }

    fn read(&mut self, party: PartyId) {
        let mut frames = Vec::new();
        self.world.core.take(self.world.now, party, &mut frames);
        for frame in frames {
            match frame {
                Frame::Binary(frame) => {
                    let (channel, data) = split_binary(frame).unwrap();
                    let heard = self.heard.entry((party, channel)).or_default();
                    assert!(!heard.is_over, "after its end");
                    heard.data.push(data);
                }
                Frame::Text(text) => match FromRelay::parse(&text).unwrap() {
                    FromRelay::Event(Event::Disconnected(end)) => {
                        self.heard.entry((party, end.channel)).or_default().is_over = true;
                    }
                    // About a channel whose other end has left.
                    FromRelay::Event(Event::Error(_)) => {}
                    other => panic!("{other:?}"),
                },
            }
        }
        self.settle();
    }

    fn check_what_was_heard(&self) {
        for (id, client) in &self.channels {
            for (from, to) in [(self.server, *client), (*client, self.server)] {
                if self.doomed.contains(&to) {
                    continue;
                }
                let none = Heards::default();
                let heard = self.heard.get(&(to, *id)).unwrap_or(&none);
                let said = self.said.get(&(from, *id)).map_or(&[][..], Vec::as_slice);
                assert_eq!(heard.data[..], said[..heard.data.len()], "{id} out of order");
                assert!(heard.is_over || heard.data.len() == said.len(), "{id} lost something");
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    /// never more than the bound and what one message brings about; whoever reads gets everything, and whoever was held
    /// up goes on.
    #[test]
    fn the_sum_is_bounded_and_all_flows_again(seed: u64, steps in 1..3000_usize, readers in 0..=CLIENTS) {
        let mut play = Play::new(seed);
        for _ in 0..steps {
            let who = play.below(CLIENTS + 1);
            let party = play.parties[who];
            match play.below(8) {
                0 if who >= readers && who < CLIENTS => {}
                0 | 1 => play.read(party),
                _ => play.say(party),
            }
        }
        // Ends of channels are told, whatever else waits.
        let ends = play.channels.len() * 2 * (OVERHEAD_BYTES + 100);
        prop_assert!(play.most <= BOUND + MESSAGE_BYTES + 16 + OVERHEAD_BYTES + ends, "{}", play.most);
        // Everybody reads: nobody is held up any more, and everything has arrived.
        for _ in 0..10_000 {
            for party in play.parties.clone() {
                play.read(party);
            }
            if play.held.is_empty() && play.world.core.held_bytes().0 == 0 {
                break;
            }
        }
        prop_assert!(play.held.is_empty(), "held up for ever: {:?}", play.held.keys());
        prop_assert_eq!(play.world.core.held_bytes().0, 0);
        prop_assert!(play.doomed.is_empty(), "closed in no time");
        play.check_what_was_heard();
    }

    /// One who does not read, or hardly, leaves when others are held up for as long as a stall may be; they go on then, and get all.
    #[test]
    fn who_hoards_holds_up_nobody_for_longer_than_a_stall(seed: u64, drops in 0..=2_usize) {
        let mut play = Play::new(seed);
        let stall = limits().stall;
        let hoarders: Vec<PartyId> = play.parties[..6].to_vec();
        // Till nothing is free, or all who may fill it are held up.
        for _ in 0..2000 {
            let who = play.below(CLIENTS + 1);
            let party = play.parties[who];
            play.say(party);
            if !hoarders.contains(&party) {
                play.read(party);
            }
        }
        prop_assert!(!play.held.is_empty());
        let start = play.world.now;
        let mut goes_on_at = None;
        for _ in 0..200 {
            // Who reads a little is no better.
            for party in hoarders.iter().take(drops) {
                let mut frames = Vec::new();
                if play.below(40) == 0 && !play.doomed.contains(party) {
                    play.world.core.take(play.world.now, *party, &mut frames);
                }
            }
            for party in play.parties.clone().iter().filter(|party| !hoarders.contains(party)) {
                play.read(*party);
            }
            if play.held.is_empty() {
                goes_on_at.get_or_insert(play.world.now);
                break;
            }
            play.world.now += Duration::from_millis(250);
            play.world.core.tick(play.world.now);
            play.settle();
        }
        let waited = goes_on_at.map(|at| at - start);
        prop_assert!(waited.is_some_and(|waited| waited <= stall * 2), "{waited:?}");
        prop_assert!(play.doomed.iter().all(|party| hoarders.contains(party)), "{:?}", play.doomed);
    }
}

/// Section 10: as much as is still free, for each; so there is something left for the next one, and nothing happens to anybody while
/// nobody is held up.
#[test]
fn each_may_have_as_much_as_is_still_free() {
    let mut core_limits: CoreLimits = limits();
    (core_limits.window, core_limits.queued_bytes) = (1 << 40, 64_000);
    let mut world = World::new(core_limits);
    let mut left = 64_000;
    for _ in 0..4 {
        let (server, client, channel) = world.pair();
        let frame: Bytes = [&binary_head(channel)[..], &[7; 100]].concat().into();
        while world.core.ask_own_binary(world.now, client, &frame) == Heard::Done {}
        let queued = 64_000 - left / 2;
        assert!(world.core.held_bytes().0.abs_diff(queued) < 2000, "{} {queued}", world.core.held_bytes().0);
        left /= 2;
        world.core.leave(world.now, client);
        let _ = server;
    }
    assert!(world.core.doomed().is_empty());
    // Nobody waits any more, so nobody is closed, however long something waits.
    for _ in 0..100 {
        world.now += Duration::from_secs(1);
        world.core.tick(world.now);
    }
    assert!(world.core.doomed().is_empty());
    assert_eq!(world.core.next_tick(), None);
    // But as soon as somebody does.
    let (server, client, channel) = world.pair();
    let frame: Bytes = [&binary_head(channel)[..], &[7; 5000]].concat().into();
    while world.core.ask_own_binary(world.now, client, &frame) == Heard::Done {}
    assert!(world.core.held_bytes().0 < 64_000 + 5200);
    world.core.wakes();
    world.now = world.core.next_tick().unwrap();
    world.core.tick(world.now);
    let doomed = world.core.doomed();
    assert!(!doomed.is_empty() && !doomed.contains(&server), "{doomed:?}");
    assert!(world.core.held_bytes().0 < 32_000);
    assert!(world.core.wakes().contains(&client));
    assert_eq!(world.ask(client, Some(1), Request::Ping), Heard::Done);
    // It gets nothing more, so that nothing seems to follow what it did not get.
    for party in doomed {
        assert!(world.take(party).is_empty());
    }
}

/// Section 8: what a server gets again may be more than there is room for. It comes as there is, in its order, before what is said
/// meanwhile, and before an end.
#[test]
fn a_server_that_comes_back_is_handed_what_there_is_room_for() {
    let mut core_limits: CoreLimits = limits();
    (core_limits.window, core_limits.queued_bytes, core_limits.batch_bytes) = (1 << 40, 20_000, 4000);
    let mut world = World::new(core_limits);
    let (server, client, first) = world.pair();
    let (id, second) = (world.id(server), world.open(server, client));
    let credential = Credential::new(world.core.digits(id)).unwrap();
    world.core.leave(world.now, server);
    let frame = |channel: u64, number: u8| -> Bytes { [&binary_head(channel)[..], &[number; 1000]].concat().into() };
    let say = |world: &mut World, channel, number| {
        assert_eq!(world.core.ask_own_binary(world.now, client, &frame(channel, number)), Heard::Done);
    };
    for number in 0..100 {
        say(&mut world, first, number);
        say(&mut world, second, number);
    }
    assert_eq!(world.ask(client, None, Request::Close { channel: second, status: None, reason: None }), Heard::Done);
    let back = world.join(Dialect::Own);
    let channels = [first, second].map(|channel| Position { channel, received: 0, consumed: 0 }).to_vec();
    assert_eq!(world.ask(back, Some(1), Request::Resume { server: id, credential, channels }), Heard::Done);
    let (mut got, mut ends, mut rounds) = (Vec::new(), 0, 0);
    while got.len() < 201 || ends < 1 {
        assert!(world.core.held_bytes().0 < 12_000, "{}", world.core.held_bytes().0);
        if rounds == 3 {
            say(&mut world, first, 100);
        }
        rounds += 1;
        let mut frames = Vec::new();
        world.core.take(world.now, back, &mut frames);
        assert!(!frames.is_empty(), "it is handed no more: {} {ends}", got.len());
        for frame in frames {
            match frame {
                Frame::Binary(frame) => got.push(split_binary(frame).unwrap()),
                Frame::Text(text) if text.contains("disconnected") => {
                    assert_eq!(got.iter().filter(|(channel, _)| *channel == second).count(), 100);
                    ends += 1;
                }
                Frame::Text(_) => {}
            }
        }
    }
    assert!(rounds > 40);
    for (channel, count) in [(first, 101), (second, 100)] {
        let of_it: Vec<u8> = got.iter().filter(|(number, _)| *number == channel).map(|(_, data)| data[0]).collect();
        assert_eq!(of_it, (0..count).collect::<Vec<u8>>());
    }
    // As long as it may have to come again, what was not consumed is kept, but for its time.
    world.now = world.core.next_tick().unwrap();
    world.core.tick(world.now);
    assert_eq!(world.core.channels.len(), 1);
}
