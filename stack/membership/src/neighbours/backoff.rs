//! How long to wait before dialling again. It knows nothing of who is dialled.

use rand_core::RngCore;
use std::time::Duration;

/// Waits that double with each failure, up to a limit, each spread by a quarter either way so that
/// proxies which lost each other at one moment don't meet again at one moment.
#[derive(Debug, Default, Clone)]
pub(super) struct Backoff {
    failures: u32,
}

impl Backoff {
    /// The next wait.
    pub(super) fn next(&mut self, start: Duration, most: Duration, rng: &mut impl RngCore) -> Duration {
        let factor = 1_u32.checked_shl(self.failures).unwrap_or(u32::MAX);
        self.failures = self.failures.saturating_add(1);
        let wait = start.saturating_mul(factor).min(most);
        // 768/1024 to 1280/1024.
        wait.saturating_mul(768 + rng.next_u32() % 513) / 1024
    }

    /// It went well: the next wait is the shortest again.
    pub(super) fn reset(&mut self) {
        self.failures = 0;
    }

    /// How often it went wrong in a row.
    pub(super) fn failures(&self) -> u32 {
        self.failures
    }
}
