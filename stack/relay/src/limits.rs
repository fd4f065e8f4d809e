//! How much everyone may have, and what happens to who wants more. A relay is meant to be reached by anybody, so nothing
//! that a stranger sends is kept without one of these.

use crate::core::CoreLimits;
use serde::de::IntoDeserializer;
use std::time::Duration;

/// What is taken from a queue at once, to be written at once. A guess.
const BATCH_BYTES: usize = 128 * 1024;

/// What is looked at again and again has to have a pause: what settings can say, too.
const LEAST_SPAN: Duration = Duration::from_millis(1);

/// Where less may wait, not even what is said about a command would have room, and nobody would ever be heard.
const LEAST_QUEUED_BYTES: usize = 4096;

/// A kind of limit, as a person writes it.
pub(crate) trait Value: Sized {
    fn read(text: &str) -> Result<Self, String>;
}

impl Value for usize {
    fn read(text: &str) -> Result<Self, String> {
        text.parse().map_err(|_| format!("{text:?} is not a whole number"))
    }
}

impl Value for Duration {
    fn read(text: &str) -> Result<Self, String> {
        nws_listen::span(text.into_deserializer()).map_err(|error: serde::de::value::Error| error.to_string())
    }
}

/// None if it is `off`.
impl<V: Value> Value for Option<V> {
    fn read(text: &str) -> Result<Self, String> {
        if text == "off" { Ok(None) } else { V::read(text).map(Some) }
    }
}

macro_rules! limits {
    ($($(#[doc = $words:literal])+ $field:ident: $kind:ty = $default:expr, $name:literal $(, because $source:literal)?;)+) => {
        /// The limits of a relay, each with its answer. A `stall`, a `ping` or an `idle` of less than a millisecond is one,
        /// and less than 4096 `queued_bytes` are as many.
        #[derive(Debug, Clone, PartialEq, Eq)]
        #[non_exhaustive]
        pub struct Limits {
            $(
                $(#[doc = $words])+
                $(#[doc = concat!("\n\nThe number: ", $source, ".")])?
                pub $field: $kind,
            )+
        }

        impl Limits {
            /// What [`Default`] gives.
            pub const DEFAULT: Self = Self { $($field: $default,)+ };

            /// What each is called in settings and on a command line, and what it is.
            pub const NAMES: &'static [(&'static str, &'static str)] = &[$(($name, concat!($($words),+)),)+];

            /// Sets the one with this name.
            pub(crate) fn set(&mut self, name: &str, text: &str) -> Option<Result<(), String>> {
                Some(match name {
                    $($name => Value::read(text).map(|value| self.$field = value),)+
                    _ => return None,
                })
            }
        }
    };
}

limits! {
    /// Bytes of a message; over it: close 1009. 1048576.
    message_bytes: usize = 1024 * 1024, "max-message-bytes", because "a guess";
    /// Bytes of credit of a channel, in each direction. 524288.
    window: usize = 512 * 1024, "window", because "half of it left a tenth of the throughput unused (`tests/benches/tunnel`)";
    /// Parties at once; over it: HTTP 503. 16384.
    parties: usize = 16_384, "max-parties", because "a guess";
    /// Parties of one address, an IPv6 address standing for its /64; over it: HTTP 429. 4096.
    parties_per_address: usize = 4096, "max-parties-per-address", because "a guess";
    /// Servers at once, with credentials that nobody used yet; over it: too_many_servers. 4096.
    servers: usize = 4096, "max-servers", because "a guess";
    /// Servers of one address, an IPv6 address standing for its /64. 256.
    servers_per_address: usize = 256, "max-servers-per-address", because "a guess";
    /// Channels of a client; over it: too_many_channels. 256.
    channels_per_client: usize = 256, "max-channels-per-client", because "a guess";
    /// Channels of a server. 8192.
    channels_per_server: usize = 8192, "max-channels-per-server", because "a guess";
    /// Messages a second of a party, or off; over it, it is not read from. Off.
    messages_per_second: Option<usize> = None, "messages-per-second";
    /// Bytes a second of a party, or off; over it, it is not read from. Off.
    bytes_per_second: Option<usize> = None, "bytes-per-second";
    /// Bytes that wait for a party; over it, those of the first dialect that send to it are not read from, nor is it itself for its own answers. 8388608.
    queue_bytes: usize = 8 * 1024 * 1024, "max-queue-bytes", because "a guess";
    /// Bytes that wait for all parties; who sends to one is not read from while as much waits for that one as is still free. While somebody waits so, who leaves something waiting for longer than a stall is closed with 1013, those with most first, until half is free. 268435456.
    queued_bytes: usize = 256 * 1024 * 1024, "max-queued-bytes", because "a guess";
    /// Bytes kept for servers that may have to get them again, of all channels; over it, the largest channel of the server with most ends. 1073741824.
    kept_bytes: usize = 1024 * 1024 * 1024, "max-kept-bytes", because "a guess";
    /// How long a party may take less than the least while more waits, before it is closed with 1013. 10s.
    stall: Duration = Duration::from_secs(10), "stall", because "a guess";
    /// The least that it must take in that time, in bytes. 16384.
    stall_bytes: usize = 16 * 1024, "stall-bytes", because "a guess";
    /// How long a party may have neither a server nor a channel; then: close 1000. 5m.
    idle: Duration = Duration::from_secs(300), "idle", because "a guess";
    /// How often a party is sent a ping. 30s.
    ping: Duration = Duration::from_secs(30), "ping", because "a guess";
    /// How long a party may leave a ping unanswered before it is lost. 60s.
    pong: Duration = Duration::from_secs(60), "pong", because "a guess";
    /// How long a credential is good that is not used. 10m.
    credential: Duration = Duration::from_secs(600), "credential-time", because "a guess";
    /// How long a server may be without a party. 30s.
    grace: Duration = Duration::from_secs(30), "grace", because "a guess";
    /// How long a server may take to accept a channel. 10s.
    accept: Duration = Duration::from_secs(10), "accept-time", because "a guess";
    /// How long nothing may be said on a channel, or off. Off.
    channel_idle: Option<Duration> = None, "channel-idle";
    /// Connections that are no parties, as they ask for a page or are in their handshake; more wait. 1024.
    visitors: usize = 1024, "max-visitors", because "a guess";
    /// Such connections of one address, an IPv6 address standing for its /64; more are closed. 128.
    visitors_per_address: usize = 128, "max-visitors-per-address", because "a guess";
    /// How long a TLS handshake, the head of a request, or the pause before the next request may take. 10s.
    header: Duration = Duration::from_secs(10), "header-time", because "a guess";
    /// How long the closing handshake of a WebSocket may take. 5s.
    close: Duration = Duration::from_secs(5), "close-time", because "a guess";
    /// Whether addresses of loopback are counted: 1, or 0, as a reverse proxy on this machine brings everybody from there. 0.
    count_loopback: usize = 0, "count-loopback";
}

impl Limits {
    pub(crate) fn counts_loopback(&self) -> bool {
        self.count_loopback != 0
    }

    /// With those that a relay can't do without.
    pub(crate) fn workable(mut self) -> Self {
        for span in [&mut self.stall, &mut self.ping, &mut self.idle] {
            *span = LEAST_SPAN.max(*span);
        }
        self.queued_bytes = self.queued_bytes.max(LEAST_QUEUED_BYTES);
        self
    }

    pub(crate) fn core(&self) -> CoreLimits {
        CoreLimits {
            message_bytes: self.message_bytes,
            window: (self.window as u64).max(1),
            servers: self.servers,
            servers_per_address: self.servers_per_address,
            channels_per_client: self.channels_per_client,
            channels_per_server: self.channels_per_server,
            batch_bytes: BATCH_BYTES,
            queue_bytes: self.queue_bytes,
            queued_bytes: self.queued_bytes,
            kept_bytes: self.kept_bytes,
            stall: self.stall,
            credential: self.credential,
            grace: self.grace,
            accept: self.accept,
            channel_idle: self.channel_idle,
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self::DEFAULT
    }
}
