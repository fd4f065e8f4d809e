//! `dialogues.json`: each side of each dialogue, with the other one played from the file.

use crate::{array, bytes, cases, closes_with, has_flag, hex, id, is_valid, list, number, text};
use nws_protocol::{
    ChannelKey, ChannelKind, ChannelName, NetworkKey,
    matching::{Budget, BudgetLimits, Charge, LeftBy, LinkSecret, MatchEvent, MatchFault, Matcher},
    wire::{Control, Tag},
};
use rand_chacha::{
    ChaCha8Rng,
    rand_core::{CryptoRng, Error, RngCore, SeedableRng},
};
use serde_json::{Value, json};
use std::{collections::BTreeMap, time::Duration};
use voprf::{BlindedElement, OprfServer, Ristretto255};

/// Random, but for what is drawn first: a responder draws the seed of its key.
struct Drawn {
    first: Option<[u8; 32]>,
    then: ChaCha8Rng,
}

impl RngCore for Drawn {
    fn next_u32(&mut self) -> u32 {
        self.then.next_u32()
    }
    fn next_u64(&mut self) -> u64 {
        self.then.next_u64()
    }
    fn fill_bytes(&mut self, dest: &mut [u8]) {
        match self.first.take() {
            Some(first) => dest.copy_from_slice(&first),
            None => self.then.fill_bytes(dest),
        }
    }
    fn try_fill_bytes(&mut self, dest: &mut [u8]) -> Result<(), Error> {
        self.fill_bytes(dest);
        Ok(())
    }
}

impl CryptoRng for Drawn {}

struct Purse {
    budget: Option<Budget>,
    charged: u32,
}

impl Charge for Purse {
    fn charge(&mut self, guesses: u32, now: Duration) -> Result<(), Duration> {
        if let Some(budget) = &mut self.budget {
            budget.charge(guesses, now)?;
        }
        self.charged += guesses;
        Ok(())
    }
}

/// One end of one dialogue under test.
struct Side<'a> {
    case: &'a Value,
    name: &'static str,
    end: Matcher,
    rng: Drawn,
    purse: Purse,
    key: OprfServer<Ristretto255>,
    /// What this end said, and what the file says that the other one did.
    messages: BTreeMap<usize, Control>,
    charged: u32,
    now: Duration,
}

impl<'a> Side<'a> {
    fn new(case: &'a Value, name: &'static str) -> Self {
        let session = &case["session"];
        let network_key = match &session[name]["network_key"] {
            Value::Null => NetworkKey::default(),
            key => NetworkKey::new(array(key)),
        };
        let hellos = [bytes(&session["hello_i"]), bytes(&session["hello_r"])];
        let secret = LinkSecret::derive(&network_key, &array(&session[name]["ekm"]), &hellos[0], &hellos[1]);
        assert_eq!(hex(secret.reveal()), case["l"][name]);
        let seed: [u8; 32] = array(&case["key"]["seed"]);
        let key = OprfServer::new_from_seed(&seed, b"").unwrap();
        assert_eq!(hex(&key.serialize()), case["key"]["scalar"]);
        let mut rng = Drawn { first: (name == "R").then_some(seed), then: ChaCha8Rng::seed_from_u64(5) };
        let end = if name == "I" { Matcher::initiator(secret, &mut rng) } else { Matcher::responder(secret, &mut rng) };
        let budget = match &case["budgets"][name] {
            Value::Null => None,
            limits => Some(Budget::new(BudgetLimits {
                burst: number(&limits["holds"]).try_into().unwrap(),
                refill: Duration::from_millis(number(&limits["ms_for_each"]) as u64),
            })),
        };
        Self {
            case,
            name,
            end,
            rng,
            purse: Purse { budget, charged: 0 },
            key,
            messages: BTreeMap::new(),
            charged: 0,
            now: Duration::from_secs(50),
        }
    }

    fn run(mut self) {
        for (number, step) in list(&self.case["steps"]).iter().enumerate() {
            let here = |member: &str| step[member] == self.name;
            match text(&step["step"]) {
                "join" if here("at") => self.end.join(&channel(&step["channel"])),
                "leave" if here("at") => self.end.leave(&channel(&step["channel"])),
                "send" if here("from") => self.say(step),
                "send" => self.other_says(step),
                "deliver" if here("to") => {
                    let close = list(&self.case["steps"]).get(number + 1).filter(|next| next["step"] == "close");
                    let result = self.hear(step);
                    assert_eq!(result.is_err(), close.is_some(), "{}, step {number}: {result:?}", id(self.case));
                    if let (Err(fault), Some(close)) = (result, close) {
                        closes_with(close, fault.code(), id(self.case));
                        closes_with(self.case, fault.code(), id(self.case));
                        return;
                    }
                }
                "wait" => {
                    self.now += Duration::from_millis(crate::number(&step["ms"]) as u64);
                    self.end.timeout(&mut self.purse, self.now);
                }
                "charge" if here("at") => {
                    self.charged += u32::try_from(crate::number(&step["charged"])).unwrap();
                    assert_eq!(self.purse.charged, self.charged, "{}: guesses at {step}", id(self.case));
                }
                "event" if here("at") => self.find_out(step),
                _ => {}
            }
        }
        assert_eq!(self.purse.charged, self.charged, "{}: guesses", id(self.case));
        assert_eq!(self.end.event(), None, "{}", id(self.case));
        if is_valid(self.case) {
            assert_eq!(self.end.transmit(&mut self.rng), None, "{}", id(self.case));
        }
    }

    /// The tag that a channel is shown by.
    fn tag(&self, label: &Value, of: &str) -> Option<Tag> {
        let channel = list(&self.case["channels"]).iter().find(|channel| channel["channel"] == *label).unwrap();
        (!channel[of].is_null()).then(|| array(&channel[of]))
    }

    /// What this end says is what the file has, but for what is drawn.
    fn say(&mut self, step: &Value) {
        let said = self.end.transmit(&mut self.rng).unwrap_or_else(|| panic!("{}: {step}", id(self.case)));
        let what = id(self.case);
        if !step["frame"].is_null() {
            let expected = Control::decode(bytes(&step["frame"]).into()).unwrap();
            match (&said, &expected) {
                (Control::Query { seq, blinded }, Control::Query { seq: due, blinded: of }) => {
                    assert_eq!((seq, blinded.len()), (due, of.len()), "{what}");
                }
                (
                    Control::Answer { seq, evaluated, offer },
                    Control::Answer { seq: due, evaluated: right, offer: of },
                ) => {
                    assert_eq!((seq, evaluated), (due, right), "{what}");
                    self.same_tags(offer, of, step, "tag_r");
                }
                (Control::Offer(tags), Control::Offer(of)) | (Control::Revoke(tags), Control::Revoke(of)) => {
                    self.same_tags(tags, of, step, "tag_r");
                }
                (Control::Accept(tags), Control::Accept(of)) => {
                    if self.case["l"]["I"] == self.case["l"]["R"] {
                        self.same_tags(tags, of, step, "tag_i");
                    } else {
                        assert_eq!(tags.len(), of.len(), "{what}");
                    }
                }
                (said, expected) => assert_eq!(said, expected, "{what}"),
            }
        }
        assert!(format!("{said:?}").starts_with(text(&step["type"])), "{what}: {said:?} instead of {}", step["type"]);
        self.messages.insert(number(&step["message"]), said);
    }

    /// As many tags, and of the channels those that the file names, no others.
    fn same_tags(&self, tags: &[Tag], expected: &[Tag], step: &Value, of: &str) {
        assert_eq!(tags.len(), expected.len(), "{}: {}", id(self.case), step["type"]);
        assert_eq!(tags.len(), list(&step["entries"]).len());
        let named: Vec<_> =
            list(&step["entries"]).iter().map(|entry| &entry["channel"]).filter(|name| name.is_string()).collect();
        for channel in list(&self.case["channels"]) {
            let Some(tag) = self.tag(&channel["channel"], of) else { continue };
            let is_named = named.contains(&&channel["channel"]);
            assert_eq!(tags.contains(&tag), is_named, "{}: {}", id(self.case), channel["channel"]);
            assert_eq!(expected.contains(&tag), is_named, "{}: {}", id(self.case), channel["channel"]);
        }
    }

    /// The other end's message is the file's. An Answer evaluates what this end asked.
    fn other_says(&mut self, step: &Value) {
        if step["frame"].is_null() {
            return;
        }
        let mut message = Control::decode(bytes(&step["frame"]).into()).unwrap();
        if let Control::Answer { seq, evaluated, .. } = &mut message
            && !has_flag(self.case, "Fault")
        {
            let asked = self.messages.values().find_map(|asked| match asked {
                Control::Query { seq: number, blinded } if number == seq => Some(blinded),
                _ => None,
            });
            let answer = |element: &[u8; 32]| {
                let element = BlindedElement::deserialize(element).unwrap();
                self.key.blind_evaluate(&element).serialize().into()
            };
            *evaluated = asked.unwrap().iter().map(answer).collect();
        }
        self.messages.insert(number(&step["message"]), message);
    }

    fn hear(&mut self, step: &Value) -> Result<(), MatchFault> {
        self.charged += step["charged"].as_u64().map_or(0, |charged| u32::try_from(charged).unwrap());
        let message = self.messages[&number(&step["message"])].clone();
        let result = self.end.handle(message, &mut self.purse, self.now);
        assert_eq!(self.purse.charged, self.charged, "{}: guesses at {step}", id(self.case));
        result
    }

    fn find_out(&mut self, step: &Value) {
        let found = match self.end.event().unwrap_or_else(|| panic!("{}: {step}", id(self.case))) {
            MatchEvent::Matched { key, channel_id, channel_key } => json!({
                "step": "event", "at": self.name, "event": "matched", "channel": label(&key),
                "channel_id": hex(channel_id.as_bytes()), "channel_key": hex(channel_key.reveal()),
            }),
            MatchEvent::Unmatched { key, channel_id, by } => json!({
                "step": "event", "at": self.name, "event": "unmatched", "channel": label(&key),
                "channel_id": hex(channel_id.as_bytes()), "left": if by == LeftBy::Here { "here" } else { "there" },
            }),
        };
        assert_eq!(&found, step, "{}", id(self.case));
    }
}

fn channel(label: &Value) -> ChannelKey {
    let (kind, name) = text(label).split_once('/').unwrap();
    let kind = match kind {
        "network" => ChannelKind::Network,
        "broadcast" => ChannelKind::Broadcast,
        _ => ChannelKind::Local,
    };
    ChannelKey { kind, name: ChannelName::new(name).unwrap() }
}

fn label(key: &ChannelKey) -> String {
    format!("{}/{}", key.kind.matching_label().unwrap_or("local"), key.name.reveal())
}

/// Whether this end does what it should: of an invalid dialogue only the end that closes the link does.
fn behaves(case: &Value, name: &str) -> bool {
    if has_flag(case, "OneSide") {
        return case["checks"] == name;
    }
    let last = list(&case["steps"]).last().unwrap();
    is_valid(case) || (last["step"] == "close" && last["at"] == name)
}

fn run(name: &'static str) {
    let all = cases("dialogues.json");
    let some: Vec<_> = all.iter().filter(|case| behaves(case, name)).collect();
    assert!(some.iter().any(|case| is_valid(case)) && some.iter().any(|case| !is_valid(case)));
    some.into_iter().for_each(|case| Side::new(case, name).run());
}

#[test]
fn the_initiators_side() {
    run("I");
}

#[test]
fn the_responders_side() {
    run("R");
}
