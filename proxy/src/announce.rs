//! What the program says on standard output when it starts: lines of a fixed shape, for people and
//! for scripts. Up to `ready` there is one line of each kind; how discovery fares is told later, when it is known.

use crate::settings::{DiscoveryChoice, Settings};
use nws_discovery::Health;
use nws_transports::TransportKind;
use std::{
    convert::Infallible,
    fmt,
    io::{Write, stdout},
    net::SocketAddr,
};
use tokio::sync::watch;

/// Writes one line. That nobody reads it is no reason to end.
pub(crate) fn line(words: impl fmt::Display) {
    let mut out = stdout().lock();
    let _ = writeln!(out, "{words}").and_then(|()| out.flush());
}

/// Says where everything is, and that it is ready.
pub(crate) fn started(settings: &Settings, port: u16, tls_port: Option<u16>, links: &[(TransportKind, SocketAddr)]) {
    line(format_args!("console: http://localhost:{port}/"));
    if let Some(port) = tls_port {
        line(format_args!("tls: https://localhost:{port}/"));
    }
    let links: Vec<String> = links.iter().map(|(kind, address)| format!("{kind} on {address}")).collect();
    line(format_args!("links: {}", links.join(", ")));
    line(format_args!("discovery: {}", discovery(settings)));
    if !settings.peer.is_empty() {
        let peers: Vec<String> = settings.peer.iter().map(ToString::to_string).collect();
        line(format_args!("peers: {}", peers.join(", ")));
    }
    line("ready");
}

fn discovery(settings: &Settings) -> String {
    match (settings.discovery, settings.interface.as_slice(), settings.peer.as_slice()) {
        (DiscoveryChoice::Off, _, []) => "off; links come only from proxies that name this one with --peer".to_owned(),
        (DiscoveryChoice::Off, _, _) => "off; links go only to the proxies named with --peer".to_owned(),
        (DiscoveryChoice::Mdns, [], _) => "searching by multicast DNS on all interfaces".to_owned(),
        (DiscoveryChoice::Mdns, some, _) => {
            let names: Vec<&str> = some.iter().map(|interface| interface.0.as_str()).collect();
            format!("searching by multicast DNS on {}", names.join(", "))
        }
    }
}

/// Tells how discovery fares whenever that has changed, for ever.
pub(crate) async fn keep_telling(mut health: watch::Receiver<Option<Health>>) -> Infallible {
    let mut last = None;
    loop {
        let words = health.borrow_and_update().as_ref().and_then(self::health);
        if let Some(words) = words.filter(|words| last.as_ref() != Some(words)) {
            line(&words);
            last = Some(words);
        }
        if health.changed().await.is_err() {
            std::future::pending().await
        }
    }
}

/// How discovery fares, as a line.
fn health(health: &Health) -> Option<String> {
    let warning = if *health == Health::Visible { "" } else { "warning: " };
    words(health).map(|words| format!("discovery: {warning}{words}"))
}

/// How discovery fares, with what to do when it fares badly.
pub(crate) fn words(health: &Health) -> Option<String> {
    match health {
        Health::Visible => Some("visible; other proxies can find this one".to_owned()),
        Health::NotVisible { for_ } => Some(format!(
            "after {} s this proxy cannot see its own announcement, so others may not find it. \
             Allow multicast DNS (UDP port 5353) in the firewall, or name the other proxies with --peer HOST:PORT",
            for_.as_secs()
        )),
        Health::Failed(why) => Some(format!(
            "multicast DNS does not work now ({why}); it is tried again. \
             Other proxies can be named with --peer HOST:PORT"
        )),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]
    use super::*;
    use std::time::Duration;

    #[test]
    fn bad_health_says_what_to_do() {
        let words = health(&Health::NotVisible { for_: Duration::from_secs(3) }).unwrap();
        assert!(words.contains("after 3 s") && words.contains("UDP port 5353") && words.contains("--peer"), "{words}");
        let words = health(&Health::Failed("no network".to_owned())).unwrap();
        assert!(words.contains("no network") && words.contains("--peer"), "{words}");
        assert_eq!(health(&Health::Starting), None);
    }
}
