//! What the proxy tells of itself to its own pages and to programs on this machine: `/api/status` for the console,
//! `/metrics` for Prometheus. The gateway knows its clients and channels; the rest it asks a [`StatusSource`].

use crate::{
    answer::whole,
    figures::{Count, Figures},
    metrics,
    refusal::Refusal,
    site::Later,
};
use hyper::{
    StatusCode,
    header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, HeaderValue},
};
use nws_hub::{ChannelFigures, Channels};
use nws_protocol::ChannelKind;
use serde::{Serialize, Serializer};
use std::{fmt, sync::Arc, time::Duration};
use tokio::time::{Instant, timeout};

/// How long the rest of the proxy may take to say how it is. A guess; it takes microseconds.
const PATIENCE: Duration = Duration::from_secs(2);

/// Tells what the gateway itself does not know.
#[async_trait::async_trait]
pub trait StatusSource: fmt::Debug + Send + Sync {
    /// How the network side of the proxy is now. May be dropped while it waits.
    async fn network(&self) -> NetworkStatus;
}

/// How the network side of the proxy is.
#[derive(Debug, Clone, Default, Serialize)]
pub struct NetworkStatus {
    /// By what name other proxies know this one, until it ends.
    pub instance: String,
    /// What carries links.
    pub transport: Vec<String>,
    /// How others are found.
    pub discovery: DiscoveryStatus,
    /// Proxies known, linked or not.
    pub known_proxies: usize,
    /// Established links, oldest first.
    pub links: Vec<LinkStatus>,
}

/// How discovery fares.
#[derive(Debug, Clone, Default, Serialize)]
pub struct DiscoveryStatus {
    /// In a word.
    pub state: DiscoveryState,
    /// For people, with what to do when it fares badly.
    pub words: String,
}

/// How discovery fares, in a word.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DiscoveryState {
    /// Others can find this proxy.
    Visible,
    /// It has begun.
    Starting,
    /// This proxy does not see its own announcement.
    NotVisible,
    /// It does not work now.
    Failed,
    /// Nobody is searched for.
    #[default]
    Off,
}

/// One link to another proxy.
#[derive(Debug, Clone, Serialize)]
pub struct LinkStatus {
    /// By what name the other proxy is known.
    pub instance: String,
    /// What carries it.
    pub transport: String,
    /// `initiator` when this proxy dialled, `responder` when it was dialled.
    pub role: String,
    /// The other end's address.
    pub address: String,
    /// The round-trip time in microseconds, where it is known.
    pub rtt_us: Option<u64>,
    /// How long it has been up, in milliseconds.
    pub up_ms: u64,
    /// How many channels both ends hold.
    pub channels_in_common: usize,
    /// It gives way to a newer link to the same proxy.
    pub draining: bool,
}

/// All that is told.
#[derive(Debug)]
pub(crate) struct Report {
    pub(crate) uptime: Duration,
    pub(crate) clients: usize,
    pub(crate) channels: Vec<ChannelFigures>,
    pub(crate) network: NetworkStatus,
    pub(crate) count: Count,
}

/// Collects what is told.
#[derive(Debug, Clone)]
pub(crate) struct Reporter(Arc<Sources>);

#[derive(Debug)]
struct Sources {
    port: u16,
    begun: Instant,
    channels: Arc<Channels>,
    figures: Arc<Figures>,
    network: Option<Arc<dyn StatusSource>>,
}

impl Reporter {
    pub(crate) fn new(
        port: u16,
        channels: Arc<Channels>,
        figures: Arc<Figures>,
        network: Option<Arc<dyn StatusSource>>,
    ) -> Self {
        Self(Arc::new(Sources { port, begun: Instant::now(), channels, figures, network }))
    }

    async fn collect(&self) -> Result<Report, Refusal> {
        let Sources { begun, channels, figures, network, .. } = &*self.0;
        let network = match network {
            Some(network) => {
                let asked = timeout(PATIENCE, network.network()).await;
                asked.map_err(|_| Refusal::Busy("the links do not say how they are"))?
            }
            None => NetworkStatus::default(),
        };
        let mut open = channels.snapshot();
        open.sort_by(|a, b| (word(a.key.kind), a.key.name.reveal()).cmp(&(word(b.key.kind), b.key.name.reveal())));
        Ok(Report {
            uptime: begun.elapsed(),
            clients: channels.clients(),
            channels: open,
            network,
            count: figures.count(),
        })
    }

    /// `/api/status`.
    pub(crate) fn status(&self) -> Later {
        let this = self.clone();
        Box::pin(async move {
            let report = this.collect().await?;
            let json = serde_json::to_vec(&Status::new(&report, this.0.port)).unwrap_or_default();
            let mut answer = whole(StatusCode::OK, "application/json", json);
            own(answer.headers_mut());
            Ok(answer)
        })
    }

    /// `/metrics`.
    pub(crate) fn metrics(&self) -> Later {
        let this = self.clone();
        Box::pin(async move {
            let text = metrics::text(&this.collect().await?);
            let mut answer = whole(StatusCode::OK, metrics::MEDIA_TYPE, text);
            own(answer.headers_mut());
            Ok(answer)
        })
    }
}

/// Nobody else is to have it, keep it or show it.
fn own(headers: &mut hyper::HeaderMap) {
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'"));
    headers.insert(crate::answer::CROSS_ORIGIN_RESOURCE_POLICY, HeaderValue::from_static("same-origin"));
}

/// The word for a kind of channel.
pub(crate) const fn word(kind: ChannelKind) -> &'static str {
    match kind {
        ChannelKind::Network => "network",
        ChannelKind::Broadcast => "broadcast",
        ChannelKind::Local => "local",
    }
}

/// The JSON of `/api/status`.
#[derive(Serialize)]
struct Status<'a> {
    version: &'static str,
    instance: &'a str,
    uptime_ms: u64,
    port: u16,
    clients: usize,
    transport: &'a [String],
    discovery: &'a DiscoveryStatus,
    known_proxies: usize,
    links: &'a [LinkStatus],
    #[serde(serialize_with = "channels")]
    channels: &'a [ChannelFigures],
}

impl<'a> Status<'a> {
    fn new(report: &'a Report, port: u16) -> Self {
        let NetworkStatus { instance, transport, discovery, known_proxies, links } = &report.network;
        Self {
            version: env!("CARGO_PKG_VERSION"),
            instance,
            uptime_ms: u64::try_from(report.uptime.as_millis()).unwrap_or(u64::MAX),
            port,
            clients: report.clients,
            transport,
            discovery,
            known_proxies: *known_proxies,
            links,
            channels: &report.channels,
        }
    }
}

fn channels<S: Serializer>(channels: &[ChannelFigures], serializer: S) -> Result<S::Ok, S::Error> {
    #[derive(Serialize)]
    struct Channel<'a> {
        kind: &'static str,
        name: &'a str,
        clients: usize,
        peers: usize,
    }
    serializer.collect_seq(channels.iter().map(|channel| Channel {
        kind: word(channel.key.kind),
        name: channel.key.name.reveal(),
        clients: channel.clients,
        peers: channel.peers,
    }))
}
