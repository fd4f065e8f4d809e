//! The limits and times of [`super::Neighbours`]. Where a user sets them is not known here.

use nws_protocol::limits::{DIAL_PATIENCE, PROOF_TIMEOUT};
use std::time::Duration;

/// The limits and times. Each default says where it comes from.
#[derive(Debug, Clone)]
pub struct Config {
    /// How long the larger id waits to be dialled.
    pub patience: Duration,
    /// How long the smaller id waits for further records of a proxy just found. 50 ms: two records of one proxy
    /// come in separate answers, a few milliseconds apart; a guess.
    pub settle: Duration,
    /// The first wait after a failure; each further one is twice as long. 250 ms, a guess.
    pub backoff_start: Duration,
    /// The longest wait, before it is spread by a quarter either way. 30 s, a guess.
    pub backoff_most: Duration,
    /// A link that was up this long starts its backoff anew when it is lost. 10 s, a guess.
    pub steady_after: Duration,
    /// A link that is to supersede another must have proved in this long that it leads to the same proxy.
    pub prove_within: Duration,
    /// Most proxies known at once; beyond them discovery's are not taken up, see [`super::Neighbours::found`].
    pub max_neighbours: usize,
    /// Most links at once; for one more another makes way, or it is closed with `Limit`.
    pub max_links: usize,
    /// Most dials in progress; others wait for their turn.
    pub max_dials: usize,
    /// Most addresses of one target; the less preferred ones are left out.
    pub max_addresses: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            patience: DIAL_PATIENCE,
            settle: Duration::from_millis(50),
            backoff_start: Duration::from_millis(250),
            backoff_most: Duration::from_secs(30),
            steady_after: Duration::from_secs(10),
            prove_within: PROOF_TIMEOUT,
            max_neighbours: 4096,
            max_links: 1024,
            max_dials: 64,
            max_addresses: 16,
        }
    }
}
