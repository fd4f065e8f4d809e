//! How long to wait before the next attempt. Pure: chance is an argument.

use std::time::Duration;

/// The first wait. A guess: a relay that was only restarted is back soon.
const FIRST: Duration = Duration::from_millis(100);

/// The longest wait: several attempts fit into the usual grace time of 30 s.
const LONGEST: Duration = Duration::from_secs(3);

/// Waits that double.
#[derive(Debug)]
pub(crate) struct Backoff(Duration);

impl Backoff {
    pub(crate) const fn new() -> Self {
        Self(FIRST)
    }

    /// The next wait: by chance between half of the present one and all of it, so that many ends do not come back at once.
    pub(crate) fn next(&mut self, chance: u32) -> Duration {
        let present = self.0;
        self.0 = present.saturating_mul(2).min(LONGEST);
        present.mul_f64(0.5 + f64::from(chance) / f64::from(u32::MAX) / 2.0)
    }

    /// An attempt was successful.
    pub(crate) const fn reset(&mut self) {
        self.0 = FIRST;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_longest_and_begin_anew() {
        let mut backoff = Backoff::new();
        assert_eq!(backoff.next(u32::MAX), FIRST);
        assert_eq!(backoff.next(u32::MAX), FIRST * 2);
        assert_eq!(backoff.next(0), FIRST * 2);
        for _ in 0..100 {
            assert!(backoff.next(u32::MAX) <= LONGEST);
        }
        backoff.reset();
        assert_eq!(backoff.next(0), FIRST / 2);
    }
}
