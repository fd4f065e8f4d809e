//! Which other proxies are there, and where: one trait, and the ways to know.
//!
//! - [`Mdns`]: multicast DNS on the local network. The only place that speaks to `mdns-sd`; nothing
//!   joins a multicast group unless one is made.
//! - [`Off`]: nobody is looked for.
//! - [`MemoryBus`]: for tests.
//!
//! Discovery says where a proxy can be dialled; it dials nobody and knows nothing of links or channels.
//! Addresses that people write (`--peer`) have no instance id until somebody answers there, so they don't come this way:
//! the mesh owns them and looks their names up each time it dials.

mod address;
mod directory;
mod mdns;
mod memory;
mod missing;
mod off;
mod record;
mod visibility;

pub use mdns::{DEFAULT_VISIBLE_WITHIN, Mdns, MdnsConfig};
pub use memory::{MemoryBus, MemoryDiscovery};
pub use off::Off;

use async_trait::async_trait;
use nws_protocol::InstanceId;
use std::{fmt, net::SocketAddr, time::Duration};

/// A way to know which other proxies are there.
#[async_trait]
pub trait Discovery: Send + fmt::Debug {
    /// The next news. Waits for ever when there is none; `None` after [`shutdown`](Self::shutdown).
    ///
    /// Cancel safe: news is lost only when it was returned. Must be called again soon after it returned, since all work is
    /// done inside it; news of one instance that nobody fetched is merged, not queued.
    async fn next(&mut self) -> Option<DiscoveryEvent>;

    /// Says goodbye, so that others need not wait to notice. Takes at most about a second.
    async fn shutdown(&mut self);

    /// The link to this instance was lost: find out whether it is still there. If it is not,
    /// [`DiscoveryEvent::Lost`] follows within a few seconds; if it is, nothing does. Returns at once.
    fn verify(&self, instance: InstanceId);
}

/// News of other proxies, never of ourselves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DiscoveryEvent {
    /// An instance is there, or can be dialled elsewhere than last said. `candidates` replaces what was said before and
    /// is never empty.
    Found {
        /// Who.
        instance: InstanceId,
        /// Where, best first: all QUIC addresses before all TCP addresses.
        candidates: Vec<Candidate>,
    },
    /// An instance that was found is no longer announced.
    Lost {
        /// Who.
        instance: InstanceId,
    },
    /// How discovery itself stands. The first event says [`Health::Starting`].
    Health(Health),
}

/// One address at which an instance accepts links.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Candidate {
    /// What is spoken there.
    pub kind: DiscoveredTransport,
    /// The address; with the interface as scope when it is link-local IPv6.
    pub addr: SocketAddr,
}

/// A transport as it is announced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DiscoveredTransport {
    /// `_nws._udp.local.`
    Quic,
    /// `_nws._tcp.local.`
    Tcp,
}

impl DiscoveredTransport {
    /// In order of preference.
    pub const ALL: [Self; 2] = [Self::Quic, Self::Tcp];
}

impl fmt::Display for DiscoveredTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Quic => "quic",
            Self::Tcp => "tcp",
        })
    }
}

/// How discovery stands.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Health {
    /// It has begun, or begun again after a failure.
    Starting,
    /// Our own announcement comes back to us from the network.
    Visible,
    /// Our own announcement has not come back: a firewall, a network without multicast, or no network. It is looked for
    /// further, and [`Visible`](Self::Visible) follows if it comes.
    NotVisible {
        /// For how long it was looked for.
        for_: Duration,
    },
    /// It can't work now; it tries again by itself.
    Failed(String),
}

impl fmt::Display for Health {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Starting => f.write_str("starting"),
            Self::Visible => f.write_str("visible"),
            Self::NotVisible { for_ } => write!(f, "not visible for {} ms", for_.as_millis()),
            Self::Failed(why) => write!(f, "failed: {why}"),
        }
    }
}
