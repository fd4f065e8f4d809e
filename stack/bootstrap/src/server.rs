//! The server as a whole: takes connections, owns every task it starts, and ends them in order.

use crate::{
    Builder, Figures,
    counters::Counters,
    listen,
    neighbours::Neighbours,
    site::Site,
    tls::{Tls, TlsError},
};
use axum::Router;
use std::{net::SocketAddr, sync::Arc, time::Duration};
use tokio::{
    net::{TcpListener, TcpStream},
    task::{JoinError, JoinSet},
    time::timeout,
};
use tokio_util::sync::CancellationToken;

/// A server that listens. Nothing is accepted before [`run`](Self::run).
#[derive(Debug)]
pub struct Server {
    pub(crate) listener: TcpListener,
    pub(crate) address: SocketAddr,
    pub(crate) router: Router,
    pub(crate) handle: Handle,
    pub(crate) drain: Duration,
}

/// What can be done with a server while it runs.
#[derive(Debug, Clone)]
pub struct Handle {
    pub(crate) site: Arc<Site>,
    pub(crate) tls: Option<Arc<Tls>>,
}

impl Handle {
    /// What the server has done so far, and whom it serves now.
    #[must_use]
    pub fn figures(&self) -> Figures {
        self.site.exchange.figures()
    }

    /// Reads the certificate and its key again, for the connections from now on. Without TLS it does nothing.
    ///
    /// # Errors
    /// When they can't be used; then those from before stay.
    pub fn reload(&self) -> Result<(), TlsError> {
        self.tls.as_ref().map_or(Ok(()), |tls| tls.reload())
    }

    /// Tells joiners and roots (1001) that it is over, and waits until they are gone or are cut off at the
    /// deadline. For a router that another server serves; [`Server::run`] does it by itself.
    pub async fn stop(&self, deadline: Duration) {
        self.site.stop(deadline).await;
    }
}

impl Server {
    /// A server whose root has this secret: 1 to 256 letters, digits, and characters that an address can
    /// have as they are.
    #[must_use]
    pub fn builder(secret: impl Into<String>) -> Builder {
        Builder::new(secret.into())
    }

    /// Where it listens.
    #[must_use]
    pub const fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// For what can be done while it runs.
    #[must_use]
    pub fn handle(&self) -> Handle {
        self.handle.clone()
    }

    /// Serves until `shutdown`; then takes no more connections, lets everyone be told (1001), and returns
    /// when all are gone or the deadline has passed. Dropped, it cuts everyone off at once.
    pub async fn run(self, shutdown: CancellationToken) {
        let Self { listener, address: _, router, handle: Handle { site, tls }, drain } = self;
        let _cut = site.cut.clone().drop_guard();
        let neighbours = Neighbours::new(site.limits.visitors_per_address, site.limits.count_loopback);
        let counters = &site.exchange.counters;
        let mut visitors = JoinSet::new();
        loop {
            tokio::select! {
                biased;
                () = shutdown.cancelled() => break,
                Some(left) = visitors.join_next() => report(left),
                (stream, address) = listen::accept(&listener), if visitors.len() < site.limits.visitors.max(1) => {
                    Counters::add(&counters.connections);
                    let Some(counted) = neighbours.count(Some(address.ip())) else {
                        Counters::add(&counters.connections_refused);
                        continue;
                    };
                    let visit = visit(Arc::clone(&site), tls.clone(), stream, address, router.clone(), shutdown.clone());
                    visitors.spawn(async move {
                        visit.await;
                        drop(counted);
                    });
                }
            }
        }
        drop(listener);
        tracing::debug!(joiners = site.exchange.figures().joiners, "no more connections are taken");
        let drained = timeout(drain, async {
            while let Some(left) = visitors.join_next().await {
                report(left);
            }
        });
        let (drained, ()) = tokio::join!(drained, site.stop(drain));
        if drained.is_err() {
            tracing::debug!(visitors = visitors.len(), "cut off at the deadline");
        }
        visitors.shutdown().await;
    }
}

async fn visit(
    site: Arc<Site>,
    tls: Option<Arc<Tls>>,
    stream: TcpStream,
    address: SocketAddr,
    router: Router,
    shutdown: CancellationToken,
) {
    // Signals are small, and each is waited for.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "a connection ended at once");
        return;
    }
    let header_timeout = site.limits.header;
    let Some(tls) = tls else {
        return listen::serve(stream, address, router, header_timeout, shutdown).await;
    };
    match timeout(header_timeout, tls.acceptor().accept(stream)).await {
        Ok(Ok(stream)) => listen::serve(stream, address, router, header_timeout, shutdown).await,
        failed => {
            Counters::add(&site.exchange.counters.tls_failed);
            let error = failed.map_or_else(
                |_| "it took too long".to_owned(),
                |failed| failed.err().map(|error| error.to_string()).unwrap_or_default(),
            );
            tracing::debug!(error, "a TLS handshake failed");
        }
    }
}

fn report(ended: Result<(), JoinError>) {
    if let Err(error) = ended
        && error.is_panic()
    {
        tracing::error!(%error, "a connection's task failed; the others go on");
    }
}
