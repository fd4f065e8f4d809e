//! A server whose connection is lost over and over, at any moment, with frames under way in both directions. Whatever is lost,
//! each end gets every item of the other once, and in its order.

use super::{World, limits};
use crate::core::{Dialect, Frame, PartyId};
use nws_protocol::relay::{
    Answer, Credential, Event, FromRelay, Position, ReceiveCredit, Request, Retained, SendCredit, Text, binary_head,
    item_cost, split_binary,
};
use proptest::prelude::*;
use rand_chacha::ChaCha8Rng;
use rand_core::{RngCore, SeedableRng};
use std::collections::{BTreeMap, VecDeque};

const WINDOW: u64 = 300;

#[derive(Debug, Clone, PartialEq, Eq)]
enum Item {
    Text(String),
    Binary(Vec<u8>),
    Finish,
}

impl Item {
    fn cost(&self) -> u64 {
        match self {
            Self::Text(text) => item_cost(text.len()),
            Self::Binary(data) => item_cost(data.len()),
            Self::Finish => item_cost(0),
        }
    }
}

/// An end of a channel, as a program has it.
struct End {
    credit: SendCredit,
    receive: ReceiveCredit,
    kept: Retained<Item>,
    /// What it said and what it heard, ever.
    said: Vec<Item>,
    heard: Vec<Item>,
    /// What arrived, and the program has not looked at.
    waiting: VecDeque<Item>,
    open: bool,
    over: Option<String>,
}

impl End {
    fn new(open: bool) -> Self {
        Self {
            credit: SendCredit::new(WINDOW),
            receive: ReceiveCredit::new(WINDOW),
            kept: Retained::new(),
            said: Vec::new(),
            heard: Vec::new(),
            waiting: VecDeque::new(),
            open,
            over: None,
        }
    }

    fn has_finished(&self) -> bool {
        self.said.last() == Some(&Item::Finish)
    }

    fn arrive(&mut self, item: Item) {
        self.receive.receive(item.cost(), item != Item::Finish).unwrap();
        self.heard.push(item.clone());
        self.waiting.push_back(item);
    }
}

/// A party and the wire to it.
struct Program {
    party: PartyId,
    ends: BTreeMap<u64, End>,
    is_server: bool,
}

struct Play {
    world: World,
    random: ChaCha8Rng,
    server: Program,
    clients: Vec<Program>,
    id: u64,
    credential: String,
    lost: usize,
}

impl Play {
    fn new(seed: u64, clients: usize) -> Self {
        let mut core_limits = limits();
        (core_limits.window, core_limits.batch_bytes) = (WINDOW, 500);
        let mut world = World::new(core_limits);
        let party = world.join(Dialect::Own);
        let _ = world.ask(party, Some(0), Request::Register);
        let answer = world.texts(party).remove(0);
        let FromRelay::Answer { answer: Answer::Registered { server, credential }, .. } =
            FromRelay::parse(&answer).unwrap()
        else {
            panic!("{answer}")
        };
        let credential = credential.reveal().to_owned();
        let program = |party, is_server| Program { party, ends: BTreeMap::new(), is_server };
        let clients = (0..clients).map(|_| world.join(Dialect::Own)).map(|party| program(party, false)).collect();
        let random = ChaCha8Rng::seed_from_u64(seed);
        Self { world, random, server: program(party, true), clients, id: server, credential, lost: 0 }
    }

    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.random.next_u32()).unwrap() % bound
    }

    fn step(&mut self) {
        match self.below(20) {
            0 => {
                let which = self.below(self.clients.len());
                let request = Request::Connect { server: self.id, port: 1 };
                let party = self.clients[which].party;
                // While the server is away, that is an error.
                let _ = self.world.ask(party, Some(which as u64), request);
            }
            1 => self.lose(),
            2..=6 => self.say(None),
            7..=11 => {
                let which = self.below(self.clients.len());
                self.say(Some(which));
            }
            12..=14 => self.hear(None),
            15..=17 => {
                let which = self.below(self.clients.len());
                self.hear(Some(which));
            }
            _ => {
                let which = self.below(self.clients.len() + 1).checked_sub(1);
                self.look(which);
            }
        }
    }

    fn program(&mut self, which: Option<usize>) -> &mut Program {
        match which {
            Some(which) => &mut self.clients[which],
            None => &mut self.server,
        }
    }

    /// One of the program's open channels.
    fn channel(&mut self, which: Option<usize>) -> Option<u64> {
        let ends = &self.program(which).ends;
        let open: Vec<u64> = ends.iter().filter(|(_, end)| end.open && end.over.is_none()).map(|(id, _)| *id).collect();
        (!open.is_empty()).then(|| open[self.below(open.len())])
    }

    /// Says something, as far as there is credit. On a dead connection it goes nowhere; so it does if it is lost later.
    fn say(&mut self, which: Option<usize>) {
        let Some(channel) = self.channel(which) else { return };
        let kind = self.below(12);
        let length = self.below(60);
        let program = self.program(which);
        let end = program.ends.get_mut(&channel).unwrap();
        if end.has_finished() {
            return;
        }
        let number = end.said.len();
        let item = match kind {
            0 => Item::Finish,
            1..=6 => Item::Text(format!("{number} {}", "é".repeat(length / 2))),
            _ => Item::Binary([&[number as u8][..], &vec![7; length]].concat()),
        };
        if item == Item::Finish {
            end.credit.finish();
        } else if end.credit.send(item.cost()).is_err() {
            return;
        }
        end.said.push(item.clone());
        end.kept.push(item.clone(), item.cost());
        let party = program.party;
        self.put(party, channel, &item);
    }

    fn put(&mut self, party: PartyId, channel: u64, item: &Item) {
        let heard = match item {
            Item::Text(text) => self.world.ask(party, None, Request::Data { channel, data: Text::new(text) }),
            Item::Finish => self.world.ask(party, None, Request::Finish { channel }),
            Item::Binary(data) => {
                let frame = [&binary_head(channel)[..], data].concat().into();
                self.world.core.ask_own_binary(self.world.now, party, &frame)
            }
        };
        assert_eq!(heard, super::Heard::Done);
    }

    /// The program looks at something, and says so now and then.
    fn look(&mut self, which: Option<usize>) {
        let Some(channel) = self.channel(which) else { return };
        let program = self.program(which);
        let party = program.party;
        let end = program.ends.get_mut(&channel).unwrap();
        let Some(item) = end.waiting.pop_front() else { return };
        if let Some(bytes) = end.receive.take(item.cost()) {
            let _ = self.world.ask(party, None, Request::Consumed { channel, bytes });
        }
    }

    /// Takes what the relay has for a program.
    fn hear(&mut self, which: Option<usize>) {
        let party = self.program(which).party;
        let mut frames = Vec::new();
        self.world.core.take(self.world.now, party, &mut frames);
        for frame in frames {
            self.handle(which, &frame);
        }
    }

    fn handle(&mut self, which: Option<usize>, frame: &Frame) {
        let text = match frame {
            Frame::Binary(frame) => {
                let (channel, data) = split_binary(frame.clone()).unwrap();
                let end = self.program(which).ends.get_mut(&channel).unwrap();
                assert!(end.over.is_none(), "after its end");
                return end.arrive(Item::Binary(data.to_vec()));
            }
            Frame::Text(text) => text,
        };
        let program = self.program(which);
        let party = program.party;
        let ends = &mut program.ends;
        match FromRelay::parse(text).unwrap() {
            FromRelay::Event(Event::Connected { channel, .. }) => {
                // It may be repeated, if it was not known to have been accepted.
                ends.entry(channel).or_insert_with(|| End::new(true));
                let _ = self.world.ask(party, None, Request::Accept { channel });
            }
            FromRelay::Answer { answer: Answer::Connected { channel }, .. } => {
                assert!(ends.insert(channel, End::new(true)).is_none());
            }
            FromRelay::Event(Event::Data { channel, data }) => {
                let end = ends.get_mut(&channel).unwrap();
                assert!(end.over.is_none(), "after its end");
                end.arrive(Item::Text(data.decode().into_owned()));
            }
            FromRelay::Event(Event::Finished { channel }) => ends.get_mut(&channel).unwrap().arrive(Item::Finish),
            FromRelay::Event(Event::Consumed { channel, bytes }) => {
                let end = ends.get_mut(&channel).unwrap();
                assert!(end.over.is_none(), "after its end");
                end.credit.consume(bytes).unwrap();
                end.kept.consume(bytes);
            }
            FromRelay::Event(Event::Disconnected(end)) => {
                let code = end.code.as_str().to_owned();
                let over = &mut ends.get_mut(&end.channel).unwrap().over;
                assert!(over.replace(code).is_none(), "told twice");
            }
            // The other end was over before it knew; or the server is away.
            FromRelay::Event(Event::Error(_)) | FromRelay::Answer { answer: Answer::Error(_), .. } => {}
            other => panic!("{other:?}"),
        }
    }

    /// The server's connection is lost, with all that was on its way to it; another one resumes.
    fn lose(&mut self) {
        self.lost += 1;
        let mut frames = Vec::new();
        // Some of what waited was written; of that it got a part.
        if self.below(2) == 0 {
            self.world.core.take(self.world.now, self.server.party, &mut frames);
            let got = self.below(frames.len() + 1);
            for frame in frames.drain(..).take(got) {
                self.handle(None, &frame);
            }
        }
        let dead = self.below(3) == 0;
        if !dead {
            // The relay knows at once; else the new one takes over from one that still seems to be there.
            self.world.core.leave(self.world.now, self.server.party);
            for _ in 0..self.below(30) {
                let which = self.below(self.clients.len());
                match self.below(4) {
                    // Into the void.
                    0 => self.say(None),
                    1 => self.say(Some(which)),
                    2 => self.hear(Some(which)),
                    _ => self.look(Some(which)),
                }
            }
        }
        self.resume();
    }

    fn resume(&mut self) {
        let party = self.world.join(Dialect::Own);
        self.server.party = party;
        let live = self.server.ends.iter_mut().filter(|(_, end)| end.over.is_none());
        let channels: Vec<Position> = live
            .map(|(channel, end)| Position {
                channel: *channel,
                received: end.receive.items(),
                consumed: end.receive.tell(),
            })
            .collect();
        let credential = Credential::new(self.credential.clone()).unwrap();
        let _ = self.world.ask(party, Some(1), Request::Resume { server: self.id, credential, channels });
        // What it gets again comes bit by bit, while others go on.
        let mut frames = Vec::new();
        self.world.core.take(self.world.now, party, &mut frames);
        let mut frames = VecDeque::from(frames);
        let Some(Frame::Text(answer)) = frames.pop_front() else { panic!("no answer") };
        let FromRelay::Answer { answer: Answer::Resumed { channels, .. }, .. } = FromRelay::parse(&answer).unwrap()
        else {
            panic!("{answer}")
        };
        let there: BTreeMap<u64, Position> = channels.iter().map(|position| (position.channel, *position)).collect();
        let mut again = Vec::new();
        for (channel, end) in self.server.ends.iter_mut().filter(|(_, end)| end.over.is_none()) {
            match there.get(channel) {
                Some(position) => {
                    end.credit.consume(position.consumed).unwrap();
                    end.kept.consume(position.consumed);
                    again.extend(end.kept.after(position.received).unwrap().cloned().map(|item| (*channel, item)));
                }
                None => end.over = Some("not there".to_owned()),
            }
        }
        for (channel, item) in again {
            self.put(party, channel, &item);
        }
        for frame in frames {
            self.handle(None, &frame);
        }
    }

    /// Lets everybody say what it has to say, and compares.
    fn end(mut self) {
        for _ in 0..200 {
            for which in std::iter::once(None).chain((0..self.clients.len()).map(Some)) {
                self.hear(which);
                let program = self.program(which);
                let party = program.party;
                let mut consumed = Vec::new();
                for (channel, end) in program.ends.iter_mut().filter(|(_, end)| end.over.is_none()) {
                    while let Some(item) = end.waiting.pop_front() {
                        if let Some(bytes) = end.receive.take(item.cost()) {
                            consumed.push((*channel, bytes));
                        }
                    }
                }
                for (channel, bytes) in consumed {
                    let _ = self.world.ask(party, None, Request::Consumed { channel, bytes });
                }
            }
        }
        for client in &self.clients {
            for (channel, end) in &client.ends {
                let other = &self.server.ends[channel];
                assert_eq!(end.heard, other.said[..end.heard.len()], "channel {channel} down");
                assert_eq!(other.heard, end.said[..other.heard.len()], "channel {channel} up");
                // Nothing but that both have finished ends a channel here.
                if end.over.is_none() {
                    assert_eq!(end.heard.len(), other.said.len(), "channel {channel} down: {:?}", other.over);
                    assert_eq!(other.heard.len(), end.said.len(), "channel {channel} up");
                } else {
                    assert!(end.has_finished() && other.has_finished(), "channel {channel}: {:?}", end.over);
                    assert_eq!(end.heard.len(), other.said.len(), "channel {channel} down: {:?}", other.over);
                    assert_eq!(other.heard.len(), end.said.len(), "channel {channel} up: {:?}", other.over);
                }
            }
        }
        assert!(self.server.is_server && self.world.core.sizes().1 == 1);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    ///
    #[test]
    fn nothing_is_lost_and_nothing_comes_twice(seed: u64, clients in 1..4_usize, steps in 1..600_usize) {
        let mut play = Play::new(seed, clients);
        for _ in 0..steps {
            play.step();
        }
        play.end();
    }
}
