//! What private matching may cost: budgets of guesses for each link, each address and the whole proxy.
//!
//! Whoever does not know a channel's name learns at most one guess about it for each element or tag that is charged
//! here. The three are charged together or not at all.

use crate::config::MeshConfig;
use nws_protocol::matching::{Budget, BudgetLimits, Charge, charge_all};
use std::{
    collections::BTreeMap,
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::time::Instant;

/// Addresses remembered whose budget is not full. When there are more, those nearest to full are forgotten; the
/// budget of the whole proxy stays in force. A guess, 200 KiB.
const MAX_ADDRESSES: usize = 4096;

/// The budgets that links share. The lock is held for a few comparisons.
#[derive(Debug)]
pub(crate) struct Budgets {
    start: Instant,
    link: BudgetLimits,
    address: BudgetLimits,
    shared: Mutex<SharedBudgets>,
}

#[derive(Debug)]
struct SharedBudgets {
    proxy: Budget,
    addresses: BTreeMap<IpAddr, Budget>,
}

impl Budgets {
    pub(crate) fn new(config: &MeshConfig) -> Self {
        let shared = SharedBudgets { proxy: Budget::new(config.proxy_budget), addresses: BTreeMap::new() };
        Self {
            start: Instant::now(),
            link: config.link_budget,
            address: config.address_budget,
            shared: Mutex::new(shared),
        }
    }

    fn charge(&self, link: &mut Budget, address: IpAddr, guesses: u32) -> Result<(), Duration> {
        let now = self.start.elapsed();
        let mut shared = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
        let SharedBudgets { proxy, addresses } = &mut *shared;
        if !addresses.contains_key(&address) && addresses.len() >= MAX_ADDRESSES {
            make_room(addresses, now);
        }
        let of_address = addresses.entry(address).or_insert_with(|| Budget::new(self.address));
        charge_all(&mut [link, of_address, proxy], guesses, now)
    }
}

/// Forgets the addresses whose budgets are full, or else the half that will be full first.
fn make_room(addresses: &mut BTreeMap<IpAddr, Budget>, now: Duration) {
    addresses.retain(|_, budget| !budget.is_full(now));
    if addresses.len() >= MAX_ADDRESSES {
        // How long a large charge would have to wait says how empty a budget is.
        let mut waits: Vec<Duration> = addresses.values().map(|budget| budget.wait(u32::MAX, now)).collect();
        waits.sort();
        let median = waits.get(waits.len() / 2).copied().unwrap_or_default();
        let mut room = addresses.len() / 2;
        addresses.retain(|_, budget| {
            let wait = budget.wait(u32::MAX, now);
            let fits = wait == median && room > 0;
            room -= usize::from(fits);
            wait > median || fits
        });
    }
}

/// What one link charges its matching to.
#[derive(Debug)]
pub(crate) struct LinkCharge {
    budgets: Arc<Budgets>,
    address: IpAddr,
    link: Budget,
}

impl LinkCharge {
    pub(crate) fn new(budgets: Arc<Budgets>, address: IpAddr) -> Self {
        let link = Budget::new(budgets.link);
        // One host has one IPv4 address, however it is written.
        Self { budgets, address: address.to_canonical(), link }
    }
}

impl Charge for LinkCharge {
    /// The matcher's clock is not used: what links share needs one clock for all of them.
    fn charge(&mut self, guesses: u32, _: Duration) -> Result<(), Duration> {
        self.budgets.charge(&mut self.link, self.address, guesses)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]
    use super::*;
    use nws_protocol::InstanceId;
    use std::net::Ipv4Addr;
    use tokio::time::advance;

    fn budgets() -> Arc<Budgets> {
        let limits = |burst, refill_ms| BudgetLimits { burst, refill: Duration::from_millis(refill_ms) };
        let mut config = MeshConfig::new(InstanceId::from_bytes([1; 16]));
        config.link_budget = limits(10, 1000);
        config.address_budget = limits(15, 500);
        config.proxy_budget = limits(100_000, 250);
        Arc::new(Budgets::new(&config))
    }

    fn charge(link: &mut LinkCharge, guesses: u32) -> Result<(), Duration> {
        link.charge(guesses, Duration::ZERO)
    }

    #[tokio::test(start_paused = true)]
    async fn a_link_gets_back_what_time_brings() {
        let mut link = LinkCharge::new(budgets(), Ipv4Addr::LOCALHOST.into());
        assert_eq!(charge(&mut link, 8), Ok(()));
        assert_eq!(charge(&mut link, 5), Err(Duration::from_secs(3)));
        advance(Duration::from_secs(3)).await;
        assert_eq!(charge(&mut link, 5), Ok(()));
    }

    #[tokio::test(start_paused = true)]
    async fn links_of_one_address_share_and_nothing_is_taken_in_vain() {
        let budgets = budgets();
        let mut one = LinkCharge::new(Arc::clone(&budgets), Ipv4Addr::LOCALHOST.into());
        let mut two = LinkCharge::new(Arc::clone(&budgets), Ipv4Addr::LOCALHOST.to_ipv6_mapped().into());
        let mut other = LinkCharge::new(budgets, Ipv4Addr::new(10, 0, 0, 1).into());
        assert_eq!(charge(&mut one, 10), Ok(()));
        assert!(charge(&mut two, 10).is_err());
        // The refusal cost the second link nothing.
        assert_eq!(charge(&mut two, 5), Ok(()));
        assert_eq!(charge(&mut other, 10), Ok(()));
    }

    #[tokio::test(start_paused = true)]
    async fn the_table_of_addresses_is_bounded() {
        let budgets = budgets();
        let spent = Ipv4Addr::LOCALHOST.into();
        assert_eq!(charge(&mut LinkCharge::new(Arc::clone(&budgets), spent), 10), Ok(()));
        for number in 0..10_000u32 {
            let address = Ipv4Addr::from_bits(0x0a00_0000 + number).into();
            let _ = charge(&mut LinkCharge::new(Arc::clone(&budgets), address), 1);
        }
        let shared = budgets.shared.lock().unwrap();
        assert!(shared.addresses.len() <= MAX_ADDRESSES);
        assert!(shared.addresses.contains_key(&spent));
    }
}
