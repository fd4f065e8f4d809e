//! Two ends of one link on a virtual clock, with a queue in each direction that the test empties as it likes.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may stop at the first surprise")]

mod dialogue;
mod interleaving;
mod limits;
mod malice;
mod vectors;

use super::*;
use crate::channel::{ChannelKind, ChannelName, NetworkKey};
use rand_chacha::{
    ChaCha8Rng,
    rand_core::{RngCore, SeedableRng},
};
use std::collections::{BTreeMap, VecDeque};

const I: usize = 0;
const R: usize = 1;

/// Charges nothing, and counts.
#[derive(Debug, Default)]
struct Free {
    charged: u32,
}

impl Charge for Free {
    fn charge(&mut self, guesses: u32, _: Duration) -> Result<(), Duration> {
        self.charged += guesses;
        Ok(())
    }
}

fn key(kind: ChannelKind, name: &str) -> ChannelKey {
    ChannelKey { kind, name: ChannelName::new(name).unwrap() }
}

fn network(name: &str) -> ChannelKey {
    key(ChannelKind::Network, name)
}

fn secret(byte: u8) -> LinkSecret {
    LinkSecret::derive(&NetworkKey::default(), &[byte; 32], b"hello i", b"hello r")
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// Both ends. `ends[I]` is the initiator, `ends[R]` the responder.
struct Pair {
    ends: [Matcher; 2],
    /// What end `n` has said and the other has not heard.
    said: [VecDeque<Control>; 2],
    matched: [BTreeMap<ChannelKey, (ChannelId, ChannelSecret)>; 2],
    events: [Vec<MatchEvent>; 2],
    now: Duration,
    rng: ChaCha8Rng,
}

impl Pair {
    fn new(seed: u64) -> Self {
        Self::with([secret(1), secret(1)], seed)
    }

    fn with([of_i, of_r]: [LinkSecret; 2], seed: u64) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        Self {
            ends: [Matcher::initiator(of_i, &mut rng), Matcher::responder(of_r, &mut rng)],
            said: Default::default(),
            matched: Default::default(),
            events: Default::default(),
            now: seconds(1000),
            rng,
        }
    }

    /// Takes what an end has to say and what it has found out.
    fn take(&mut self, end: usize) {
        while let Some(message) = self.ends[end].transmit(&mut self.rng) {
            self.said[end].push_back(message);
        }
        self.take_events(end);
    }

    /// Every event must change something, and name the channel as before.
    fn take_events(&mut self, end: usize) {
        while let Some(event) = self.ends[end].event() {
            match event.clone() {
                MatchEvent::Matched { key, channel_id, channel_key } => {
                    assert_eq!(self.matched[end].insert(key, (channel_id, channel_key)), None);
                }
                MatchEvent::Unmatched { key, channel_id, .. } => {
                    assert_eq!(self.matched[end].remove(&key).map(|(id, _)| id), Some(channel_id));
                }
            }
            self.events[end].push(event);
        }
    }

    /// Hands one message from an end to the other.
    fn deliver(&mut self, from: usize, charge: &mut dyn Charge) -> Option<Control> {
        let message = self.said[from].pop_front()?;
        self.ends[1 - from].handle(message.clone(), charge, self.now).unwrap();
        Some(message)
    }

    /// Until neither has anything to say. Gives all that was said, in order, with who said it.
    fn settle_with(&mut self, charge: &mut dyn Charge) -> Vec<(usize, Control)> {
        let mut all = Vec::new();
        loop {
            let before = all.len();
            for end in [I, R] {
                self.take(end);
                while let Some(message) = self.deliver(end, charge) {
                    all.push((end, message));
                    self.take(1 - end);
                }
            }
            if all.len() == before {
                return all;
            }
        }
    }

    fn settle(&mut self) -> Vec<(usize, Control)> {
        self.settle_with(&mut Free::default())
    }

    fn names(&self, end: usize) -> Vec<ChannelKey> {
        self.matched[end].keys().cloned().collect()
    }
}

/// A message in short: what it is and how long.
fn shape((end, message): &(usize, Control)) -> String {
    let who = ["I", "R"][*end];
    match message {
        Control::Query { blinded, .. } => format!("{who} Query {}", blinded.len()),
        Control::Answer { evaluated, offer, .. } => format!("{who} Answer {}+{}", evaluated.len(), offer.len()),
        Control::Offer(tags) => format!("{who} Offer {}", tags.len()),
        Control::Revoke(tags) => format!("{who} Revoke {}", tags.len()),
        Control::Accept(tags) => format!("{who} Accept {}", tags.len()),
        Control::Leave(_) => format!("{who} Leave"),
        Control::Busy { .. } => format!("{who} Busy"),
        other => panic!("not about matching: {other:?}"),
    }
}

fn shapes(said: &[(usize, Control)]) -> Vec<String> {
    said.iter().map(shape).collect()
}
