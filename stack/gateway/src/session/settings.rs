//! How patient a session is, and how large its messages may be.

use std::time::Duration;

/// How a session behaves.
#[derive(Debug, Clone)]
pub struct SessionSettings {
    /// Largest message of a client, in bytes; over it the connection is closed with 1009.
    pub max_message_bytes: usize,
    /// After this long without hearing from the client, it is pinged. 54 s, as the original did: under the
    /// 60 s after which many middle boxes forget a connection.
    pub ping_interval: Duration,
    /// A client that does not answer a ping in this long is closed with 1011. 10 s, a guess.
    pub pong_timeout: Duration,
    /// How long the close frame and what comes before it may take. 5 s, a guess.
    pub close_deadline: Duration,
}

impl Default for SessionSettings {
    fn default() -> Self {
        Self {
            max_message_bytes: nws_protocol::limits::DEFAULT_MAX_MESSAGE_BYTES,
            ping_interval: Duration::from_secs(54),
            pong_timeout: Duration::from_secs(10),
            close_deadline: Duration::from_secs(5),
        }
    }
}
