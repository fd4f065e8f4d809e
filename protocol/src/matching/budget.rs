//! How many guesses the other end gets: token buckets, charged all or nothing. Knows no clock: time is an argument.

use std::time::Duration;

/// Where guesses are charged. One charge may go to several budgets (of the link, of the address, of the proxy): then all
/// of them are charged or none.
pub trait Charge {
    /// Charges so many guesses, at a time on the clock of the matcher.
    ///
    /// # Errors
    /// Nothing was charged; how long until it may be affordable.
    fn charge(&mut self, guesses: u32, now: Duration) -> Result<(), Duration>;
}

/// How much a budget holds and how fast it refills.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BudgetLimits {
    /// Guesses in a full budget.
    pub burst: u32,
    /// Time in which one guess comes back; zero for no limit.
    pub refill: Duration,
}

impl BudgetLimits {
    /// Of one link: 1024, and one each 2 s. A guess, to start with.
    pub const LINK: Self = Self { burst: 1024, refill: Duration::from_secs(2) };
    /// Of one source address: 4096, and one each second. A guess, to start with.
    pub const ADDRESS: Self = Self { burst: 4096, refill: Duration::from_secs(1) };
    /// Of the whole proxy: 8192, and four each second. A guess, to start with.
    pub const PROXY: Self = Self { burst: 8192, refill: Duration::from_millis(250) };
}

/// One token bucket. It starts full.
///
/// A charge above the burst is granted by a full bucket, which then takes the longer to refill: no charge is
/// unaffordable for ever, and the rate holds all the same.
#[derive(Debug, Clone)]
pub struct Budget {
    limits: BudgetLimits,
    /// When the bucket is full again. All there is to know: exact, and nothing to update as time goes by.
    full_at: Duration,
}

impl Budget {
    /// A full budget.
    #[must_use]
    pub const fn new(limits: BudgetLimits) -> Self {
        Self { limits, full_at: Duration::ZERO }
    }

    /// Whether it is full, and so may be forgotten and made anew.
    #[must_use]
    pub fn is_full(&self, now: Duration) -> bool {
        self.full_at <= now
    }

    fn full_at_after(&self, guesses: u32, now: Duration) -> Duration {
        self.full_at.max(now).saturating_add(self.limits.refill.saturating_mul(guesses))
    }

    /// How long until so many are affordable; zero when they are.
    #[must_use]
    pub fn wait(&self, guesses: u32, now: Duration) -> Duration {
        let latest = now.saturating_add(self.limits.refill.saturating_mul(self.limits.burst.max(guesses)));
        self.full_at_after(guesses, now).saturating_sub(latest)
    }
}

impl Charge for Budget {
    fn charge(&mut self, guesses: u32, now: Duration) -> Result<(), Duration> {
        charge_all(&mut [self], guesses, now)
    }
}

/// Charges all of the budgets, or none.
///
/// # Errors
/// None was charged; how long until all of them can be.
pub fn charge_all(budgets: &mut [&mut Budget], guesses: u32, now: Duration) -> Result<(), Duration> {
    let wait = budgets.iter().map(|budget| budget.wait(guesses, now)).max().unwrap_or_default();
    if !wait.is_zero() {
        return Err(wait);
    }
    for budget in budgets {
        budget.full_at = budget.full_at_after(guesses, now);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn s(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn a_budget_gives_its_burst_and_then_what_time_brings() {
        let mut budget = Budget::new(BudgetLimits { burst: 10, refill: s(2) });
        assert_eq!(budget.charge(8, s(100)), Ok(()));
        assert_eq!(budget.charge(4, s(100)), Err(s(4)));
        assert_eq!(budget.charge(4, s(103)), Err(s(1)));
        assert_eq!(budget.charge(4, s(104)), Ok(()));
        assert_eq!(budget.charge(1, s(104)), Err(s(2)));
        assert!(!budget.is_full(s(123)));
        assert!(budget.is_full(s(124)));
        // It never holds more than its burst.
        assert_eq!(budget.charge(10, s(10_000)), Ok(()));
        assert_eq!(budget.charge(1, s(10_000)), Err(s(2)));
    }

    #[test]
    fn a_refusal_costs_nothing() {
        let (mut small, mut large) = (
            Budget::new(BudgetLimits { burst: 4, refill: s(1) }),
            Budget::new(BudgetLimits { burst: 100, refill: s(1) }),
        );
        assert_eq!(charge_all(&mut [&mut small, &mut large], 4, s(0)), Ok(()));
        assert_eq!(charge_all(&mut [&mut small, &mut large], 2, s(0)), Err(s(2)));
        assert_eq!(large.charge(96, s(0)), Ok(()));
    }

    #[test]
    fn more_than_the_burst_needs_a_full_budget_and_is_paid_off() {
        let mut budget = Budget::new(BudgetLimits { burst: 10, refill: s(1) });
        assert_eq!(budget.charge(30, s(0)), Ok(()));
        assert_eq!(budget.charge(1, s(0)), Err(s(21)));
        assert_eq!(budget.charge(30, s(29)), Err(s(1)));
        assert_eq!(budget.charge(30, s(30)), Ok(()));
    }

    #[test]
    fn no_value_overflows() {
        let mut budget = Budget::new(BudgetLimits { burst: u32::MAX, refill: Duration::MAX });
        let _ = budget.charge(u32::MAX, Duration::MAX);
        let _ = budget.charge(u32::MAX, Duration::MAX);
        let mut free = Budget::new(BudgetLimits { burst: 1, refill: Duration::ZERO });
        assert_eq!(free.charge(u32::MAX, s(0)), Ok(()));
        assert_eq!(free.charge(u32::MAX, s(0)), Ok(()));
    }

    #[test]
    fn the_limits_to_start_with_are_those_of_the_link_protocol() {
        for (limits, burst, per_minute) in
            [(BudgetLimits::LINK, 1024, 30), (BudgetLimits::ADDRESS, 4096, 60), (BudgetLimits::PROXY, 8192, 240)]
        {
            assert_eq!(limits.burst, burst);
            assert_eq!(limits.refill * per_minute, s(60));
        }
    }
}
