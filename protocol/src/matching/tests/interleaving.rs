//! Random joins, leaves, delays and refusals. Messages keep their order in each direction, and nothing else is kept.

use super::*;
use std::collections::BTreeSet;

/// Refuses at random.
struct Moody {
    rng: ChaCha8Rng,
    /// Of 256.
    refuses: u8,
}

impl Charge for Moody {
    fn charge(&mut self, _: u32, _: Duration) -> Result<(), Duration> {
        let [draw, wait, ..] = self.rng.next_u32().to_le_bytes();
        if draw < self.refuses { Err(Duration::from_millis(u64::from(wait) * 10)) } else { Ok(()) }
    }
}

struct Run {
    pair: Pair,
    held: [BTreeSet<ChannelKey>; 2],
    keys: Vec<ChannelKey>,
    charge: Moody,
    rng: ChaCha8Rng,
}

impl Run {
    fn new(seed: u64) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        // Mostly few: what goes wrong does so between words about one channel.
        let kinds = [ChannelKind::Network, ChannelKind::Broadcast, ChannelKind::Local];
        let mut keys: Vec<_> = (0..4).flat_map(|n| kinds.map(|kind| key(kind, &format!("c{n}")))).collect();
        keys.truncate([1, 1, 2, 3, 6, 12][(rng.next_u32() % 6) as usize]);
        let refuses = if rng.next_u32().is_multiple_of(2) { 0 } else { 100 };
        let charge = Moody { rng: ChaCha8Rng::seed_from_u64(seed ^ 1), refuses };
        Self { pair: Pair::new(seed), held: Default::default(), keys, charge, rng }
    }

    fn step(&mut self) {
        let end = (self.rng.next_u32() % 2) as usize;
        match self.rng.next_u32() % 16 {
            0..4 => {
                let key = &self.keys[self.rng.next_u32() as usize % self.keys.len()];
                if self.held[end].remove(key) {
                    self.pair.ends[end].leave(key);
                    // A reload.
                    if self.rng.next_u32().is_multiple_of(2) {
                        self.pair.ends[end].join(key);
                        self.held[end].insert(key.clone());
                    }
                } else {
                    self.pair.ends[end].join(key);
                    self.held[end].insert(key.clone());
                }
            }
            4..7 => {
                if let Some(message) = self.pair.ends[end].transmit(&mut self.pair.rng) {
                    self.pair.said[end].push_back(message);
                }
            }
            7 => {
                self.pair.now += Duration::from_millis(u64::from(self.rng.next_u32() % 3000));
                self.time();
            }
            _ => drop(self.pair.deliver(end, &mut self.charge)),
        }
        for end in [I, R] {
            self.pair.take_events(end);
            // Whatever is under way, nothing is matched that is not held here.
            assert!(self.pair.matched[end].keys().all(|key| self.held[end].contains(key)));
        }
    }

    fn time(&mut self) {
        for end in [I, R] {
            if self.pair.ends[end].next_timeout().is_some_and(|at| at <= self.pair.now) {
                self.pair.ends[end].timeout(&mut self.charge, self.pair.now);
                assert!(self.pair.ends[end].next_timeout().is_none_or(|at| at > self.pair.now));
            }
        }
    }

    fn quiet(&mut self) {
        loop {
            self.pair.settle_with(&mut self.charge);
            let Some(at) = [I, R].iter().filter_map(|end| self.pair.ends[*end].next_timeout()).min() else { break };
            self.pair.now = self.pair.now.max(at);
            self.time();
        }
        let common = self.held[I].intersection(&self.held[R]).filter(|key| key.kind != ChannelKind::Local);
        let common: Vec<_> = common.cloned().collect();
        assert_eq!(self.pair.names(I), common, "at the initiator");
        assert_eq!(self.pair.matched[I], self.pair.matched[R], "at the responder");
    }
}

#[test]
fn after_quiet_both_ends_have_matched_what_both_hold() {
    for seed in 0..200 {
        let done = std::panic::catch_unwind(|| {
            let mut run = Run::new(seed);
            for _ in 0..16 {
                for _ in 0..4 + run.rng.next_u32() % 32 {
                    run.step();
                }
                run.quiet();
            }
        });
        assert!(done.is_ok(), "failing seed: {seed}");
    }
}
