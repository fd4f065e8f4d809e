//! What the relay counts, and how Prometheus reads it. Nothing in it names a party or a secret.

nws_listen::counters! {
    prefix: "nws_relay";
    gauges: {
        /// WebSockets that are open now.
        parties: u64 = "parties",
        /// Servers, with those that are away, and credentials that nobody used yet.
        servers_now: u64 = "servers",
        /// Channels that are open or asked for.
        channels_now: u64 = "channels",
        /// Bytes that wait for parties.
        queued_bytes: u64 = "queued_bytes",
        /// Bytes kept for servers that may have to get them again.
        kept_bytes: u64 = "kept_bytes",
    }
    /// TCP connections that were accepted.
    connections: "connections_total",
    /// TCP connections that were closed at once, as their address had too many.
    connections_refused: "connections_refused_total",
    /// TLS handshakes that failed.
    tls_failed: "tls_failed_total",
    /// Parties of the first dialect that came in.
    joined_first: "joined_total{dialect=\"first\"}",
    /// Parties of nws-relay-1 that came in.
    joined_own: "joined_total{dialect=\"nws-relay-1\"}",
    /// Upgrades refused as the relay is full.
    refused_full: "refused_total{reason=\"full\"}",
    /// Upgrades refused as the address has too many parties.
    refused_address: "refused_total{reason=\"address\"}",
    /// Upgrades refused as the handshake is not one.
    refused_handshake: "refused_total{reason=\"handshake\"}",
    /// Servers that were registered, or whose credential was created.
    servers: "servers_total",
    /// Servers whose party was lost.
    servers_away: "servers_away_total",
    /// Servers that were resumed.
    servers_resumed: "servers_resumed_total",
    /// Servers that another party took over while theirs was there.
    servers_replaced: "servers_replaced_total",
    /// Wrong credentials.
    bad_credentials: "bad_credentials_total",
    /// Channels that clients asked for, and there was a server.
    channels: "channels_total",
    /// Items, which are messages of data and ends of data, from one end to the other.
    items: "items_total",
    /// Bytes of data in them.
    item_bytes: "item_bytes_total",
    /// Channels that ended as an end sent without credit.
    flow_control: "flow_control_total",
    /// Times that a party was not read from, as there was no room for what it said.
    held: "held_total{reason=\"room\"}",
    /// Times that a party was not read from, as it said too much in a second.
    held_rate: "held_total{reason=\"rate\"}",
    /// Connections that the other side ended.
    closed_by_peer: "closed_total{reason=\"peer\"}",
    /// Connections closed as the relay stopped.
    closed_shutdown: "closed_total{reason=\"shutdown\"}",
    /// Connections closed as they had neither a server nor a channel.
    closed_idle: "closed_total{reason=\"idle\"}",
    /// Connections cut as they answered no ping.
    closed_lost: "closed_total{reason=\"lost\"}",
    /// Connections closed for text that is not UTF-8.
    closed_not_utf8: "closed_total{reason=\"not_utf8\"}",
    /// Connections closed for a message over the limit.
    closed_too_big: "closed_total{reason=\"too_big\"}",
    /// Connections closed for frames against RFC 6455.
    closed_protocol: "closed_total{reason=\"protocol\"}",
    /// Connections closed as they did not read.
    closed_slow: "closed_total{reason=\"slow\"}",
}
