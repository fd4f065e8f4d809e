//! Figures in the text format of Prometheus (version 0.0.4). Pure; and never a channel's name, a peer or an address.

use crate::report::{Report, word};
use nws_protocol::ChannelKind;
use std::{collections::BTreeMap, fmt};

/// The media type of the format.
pub(crate) const MEDIA_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The report as text.
pub(crate) fn text(report: &Report) -> String {
    let mut page = Page::default();
    let count = &report.count;
    page.figure("nws_info", Kind::Gauge, "Always 1; says which version runs.");
    page.sample(&[("version", env!("CARGO_PKG_VERSION"))], 1);
    page.figure("nws_uptime_seconds", Kind::Gauge, "Seconds since the proxy took clients.");
    page.sample(&[], report.uptime.as_secs());
    page.figure("nws_clients", Kind::Gauge, "Clients connected.");
    page.sample(&[], report.clients);
    page.figure("nws_channels", Kind::Gauge, "Channels open, by kind.");
    for kind in [ChannelKind::Network, ChannelKind::Broadcast, ChannelKind::Local] {
        let open = report.channels.iter().filter(|channel| channel.key.kind == kind).count();
        page.sample(&[("kind", word(kind))], open);
    }
    page.figure("nws_remote_peers", Kind::Gauge, "Peers behind links, summed over all channels.");
    page.sample(
        &[],
        report.channels.iter().map(|channel| channel.peers.saturating_sub(channel.clients)).sum::<usize>(),
    );
    page.figure("nws_links", Kind::Gauge, "Established links to other proxies, by transport.");
    let mut links: BTreeMap<&str, usize> = report.network.transport.iter().map(|name| (name.as_str(), 0)).collect();
    for link in &report.network.links {
        *links.entry(&link.transport).or_default() += 1;
    }
    for (transport, links) in links {
        page.sample(&[("transport", transport)], links);
    }
    page.figure("nws_known_proxies", Kind::Gauge, "Other proxies known, linked or not.");
    page.sample(&[], report.network.known_proxies);
    page.figure("nws_received_bytes_total", Kind::Counter, "Bytes read from clients.");
    page.sample(&[], count.received_bytes);
    page.figure("nws_received_messages_total", Kind::Counter, "Messages read from clients.");
    page.sample(&[], count.received_messages);
    page.figure("nws_sent_bytes_total", Kind::Counter, "Bytes written to clients.");
    page.sample(&[], count.sent_bytes);
    page.figure("nws_refused_handshakes_total", Kind::Counter, "Clients turned away at the door, by reason.");
    for (reason, times) in &count.refusals {
        page.sample(&[("reason", reason)], times);
    }
    page.figure("nws_closed_clients_total", Kind::Counter, "Clients that left or were closed, by reason.");
    for (reason, times) in &count.closes {
        page.sample(&[("reason", reason)], times);
    }
    page.figure("nws_held_clients", Kind::Gauge, "Clients that are not read from now, as a receiver is behind.");
    page.sample(&[], count.held);
    page.figure("nws_holds_total", Kind::Counter, "How often a client was held back.");
    page.sample(&[], count.holds);
    page.text
}

#[derive(Debug, Clone, Copy)]
enum Kind {
    Gauge,
    Counter,
}

/// The text as it grows.
#[derive(Debug, Default)]
struct Page {
    text: String,
    name: &'static str,
}

impl Page {
    fn figure(&mut self, name: &'static str, kind: Kind, help: &str) {
        let kind = match kind {
            Kind::Gauge => "gauge",
            Kind::Counter => "counter",
        };
        self.name = name;
        self.text.push_str(&format!("# HELP {name} {help}\n# TYPE {name} {kind}\n"));
    }

    /// One value of the figure at hand. Labels are words of our own, without quotes or line ends.
    fn sample(&mut self, labels: &[(&str, &str)], value: impl fmt::Display) {
        let labels: Vec<String> = labels.iter().map(|(name, value)| format!("{name}=\"{value}\"")).collect();
        let labels = if labels.is_empty() { String::new() } else { format!("{{{}}}", labels.join(",")) };
        self.text.push_str(&format!("{}{labels} {value}\n", self.name));
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

    use super::*;
    use crate::{
        figures::Figures,
        report::{LinkStatus, NetworkStatus},
    };
    use nws_hub::ChannelFigures;
    use nws_protocol::{ChannelKey, ChannelName};
    use std::time::Duration;

    #[test]
    fn each_line_is_a_figure_and_no_name_is_in_it() {
        let link = |transport: &str| LinkStatus {
            instance: "secret-instance".to_owned(),
            transport: transport.to_owned(),
            role: "initiator".to_owned(),
            address: "192.0.2.1:1".to_owned(),
            rtt_us: None,
            up_ms: 1,
            channels_in_common: 1,
            draining: false,
        };
        let key = ChannelKey { kind: ChannelKind::Broadcast, name: ChannelName::new("hush").unwrap() };
        let report = Report {
            uptime: Duration::from_millis(61_900),
            clients: 7,
            channels: vec![ChannelFigures { key, clients: 2, peers: 5 }],
            network: NetworkStatus {
                transport: vec!["quic".to_owned(), "tcp".to_owned()],
                known_proxies: 3,
                links: vec![link("quic"), link("quic")],
                ..NetworkStatus::default()
            },
            count: Figures::default().count(),
        };
        let text = text(&report);
        for line in [
            "# TYPE nws_clients gauge",
            "nws_clients 7",
            "nws_uptime_seconds 61",
            "nws_channels{kind=\"broadcast\"} 1",
            "nws_channels{kind=\"network\"} 0",
            "nws_remote_peers 3",
            "nws_links{transport=\"quic\"} 2",
            "nws_links{transport=\"tcp\"} 0",
            "nws_closed_clients_total{reason=\"slow_consumer\"} 0",
            "nws_refused_handshakes_total{reason=\"full\"} 0",
        ] {
            assert!(text.lines().any(|known| known == line), "no {line} in {text}");
        }
        for secret in ["hush", "secret-instance", "192.0.2.1"] {
            assert!(!text.contains(secret), "{secret} in {text}");
        }
        for line in text.lines().filter(|line| !line.starts_with("# ")) {
            let (name, value) = line.rsplit_once(' ').unwrap();
            assert!(name.starts_with("nws_") && value.parse::<u64>().is_ok(), "{line}");
        }
    }
}
