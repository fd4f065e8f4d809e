//! What the server counts, and how Prometheus reads it. Nothing in it names a client or a secret.

nws_listen::counters! {
    prefix: "nws_bootstrap";
    gauges: {
        /// Joiners that are connected now.
        joiners: u64 = "joiners",
        /// Whether a root is connected now.
        root_connected: bool = "root_connected",
    }
    /// TCP connections that were accepted.
    connections: "connections_total",
    /// TCP connections that were closed at once, as their address had too many.
    connections_refused: "connections_refused_total",
    /// TLS handshakes that failed.
    tls_failed: "tls_failed_total",
    /// Joiners that came in.
    joined: "joined_total",
    /// Roots that came in.
    rooted: "rooted_total",
    /// Upgrades refused as the server is full.
    refused_full: "refused_total{reason=\"full\"}",
    /// Upgrades refused as the address has too many joiners.
    refused_address: "refused_total{reason=\"address\"}",
    /// Upgrades refused as the handshake is not one.
    refused_handshake: "refused_total{reason=\"handshake\"}",
    /// Messages taken on for the root.
    to_root: "messages_total{to=\"root\"}",
    /// Messages taken on for a joiner.
    to_joiner: "messages_total{to=\"joiner\"}",
    /// Bytes of messages that were taken on, as they go out.
    bytes: "message_bytes_total",
    /// Messages not delivered as there was no root.
    undelivered_no_root: "undelivered_total{reason=\"no_root\"}",
    /// Messages not delivered as no joiner has the id.
    undelivered_unknown: "undelivered_total{reason=\"unknown_destination\"}",
    /// Messages not delivered as the receiver left with them unread.
    undelivered_gone: "undelivered_total{reason=\"gone\"}",
    /// Messages not delivered as too much waits already.
    undelivered_no_room: "undelivered_total{reason=\"no_room\"}",
    /// Heartbeats sent to roots.
    heartbeats_sent: "heartbeats_total{direction=\"sent\"}",
    /// Heartbeats that clients sent.
    heartbeats_received: "heartbeats_total{direction=\"received\"}",
    /// Messages of roots that mean nothing.
    ignored: "ignored_total",
    /// Connections that the other side ended.
    closed_by_peer: "closed_total{reason=\"peer\"}",
    /// Joiners whose time was over.
    closed_timed_out: "closed_total{reason=\"timeout\"}",
    /// Connections closed as the server stopped.
    closed_shutdown: "closed_total{reason=\"shutdown\"}",
    /// Roots that another root replaced.
    closed_replaced: "closed_total{reason=\"replaced\"}",
    /// Connections closed for a message that is not JSON.
    closed_not_json: "closed_total{reason=\"not_json\"}",
    /// Connections closed for text that is not UTF-8.
    closed_not_utf8: "closed_total{reason=\"not_utf8\"}",
    /// Connections closed for a message over the limit.
    closed_too_big: "closed_total{reason=\"too_big\"}",
    /// Connections closed for frames against RFC 6455.
    closed_protocol: "closed_total{reason=\"protocol\"}",
    /// Joiners closed for too many messages.
    closed_too_fast: "closed_total{reason=\"rate\"}",
    /// Connections closed as they did not read.
    closed_slow: "closed_total{reason=\"slow\"}",
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_family_has_one_head_and_each_metric_a_line() {
        let counters = Counters::default();
        Counters::add(&counters.undelivered_unknown);
        let text = counters.figures(3, true).prometheus();
        assert!(text.starts_with("# HELP nws_bootstrap_joiners Joiners that are connected now.\n"));
        assert!(text.contains("\nnws_bootstrap_joiners 3\n"));
        assert!(text.contains("\nnws_bootstrap_root_connected 1\n"));
        assert!(text.contains("\nnws_bootstrap_undelivered_total{reason=\"unknown_destination\"} 1\n"));
        assert_eq!(text.matches("# TYPE nws_bootstrap_undelivered_total counter\n").count(), 1);
        for family in ["refused_total", "messages_total", "heartbeats_total", "closed_total"] {
            assert_eq!(text.matches(&format!("# TYPE nws_bootstrap_{family} ")).count(), 1, "{family}");
        }
    }
}
