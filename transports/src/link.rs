//! A link and its lanes.

use crate::transport::{Role, TransportKind};
use async_trait::async_trait;
use nws_protocol::LinkCode;
use std::{
    fmt, io,
    net::SocketAddr,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};
use tokio::io::{AsyncRead, AsyncWrite};

/// A link that may be shared between tasks.
pub type BoxLink = Arc<dyn Link>;

/// The sending half of a lane. `poll_shutdown` finishes it: the reader sees the end after all bytes.
/// Dropping it without that resets it with [`LinkCode::None`].
pub trait LaneWriter: AsyncWrite + Send + Unpin + fmt::Debug {
    /// Gives up the lane: what is not delivered yet may be lost, and the reader gets an error.
    fn reset(&mut self, code: LinkCode);

    /// Ready when the reader wants no more, or the link is over: whoever has nothing to write learns of it here. For one-way
    /// lanes that are not finished yet, and for the task that writes; on a control lane it is never ready.
    fn poll_stopped(&mut self, cx: &mut Context<'_>) -> Poll<()>;
}

/// The receiving half of a lane. Reading nothing holds the sender back once the lane's window is full.
pub trait LaneReader: AsyncRead + Send + Unpin + fmt::Debug {
    /// Wants no more: the sender's writes fail soon.
    fn stop(&mut self, code: LinkCode);
}

/// A sending half, whatever the transport.
pub type SendLane = Box<dyn LaneWriter>;
/// A receiving half, whatever the transport.
pub type RecvLane = Box<dyn LaneReader>;

/// Both halves of a two-way lane.
#[derive(Debug)]
pub struct Lane {
    /// To the other end.
    pub send: SendLane,
    /// From the other end.
    pub recv: RecvLane,
}

/// Why a link or a lane is over. `std::io::Error`s from lanes carry one of these as their inner error
/// when the cause is known.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LinkError {
    /// The other end closed it, with a code and words.
    #[error("closed by the other end: {} ({reason})", code.words())]
    ClosedByPeer {
        /// The code it gave.
        code: LinkCode,
        /// Its words.
        reason: String,
    },
    /// It was closed here.
    #[error("closed here")]
    ClosedHere,
    /// The lane was reset or stopped by the other end.
    #[error("lane reset: {}", .0.words())]
    LaneReset(LinkCode),
    /// The connection broke or fell silent.
    #[error("connection lost: {0}")]
    Lost(String),
    /// The other end broke the rules of the transport.
    #[error("transport violated: {0}")]
    Violated(String),
}

impl From<LinkError> for io::Error {
    fn from(e: LinkError) -> Self {
        let kind = match &e {
            LinkError::ClosedByPeer { .. } => io::ErrorKind::ConnectionAborted,
            LinkError::ClosedHere => io::ErrorKind::NotConnected,
            LinkError::LaneReset(_) | LinkError::Lost(_) => io::ErrorKind::ConnectionReset,
            LinkError::Violated(_) => io::ErrorKind::InvalidData,
        };
        Self::new(kind, e)
    }
}

/// A connection between two proxies. Dropping it closes it as [`Link::close`] does with
/// [`LinkCode::None`], and its lanes end with it; so whoever uses a lane keeps the link.
#[async_trait]
pub trait Link: Send + Sync + fmt::Debug + 'static {
    /// Which transport carries it.
    fn kind(&self) -> TransportKind;

    /// Which end this is.
    fn role(&self) -> Role;

    /// The other end's address.
    fn remote_addr(&self) -> SocketAddr;

    /// 32 bytes that both ends of this connection, and nobody else, can compute (RFC 8446 section 7.5).
    ///
    /// # Errors
    /// When the connection is gone.
    fn exporter(&self, label: &[u8], context: &[u8]) -> Result<[u8; 32], LinkError>;

    /// The control lane: opened by the initiator, accepted by the responder. To be called once.
    ///
    /// # Errors
    /// When the link is over.
    async fn control(&self) -> Result<Lane, LinkError>;

    /// Opens a one-way lane to the other end. Waits while too many are open; a lane is open until its
    /// reader is done with it. The other end sees it with its first byte or its end; one that is reset
    /// before that it may see as one that was reset, or not at all. Cancel safe.
    ///
    /// # Errors
    /// When the link is over.
    async fn open(&self) -> Result<SendLane, LinkError>;

    /// The next one-way lane that the other end opened. Cancel safe.
    ///
    /// # Errors
    /// When the link is over.
    async fn accept(&self) -> Result<RecvLane, LinkError>;

    /// Closes it with a code and words for the other end, where the transport can carry them. Returns at
    /// once, and [`Link::closed`] answers at once; only the first call counts.
    ///
    /// What becomes of bytes that lanes took before: QUIC carries the code and the words itself, and
    /// drops what is not delivered. TCP carries neither, so it spends up to a second on sending what its
    /// lanes took within their windows (a Goodbye on the control lane) before the connection ends; the
    /// other end sees [`LinkError::ClosedByPeer`] with [`LinkCode::None`]. Memory delivers what was
    /// written, then the code and words.
    fn close(&self, code: LinkCode, reason: &str);

    /// Waits until the link is over and says why. May be called by many, at any time.
    async fn closed(&self) -> LinkError;

    /// The transport's estimate of the round-trip time, where it has one.
    fn rtt(&self) -> Option<Duration>;
}
