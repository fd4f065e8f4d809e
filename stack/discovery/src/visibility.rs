//! Whether our own announcement comes back to us: pure. mDNS fails in silence (a firewall, no multicast, a port that another
//! program keeps), so this is the only sign that others can see us.

use crate::{DiscoveredTransport, Health};
use std::{collections::BTreeSet, time::Duration};
use tokio::time::Instant;

/// Watches for our own announcement.
#[derive(Debug)]
pub(crate) struct Visibility {
    within: Duration,
    seen: BTreeSet<DiscoveredTransport>,
    unseen_since: Instant,
    said: Option<Said>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Said {
    Visible,
    NotVisible,
}

impl Visibility {
    /// It should be seen `within` this time, each time it isn't.
    pub(crate) fn new(within: Duration, now: Instant) -> Self {
        Self { within, seen: BTreeSet::new(), unseen_since: now, said: None }
    }

    /// One of our services was seen, or is seen no longer.
    pub(crate) fn set(&mut self, kind: DiscoveredTransport, seen: bool, now: Instant) {
        if seen {
            self.seen.insert(kind);
        } else if self.seen.remove(&kind) && self.seen.is_empty() {
            self.unseen_since = now;
        }
    }

    /// When [`poll`](Self::poll) should be called again.
    pub(crate) fn next_timeout(&self) -> Option<Instant> {
        let waits = self.seen.is_empty() && self.said != Some(Said::NotVisible);
        waits.then(|| self.unseen_since + self.within)
    }

    /// What has changed for the listener.
    pub(crate) fn poll(&mut self, now: Instant) -> Option<Health> {
        if !self.seen.is_empty() {
            return (self.said.replace(Said::Visible) != Some(Said::Visible)).then_some(Health::Visible);
        }
        let for_ = now.saturating_duration_since(self.unseen_since);
        if for_ < self.within || self.said == Some(Said::NotVisible) {
            return None;
        }
        self.said = Some(Said::NotVisible);
        Some(Health::NotVisible { for_ })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use DiscoveredTransport::{Quic, Tcp};

    const WITHIN: Duration = Duration::from_secs(3);

    #[tokio::test(start_paused = true)]
    async fn seen_in_time() {
        let start = Instant::now();
        let mut visibility = Visibility::new(WITHIN, start);
        assert_eq!(visibility.poll(start), None);
        visibility.set(Quic, true, start);
        assert_eq!(visibility.poll(start), Some(Health::Visible));
        visibility.set(Tcp, true, start);
        assert_eq!(visibility.poll(start + WITHIN * 2), None);
        assert_eq!(visibility.next_timeout(), None);
    }

    #[tokio::test(start_paused = true)]
    async fn not_seen_is_said_once_and_seen_later_too() {
        let start = Instant::now();
        let mut visibility = Visibility::new(WITHIN, start);
        assert_eq!(visibility.next_timeout(), Some(start + WITHIN));
        assert_eq!(visibility.poll(start + WITHIN), Some(Health::NotVisible { for_: WITHIN }));
        assert_eq!(visibility.poll(start + WITHIN * 2), None);
        assert_eq!(visibility.next_timeout(), None);
        visibility.set(Tcp, true, start + WITHIN * 2);
        assert_eq!(visibility.poll(start + WITHIN * 2), Some(Health::Visible));
    }

    #[tokio::test(start_paused = true)]
    async fn one_service_is_enough_and_a_short_absence_is_no_news() {
        let start = Instant::now();
        let mut visibility = Visibility::new(WITHIN, start);
        visibility.set(Quic, true, start);
        visibility.set(Tcp, true, start);
        assert_eq!(visibility.poll(start), Some(Health::Visible));
        visibility.set(Quic, false, start);
        assert_eq!(visibility.next_timeout(), None);
        visibility.set(Tcp, false, start);
        assert_eq!(visibility.poll(start + WITHIN / 2), None);
        visibility.set(Tcp, true, start + WITHIN / 2);
        assert_eq!(visibility.poll(start + WITHIN * 9), None);
        visibility.set(Tcp, false, start + WITHIN * 9);
        assert_eq!(visibility.poll(start + WITHIN * 10), Some(Health::NotVisible { for_: WITHIN }));
    }
}
