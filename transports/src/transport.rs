//! Dialling and listening.

use crate::link::BoxLink;
use async_trait::async_trait;
use std::{fmt, net::SocketAddr, sync::Arc};

/// Which transport carries a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TransportKind {
    /// QUIC (RFC 9000) on UDP; a lane is a QUIC stream.
    Quic,
    /// TLS 1.3 on TCP; a lane is a yamux stream.
    Tcp,
    /// Channels in this process, for tests and simulation.
    Memory,
}

impl fmt::Display for TransportKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Quic => "quic",
            Self::Tcp => "tcp",
            Self::Memory => "memory",
        })
    }
}

/// Which end of a link this is. The initiator dialled and is the TLS client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// Dialled.
    Initiator,
    /// Was dialled.
    Responder,
}

/// Why there is no link or no listener.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TransportError {
    /// The local socket can't be had.
    #[error("cannot listen on {addr}: {source}")]
    Bind {
        /// The address asked for.
        addr: SocketAddr,
        /// What the system said.
        source: std::io::Error,
    },
    /// Nobody answered, or the network is in the way.
    #[error("cannot reach {addr}: {reason}")]
    Unreachable {
        /// The address dialled.
        addr: SocketAddr,
        /// What was in the way.
        reason: String,
    },
    /// The other end is there and does not speak this protocol (TLS, ALPN, muxer).
    #[error("handshake with {addr} failed: {reason}")]
    Handshake {
        /// The address dialled.
        addr: SocketAddr,
        /// What did not fit.
        reason: String,
    },
    /// The transport was closed here.
    #[error("the transport is closed")]
    Closed,
    /// A fault of this program, such as a certificate that can't be made.
    #[error("internal: {0}")]
    Internal(String),
}

/// A way to make links. Cheap to share; one value both dials and listens.
#[async_trait]
pub trait Transport: Send + Sync + fmt::Debug + 'static {
    /// Which transport this is.
    fn kind(&self) -> TransportKind;

    /// Dials and finishes the transport's own handshake (TLS, ALPN), nothing of the protocol above.
    /// Cancel safe: dropping the future abandons the attempt.
    ///
    /// # Errors
    /// `Unreachable`, `Handshake`, or `Closed`.
    async fn dial(&self, addr: SocketAddr) -> Result<BoxLink, TransportError>;

    /// Binds and starts to listen.
    ///
    /// # Errors
    /// `Bind` when the socket can't be had.
    async fn listen(&self, addr: SocketAddr) -> Result<Arc<dyn Listening>, TransportError>;

    /// Waits until links that were closed have told their other ends, which takes QUIC three probe
    /// timeouts and TCP at most a second. For the end of the program, after every link was closed; with
    /// links open it waits for them too, so give it a deadline. Cancel safe.
    async fn drained(&self) {}
}

/// A bound listener. Dropping the last handle stops it; links it gave live on.
#[async_trait]
pub trait Listening: Send + Sync + fmt::Debug + 'static {
    /// Where it listens, with the port that the system chose.
    fn local_addr(&self) -> SocketAddr;

    /// The next link whose transport handshake is done. Handshakes run beside each other, are bounded in
    /// number and time, and one that fails is logged at debug and costs the others nothing. Cancel safe.
    ///
    /// # Errors
    /// `Closed` after [`Listening::close`].
    async fn accept(&self) -> Result<BoxLink, TransportError>;

    /// Stops accepting; `accept` then answers `Closed`.
    fn close(&self);
}
