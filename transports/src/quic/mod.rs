//! Links on QUIC (RFC 9000): a lane is a stream. It knows nothing of what travels on a lane.
//!
//! One UDP socket listens and dials, so that firewalls and address translators see one port. The
//! control lane is the initiator's one bidirectional stream; all others are unidirectional.

mod lane;
mod link;
mod listener;

use crate::{
    link::BoxLink,
    socket,
    tls::{NO_NAME, Tls},
    transport::{Listening, Role, Transport, TransportError, TransportKind},
};
use async_trait::async_trait;
use link::QuicLink;
use listener::{Bound, QuicListener};
use nws_protocol::limits::HANDSHAKE_TIMEOUT;
use quinn::{
    Connecting, ConnectionError, Endpoint, EndpointConfig, IdleTimeout, MtuDiscoveryConfig, VarInt,
    crypto::rustls::{QuicClientConfig, QuicServerConfig},
};
use std::{
    fmt, io,
    net::{Ipv6Addr, SocketAddr},
    sync::{Arc, Mutex, PoisonError, Weak},
    time::Duration,
};

/// One-way lanes that the other end may have open: one for each channel that two proxies share.
pub(crate) const MAX_LANES: u32 = 8192;

/// Bytes of one lane that wait to be read. A gigabit link with 8 ms of round trip is kept full.
const LANE_WINDOW_BYTES: u32 = 1024 * 1024;

/// Sent and not acknowledged bytes of a link, all lanes together. Bounds what a writer can put ahead
/// of a network that stands still. As large as a gigabit network with 64 ms of round trip can use.
const SEND_WINDOW_BYTES: u64 = 8 * 1024 * 1024;

/// The round trip assumed until it is measured; it sets when the first packets are sent again. Half
/// of RFC 9002's 333 ms or less fits a local network, and a slow one costs a doubled packet at most.
const INITIAL_RTT: Duration = Duration::from_millis(100);

/// Clients' half-open connections that wait for the listener's task, which takes them at once.
const MAX_INCOMING: usize = 1024;

/// Settings of a [`QuicTransport`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct QuicConfig {
    /// A link on which nothing at all arrives for this long is lost. A net below the layer above,
    /// which pings and gives up earlier; so no pings are sent here. Default 20 s.
    pub idle_timeout: Duration,
    /// A dial or an incoming handshake must be done in this long. Default 10 s.
    pub handshake_timeout: Duration,
    /// Bytes of one link, all lanes together, that wait to be read; when it is full the other end must
    /// wait on every lane. Default 64 MiB: sixty-four lanes of 1 MiB may stand still before others are held up.
    pub receive_window_bytes: u32,
}

impl Default for QuicConfig {
    fn default() -> Self {
        Self {
            idle_timeout: Duration::from_secs(20),
            handshake_timeout: HANDSHAKE_TIMEOUT,
            receive_window_bytes: 64 * 1024 * 1024,
        }
    }
}

/// QUIC. Sockets belong to the tokio runtime in which [`Transport::listen`] or [`Transport::dial`] was
/// first called.
pub struct QuicTransport {
    config: QuicConfig,
    client: quinn::ClientConfig,
    server: quinn::ServerConfig,
    sockets: Mutex<Sockets>,
}

#[derive(Default)]
struct Sockets {
    /// Those of living listeners, which also dial.
    listening: Vec<Weak<Bound>>,
    /// Dials where no listener can.
    dialling: Option<Endpoint>,
}

impl fmt::Debug for QuicTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("QuicTransport").field("config", &self.config).finish_non_exhaustive()
    }
}

impl QuicTransport {
    /// Makes the certificate and the settings; opens nothing yet.
    ///
    /// # Errors
    /// `Internal` when a setting is out of range or the cryptography refuses to work.
    pub fn new(config: QuicConfig) -> Result<Self, TransportError> {
        let internal = |e: &dyn fmt::Display| TransportError::Internal(format!("QUIC settings: {e}"));
        let tls = Tls::new()?;

        let mut client = quinn::ClientConfig::new(Arc::new(
            QuicClientConfig::try_from(Arc::clone(&tls.client)).map_err(|e| internal(&e))?,
        ));
        // The responder opens no bidirectional stream.
        client.transport_config(Arc::new(settings(&config, 0).map_err(|e| internal(&e))?));

        let mut server = quinn::ServerConfig::with_crypto(Arc::new(
            QuicServerConfig::try_from(Arc::clone(&tls.server)).map_err(|e| internal(&e))?,
        ));
        server.transport_config(Arc::new(settings(&config, 1).map_err(|e| internal(&e))?));
        server.max_incoming(MAX_INCOMING);

        Ok(Self { config, client, server, sockets: Mutex::default() })
    }

    /// A socket that can reach this address: a listener's where possible, or one that only dials.
    fn endpoint_for(&self, addr: SocketAddr) -> Result<Endpoint, TransportError> {
        let mut sockets = self.sockets.lock().unwrap_or_else(PoisonError::into_inner);
        sockets.listening.retain(|bound| bound.strong_count() > 0);
        if let Some(bound) = sockets.listening.iter().filter_map(Weak::upgrade).find(|bound| bound.reaches(addr)) {
            return Ok(bound.endpoint.clone());
        }
        if let Some(endpoint) = &sockets.dialling {
            return Ok(endpoint.clone());
        }
        let any = (Ipv6Addr::UNSPECIFIED, 0).into();
        let endpoint = open(any, None).map_err(|source| TransportError::Bind { addr: any, source })?;
        Ok(sockets.dialling.insert(endpoint).clone())
    }

    fn endpoints(&self) -> Vec<Endpoint> {
        let sockets = self.sockets.lock().unwrap_or_else(PoisonError::into_inner);
        let listening = sockets.listening.iter().filter_map(Weak::upgrade).map(|bound| bound.endpoint.clone());
        listening.chain(sockets.dialling.clone()).collect()
    }
}

fn settings(config: &QuicConfig, two_way_lanes: u32) -> Result<quinn::TransportConfig, quinn::VarIntBoundsExceeded> {
    let mut settings = quinn::TransportConfig::default();
    settings
        .max_idle_timeout(Some(IdleTimeout::try_from(config.idle_timeout)?))
        .keep_alive_interval(None)
        .max_concurrent_bidi_streams(VarInt::from_u32(two_way_lanes))
        .max_concurrent_uni_streams(VarInt::from_u32(MAX_LANES))
        .stream_receive_window(VarInt::from_u32(LANE_WINDOW_BYTES))
        .receive_window(VarInt::from_u32(config.receive_window_bytes))
        .send_window(SEND_WINDOW_BYTES)
        .initial_rtt(INITIAL_RTT)
        // From 1200 up to 1452 bytes. Jumbo frames were tried (9000 on loopback) and cost more CPU per byte, not less.
        .mtu_discovery_config(Some(MtuDiscoveryConfig::default()))
        .datagram_receive_buffer_size(None);
    Ok(settings)
}

/// Binds a socket and starts its driver.
fn open(addr: SocketAddr, server: Option<quinn::ServerConfig>) -> io::Result<Endpoint> {
    let socket = socket::udp(addr)?;
    Endpoint::new(EndpointConfig::default(), server, socket, Arc::new(quinn::TokioRuntime))
}

/// Finishes a handshake in time.
async fn shake(
    connecting: Connecting,
    addr: SocketAddr,
    role: Role,
    timeout: Duration,
) -> Result<QuicLink, TransportError> {
    let handshake = |reason: String| TransportError::Handshake { addr, reason };
    let connection = tokio::time::timeout(timeout, connecting)
        .await
        .map_err(|_| TransportError::Unreachable { addr, reason: "no answer in time".to_owned() })?
        .map_err(|e| match e {
            ConnectionError::TimedOut => TransportError::Unreachable { addr, reason: "no answer in time".to_owned() },
            ConnectionError::LocallyClosed => TransportError::Closed,
            other => handshake(other.to_string()),
        })?;
    QuicLink::new(connection, role).map_err(handshake)
}

#[async_trait]
impl Transport for QuicTransport {
    fn kind(&self) -> TransportKind {
        TransportKind::Quic
    }

    async fn dial(&self, addr: SocketAddr) -> Result<BoxLink, TransportError> {
        let endpoint = self.endpoint_for(addr)?;
        let connecting = endpoint
            .connect_with(self.client.clone(), addr, NO_NAME)
            .map_err(|e| TransportError::Unreachable { addr, reason: e.to_string() })?;
        Ok(Arc::new(shake(connecting, addr, Role::Initiator, self.config.handshake_timeout).await?))
    }

    async fn listen(&self, addr: SocketAddr) -> Result<Arc<dyn Listening>, TransportError> {
        let bind = |source| TransportError::Bind { addr, source };
        let endpoint = open(addr, Some(self.server.clone())).map_err(bind)?;
        let bound = Arc::new(Bound { local: endpoint.local_addr().map_err(bind)?, endpoint });
        let mut sockets = self.sockets.lock().unwrap_or_else(PoisonError::into_inner);
        sockets.listening.push(Arc::downgrade(&bound));
        drop(sockets);
        Ok(Arc::new(QuicListener::new(bound, self.config.handshake_timeout)))
    }

    async fn drained(&self) {
        for endpoint in self.endpoints() {
            endpoint.wait_idle().await;
        }
    }
}
