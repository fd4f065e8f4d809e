//! A QUIC connection as a link.

use super::lane::{QuicReader, QuicWriter, code_of};
use crate::{
    link::{Lane, Link, LinkError, RecvLane, SendLane},
    socket::canonical,
    tls::check_alpn,
    transport::{Role, TransportKind},
};
use async_trait::async_trait;
use nws_protocol::{LinkCode, error::cut_reason};
use quinn::{Connection, ConnectionError, VarInt, crypto::rustls::HandshakeData};
use std::{
    fmt,
    net::SocketAddr,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

/// The control lane's frames go out before those of other lanes, whose priority is zero.
const CONTROL_PRIORITY: i32 = 1;

pub(super) struct QuicLink {
    connection: Connection,
    role: Role,
    remote: SocketAddr,
    control_taken: AtomicBool,
}

impl fmt::Debug for QuicLink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("QuicLink").field("role", &self.role).field("remote", &self.remote).finish_non_exhaustive()
    }
}

impl QuicLink {
    /// Wraps a finished handshake, unless it agreed on another protocol.
    pub(super) fn new(connection: Connection, role: Role) -> Result<Self, String> {
        let data = connection.handshake_data().and_then(|data| data.downcast::<HandshakeData>().ok());
        check_alpn(data.as_ref().and_then(|data| data.protocol.as_deref()))?;
        let remote = canonical(connection.remote_address());
        Ok(Self { connection, role, remote, control_taken: AtomicBool::new(false) })
    }
}

impl From<ConnectionError> for LinkError {
    fn from(e: ConnectionError) -> Self {
        match e {
            ConnectionError::ApplicationClosed(close) => Self::ClosedByPeer {
                code: code_of(close.error_code),
                reason: cut_reason(&String::from_utf8_lossy(&close.reason)).to_owned(),
            },
            ConnectionError::LocallyClosed => Self::ClosedHere,
            // The error that this end found in what the other sent.
            ConnectionError::TransportError(e) => Self::Violated(e.to_string()),
            other => Self::Lost(other.to_string()),
        }
    }
}

#[async_trait]
impl Link for QuicLink {
    fn kind(&self) -> TransportKind {
        TransportKind::Quic
    }

    fn role(&self) -> Role {
        self.role
    }

    fn remote_addr(&self) -> SocketAddr {
        self.remote
    }

    fn exporter(&self, label: &[u8], context: &[u8]) -> Result<[u8; 32], LinkError> {
        if let Some(e) = self.connection.close_reason() {
            return Err(e.into());
        }
        let mut secret = [0; 32];
        self.connection
            .export_keying_material(&mut secret, label, context)
            .map_err(|_| LinkError::Lost("the session gives no exporter".to_owned()))?;
        Ok(secret)
    }

    async fn control(&self) -> Result<Lane, LinkError> {
        if self.control_taken.swap(true, Ordering::Relaxed) {
            return Err(LinkError::Violated("the control lane was taken before".to_owned()));
        }
        let (send, recv) = match self.role {
            Role::Initiator => self.connection.open_bi().await?,
            Role::Responder => self.connection.accept_bi().await?,
        };
        // It can only fail on a stream that is gone, which the first write will tell.
        let _ = send.set_priority(CONTROL_PRIORITY);
        Ok(Lane { send: Box::new(QuicWriter::of_control(send)), recv: Box::new(QuicReader::new(recv)) })
    }

    async fn open(&self) -> Result<SendLane, LinkError> {
        Ok(Box::new(QuicWriter::new(self.connection.open_uni().await?)))
    }

    async fn accept(&self) -> Result<RecvLane, LinkError> {
        Ok(Box::new(QuicReader::new(self.connection.accept_uni().await?)))
    }

    fn close(&self, code: LinkCode, reason: &str) {
        self.connection.close(VarInt::from_u32(code.number()), cut_reason(reason).as_bytes());
    }

    async fn closed(&self) -> LinkError {
        self.connection.closed().await.into()
    }

    fn rtt(&self) -> Option<Duration> {
        Some(self.connection.rtt())
    }
}

impl Drop for QuicLink {
    fn drop(&mut self) {
        // Does nothing when it is over already.
        self.close(LinkCode::None, "");
    }
}
