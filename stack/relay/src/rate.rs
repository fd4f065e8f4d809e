//! How much a party may say in a second: of what it said, when it may be heard again.

use std::time::Duration;
use tokio::time::Instant;

/// A bucket of one second's worth, which may be overdrawn once: by the message that is there already.
#[derive(Debug)]
pub(crate) struct Rate {
    messages: Option<Bucket>,
    bytes: Option<Bucket>,
}

#[derive(Debug)]
struct Bucket {
    /// When it would have begun to fill, to be where it is.
    empty_at: Instant,
    per_second: usize,
}

impl Bucket {
    fn new(per_second: usize, now: Instant) -> Self {
        Self { empty_at: now.checked_sub(Duration::from_secs(1)).unwrap_or(now), per_second: per_second.max(1) }
    }

    fn take(&mut self, now: Instant, amount: usize) -> Instant {
        // What is full does not get fuller.
        if let Some(full) = now.checked_sub(Duration::from_secs(1)) {
            self.empty_at = self.empty_at.max(full);
        }
        self.empty_at += Duration::from_secs_f64(amount as f64 / self.per_second as f64);
        self.empty_at
    }
}

impl Rate {
    pub(crate) fn new(messages: Option<usize>, bytes: Option<usize>, now: Instant) -> Self {
        let bucket = |limit: Option<usize>| limit.map(|limit| Bucket::new(limit, now));
        Self { messages: bucket(messages), bytes: bucket(bytes) }
    }

    /// A message of so many bytes was heard; gives when the next may be, if that is not now.
    pub(crate) fn take(&mut self, now: Instant, bytes: usize) -> Option<Instant> {
        let of_messages = self.messages.as_mut().map(|bucket| bucket.take(now, 1));
        let of_bytes = self.bytes.as_mut().map(|bucket| bucket.take(now, bytes));
        of_messages.max(of_bytes).filter(|until| *until > now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_second_at_once_then_so_many_a_second() {
        let mut now = Instant::now() + Duration::from_secs(3600);
        let mut rate = Rate::new(Some(4), Some(1000), now);
        for _ in 0..4 {
            assert_eq!(rate.take(now, 1), None);
        }
        assert_eq!(rate.take(now, 1), Some(now + Duration::from_millis(250)));
        now += Duration::from_secs(10);
        assert_eq!(rate.take(now, 3000), Some(now + Duration::from_secs(2)));
        assert_eq!(Rate::new(None, None, now).take(now, usize::MAX), None);
    }
}
