//! Accepts TCP connections and runs their TLS handshakes. What a stranger can cost is bounded here.

use super::Maker;
use crate::{
    inbox::{Admission, Inbox},
    link::BoxLink,
    socket::canonical,
    transport::{Listening, TransportError},
};
use async_trait::async_trait;
use std::{fmt, net::SocketAddr, sync::Arc, time::Duration};
use tokio::{sync::mpsc, task::JoinSet};
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

/// The pause after the system refused a socket (no file descriptors left): long enough not to spin,
/// short enough that nobody notices.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

pub(super) struct TcpListener {
    local: SocketAddr,
    inbox: Inbox,
}

impl fmt::Debug for TcpListener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TcpListener").field("local", &self.local).finish_non_exhaustive()
    }
}

impl TcpListener {
    pub(super) fn new(socket: tokio::net::TcpListener, local: SocketAddr, maker: Arc<Maker>) -> Self {
        Self { local, inbox: Inbox::new(|found, closed| listen(socket, maker, found, closed)) }
    }
}

async fn listen(
    socket: tokio::net::TcpListener,
    maker: Arc<Maker>,
    found: mpsc::Sender<BoxLink>,
    closed: CancellationToken,
) {
    let admission = Arc::new(Admission::default());
    let mut handshakes = JoinSet::new();
    loop {
        let (stream, addr) = tokio::select! {
            biased;
            () = closed.cancelled() => return,
            Some(_) = handshakes.join_next() => continue,
            accepted = socket.accept() => match accepted {
                Ok((stream, addr)) => (stream, canonical(addr)),
                Err(e) => {
                    warn!("cannot accept: {e}");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            },
        };
        let Some(admitted) = admission.admit(addr.ip()) else {
            debug!(%addr, "too many handshakes at once");
            continue;
        };
        let (found, maker) = (found.clone(), Arc::clone(&maker));
        handshakes.spawn(async move {
            let _admitted = admitted;
            match tokio::time::timeout(maker.config.handshake_timeout, maker.answer(stream, addr)).await {
                Ok(Ok(link)) => drop(found.send(link).await),
                Ok(Err(e)) => debug!(%addr, "handshake failed: {e}"),
                Err(_) => debug!(%addr, "handshake took too long"),
            }
        });
    }
}

#[async_trait]
impl Listening for TcpListener {
    fn local_addr(&self) -> SocketAddr {
        self.local
    }

    async fn accept(&self) -> Result<BoxLink, TransportError> {
        self.inbox.accept().await
    }

    fn close(&self) {
        self.inbox.close();
    }
}
