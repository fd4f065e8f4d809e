//! The server as a whole: takes connections, and ends them in order.

use crate::{Builder, Figures, counters::Counters, site::Site};
use axum::Router;
use nws_listen::{Reception, Tls, TlsError, Visit, VisitLimits};
use std::{net::SocketAddr, sync::Arc, time::Duration};
use tokio::net::TcpListener;
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
        self.site.sessions.stop(deadline).await;
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
        let _cut = site.sessions.cut.clone().drop_guard();
        let limits = VisitLimits {
            visitors: site.limits.visitors,
            per_address: site.limits.visitors_per_address,
            count_loopback: site.limits.count_loopback,
            header: site.limits.header,
        };
        let noting = Arc::clone(&site);
        let note = move |visit| {
            let counters = &noting.exchange.counters;
            Counters::add(match visit {
                Visit::Came => &counters.connections,
                Visit::Refused => &counters.connections_refused,
                Visit::TlsFailed => &counters.tls_failed,
            });
        };
        let visitors = Reception { listener, router, tls, limits }.run(note, &shutdown).await;
        tracing::debug!(joiners = site.exchange.figures().joiners, "no more connections are taken");
        tokio::join!(visitors.drain(drain), site.sessions.stop(drain));
    }
}
