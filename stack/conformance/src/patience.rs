//! Patience with a target that dials when it likes, and whose budgets of guesses were used up by earlier runs: whoever is told Busy
//! waits, and says the same again. What one check waits is not held against it; what a whole run waits for budgets is bounded. It
//! knows nothing of links.

use crate::verdict::{Trouble, lacking};
use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::time::Instant;

/// What all checks of a run share, and the share of one check.
#[derive(Debug, Clone)]
pub(crate) struct Patience {
    run: Arc<Run>,
    check: Arc<Mutex<Check>>,
}

/// What one check has waited for what it can't hasten.
#[derive(Debug, Default)]
struct Check {
    waited: Duration,
    /// The target is waited for.
    since: Option<Instant>,
    /// Guesses were waited for.
    busy: bool,
}

#[derive(Debug)]
struct Run {
    /// The longest that it may wait, all in all.
    most: Duration,
    /// Told once, when it begins to wait.
    note: fn(&str),
    waits: Mutex<Waits>,
}

/// Waits of several checks at once count once.
#[derive(Debug, Default)]
struct Waits {
    until: Option<Instant>,
    total: Duration,
}

impl Patience {
    /// For a run that may wait so long; `note` is told once, when it begins to.
    pub(crate) fn new(most: Duration, note: fn(&str)) -> Self {
        Self { run: Arc::new(Run { most, note, waits: Mutex::default() }), check: Arc::default() }
    }

    /// The share of another check.
    pub(crate) fn of_another_check(&self) -> Self {
        Self { run: Arc::clone(&self.run), check: Arc::default() }
    }

    /// Allows a wait that begins now; or there is no patience left.
    pub(crate) fn allow(&self, wait: Duration) -> Result<(), Trouble> {
        let now = Instant::now();
        let mut waits = self.run.waits.lock().unwrap_or_else(PoisonError::into_inner);
        let from = waits.until.map_or(now, |until| until.max(now));
        let more = (now + wait).saturating_duration_since(from);
        let total = waits.total + more;
        if total > self.run.most {
            return Err(lacking(format!(
                "the target is Busy for {} s: earlier runs have used up its budgets of guesses; wait, or start it anew",
                wait.as_secs_f64().ceil()
            )));
        }
        if waits.until.is_none() {
            (self.run.note)(&format!(
                "the target is Busy: earlier runs have used up its budgets of guesses; waiting for them, at most {} s",
                self.run.most.as_secs()
            ));
        }
        waits.until = Some(from + more);
        waits.total = total;
        let mut check = self.check();
        check.waited += wait;
        check.busy = true;
        Ok(())
    }

    /// Waits for what the target does in its own time, such as a dial, as long as it takes.
    pub(crate) async fn unhurried<T>(&self, what: impl Future<Output = T>) -> T {
        self.check().since = Some(Instant::now());
        let done = what.await;
        let mut check = self.check();
        let since = check.since.take();
        check.waited += since.map_or(Duration::ZERO, |since| since.elapsed());
        drop(check);
        done
    }

    /// What this check has waited.
    pub(crate) fn of_check(&self) -> Duration {
        let check = self.check();
        check.waited + check.since.map_or(Duration::ZERO, |since| since.elapsed())
    }

    /// Whether this check was told Busy, so that things took longer than it expects.
    pub(crate) fn was_busy(&self) -> bool {
        self.check().busy
    }

    fn check(&self) -> MutexGuard<'_, Check> {
        self.check.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the run has waited.
    pub(crate) fn of_run(&self) -> Duration {
        self.run.waits.lock().unwrap_or_else(PoisonError::into_inner).total
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

    use super::*;
    use tokio::time::advance;

    const S: Duration = Duration::from_secs(1);

    #[tokio::test(start_paused = true)]
    async fn waits_beside_each_other_count_once_and_are_bounded() {
        let one = Patience::new(10 * S, |_| {});
        let two = one.of_another_check();
        one.allow(4 * S).unwrap();
        advance(S).await;
        two.allow(4 * S).unwrap();
        assert_eq!((one.of_check(), two.of_check(), two.of_run()), (4 * S, 4 * S, 5 * S));
        advance(10 * S).await;
        one.allow(5 * S).unwrap();
        assert_eq!(one.of_run(), 10 * S);
        assert!(matches!(two.allow(6 * S), Err(Trouble::Lacking(why)) if why.contains("Busy")));
        // What is over already costs nothing.
        two.allow(3 * S).unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn a_wait_for_a_dial_counts_while_it_goes_on() {
        let one = Patience::new(S, |_| {});
        {
            let dial = one.unhurried(std::future::pending::<()>());
            tokio::pin!(dial);
            assert!(tokio::time::timeout(7 * S, &mut dial).await.is_err());
            assert_eq!((one.of_check(), one.of_run()), (7 * S, Duration::ZERO));
        }
        one.unhurried(tokio::time::sleep(2 * S)).await;
        assert_eq!(one.of_check(), 2 * S);
    }
}
