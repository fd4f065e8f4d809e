//! How much everyone may have, and what happens to who wants more. The server is meant to be reached by
//! anybody, so nothing that a stranger sends is kept without one of these.

use std::time::Duration;

/// The limits of a server, each with its answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Joiners that wait at once. Over it, an upgrade is answered with 503 and `Retry-After`. 10,000, a
    /// guess: 120 MB at most while they are quiet.
    pub joiners: usize,
    /// Joiners of one address at once; an IPv6 address stands for its /64. Over it: 429. 256, a guess:
    /// a school behind one address.
    pub joiners_per_address: usize,
    /// Whether loopback addresses count too. By default they do not, as a reverse proxy on this machine
    /// brings everybody from there.
    pub count_loopback: bool,
    /// Connections that are not joiners at once: asking for pages, or in their handshake. Those over it wait
    /// in the listener's backlog. 1024, a guess.
    pub visitors: usize,
    /// Such connections of one address; those over it are closed without an answer. 128, a guess.
    pub visitors_per_address: usize,
    /// Bytes of a message. Over it, the connection is closed with 1009. 2 MiB: with the original, 1 MiB is
    /// known to be used.
    pub message_bytes: usize,
    /// Messages, pings and pongs that a joiner may send in one go; over it, it is closed with 1008. 1000, a
    /// guess: trickle ICE sends some dozens.
    pub message_burst: u32,
    /// Messages a second by which the burst grows again. 100, a guess.
    pub messages_per_second: u32,
    /// Bytes that wait for the root. When there is no room, joiners are not read from. 8 MiB, a guess.
    pub root_queue_bytes: usize,
    /// Bytes that wait for one joiner; when there is no room, it is closed with 1013. 4 MiB, a guess.
    pub joiner_queue_bytes: usize,
    /// Bytes that wait for all joiners. What comes over it can't be delivered. 256 MiB, a guess.
    pub joiners_queue_bytes: usize,
    /// How long one write may make no progress before the connection is cut. 10 s, a guess.
    pub stall: Duration,
    /// How long a TLS handshake, the head of a request, and idleness between requests may each take.
    /// 10 s, a guess.
    pub header: Duration,
    /// How long the closing handshake of a WebSocket may take. 5 s, a guess.
    pub close: Duration,
}

impl Limits {
    /// What [`Default`] gives.
    pub const DEFAULT: Self = Self {
        joiners: 10_000,
        joiners_per_address: 256,
        count_loopback: false,
        visitors: 1024,
        visitors_per_address: 128,
        message_bytes: 2 * 1024 * 1024,
        message_burst: 1000,
        messages_per_second: 100,
        root_queue_bytes: 8 * 1024 * 1024,
        joiner_queue_bytes: 4 * 1024 * 1024,
        joiners_queue_bytes: 256 * 1024 * 1024,
        stall: Duration::from_secs(10),
        header: Duration::from_secs(10),
        close: Duration::from_secs(5),
    };
}

impl Default for Limits {
    fn default() -> Self {
        Self::DEFAULT
    }
}
