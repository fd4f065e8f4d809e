//! Random lives of many channels, with the server's connection lost at random: everything that was sent arrives once and in order,
//! and nothing is left over. The seed that fails is printed; `NWS_SEEDS` says how many there are.

use super::{model::*, *};
use nws_protocol::relay::{BINARY_HEAD_BYTES, ITEM_COST, item_cost};
use rand_chacha::{
    ChaCha8Rng,
    rand_core::{RngCore, SeedableRng},
};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

const STEPS: u32 = 1500;

/// A program at one end of a channel.
#[derive(Debug, Default)]
struct Program {
    sent: Vec<u8>,
    got: Vec<u8>,
    cost: u64,
    limit: u64,
    finished: bool,
    got_end: bool,
    /// What was delivered and is not taken yet, by cost.
    untaken: VecDeque<u64>,
    over: Option<Ending>,
}

struct World {
    random: ChaCha8Rng,
    serving: Serving,
    connecting: Connecting,
    model: Model,
    /// What is under way from the server to the relay.
    under_way: VecDeque<Frame>,
    online: bool,
    asked: Vec<u64>,
    servers: BTreeMap<u64, Program>,
    clients: BTreeMap<u64, Program>,
    wishes: u32,
    refused: u32,
    reset: bool,
    twice: BTreeSet<u64>,
}

impl World {
    fn new(seed: u64) -> Self {
        let mut world = Self {
            random: ChaCha8Rng::seed_from_u64(seed),
            serving: Serving::new(None),
            connecting: Connecting::new(1),
            model: Model::default(),
            under_way: VecDeque::new(),
            online: false,
            asked: Vec::new(),
            servers: BTreeMap::new(),
            clients: BTreeMap::new(),
            wishes: 0,
            refused: 0,
            reset: false,
            twice: BTreeSet::new(),
        };
        world.connecting.connected();
        Model::welcome(&mut world.model.to_client);
        world
    }

    fn chance(&mut self, one_in: u32) -> bool {
        self.random.next_u32().is_multiple_of(one_in)
    }

    fn below(&mut self, number: usize) -> usize {
        self.random.next_u32() as usize % number
    }

    fn one_of(&mut self, server: bool) -> Option<u64> {
        let programs = if server { &self.servers } else { &self.clients };
        let open: Vec<u64> = programs.iter().filter(|(_, p)| p.over.is_none()).map(|(channel, _)| *channel).collect();
        if open.is_empty() { None } else { Some(open[self.below(open.len())]) }
    }

    fn connect(&mut self) {
        self.online = true;
        self.serving.connected();
        Model::welcome(&mut self.model.to_server);
    }

    fn lose(&mut self) {
        // Of what is under way, some still arrives.
        let arrives = self.below(self.under_way.len() + 1);
        for frame in self.under_way.drain(..).take(arrives) {
            self.model.server_says(frame);
        }
        self.under_way.clear();
        self.online = false;
        self.model.server_lost();
        self.serving.lost();
    }

    fn step(&mut self, ending: bool) {
        match self.random.next_u32() % 12 {
            0 if !ending && self.online && self.serving.identity().is_some() && self.chance(10) => self.lose(),
            0 if !self.online => self.connect(),
            1 if !ending && self.wishes < 12 && self.chance(4) => {
                self.wishes += 1;
                self.connecting.open(80);
            }
            2 if !self.asked.is_empty() => {
                let at = self.below(self.asked.len());
                let channel = self.asked.swap_remove(at);
                if !ending && self.chance(8) {
                    self.serving.refuse(channel, "not now");
                } else if self.serving.accept(channel) {
                    let program = Program { limit: WINDOW, ..Program::default() };
                    if self.servers.insert(channel, program).is_some() {
                        // Taken and reset while the relay's repeated question was under way: it is asked, and taken, once
                        // more, and over at once.
                        self.twice.insert(channel);
                    }
                }
            }
            3..=5 => self.send(ending),
            6 | 7 => self.take(),
            8 if self.reset && !ending && self.chance(40) => {
                let server = self.chance(2);
                if let Some(channel) = self.one_of(server) {
                    let end: &mut dyn FnMut(u64) = if server {
                        &mut |channel| self.serving.reset(channel, "reset")
                    } else {
                        &mut |channel| self.connecting.reset(channel, "reset")
                    };
                    end(channel);
                    let programs = if server { &mut self.servers } else { &mut self.clients };
                    programs.get_mut(&channel).unwrap().over = Some(Ending::Reset("by itself".to_owned()));
                }
            }
            _ => self.travel(),
        }
        self.effects();
    }

    fn send(&mut self, ending: bool) {
        let server = self.chance(2);
        let Some(channel) = self.one_of(server) else { return };
        let finish = ending || self.chance(30);
        let length = self.below(200);
        let byte = self.random.next_u32() as u8;
        let (program, end): (_, &mut Channels) = if server {
            (self.servers.get_mut(&channel).unwrap(), self.serving.channels())
        } else {
            (self.clients.get_mut(&channel).unwrap(), self.connecting.channels())
        };
        if program.finished {
            return;
        }
        if finish {
            program.finished = true;
            end.finish(channel);
        } else if program.cost < program.limit {
            let payload: Vec<u8> = (0..length).map(|at| byte.wrapping_add(at as u8)).collect();
            program.sent.extend(&payload);
            program.cost += item_cost(length);
            assert_eq!(payload.len() + BINARY_HEAD_BYTES, frame(channel, &payload).len());
            end.data(channel, frame(channel, &payload));
        }
    }

    fn take(&mut self) {
        let server = self.chance(2);
        let Some(channel) = self.one_of(server) else { return };
        let programs = if server { &mut self.servers } else { &mut self.clients };
        if let Some(cost) = programs.get_mut(&channel).and_then(|program| program.untaken.pop_front()) {
            if server { self.serving.taken(channel, cost) } else { self.connecting.taken(channel, cost) }
        }
    }

    /// One frame goes one step.
    fn travel(&mut self) {
        while let Some(frame) = self.connecting.frame() {
            self.model.client_says(frame);
        }
        if self.online {
            while let Some(frame) = self.serving.frame() {
                self.under_way.push_back(frame);
            }
        }
        match self.random.next_u32() % 3 {
            0 => {
                if let Some(frame) = self.under_way.pop_front() {
                    self.model.server_says(frame);
                }
            }
            1 => {
                if let Some(frame) = self.model.to_server.pop_front() {
                    hear(&mut self.serving, frame);
                }
            }
            _ => {
                if let Some(frame) = self.model.to_client.pop_front() {
                    hear(&mut self.connecting, frame);
                }
            }
        }
    }

    fn effects(&mut self) {
        while let Some(effect) = self.serving.effect() {
            match effect {
                Effect::Asked { channel, .. } => self.asked.push(channel),
                Effect::Over { channel, .. } if self.asked.contains(&channel) => {
                    self.asked.retain(|asked| *asked != channel);
                }
                effect => felt(&mut self.servers, effect),
            }
        }
        while let Some(effect) = self.connecting.effect() {
            match effect {
                Effect::Opened { channel, .. } => {
                    self.clients.insert(channel, Program { limit: WINDOW, ..Program::default() });
                }
                Effect::Failed { .. } => self.refused += 1,
                effect => felt(&mut self.clients, effect),
            }
        }
    }

    fn is_quiet(&self) -> bool {
        let done = |programs: &BTreeMap<u64, Program>| programs.values().all(|program| program.over.is_some());
        done(&self.servers) && done(&self.clients) && self.serving.is_idle() && self.connecting.is_idle()
    }
}

fn hear(end: &mut impl End, frame: Frame) {
    match frame {
        Frame::Text(text) => end.text(std::str::from_utf8(&text).unwrap()).unwrap(),
        Frame::Binary(bytes) => end.binary(bytes).unwrap(),
    }
}

fn felt(programs: &mut BTreeMap<u64, Program>, effect: Effect) {
    match effect {
        Effect::Deliver { channel, data } => {
            let program = programs.get_mut(&channel).unwrap();
            assert!(program.over.is_none() && !program.got_end);
            program.got.extend(&data);
            program.untaken.push_back(item_cost(data.len()));
        }
        Effect::DeliverEnd { channel } => {
            let program = programs.get_mut(&channel).unwrap();
            assert!(!std::mem::replace(&mut program.got_end, true));
            program.untaken.push_back(ITEM_COST);
        }
        Effect::Credit { channel, limit } => {
            let program = programs.get_mut(&channel).unwrap();
            assert!(limit >= program.limit);
            program.limit = limit;
        }
        Effect::Over { channel, ending } => programs.get_mut(&channel).unwrap().over = Some(ending),
        Effect::Registered { .. } | Effect::Resumed { .. } => {}
        effect => panic!("unexpected: {effect:?}"),
    }
}

fn live(seed: u64, reset: bool) {
    let mut world = World { reset, ..World::new(seed) };
    for _ in 0..STEPS {
        world.step(false);
    }
    let mut steps = 0;
    while !world.is_quiet() {
        world.step(true);
        steps += 1;
        assert!(steps < 1_000_000, "it does not come to an end");
    }
    assert!(reset || world.twice.is_empty());
    for (channel, client) in world.clients.iter().filter(|(channel, _)| !world.twice.contains(channel)) {
        let Some(server) = world.servers.get(channel) else { panic!("{channel} has one end") };
        let complete = |program: &Program| program.over == Some(Ending::Complete);
        if reset {
            // What arrived is a beginning of what was sent.
            assert!(client.sent.starts_with(&server.got) && server.sent.starts_with(&client.got), "{channel}");
        } else {
            assert!(complete(client) && complete(server), "{channel}: {:?} {:?}", client.over, server.over);
            assert!(client.sent == server.got && server.sent == client.got, "{channel}");
            assert!(client.got_end && server.got_end);
        }
    }
    assert_eq!(world.clients.len() as u32 + world.refused, world.wishes);
}

#[test]
fn everything_arrives_once_and_in_order_whenever_the_connection_is_lost() {
    let seeds = std::env::var("NWS_SEEDS").ok().and_then(|text| text.parse().ok()).unwrap_or(300);
    for seed in 0..seeds {
        for reset in [false, true] {
            if let Err(panic) = std::panic::catch_unwind(|| live(seed, reset)) {
                eprintln!("the seed is {seed}, reset {reset}");
                std::panic::resume_unwind(panic);
            }
        }
    }
}
