//! What the console is told about the network side: links as the mesh knows them, and how discovery fares.

use crate::announce;
use nws_discovery::Health;
use nws_gateway::{DiscoveryState, DiscoveryStatus, LinkStatus, NetworkStatus, StatusSource};
use nws_mesh::MeshHandle;
use nws_protocol::InstanceId;
use nws_transports::{Role, TransportKind};
use std::{sync::Arc, time::Duration};

/// Asks the mesh.
#[derive(Debug)]
pub(crate) struct Network {
    pub(crate) instance: InstanceId,
    pub(crate) transports: Vec<TransportKind>,
    /// Multicast DNS is on.
    pub(crate) searching: bool,
    pub(crate) mesh: Arc<MeshHandle>,
}

#[async_trait::async_trait]
impl StatusSource for Network {
    async fn network(&self) -> NetworkStatus {
        let status = self.mesh.status().await;
        let health = self.mesh.discovery_health().borrow().clone();
        NetworkStatus {
            instance: self.instance.to_string(),
            transport: self.transports.iter().map(ToString::to_string).collect(),
            discovery: discovery(self.searching, health.as_ref()),
            known_proxies: status.known,
            links: status.links.into_iter().map(link).collect(),
        }
    }
}

fn link(link: nws_mesh::LinkStatus) -> LinkStatus {
    let number = |time: u128| u64::try_from(time).unwrap_or(u64::MAX);
    LinkStatus {
        instance: link.instance.to_string(),
        transport: link.transport.to_string(),
        role: match link.role {
            Role::Initiator => "initiator".to_owned(),
            Role::Responder => "responder".to_owned(),
        },
        address: link.address.to_string(),
        rtt_us: link.rtt.as_ref().map(Duration::as_micros).map(number),
        up_ms: number(link.up.as_millis()),
        channels_in_common: link.channels,
        draining: link.draining,
    }
}

fn discovery(searching: bool, health: Option<&Health>) -> DiscoveryStatus {
    let state = match health {
        _ if !searching => DiscoveryState::Off,
        None => DiscoveryState::Starting,
        Some(Health::Visible) => DiscoveryState::Visible,
        Some(Health::NotVisible { .. }) => DiscoveryState::NotVisible,
        Some(Health::Failed(_)) => DiscoveryState::Failed,
        Some(_) => DiscoveryState::Starting,
    };
    let words = match state {
        DiscoveryState::Off => "Other proxies are not searched for; name them with --peer HOST:PORT.".to_owned(),
        DiscoveryState::Starting => "Searching for other proxies by multicast DNS.".to_owned(),
        _ => health.and_then(announce::words).unwrap_or_default(),
    };
    DiscoveryStatus { state, words }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_state_of_discovery_has_words() {
        let not_visible = Health::NotVisible { for_: Duration::from_secs(9) };
        let failed = Health::Failed("no network".to_owned());
        for (searching, health, state, words) in [
            (false, None, DiscoveryState::Off, "--peer"),
            (false, Some(&Health::Visible), DiscoveryState::Off, "--peer"),
            (true, None, DiscoveryState::Starting, "multicast DNS"),
            (true, Some(&Health::Starting), DiscoveryState::Starting, "multicast DNS"),
            (true, Some(&Health::Visible), DiscoveryState::Visible, "can find this one"),
            (true, Some(&not_visible), DiscoveryState::NotVisible, "UDP port 5353"),
            (true, Some(&failed), DiscoveryState::Failed, "no network"),
        ] {
            let status = discovery(searching, health);
            assert_eq!(status.state, state);
            assert!(status.words.contains(words), "{status:?}");
        }
    }
}
