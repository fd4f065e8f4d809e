//! How much the daemon of `mdns-sd` keeps, and when that is too much.
//!
//! Its cache has no bound (0.21): an answer without a pointer record counts as one that was asked for, and times to live are taken as
//! they come, so anybody on the network can fill it with addresses of hosts that do not exist, for 68 years. It tells how much it has.
//! Nothing in it can't be asked for anew, so a daemon that has too much is ended, and another begins with nothing.

use mdns_sd::Metrics;
use std::time::Duration;

/// How often to look. The daemon wakes as often to look for interfaces.
pub(super) const LOOK_EVERY: Duration = Duration::from_secs(2);

/// Most records. [`MAX_INSTANCES`](crate::directory::MAX_INSTANCES) with two services of three records each, and ten addresses or
/// denials of one, have as many. Each takes some 620 bytes (measured), so 40 MiB.
const MOST_RECORDS: i64 = 65_536;

/// Most timers: each record sets two whenever it comes, again too, that last for its time to live. Each takes 16 bytes, so 32 MiB.
const MOST_TIMERS: i64 = 2 * 1024 * 1024;

/// What a daemon has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Kept {
    pub(super) records: i64,
    pub(super) timers: i64,
}

impl Kept {
    pub(super) fn of(metrics: &Metrics) -> Self {
        let records = metrics.iter().filter(|(name, _)| name.starts_with("cached-"));
        Self {
            records: records.fold(0, |sum, (_, count)| sum.saturating_add(*count)),
            timers: metrics.get("timer").copied().unwrap_or(0),
        }
    }

    pub(super) const fn is_too_much(&self) -> bool {
        self.records > MOST_RECORDS || self.timers > MOST_TIMERS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_of_all_kinds_count_together_and_timers_for_themselves() {
        let of = |counts: &[(&str, i64)]| {
            Kept::of(&counts.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect::<Metrics>())
        };
        assert!(!of(&[("browse", 1 << 40), ("cached-ptr", 30_000), ("cached-addr", 35_536)]).is_too_much());
        assert!(of(&[("cached-ptr", 30_000), ("cached-addr", 35_537)]).is_too_much());
        assert!(of(&[("cached-nsec", i64::MAX), ("cached-subtype", i64::MAX)]).is_too_much());
        assert!(of(&[("timer", MOST_TIMERS + 1)]).is_too_much());
        assert!(!of(&[]).is_too_much());
    }
}
