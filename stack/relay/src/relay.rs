//! The relay as a whole: takes connections, and ends them in order.

use crate::{Builder, Figures, counters::Counters, site::Site};
use nws_listen::{Reception, Tls, TlsError, Visit, VisitLimits};
use std::{net::SocketAddr, sync::Arc, time::Duration};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// A relay that listens. Nothing is accepted before [`run`](Self::run).
#[derive(Debug)]
pub struct Relay {
    pub(crate) listener: TcpListener,
    pub(crate) address: SocketAddr,
    pub(crate) handle: Handle,
    pub(crate) drain: Duration,
}

/// What can be done with a relay while it runs.
#[derive(Debug, Clone)]
pub struct Handle {
    pub(crate) site: Arc<Site>,
    pub(crate) tls: Option<Arc<Tls>>,
}

impl Handle {
    /// What the relay has done so far, and whom it serves now.
    #[must_use]
    pub fn figures(&self) -> Figures {
        self.site.shared.figures()
    }

    /// Reads the certificate and its key again, for the connections from now on. Without TLS it does nothing.
    ///
    /// # Errors
    /// When they can't be used; then those from before stay.
    pub fn reload(&self) -> Result<(), TlsError> {
        self.tls.as_ref().map_or(Ok(()), |tls| tls.reload())
    }
}

impl Relay {
    /// A relay with its defaults: port 8087 of all addresses, and no administration.
    #[must_use]
    pub fn builder() -> Builder {
        Builder::new()
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

    /// Serves until `shutdown`; then takes no more connections, ends all channels with `shutdown`, closes everyone
    /// (1001), and returns when all are gone or the deadline has passed. Dropped, it cuts everyone off at once.
    pub async fn run(self, shutdown: CancellationToken) {
        let Self { listener, address: _, handle: Handle { site, tls }, drain } = self;
        let _cut = site.sessions.cut.clone().drop_guard();
        let shared = Arc::clone(&site.shared);
        let limits = VisitLimits {
            visitors: shared.limits.visitors,
            per_address: shared.limits.visitors_per_address,
            count_loopback: shared.limits.counts_loopback(),
            header: shared.limits.header,
        };
        let counters = Arc::clone(&shared.counters);
        let note = move |visit| {
            Counters::add(match visit {
                Visit::Came => &counters.connections,
                Visit::Refused => &counters.connections_refused,
                Visit::TlsFailed => &counters.tls_failed,
            });
        };
        let reception = Reception { listener, router: site.router(), tls, limits };
        let ending = async {
            let visitors = reception.run(note, &shutdown).await;
            shared.with(|core, now| core.stop(now));
            tokio::join!(visitors.drain(drain), site.sessions.stop(drain));
        };
        tokio::select! {
            () = ending => {}
            () = shared.keep_time() => {}
        }
    }
}
