//! Two ends of the protocol's matcher, step by step, and a record of all that happens.

use super::{
    drawn::{Recorder, dummy_of},
    session::{HELLO_I, HELLO_R, Purse, Session},
};
use crate::{
    control::describe,
    file::Case,
    json::{Json, hex, object},
    oprf::{Blind, Key},
};
use bytes::BytesMut;
use nws_protocol::{
    ChannelKey, ChannelKind, ChannelName, LinkCode,
    matching::{BudgetLimits, LeftBy, LinkSecret, MatchEvent, MatchFault, Matcher, Secrets},
    wire::{Control, Tag},
};
use std::{
    collections::{BTreeMap, VecDeque},
    mem,
    time::Duration,
};

pub(crate) const I: usize = 0;
pub(crate) const R: usize = 1;
const NAMES: [&str; 2] = ["I", "R"];

pub(crate) fn network(name: &str) -> ChannelKey {
    ChannelKey { kind: ChannelKind::Network, name: ChannelName::new(name).unwrap() }
}

pub(crate) fn label(key: &ChannelKey) -> String {
    let kind = key.kind.matching_label().unwrap_or("local");
    format!("{kind}/{}", key.name.reveal())
}

/// What one entry of a list is.
#[derive(Clone)]
enum Entry {
    Channel(String),
    Dummy(Vec<u8>),
}

/// One link, and the record of what happens on it.
pub(crate) struct Play {
    ends: [Matcher; 2],
    rngs: [Recorder; 2],
    purses: [Purse; 2],
    sessions: [Session; 2],
    secrets: [LinkSecret; 2],
    limits: [Option<BudgetLimits>; 2],
    seed: Vec<u8>,
    key: Key,
    channels: BTreeMap<String, ChannelKey>,
    /// What tags stand for, once they were shown.
    tags: BTreeMap<Tag, Entry>,
    /// Entries of the Query that may be repeated.
    asked: Vec<Json>,
    on_the_way: [VecDeque<(usize, Control)>; 2],
    messages: usize,
    steps: Vec<Json>,
    now: Duration,
}

impl Play {
    pub(crate) fn new(seed: u64) -> Self {
        Self::with(seed, [Session::USUAL; 2], [None, None])
    }

    pub(crate) fn with(seed: u64, sessions: [Session; 2], limits: [Option<BudgetLimits>; 2]) -> Self {
        let secrets = sessions.each_ref().map(Session::secret);
        let mut rngs = [0, 1].map(|end| Recorder::new(2 * seed + end));
        let ends = [
            Matcher::initiator(secrets[I].clone(), &mut rngs[I]),
            Matcher::responder(secrets[R].clone(), &mut rngs[R]),
        ];
        let seed = rngs[R].drawn[0].clone();
        Self {
            ends,
            rngs,
            purses: limits.map(Purse::new),
            sessions,
            secrets,
            limits,
            key: Key::derived(&seed, b""),
            seed,
            channels: BTreeMap::new(),
            tags: BTreeMap::new(),
            asked: Vec::new(),
            on_the_way: Default::default(),
            messages: 0,
            steps: Vec::new(),
            now: Duration::from_secs(1000),
        }
    }

    fn step(&mut self, step: Json) {
        self.steps.push(step);
    }

    pub(crate) fn join(&mut self, end: usize, key: &ChannelKey) {
        self.channels.insert(label(key), key.clone());
        self.step(object! { "step": "join", "at": NAMES[end], "channel": label(key) });
        self.ends[end].join(key);
        self.events(end);
    }

    pub(crate) fn both_join(&mut self, key: &ChannelKey) {
        self.join(I, key);
        self.join(R, key);
    }

    pub(crate) fn leave(&mut self, end: usize, key: &ChannelKey) {
        self.step(object! { "step": "leave", "at": NAMES[end], "channel": label(key) });
        self.ends[end].leave(key);
        self.events(end);
    }

    pub(crate) fn wait(&mut self, milliseconds: u32) {
        self.now += Duration::from_millis(milliseconds.into());
        self.step(object! { "step": "wait", "ms": milliseconds });
        for end in [I, R] {
            let before = self.purses[end].charged;
            self.ends[end].timeout(&mut self.purses[end], self.now);
            let charged = self.purses[end].charged - before;
            if charged > 0 {
                self.step(object! { "step": "charge", "at": NAMES[end], "charged": charged });
            }
            self.events(end);
        }
    }

    fn events(&mut self, end: usize) {
        while let Some(event) = self.ends[end].event() {
            let step = object! { "step": "event", "at": NAMES[end] };
            let step = match event {
                MatchEvent::Matched { key, channel_id, channel_key } => step
                    .with("event", "matched")
                    .with("channel", label(&key))
                    .with("channel_id", hex(channel_id.as_bytes()))
                    .with("channel_key", hex(channel_key.reveal())),
                MatchEvent::Unmatched { key, channel_id, by } => step
                    .with("event", "unmatched")
                    .with("channel", label(&key))
                    .with("channel_id", hex(channel_id.as_bytes()))
                    .with("left", if by == LeftBy::Here { "here" } else { "there" }),
            };
            self.step(step);
        }
    }

    /// An end says the next thing that it has to say, which is this.
    pub(crate) fn say(&mut self, end: usize, kind: &str) {
        self.rngs[end].drawn.clear();
        let message = self.ends[end].transmit(&mut self.rngs[end]).unwrap_or_else(|| panic!("{kind} was expected"));
        let drawn = mem::take(&mut self.rngs[end].drawn);
        let entries = self.entries(&message, drawn);
        let step = self.send(end, message);
        assert!(step.member("type") == Some(&Json::from(kind)), "{kind} was expected, not {step:?}");
        self.step(match entries {
            Some(entries) => step.with("entries", entries),
            None => step,
        });
    }

    /// The same, where only that it is said matters.
    pub(crate) fn mention(&mut self, end: usize, kind: &str) {
        self.say(end, kind);
        if let Some(Json::Object(step)) = self.steps.last_mut() {
            step.retain(|(name, _)| name != "frame" && name != "entries");
        }
    }

    /// An end says something that no matcher would.
    pub(crate) fn feed(&mut self, end: usize, message: Control) {
        let step = self.send(end, message);
        self.step(step);
    }

    fn send(&mut self, end: usize, message: Control) -> Json {
        self.messages += 1;
        let mut wire = BytesMut::new();
        message.encode(&mut wire);
        let prefix = wire.iter().take_while(|byte| **byte >= 0x80).count() + 1;
        let kind = describe(&message).member("type").cloned().unwrap();
        let step = object! {
            "step": "send",
            "from": NAMES[end],
            "message": self.messages,
            "type": kind,
            "frame": hex(&wire[prefix..]),
        };
        self.on_the_way[end].push_back((self.messages, message));
        step
    }

    /// The next message arrives at this end.
    pub(crate) fn hear(&mut self, end: usize) {
        self.arrive(end).unwrap();
        self.events(end);
    }

    /// An end says this, and the next message arrives at the other end.
    pub(crate) fn pass(&mut self, end: usize, kind: &str) {
        self.say(end, kind);
        self.hear(if end == I { R } else { I });
    }

    /// The next message arrives at this end, which closes the link.
    pub(crate) fn refuse(&mut self, end: usize) -> MatchFault {
        let fault = self.arrive(end).expect_err("must be refused");
        let code = fault.code();
        self.step(
            object! { "step": "close", "at": NAMES[end], "code": code.number(), "code_name": format!("{code:?}") },
        );
        fault
    }

    fn arrive(&mut self, end: usize) -> Result<(), MatchFault> {
        let (number, message) = self.on_the_way[1 - end].pop_front().unwrap();
        let before = self.purses[end].charged;
        let result = self.ends[end].handle(message, &mut self.purses[end], self.now);
        let charged = self.purses[end].charged - before;
        let step = object! { "step": "deliver", "to": NAMES[end], "message": number };
        self.step(if charged > 0 { step.with("charged", charged) } else { step });
        result
    }

    /// I asks, R answers, I accepts, and all arrives.
    pub(crate) fn first_round(&mut self) {
        self.pass(I, "Query");
        self.pass(R, "Answer");
        self.pass(I, "Accept");
    }

    /// What the entries of a message are.
    fn entries(&mut self, message: &Control, drawn: Vec<Vec<u8>>) -> Option<Json> {
        let of_32: Vec<_> = drawn.iter().filter(|bytes| bytes.len() == 32).cloned().collect();
        match message {
            Control::Query { blinded, .. } => {
                let blinds: Vec<_> = drawn.into_iter().filter(|bytes| bytes.len() == 64).collect();
                if !blinds.is_empty() {
                    self.asked = self.query_entries(blinded, &blinds, &of_32);
                }
                Some(Json::List(self.asked.clone()))
            }
            Control::Answer { offer: tags, .. } | Control::Offer(tags) => {
                for dummy in of_32 {
                    let y = self.key.evaluate(&dummy_of(&dummy));
                    self.tags.insert(Secrets::derive(&self.secrets[R], &y).tag_r, Entry::Dummy(dummy));
                }
                self.know_channels(R);
                Some(self.tag_entries(tags))
            }
            Control::Revoke(tags) => Some(self.tag_entries(tags)),
            Control::Accept(tags) => {
                self.know_channels(I);
                Some(self.tag_entries(tags))
            }
            _ => None,
        }
    }

    fn query_entries(&self, blinded: &[[u8; 32]], blinds: &[Vec<u8>], dummies: &[Vec<u8>]) -> Vec<Json> {
        let channels = self.channels.iter().filter_map(|(label, key)| {
            Some((Entry::Channel(label.clone()), self.secrets[I].channel_input(key)?.to_vec()))
        });
        let dummies = dummies.iter().map(|dummy| (Entry::Dummy(dummy.clone()), dummy_of(dummy)));
        let inputs: Vec<_> = channels.chain(dummies).collect();
        let entry = |(element, blind): (&[u8; 32], &Vec<u8>)| {
            let (entry, blind) = inputs
                .iter()
                .map(|(entry, input)| (entry, Blind::new(input, blind)))
                .find(|(_, blind)| blind.element == *element)
                .unwrap();
            entry.json().with("blind", hex(blind.scalar()))
        };
        assert_eq!(blinded.len(), blinds.len());
        blinded.iter().zip(blinds).map(entry).collect()
    }

    /// The tags of all channels, as an end derives them from its secret.
    fn know_channels(&mut self, end: usize) {
        for (label, key) in &self.channels {
            let Some(input) = self.secrets[end].channel_input(key) else { continue };
            let secrets = Secrets::derive(&self.secrets[end], &self.key.evaluate(&input));
            let tag = if end == R { secrets.tag_r } else { secrets.tag_i };
            self.tags.insert(tag, Entry::Channel(label.clone()));
        }
    }

    fn tag_entries(&self, tags: &[Tag]) -> Json {
        tags.iter().map(|tag| self.tags.get(tag).map_or_else(|| object! { "random": true }, Entry::json)).collect()
    }

    /// The case, at a point where neither end has anything to say.
    pub(crate) fn end(mut self, id: &str, comment: &str, requirements: &'static [&'static str]) -> Case {
        for end in [I, R] {
            assert!(self.on_the_way[end].is_empty(), "{id}: something is on its way");
            let left = self.ends[end].transmit(&mut self.rngs[end]);
            assert!(left.is_none(), "{id}: {} has more to say: {left:?}", NAMES[end]);
        }
        self.case(Case::valid(id, comment, requirements))
    }

    /// The case of one end; what the other one says is not what a matcher says.
    pub(crate) fn one_sided(
        mut self,
        id: &str,
        comment: &str,
        requirements: &'static [&'static str],
        end: usize,
    ) -> Case {
        let left = self.ends[end].transmit(&mut self.rngs[end]);
        assert!(left.is_none(), "{id}: {} has more to say: {left:?}", NAMES[end]);
        self.case(Case::valid(id, comment, requirements).flag("OneSide").input("checks", NAMES[end]))
    }

    /// What follows from R's key for a channel.
    pub(crate) fn secrets(&self, key: &ChannelKey) -> Secrets {
        let input = self.secrets[R].channel_input(key).unwrap();
        Secrets::derive(&self.secrets[R], &self.key.evaluate(&input))
    }

    pub(crate) fn faulty(
        self,
        id: &str,
        comment: &str,
        requirements: &'static [&'static str],
        reason: &str,
        code: LinkCode,
    ) -> Case {
        self.case(Case::invalid(id, comment, requirements, reason).flag("Fault")).code(code)
    }

    fn case(self, case: Case) -> Case {
        let channels = self.channels.iter().map(|(label, key)| {
            let channel = object! { "channel": label.clone(), "kind": label.split('/').next().unwrap(), "name": key.name.reveal() };
            match self.secrets[R].channel_input(key) {
                None => channel.with("tag_r", Json::Null).with("tag_i", Json::Null).with("channel_id", Json::Null),
                Some(input) => {
                    let secrets = Secrets::derive(&self.secrets[R], &self.key.evaluate(&input));
                    channel
                        .with("tag_r", hex(secrets.tag_r))
                        .with("tag_i", hex(secrets.tag_i))
                        .with("channel_id", hex(secrets.channel_id.as_bytes()))
                }
            }
        });
        let budget = |limits: Option<BudgetLimits>| {
            limits.map(|limits| {
                let refill = u32::try_from(limits.refill.as_millis()).unwrap();
                object! { "holds": limits.burst, "ms_for_each": refill }
            })
        };
        let session = object! {
            "I": self.sessions[I].json(),
            "R": self.sessions[R].json(),
            "hello_i": hex(HELLO_I),
            "hello_r": hex(HELLO_R),
        };
        case.input("session", session)
            .input("l", object! { "I": hex(self.secrets[I].reveal()), "R": hex(self.secrets[R].reveal()) })
            .input("key", object! { "seed": hex(&self.seed), "scalar": hex(self.key.scalar()) })
            .input("budgets", object! { "I": budget(self.limits[I]), "R": budget(self.limits[R]) })
            .input("channels", channels.collect::<Json>())
            .input("steps", self.steps)
    }
}

impl Entry {
    fn json(&self) -> Json {
        match self {
            Self::Channel(label) => object! { "channel": label.clone() },
            Self::Dummy(random) => object! { "dummy": hex(random) },
        }
    }
}
