//! What people may see of the mesh. No channel names: only how many are shared.

use nws_protocol::InstanceId;
use nws_transports::{Role, TransportKind};
use std::{net::SocketAddr, time::Duration};

/// The links at one moment.
#[derive(Debug, Clone, Default)]
pub struct MeshStatus {
    /// Established links, oldest first.
    pub links: Vec<LinkStatus>,
    /// Proxies known, linked or not.
    pub known: usize,
}

/// How much there is, to wait for; [`MeshStatus`] says what.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct MeshFigures {
    /// Established links, without those that give way to newer ones.
    pub links: usize,
    /// The channels that they share, each counted once for each link.
    pub channels: usize,
}

/// One established link.
#[derive(Debug, Clone)]
pub struct LinkStatus {
    /// Who is at the other end.
    pub instance: InstanceId,
    /// What carries it.
    pub transport: TransportKind,
    /// Who dialled.
    pub role: Role,
    /// The other end's address.
    pub address: SocketAddr,
    /// The round-trip time, where the transport knows it.
    pub rtt: Option<Duration>,
    /// How many channels both ends hold.
    pub channels: usize,
    /// How long it has been up.
    pub up: Duration,
    /// It gives way to a newer link to the same proxy.
    pub draining: bool,
}

/// The first characters of an id: enough to tell a few proxies apart in a log.
pub(crate) fn short(instance: InstanceId) -> String {
    let mut text = instance.to_string();
    text.truncate(8);
    text
}
