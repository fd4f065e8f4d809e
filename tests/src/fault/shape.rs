//! What becomes of each packet: pure, from a seed, with the time as an argument.

use super::Faults;
use rand_chacha::ChaCha8Rng;
use rand_core::{RngCore, SeedableRng};
use std::time::Duration;
use tokio::time::Instant;

/// A packet that comes out of order comes so much later. Some later ones overtake it even when nothing else delays them.
const HELD_BACK: Duration = Duration::from_millis(5);

/// One direction of a way.
#[derive(Debug)]
pub(super) struct Shape {
    rng: ChaCha8Rng,
    /// When the narrow link has sent all it has.
    free_at: Instant,
    /// When the last packet in order arrives.
    last: Instant,
}

/// What becomes of a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    Arrives(Instant),
    Lost,
}

impl Shape {
    /// `direction` makes the choices of both directions, and of each connection, different.
    pub(super) fn new(seed: u64, direction: u64, now: Instant) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        rng.set_stream(direction);
        Self { rng, free_at: now, last: now }
    }

    /// Decides about a packet that is sent now. The same number of random choices is made for each, so that a change of
    /// one setting leaves the other choices as they are.
    pub(super) fn send(&mut self, now: Instant, bytes: usize, faults: &Faults) -> Fate {
        let [lost, reordered, late] = [self.chance(), self.chance(), self.chance()];
        let mut at = now;
        if let Some(rate) = faults.bytes_per_second {
            self.free_at = self.free_at.max(now) + Duration::from_secs_f64(bytes as f64 / rate.max(1) as f64);
            at = self.free_at;
        }
        if lost < faults.loss {
            return Fate::Lost;
        }
        at += faults.delay + faults.jitter.mul_f64(late);
        if reordered < faults.reorder {
            return Fate::Arrives(at.max(self.last) + HELD_BACK + faults.jitter);
        }
        self.last = self.last.max(at);
        Fate::Arrives(self.last)
    }

    /// As [`send`](Self::send) for a stream, where what is lost is sent again and all that follows waits for it.
    pub(super) fn stream(&mut self, now: Instant, bytes: usize, faults: &Faults) -> Instant {
        let faults = Faults { reorder: 0.0, ..*faults };
        match self.send(now, bytes, &faults) {
            Fate::Arrives(at) => at,
            Fate::Lost => {
                self.last = self.last.max(now) + faults.delay + RETRANSMISSION;
                self.last
            }
        }
    }

    /// From 0 up to, not including, 1.
    fn chance(&mut self) -> f64 {
        f64::from(self.rng.next_u32()) / (f64::from(u32::MAX) + 1.0)
    }
}

/// Linux waits at least this long before it repeats what is lost (`TCP_RTO_MIN`).
const RETRANSMISSION: Duration = Duration::from_millis(200);
