//! Which of the addresses that a record names may be dialled, and in which order. Sees addresses only.
//!
//! Records come from anybody on the network. An address that would make us dial ourselves or nobody in particular is
//! left out: loopback unless it was heard on the loopback interface, unspecified, multicast, broadcast, and IPv4 addresses in
//! IPv6 clothes, which would get round the other rules.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};

/// Most addresses kept of one service of one instance. A host with more has them tried in vain less often than it hurts to
/// let a record of anybody fill memory. A guess.
pub(crate) const MAX_ADDRESSES: usize = 8;

/// An address with what is known of where it was heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Heard {
    /// The address itself.
    pub(crate) ip: IpAddr,
    /// The interface's index, for IPv6; 0 if unknown.
    pub(crate) scope: u32,
    /// Whether it was heard on the loopback interface.
    pub(crate) on_loopback: bool,
}

/// The addresses worth dialling, best first, without doubles.
///
/// IPv4 comes before global IPv6 because local networks more often have IPv6 that is half set up; link-local IPv6 always
/// works but only on one interface; link-local IPv4 needs a route that few hosts have. Loopback only if nothing else is there.
pub(crate) fn dialable(heard: impl IntoIterator<Item = Heard>, port: u16) -> Vec<SocketAddr> {
    if port == 0 {
        return Vec::new();
    }
    let mut ranked: Vec<(Rank, SocketAddr)> =
        heard.into_iter().filter_map(|heard| Some((rank(&heard)?, with_scope(&heard, port)))).collect();
    ranked.sort();
    ranked.dedup();
    if ranked.iter().any(|(rank, _)| *rank != Rank::Loopback) {
        ranked.retain(|(rank, _)| *rank != Rank::Loopback);
    }
    ranked.truncate(MAX_ADDRESSES);
    ranked.into_iter().map(|(_, addr)| addr).collect()
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    V4,
    V6,
    V6LinkLocal,
    V4LinkLocal,
    Loopback,
}

fn rank(heard: &Heard) -> Option<Rank> {
    match heard.ip {
        IpAddr::V4(ip) if ip.is_loopback() => heard.on_loopback.then_some(Rank::Loopback),
        IpAddr::V6(ip) if ip.is_loopback() => heard.on_loopback.then_some(Rank::Loopback),
        IpAddr::V4(ip) => rank_v4(ip),
        IpAddr::V6(ip) => rank_v6(ip, heard.scope),
    }
}

fn rank_v4(ip: Ipv4Addr) -> Option<Rank> {
    let [first, ..] = ip.octets();
    if first == 0 || ip.is_multicast() || ip.is_broadcast() {
        return None;
    }
    Some(if ip.is_link_local() { Rank::V4LinkLocal } else { Rank::V4 })
}

fn rank_v6(ip: Ipv6Addr, scope: u32) -> Option<Rank> {
    if ip.is_unspecified() || ip.is_multicast() || ip.to_ipv4().is_some() {
        return None;
    }
    if ip.is_unicast_link_local() {
        // Without its interface it can't be dialled.
        return (scope != 0).then_some(Rank::V6LinkLocal);
    }
    Some(Rank::V6)
}

fn with_scope(heard: &Heard, port: u16) -> SocketAddr {
    match heard.ip {
        IpAddr::V6(ip) if ip.is_unicast_link_local() => SocketAddrV6::new(ip, port, 0, heard.scope).into(),
        ip => SocketAddr::new(ip, port),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may stop at the first surprise")]
    use super::*;

    fn heard(ip: &str, scope: u32, on_loopback: bool) -> Heard {
        Heard { ip: ip.parse().unwrap(), scope, on_loopback }
    }

    fn text(heard: &[Heard]) -> Vec<String> {
        dialable(heard.iter().copied(), 7).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn order_scopes_and_doubles() {
        let all = [
            heard("127.0.0.1", 1, true),
            heard("fe80::2", 3, false),
            heard("169.254.1.1", 2, false),
            heard("2001:db8::1", 2, false),
            heard("fe80::2", 2, false),
            heard("10.0.0.9", 2, false),
            heard("10.0.0.1", 2, false),
            heard("10.0.0.1", 2, false),
            heard("2001:db8::1", 3, false),
        ];
        assert_eq!(
            text(&all),
            ["10.0.0.1:7", "10.0.0.9:7", "[2001:db8::1]:7", "[fe80::2%2]:7", "[fe80::2%3]:7", "169.254.1.1:7"]
        );
    }

    #[test]
    fn loopback_is_for_those_who_have_nothing_else_and_were_heard_there() {
        assert_eq!(text(&[heard("127.0.0.1", 1, true)]), ["127.0.0.1:7"]);
        assert!(text(&[heard("127.0.0.1", 2, false), heard("::1", 2, false)]).is_empty());
    }

    #[test]
    fn what_nobody_should_dial_is_left_out() {
        for ip in [
            "0.0.0.0",
            "0.1.2.3",
            "224.0.0.251",
            "255.255.255.255",
            "::",
            "ff02::fb",
            "::ffff:127.0.0.1",
            "::127.0.0.1",
        ] {
            assert!(text(&[heard(ip, 2, false)]).is_empty(), "{ip}");
        }
        assert!(text(&[heard("fe80::1", 0, false)]).is_empty());
        assert!(dialable([heard("10.0.0.1", 0, false)], 0).is_empty());
    }

    #[test]
    fn a_record_with_many_addresses_keeps_the_best() {
        let many: Vec<Heard> = (1..100).map(|n| heard(&format!("10.0.0.{n}"), 2, false)).collect();
        assert_eq!(text(&many).len(), MAX_ADDRESSES);
    }
}
