//! What the server counts, and how Prometheus reads it. Nothing in it names a client or a secret.

use std::{
    fmt::Write as _,
    sync::atomic::{AtomicU64, Ordering::Relaxed},
};

macro_rules! counters {
    ($($(#[doc = $words:literal])+ $name:ident: $metric:literal,)+) => {
        /// The counters, all of which only grow.
        #[derive(Debug, Default)]
        pub(crate) struct Counters {
            $(pub(crate) $name: AtomicU64,)+
        }

        /// What a server has done so far, and whom it serves now.
        #[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
        #[non_exhaustive]
        pub struct Figures {
            /// Joiners that are connected now.
            pub joiners: u64,
            /// Whether a root is connected now.
            pub root_connected: bool,
            $($(#[doc = $words])+ pub $name: u64,)+
        }

        impl Counters {
            /// All counters, each read by itself.
            pub(crate) fn figures(&self, joiners: usize, root_connected: bool) -> Figures {
                Figures { joiners: joiners as u64, root_connected, $($name: self.$name.load(Relaxed),)+ }
            }
        }

        /// Metrics with their words, those of one family beside each other.
        fn metrics(figures: &Figures) -> Vec<(&'static str, &'static str, u64)> {
            vec![$(($metric, concat!($($words),+), figures.$name),)+]
        }
    };
}

counters! {
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

impl Counters {
    pub(crate) fn add(counter: &AtomicU64) {
        counter.fetch_add(1, Relaxed);
    }
}

impl Figures {
    /// In Prometheus' text format 0.0.4.
    pub(crate) fn prometheus(&self) -> String {
        let mut text = String::new();
        gauge(&mut text, "joiners", "Joiners that are connected now.", self.joiners);
        gauge(&mut text, "root_connected", "Whether a root is connected now.", self.root_connected.into());
        let mut last = "";
        for (metric, words, value) in metrics(self) {
            let family = metric.split('{').next().unwrap_or(metric);
            if family != last {
                // One family has several words; the first of them do for all.
                head(&mut text, family, words, "counter");
                last = family;
            }
            _ = writeln!(text, "nws_bootstrap_{metric} {value}");
        }
        text
    }
}

fn gauge(text: &mut String, name: &str, words: &str, value: u64) {
    head(text, name, words, "gauge");
    _ = writeln!(text, "nws_bootstrap_{name} {value}");
}

fn head(text: &mut String, name: &str, words: &str, kind: &str) {
    let words = words.trim();
    _ = writeln!(text, "# HELP nws_bootstrap_{name} {words}\n# TYPE nws_bootstrap_{name} {kind}");
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
