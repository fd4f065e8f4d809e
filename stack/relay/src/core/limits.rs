//! How much everyone may have, as far as the core decides it.

use std::time::Duration;

/// Time since a start that the caller chose.
pub(crate) type Now = Duration;

/// What the core holds everyone to.
#[derive(Debug, Clone)]
pub(crate) struct CoreLimits {
    /// Bytes of a message, for `welcome`.
    pub(crate) message_bytes: usize,
    /// The credit of a channel, in each direction.
    pub(crate) window: u64,
    pub(crate) servers: usize,
    pub(crate) servers_per_address: usize,
    pub(crate) channels_per_client: usize,
    pub(crate) channels_per_server: usize,
    /// Bytes taken at once, to be written at once.
    pub(crate) batch_bytes: usize,
    /// Bytes that wait for a party, before those who send to it have to wait, if nothing else bounds them.
    pub(crate) queue_bytes: usize,
    /// Bytes that wait for all parties. One may have as much of that as is still free.
    pub(crate) queued_bytes: usize,
    /// Bytes kept for servers that may have to get them again, of all channels.
    pub(crate) kept_bytes: usize,
    /// How long something may wait for a party while others are held up.
    pub(crate) stall: Duration,
    pub(crate) credential: Duration,
    pub(crate) grace: Duration,
    pub(crate) accept: Duration,
    /// How long nothing may be said on a channel; for ever if there is none.
    pub(crate) channel_idle: Option<Duration>,
}
