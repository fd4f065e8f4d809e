//! The settings of the mesh. Where they come from (command line, file) is not known here.

use nws_protocol::{
    InstanceId, NetworkKey,
    limits::{
        DEFAULT_MAX_MESSAGE_BYTES, DEFAULT_PING_AFTER, DEFAULT_SILENCE_LIMIT, FRAME_OVERHEAD_BYTES, HANDSHAKE_TIMEOUT,
    },
    matching::BudgetLimits,
};
use std::time::Duration;

/// QUIC gets this long to connect before TCP is tried beside it.
pub const DEFAULT_FALLBACK_AFTER: Duration = Duration::from_secs(2);

/// Most links at once, handshakes not counted. A guess: a flat network that is larger wants another topology.
/// Of links with nothing in common one address has at most a quarter of them.
pub const DEFAULT_MAX_LINKS: usize = 1024;

/// Most links dialled by others that have not finished their handshake. A guess.
pub const DEFAULT_MAX_HANDSHAKES: usize = 64;

/// A link that gave way to another is closed when its lanes made no progress for this long. A lane whose channel the other
/// end has left is stopped when nothing came for as long, and as long the peers of a lane that ended are kept for a lane
/// that goes on where it ended. Of the link protocol.
pub const DEFAULT_DRAIN_PATIENCE: Duration = Duration::from_secs(5);

/// A data lane that has something to write and can't for this long costs its link. A hub that holds its senders lets
/// them go when half of its log is drained: at the least rate that a client may have (64 KiB/s) that takes 32 s
/// of the default 4 MiB, and the windows of the transport come on top.
pub const DEFAULT_LANE_STALL: Duration = Duration::from_secs(60);

/// How the mesh behaves. [`MeshConfig::new`] gives the defaults.
#[derive(Debug, Clone)]
pub struct MeshConfig {
    /// This run of the proxy.
    pub instance: InstanceId,
    /// The secret of the network, if it has one.
    pub network_key: NetworkKey,
    /// Name and version of the program, told to other proxies.
    pub agent: String,
    /// The largest frame accepted on a link, in bytes without its length prefix.
    pub max_frame_bytes: usize,
    /// A Ping is sent when nothing was received for this long.
    pub ping_after: Duration,
    /// A link that stays silent this long is closed.
    pub silence_limit: Duration,
    /// A link must be dialled, and have exchanged Hellos, in this long.
    pub handshake_timeout: Duration,
    /// QUIC gets this long before TCP is tried beside it.
    pub fallback_after: Duration,
    /// See [`DEFAULT_DRAIN_PATIENCE`].
    pub drain_patience: Duration,
    /// See [`DEFAULT_LANE_STALL`].
    pub lane_stall: Duration,
    /// Most links; for one more a link with nothing in common makes way, or it is closed with `Limit`.
    pub max_links: usize,
    /// Most incoming links in handshake; one more is closed with `Limit`.
    pub max_handshakes: usize,
    /// Guesses in private matching on one link.
    pub link_budget: BudgetLimits,
    /// Guesses on all links with one address.
    pub address_budget: BudgetLimits,
    /// Guesses on all links.
    pub proxy_budget: BudgetLimits,
}

impl MeshConfig {
    /// The defaults for this run of the proxy.
    #[must_use]
    pub fn new(instance: InstanceId) -> Self {
        Self {
            instance,
            network_key: NetworkKey::default(),
            agent: concat!("nws/", env!("CARGO_PKG_VERSION")).to_owned(),
            max_frame_bytes: DEFAULT_MAX_MESSAGE_BYTES + FRAME_OVERHEAD_BYTES,
            ping_after: DEFAULT_PING_AFTER,
            silence_limit: DEFAULT_SILENCE_LIMIT,
            handshake_timeout: HANDSHAKE_TIMEOUT,
            fallback_after: DEFAULT_FALLBACK_AFTER,
            drain_patience: DEFAULT_DRAIN_PATIENCE,
            lane_stall: DEFAULT_LANE_STALL,
            max_links: DEFAULT_MAX_LINKS,
            max_handshakes: DEFAULT_MAX_HANDSHAKES,
            link_budget: BudgetLimits::LINK,
            address_budget: BudgetLimits::ADDRESS,
            proxy_budget: BudgetLimits::PROXY,
        }
    }
}
