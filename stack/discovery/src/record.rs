//! The discovery record: what is announced of us, and what is accepted of others. The version, the port and a random
//! name; nothing that tells who or what is behind it.

use crate::{DiscoveredTransport, address::Heard};
use mdns_sd::{ResolvedService, ScopedIp, ServiceInfo};
use nws_protocol::InstanceId;

/// The only version of the record there is.
const VERSION: &str = "1";

/// The service type under which a transport is announced.
pub(crate) const fn service_type(kind: DiscoveredTransport) -> &'static str {
    match kind {
        DiscoveredTransport::Quic => "_nws._udp.local.",
        DiscoveredTransport::Tcp => "_nws._tcp.local.",
    }
}

/// The full name of a service of an instance.
pub(crate) fn full_name(instance: InstanceId, kind: DiscoveredTransport) -> String {
    format!("{instance}.{}", service_type(kind))
}

/// The name under which the addresses of an instance are announced.
pub(crate) fn host_name(instance: InstanceId) -> String {
    format!("{instance}.local.")
}

/// Our announcement. Its addresses are those of the interfaces in use, kept up to date by the daemon. The name is random, so
/// nobody is asked first whether it is free, and others see it at once (1 to 3 ms instead of 0.8 to 1 s).
pub(crate) fn announcement(
    instance: InstanceId,
    kind: DiscoveredTransport,
    port: u16,
) -> Result<ServiceInfo, mdns_sd::Error> {
    let txt = [("v", VERSION)];
    let mut info =
        ServiceInfo::new(service_type(kind), &instance.text(), &host_name(instance), (), port, txt.as_slice())?;
    info.set_requires_probe(false);
    Ok(info.enable_addr_auto())
}

/// Whose service this is; `None` if the name is not one that a proxy announces.
pub(crate) fn instance_named(full_name: &str, kind: DiscoveredTransport) -> Option<InstanceId> {
    full_name.strip_suffix(service_type(kind))?.strip_suffix('.')?.parse().ok()
}

/// Whether we speak the version of this record.
pub(crate) fn is_our_version(record: &ResolvedService) -> bool {
    record.get_property_val("v").flatten() == Some(VERSION.as_bytes())
}

/// The addresses of a record. `is_loopback` tells interfaces by their index.
pub(crate) fn addresses(record: &ResolvedService, is_loopback: impl Fn(u32) -> bool) -> Vec<Heard> {
    let heard = |address: &ScopedIp| {
        let interfaces = interfaces(address);
        Heard {
            ip: address.to_ip_addr(),
            scope: interfaces.first().copied().unwrap_or(0),
            on_loopback: interfaces.iter().any(|index| is_loopback(*index)),
        }
    };
    record.addresses.iter().map(heard).collect()
}

/// The interfaces on which a record was heard, by index; with repetitions.
pub(crate) fn heard_on(record: &ResolvedService) -> Vec<u32> {
    record.addresses.iter().flat_map(interfaces).collect()
}

fn interfaces(address: &ScopedIp) -> Vec<u32> {
    match address {
        ScopedIp::V4(v4) => v4.interface_ids().iter().map(|id| id.index).collect(),
        ScopedIp::V6(v6) => vec![v6.scope_id().index],
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]
    use super::*;
    use DiscoveredTransport::{Quic, Tcp};

    fn id() -> InstanceId {
        InstanceId::from_bytes([7; 16])
    }

    fn record(txt: &[(&str, &str)]) -> ResolvedService {
        ServiceInfo::new(service_type(Quic), &id().text(), &host_name(id()), "10.0.0.1", 7, txt)
            .unwrap()
            .as_resolved_service()
    }

    #[test]
    fn what_we_announce_we_would_accept_and_it_says_nothing_else() {
        for kind in DiscoveredTransport::ALL {
            let info = announcement(id(), kind, 4242).unwrap();
            assert_eq!(info.get_fullname(), full_name(id(), kind));
            assert!(info.is_addr_auto() && !info.requires_probe());
            let seen = info.as_resolved_service();
            assert_eq!(instance_named(&seen.fullname, kind), Some(id()));
            assert!(is_our_version(&seen));
            assert_eq!((seen.port, seen.host.as_str(), seen.txt_properties.len()), (4242, &*host_name(id()), 1));
        }
    }

    #[test]
    fn names_of_others_are_not_taken_for_instances() {
        let text = id().to_string();
        for name in [
            "_nws._udp.local.".to_owned(),
            "printer._nws._udp.local.".to_owned(),
            format!("{text}x._nws._udp.local."),
            format!("{text}._nws._tcp.local."),
            format!("{}._nws._udp.local.", text.to_uppercase()),
            format!("a.{text}._nws._udp.local."),
            format!("{text}._nws._udp.local"),
        ] {
            assert_eq!(instance_named(&name, Quic), None, "{name}");
        }
        assert_eq!(instance_named(&full_name(id(), Tcp), Tcp), Some(id()));
    }

    #[test]
    fn only_version_one_is_accepted() {
        assert!(is_our_version(&record(&[("v", "1")])));
        assert!(is_our_version(&record(&[("later", "x"), ("v", "1")])));
        for txt in [&[][..], &[("v", "2")], &[("v", "")], &[("v", "10")], &[("x", "1")], &[("v", "2"), ("v", "1")]] {
            assert!(!is_our_version(&record(txt)), "{txt:?}");
        }
    }
}
