//! A yamux connection in TLS as a link.

use super::{
    Socket,
    driver::{Driver, OpenRequest},
    lane::{Cell, TcpReader, TcpWriter},
    shared::{MAX_LANES, Opened, Shared},
    wire::{Wire, WireHandle},
};
use crate::{
    link::{Lane, Link, LinkError, RecvLane, SendLane},
    transport::{Role, TransportKind},
};
use async_trait::async_trait;
use futures::stream::FuturesUnordered;
use nws_protocol::LinkCode;
use std::{
    fmt,
    net::SocketAddr,
    sync::{
        Arc, Mutex, PoisonError, Weak,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Waker},
    time::Duration,
};
use tokio::sync::{mpsc, oneshot};
use tokio_rustls::TlsStream;
use yamux::{Config, Connection, Mode};

/// Streams of both ends that yamux counts before it gives up the connection: the control lane, the lanes of both, and as
/// many again that were reset by their openers and not yet dropped by their readers.
const MAX_STREAMS: usize = 3 * MAX_LANES;

/// What the windows of all lanes together may grow beyond 256 KiB each, on networks with long round trips.
const WINDOW_GROWTH_BYTES: usize = 64 * 1024 * 1024;

/// The largest body of a frame sent: with the header a full TLS record, so that a lane with much to
/// send lets others in between.
pub(super) const SPLIT_BYTES: usize = 16 * 1024 - 12;

/// Opens that wait for the driver; the next waits to be in that line.
const OPEN_REQUESTS: usize = 16;

pub(super) struct TcpLink {
    shared: Arc<Shared>,
    /// Gone when the driver is.
    wire: Weak<Mutex<Wire>>,
    remote: SocketAddr,
    requests: mpsc::Sender<OpenRequest>,
    control_taken: AtomicBool,
}

impl fmt::Debug for TcpLink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TcpLink").field("role", &self.shared.role).field("remote", &self.remote).finish_non_exhaustive()
    }
}

impl TcpLink {
    /// A link on a finished TLS handshake, and its driver to be run.
    pub(super) fn new(tls: TlsStream<Socket>, remote: SocketAddr, role: Role, unread_limit: usize) -> (Self, Driver) {
        let shared = Arc::new(Shared::new(role, unread_limit));
        let wire = WireHandle(Arc::new(Mutex::new(Wire::new(tls, Arc::clone(&shared)))));
        let mut config = Config::default();
        config
            .set_max_connection_receive_window(None)
            .set_max_num_streams(MAX_STREAMS)
            .set_max_connection_receive_window(Some(MAX_STREAMS * yamux::DEFAULT_CREDIT as usize + WINDOW_GROWTH_BYTES))
            .set_split_send_size(SPLIT_BYTES);
        let mode = match role {
            Role::Initiator => Mode::Client,
            Role::Responder => Mode::Server,
        };
        let mut connection = Connection::new(wire.clone(), config, mode);
        if role == Role::Initiator {
            // Taken before any other, it has the first id.
            match connection.poll_new_outbound(&mut Context::from_waker(Waker::noop())) {
                Poll::Ready(Ok(stream)) => shared.arrive(stream),
                _ => shared.end(LinkError::Lost("the muxer gives no stream".to_owned())),
            }
        }
        let (requests, received) = mpsc::channel(OPEN_REQUESTS);
        let link = Self {
            shared: Arc::clone(&shared),
            wire: Arc::downgrade(&wire.0),
            remote,
            requests,
            control_taken: AtomicBool::new(false),
        };
        let driver =
            Driver { connection, wire, shared, requests: received, request: None, lingering: FuturesUnordered::new() };
        (link, driver)
    }

    async fn open_stream(&self) -> Result<yamux::Stream, LinkError> {
        let (reply, stream) = oneshot::channel();
        self.requests.send(reply).await.map_err(|_| self.shared.why())?;
        stream.await.map_err(|_| self.shared.why())
    }
}

#[async_trait]
impl Link for TcpLink {
    fn kind(&self) -> TransportKind {
        TransportKind::Tcp
    }

    fn role(&self) -> Role {
        self.shared.role
    }

    fn remote_addr(&self) -> SocketAddr {
        self.remote
    }

    fn exporter(&self, label: &[u8], context: &[u8]) -> Result<[u8; 32], LinkError> {
        if let Some(why) = self.shared.over() {
            return Err(why.clone());
        }
        let wire = self.wire.upgrade().ok_or_else(|| self.shared.why())?;
        let wire = wire.lock().unwrap_or_else(PoisonError::into_inner);
        wire.exporter(label, context).map_err(|e| LinkError::Lost(e.to_string()))
    }

    async fn control(&self) -> Result<Lane, LinkError> {
        if self.control_taken.load(Ordering::Relaxed) {
            return Err(LinkError::Violated("the control lane was taken before".to_owned()));
        }
        let Opened { id, stream, state } = self.shared.take_control().await?;
        self.control_taken.store(true, Ordering::Relaxed);
        let cell = Cell::both(id, stream, state, Arc::clone(&self.shared));
        Ok(Lane { send: Box::new(TcpWriter::new(cell.clone_half(), None)), recv: Box::new(TcpReader::new(cell)) })
    }

    async fn open(&self) -> Result<SendLane, LinkError> {
        let permit = tokio::select! {
            biased;
            () = self.shared.ended.cancelled() => return Err(self.shared.why()),
            permit = Arc::clone(&self.shared.room).acquire_owned() => permit.map_err(|_| self.shared.why())?,
        };
        let stream = tokio::select! {
            biased;
            () = self.shared.ended.cancelled() => return Err(self.shared.why()),
            stream = self.open_stream() => stream?,
        };
        let id = stream.id().val();
        let state = self.shared.enter(id);
        let cell = Cell::one(id, stream, state, Arc::clone(&self.shared));
        Ok(Box::new(TcpWriter::new(cell, Some(permit))))
    }

    async fn accept(&self) -> Result<RecvLane, LinkError> {
        let Opened { id, mut stream, state } = self.shared.next_arrived().await?;
        // An empty write carries the ACK flag; the other end holds back after 256 lanes without one.
        let mut cx = Context::from_waker(Waker::noop());
        let _ = futures::AsyncWrite::poll_write(std::pin::Pin::new(&mut stream), &mut cx, &[]);
        Ok(Box::new(TcpReader::new(Cell::one(id, stream, state, Arc::clone(&self.shared)))))
    }

    fn close(&self, _code: LinkCode, _reason: &str) {
        self.shared.end(LinkError::ClosedHere);
    }

    async fn closed(&self) -> LinkError {
        self.shared.ended.cancelled().await;
        self.shared.why()
    }

    fn rtt(&self) -> Option<Duration> {
        self.shared.rtt()
    }
}

impl Drop for TcpLink {
    fn drop(&mut self) {
        self.close(LinkCode::None, "");
        self.shared.forget_arrived();
    }
}
