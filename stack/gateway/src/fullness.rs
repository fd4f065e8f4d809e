//! Says when every place for connections that are no clients yet is taken, but not each time.

use std::time::Duration;
use tokio::time::Instant;

/// A log line at most this often. A guess.
const PAUSE: Duration = Duration::from_secs(60);

/// When it was said last.
#[derive(Debug, Default)]
pub(crate) struct Fullness {
    said: Option<Instant>,
}

impl Fullness {
    /// Someone came in, and there are so many now; others wait when that is `most`.
    pub(crate) fn note(&mut self, visitors: usize, most: usize) {
        if visitors >= most && self.is_news() {
            tracing::warn!(visitors, "the door is full: as many connections as may be are no clients yet; others wait");
        }
    }

    fn is_news(&mut self) -> bool {
        let now = Instant::now();
        let news = self.said.is_none_or(|said| now.duration_since(said) >= PAUSE);
        if news {
            self.said = Some(now);
        }
        news
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn it_is_said_at_once_and_not_again_for_a_while() {
        let mut fullness = Fullness::default();
        fullness.note(1, 2);
        assert!(fullness.said.is_none());
        assert!(fullness.is_news());
        for _ in 0..59 {
            tokio::time::advance(Duration::from_secs(1)).await;
            assert!(!fullness.is_news());
        }
        tokio::time::advance(Duration::from_secs(1)).await;
        assert!(fullness.is_news());
    }
}
