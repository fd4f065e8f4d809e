//! How many come from one address.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr},
    sync::{Arc, Mutex, PoisonError},
};

/// Counts by address. Ones that are not counted always have room.
#[derive(Debug)]
pub struct Neighbours {
    most: usize,
    count_loopback: bool,
    counts: Mutex<HashMap<IpAddr, usize>>,
}

/// One that is counted, until it is dropped.
#[derive(Debug)]
pub struct Counted {
    neighbours: Arc<Neighbours>,
    address: Option<IpAddr>,
}

impl Neighbours {
    /// With how many each address may have, and whether loopback addresses count.
    #[must_use]
    pub fn new(most: usize, count_loopback: bool) -> Arc<Self> {
        Arc::new(Self { most, count_loopback, counts: Mutex::default() })
    }

    /// Counts one more; `None` when the address has as many as it may.
    pub fn count(self: &Arc<Self>, address: Option<IpAddr>) -> Option<Counted> {
        let address = address.map(network).filter(|address| self.count_loopback || !address.is_loopback());
        if let Some(address) = address {
            let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
            let count = counts.get(&address).copied().unwrap_or_default();
            if count >= self.most {
                return None;
            }
            counts.insert(address, count + 1);
        }
        Some(Counted { neighbours: Arc::clone(self), address })
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        let Some(address) = self.address else { return };
        let mut counts = self.neighbours.counts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = counts.get_mut(&address) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&address);
            }
        }
    }
}

/// What an address is counted by: an IPv6 subscriber has a /64 at least, and all addresses in it.
#[must_use]
pub fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) if !address.is_loopback() => {
            let [a, b, c, d, ..] = address.segments();
            Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into()
        }
        address => address,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

    use super::*;

    fn address(text: &str) -> Option<IpAddr> {
        Some(text.parse().unwrap())
    }

    #[test]
    fn each_address_has_its_count_and_who_leaves_makes_room() {
        let neighbours = Neighbours::new(2, false);
        let first = neighbours.count(address("192.0.2.1")).unwrap();
        let second = neighbours.count(address("::ffff:192.0.2.1")).unwrap();
        assert!(neighbours.count(address("192.0.2.1")).is_none());
        let _other = neighbours.count(address("192.0.2.2")).unwrap();
        drop(first);
        let third = neighbours.count(address("192.0.2.1")).unwrap();
        drop((second, third));
        assert_eq!(neighbours.counts.lock().unwrap().len(), 1);
    }

    #[test]
    fn an_ipv6_address_stands_for_its_network() {
        let neighbours = Neighbours::new(1, false);
        let _one = neighbours.count(address("2001:db8::1")).unwrap();
        assert!(neighbours.count(address("2001:db8:0:0:ffff::2")).is_none());
        assert!(neighbours.count(address("2001:db8:0:1::1")).is_some());
    }

    #[test]
    fn loopback_counts_only_if_it_is_to() {
        for loopback in ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"] {
            assert!(Neighbours::new(0, false).count(address(loopback)).is_some());
            assert!(Neighbours::new(0, true).count(address(loopback)).is_none());
        }
        assert!(Neighbours::new(0, true).count(None).is_some());
    }
}
