//! How fast one joiner may speak: a bucket of messages that fills with time.

use std::time::Duration;
use tokio::time::Instant;

/// The time at which an empty bucket would have begun to fill to be where it is: all there is to know.
#[derive(Debug)]
pub(crate) struct Rate {
    empty_at: Instant,
    each: Duration,
    burst: Duration,
}

impl Rate {
    /// A full bucket.
    pub(crate) fn new(burst: u32, per_second: u32, now: Instant) -> Self {
        let each = Duration::from_secs(1) / per_second.max(1);
        let burst = each.saturating_mul(burst.max(1));
        Self { empty_at: now.checked_sub(burst).unwrap_or(now), each, burst }
    }

    /// Takes one message out; false when there is none.
    pub(crate) fn take(&mut self, now: Instant) -> bool {
        // What is full does not get fuller.
        if let Some(full) = now.checked_sub(self.burst) {
            self.empty_at = self.empty_at.max(full);
        }
        match self.empty_at.checked_add(self.each) {
            Some(next) if next <= now => {
                self.empty_at = next;
                true
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_burst_then_so_many_a_second() {
        let mut now = Instant::now() + Duration::from_secs(3600);
        let mut rate = Rate::new(5, 10, now);
        for _ in 0..5 {
            assert!(rate.take(now));
        }
        assert!(!rate.take(now));
        now += Duration::from_millis(99);
        assert!(!rate.take(now));
        now += Duration::from_millis(1);
        assert!(rate.take(now));
        assert!(!rate.take(now));
        now += Duration::from_secs(3600);
        for _ in 0..5 {
            assert!(rate.take(now));
        }
        assert!(!rate.take(now));
    }
}
