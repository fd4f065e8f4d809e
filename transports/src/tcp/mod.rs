//! Links on TCP: TLS 1.3, and in it a `yamux` stream for each lane. It knows nothing of what travels on a lane.
//!
//! The control lane is the yamux stream with id 1, the initiator's first. Every other stream is one-way: only
//! its opener sends data, and data from the other end of it is a violation. The acceptor's empty data
//! frame with the ACK flag, which it sends when the lane is accepted, is not data.
//!
//! A task for each link, the driver, moves bytes between the socket and the streams. It belongs to
//! the link: it ends when the link is closed or dropped, at the latest a second later.

mod driver;
mod lane;
mod link;
mod listener;
mod scan;
mod shared;
mod wire;

use crate::{
    link::BoxLink,
    socket::{self, canonical},
    tls::{NO_NAME, Tls, check_alpn},
    transport::{Listening, Role, Transport, TransportError, TransportKind},
};
use async_trait::async_trait;
use link::TcpLink;
use listener::TcpListener;
use nws_protocol::limits::HANDSHAKE_TIMEOUT;
use rustls::pki_types::ServerName;
use std::{fmt, io, net::SocketAddr, sync::Arc, time::Duration};
use tokio::{io::BufReader, net::TcpStream};
use tokio_rustls::{TlsAcceptor, TlsConnector, TlsStream};
use tokio_util::task::TaskTracker;

/// The socket under TLS. TLS reads 4 KiB at a time; the buffer makes that one system call for many.
type Socket = BufReader<TcpStream>;

/// Bytes taken from the socket in one system call: two full TLS records.
const READ_BUFFER_BYTES: usize = 32 * 1024;

/// Settings of a [`TcpTransport`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct TcpConfig {
    /// A link whose bytes are not acknowledged for this long is lost (`TCP_USER_TIMEOUT`, where the
    /// system has it). A net below the layer above, which pings and gives up earlier. Default 20 s.
    pub idle_timeout: Duration,
    /// A dial or an incoming handshake must be done in this long. Default 10 s.
    pub handshake_timeout: Duration,
    /// Bytes of one link, all lanes together, that wait to be read; when it is full the socket isn't read
    /// until a lane is. Default 64 MiB: 256 lanes of 256 KiB may stand still before others are held up.
    pub receive_window_bytes: u32,
}

impl Default for TcpConfig {
    fn default() -> Self {
        Self {
            idle_timeout: Duration::from_secs(20),
            handshake_timeout: HANDSHAKE_TIMEOUT,
            receive_window_bytes: 64 * 1024 * 1024,
        }
    }
}

/// TLS on TCP.
pub struct TcpTransport {
    maker: Arc<Maker>,
}

impl fmt::Debug for TcpTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TcpTransport").field("config", &self.maker.config).finish_non_exhaustive()
    }
}

impl TcpTransport {
    /// Makes the certificate and the settings; opens nothing yet.
    ///
    /// # Errors
    /// `Internal` when the cryptography refuses to work.
    pub fn new(config: TcpConfig) -> Result<Self, TransportError> {
        let tls = Tls::new()?;
        let name = ServerName::try_from(NO_NAME).map_err(|e| TransportError::Internal(e.to_string()))?;
        let maker = Maker {
            config,
            connector: TlsConnector::from(tls.client),
            acceptor: TlsAcceptor::from(tls.server),
            name,
            drivers: TaskTracker::new(),
        };
        Ok(Self { maker: Arc::new(maker) })
    }
}

/// Makes links of sockets, for dials and for the listener.
struct Maker {
    config: TcpConfig,
    connector: TlsConnector,
    acceptor: TlsAcceptor,
    name: ServerName<'static>,
    drivers: TaskTracker,
}

impl Maker {
    /// The whole of a dial; the caller gives it its time.
    async fn dial(&self, addr: SocketAddr) -> Result<BoxLink, TransportError> {
        let socket =
            TcpStream::connect(addr).await.map_err(|e| TransportError::Unreachable { addr, reason: e.to_string() })?;
        let handshake = |e: io::Error| TransportError::Handshake { addr, reason: e.to_string() };
        let socket = self.prepare(socket).map_err(handshake)?;
        let tls = self.connector.connect(self.name.clone(), socket).await.map_err(handshake)?;
        self.link(tls.into(), addr, Role::Initiator)
    }

    /// The handshake of an accepted socket.
    async fn answer(&self, socket: TcpStream, addr: SocketAddr) -> Result<BoxLink, TransportError> {
        let handshake = |e: io::Error| TransportError::Handshake { addr, reason: e.to_string() };
        let socket = self.prepare(socket).map_err(handshake)?;
        let tls = self.acceptor.accept(socket).await.map_err(handshake)?;
        self.link(tls.into(), addr, Role::Responder)
    }

    fn prepare(&self, socket: TcpStream) -> io::Result<Socket> {
        socket.set_nodelay(true)?;
        #[cfg(any(target_os = "linux", target_os = "android"))]
        socket2::SockRef::from(&socket).set_tcp_user_timeout(Some(self.config.idle_timeout))?;
        Ok(BufReader::with_capacity(READ_BUFFER_BYTES, socket))
    }

    fn link(&self, tls: TlsStream<Socket>, addr: SocketAddr, role: Role) -> Result<BoxLink, TransportError> {
        check_alpn(tls.get_ref().1.alpn_protocol()).map_err(|reason| TransportError::Handshake { addr, reason })?;
        let (link, driver) = TcpLink::new(tls, canonical(addr), role, self.config.receive_window_bytes as usize);
        self.drivers.spawn(driver.run());
        Ok(Arc::new(link))
    }
}

#[async_trait]
impl Transport for TcpTransport {
    fn kind(&self) -> TransportKind {
        TransportKind::Tcp
    }

    async fn dial(&self, addr: SocketAddr) -> Result<BoxLink, TransportError> {
        match tokio::time::timeout(self.maker.config.handshake_timeout, self.maker.dial(addr)).await {
            Ok(done) => done,
            Err(_) => Err(TransportError::Unreachable { addr, reason: "no answer in time".to_owned() }),
        }
    }

    async fn listen(&self, addr: SocketAddr) -> Result<Arc<dyn Listening>, TransportError> {
        let bind = |source| TransportError::Bind { addr, source };
        let socket = socket::tcp(addr).and_then(tokio::net::TcpListener::from_std).map_err(bind)?;
        let local = socket.local_addr().map_err(bind)?;
        Ok(Arc::new(TcpListener::new(socket, local, Arc::clone(&self.maker))))
    }

    async fn drained(&self) {
        // Only a closed tracker answers; closing does not keep it from spawning.
        self.maker.drivers.close();
        self.maker.drivers.wait().await;
    }
}
