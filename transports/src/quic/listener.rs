//! Accepts QUIC handshakes. What a stranger can cost is bounded here.

use super::shake;
use crate::{
    inbox::{Admission, Inbox},
    link::BoxLink,
    socket::canonical,
    transport::{Listening, Role, TransportError},
};
use async_trait::async_trait;
use quinn::{Endpoint, Incoming};
use std::{fmt, net::SocketAddr, sync::Arc, time::Duration};
use tokio::{sync::mpsc, task::JoinSet};
use tokio_util::sync::CancellationToken;
use tracing::debug;

/// A socket with a listener; it dials too.
pub(super) struct Bound {
    pub(super) endpoint: Endpoint,
    pub(super) local: SocketAddr,
}

impl Bound {
    /// Whether packets from this socket get to that address: a socket bound to one address only
    /// reaches what that address does.
    pub(super) fn reaches(&self, addr: SocketAddr) -> bool {
        let (here, there) = (self.local.ip(), addr.ip());
        if here.is_unspecified() {
            return here.is_ipv6() || there.is_ipv4();
        }
        here.is_ipv4() == there.is_ipv4() && here.is_loopback() == there.is_loopback()
    }
}

pub(super) struct QuicListener {
    bound: Arc<Bound>,
    inbox: Inbox,
}

impl fmt::Debug for QuicListener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("QuicListener").field("local", &self.bound.local).finish_non_exhaustive()
    }
}

impl QuicListener {
    pub(super) fn new(bound: Arc<Bound>, timeout: Duration) -> Self {
        let endpoint = bound.endpoint.clone();
        let inbox = Inbox::new(|found, closed| listen(endpoint, timeout, found, closed));
        Self { bound, inbox }
    }
}

async fn listen(endpoint: Endpoint, timeout: Duration, found: mpsc::Sender<BoxLink>, closed: CancellationToken) {
    let admission = Arc::new(Admission::default());
    let mut handshakes = JoinSet::new();
    loop {
        let incoming = tokio::select! {
            biased;
            () = closed.cancelled() => return,
            Some(_) = handshakes.join_next() => continue,
            incoming = endpoint.accept() => match incoming {
                Some(incoming) => incoming,
                None => return,
            },
        };
        let addr = canonical(incoming.remote_address());
        if admission.is_busy() && incoming.may_retry() && !incoming.remote_address_validated() {
            // The address may be forged: let it prove itself, and keep nothing meanwhile.
            if incoming.retry().is_err() {
                debug!(%addr, "QUIC retry refused");
            }
            continue;
        }
        let Some(admitted) = admission.admit(addr.ip()) else {
            debug!(%addr, "too many handshakes at once");
            incoming.refuse();
            continue;
        };
        let found = found.clone();
        handshakes.spawn(async move {
            let _admitted = admitted;
            match accept(incoming, addr, timeout).await {
                Ok(link) => drop(found.send(link).await),
                Err(e) => debug!(%addr, "handshake failed: {e}"),
            }
        });
    }
}

async fn accept(incoming: Incoming, addr: SocketAddr, timeout: Duration) -> Result<BoxLink, TransportError> {
    let connecting = incoming.accept().map_err(|e| TransportError::Handshake { addr, reason: e.to_string() })?;
    Ok(Arc::new(shake(connecting, addr, Role::Responder, timeout).await?))
}

#[async_trait]
impl Listening for QuicListener {
    fn local_addr(&self) -> SocketAddr {
        self.bound.local
    }

    async fn accept(&self) -> Result<BoxLink, TransportError> {
        self.inbox.accept().await
    }

    fn close(&self) {
        // Links live on, and the socket still dials; strangers are refused.
        self.bound.endpoint.set_server_config(None);
        self.inbox.close();
    }
}

impl Drop for QuicListener {
    fn drop(&mut self) {
        self.close();
    }
}
