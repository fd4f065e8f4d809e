//! The gateway as a whole: takes connections, owns every task it starts, and ends them in order.

use crate::{
    SessionSettings,
    access::Access,
    door::{self, Door, Entered},
    listen::Listeners,
    pages::Pages,
    session,
};
use nws_hub::Channels;
use std::{sync::Arc, time::Duration};
use tokio::{
    task::{JoinError, JoinSet},
    time::timeout,
};
use tokio_util::sync::CancellationToken;

/// How the gateway receives its clients. The number of clients is a limit of the hubs.
#[derive(Debug, Clone)]
pub struct GatewaySettings {
    /// Names besides localhost, 127.0.0.1 and \[::1\] that a Host header may have, without port.
    pub allow_hosts: Vec<String>,
    /// The origins whose pages may open channels, as `scheme://host:port`; `None` allows any. Programs
    /// that send no Origin, and the proxy's own pages, are always allowed.
    pub allow_origins: Option<Vec<String>>,
    /// Connections that are not clients yet, at once; more wait in the listener's backlog. Each may hold
    /// 16 KiB of a request's head. 512, a guess.
    pub max_visitors: usize,
    /// How long a request's head may take, and a connection be idle between requests. 10 s, a guess.
    pub header_timeout: Duration,
    /// At shutdown, how long clients have for their goodbye before they are cut off. 2 s, a guess.
    pub drain_deadline: Duration,
    /// How the sessions of clients behave.
    pub session: SessionSettings,
}

impl Default for GatewaySettings {
    fn default() -> Self {
        Self {
            allow_hosts: Vec::new(),
            allow_origins: None,
            max_visitors: 512,
            header_timeout: Duration::from_secs(10),
            drain_deadline: Duration::from_secs(2),
            session: SessionSettings::default(),
        }
    }
}

/// The door for clients; see [`Gateway::run`].
#[derive(Debug)]
pub struct Gateway {
    listeners: Listeners,
    door: Arc<Door>,
    session: Arc<SessionSettings>,
    max_visitors: usize,
    drain_deadline: Duration,
}

impl Gateway {
    /// A gateway to these channels. Nothing is accepted before [`run`](Self::run).
    #[must_use]
    pub fn new(listeners: Listeners, channels: Arc<Channels>, settings: GatewaySettings) -> Self {
        let port = listeners.port();
        let access = Access::new(port, &settings.allow_hosts, settings.allow_origins.as_deref());
        let pages = Pages::new(&access);
        let door = Door { port, access, pages, header_timeout: settings.header_timeout, channels };
        Self {
            listeners,
            door: Arc::new(door),
            session: Arc::new(settings.session),
            max_visitors: settings.max_visitors.max(1),
            drain_deadline: settings.drain_deadline,
        }
    }

    /// Serves until `shutdown`; then takes no more connections, lets every client be told (1001), and
    /// returns when all are gone or the deadline has passed. Dropped, it cuts everyone off at once.
    pub async fn run(self, shutdown: CancellationToken) {
        let Self { mut listeners, door, session, max_visitors, drain_deadline } = self;
        // Connections end as nothing, or as a client that has come in; then their tasks and all that hyper
        // held are gone, and the client gets a task that holds its session alone.
        let mut visitors = JoinSet::new();
        let mut clients = JoinSet::new();
        let admit = |visitor: Result<Option<Entered>, JoinError>, clients: &mut JoinSet<()>| match visitor {
            Ok(Some(Entered { stream, leftover, seat })) => {
                clients.spawn(session::run(stream, leftover, seat, Arc::clone(&session), shutdown.clone()));
            }
            Ok(None) => {}
            Err(error) => report(Err(error)),
        };
        loop {
            tokio::select! {
                biased;
                () = shutdown.cancelled() => break,
                Some(left) = clients.join_next() => report(left),
                Some(left) = visitors.join_next() => admit(left, &mut clients),
                stream = listeners.accept(), if visitors.len() < max_visitors => {
                    // Many small messages each way: none must wait for the other's acknowledgement.
                    if let Err(error) = stream.set_nodelay(true) {
                        tracing::debug!(%error, "a connection ended at once");
                        continue;
                    }
                    visitors.spawn(door::serve(Arc::clone(&door), stream, shutdown.clone()));
                }
            }
        }
        drop(listeners);
        tracing::debug!(clients = clients.len(), "no more connections are taken");
        let drained = timeout(drain_deadline, async {
            loop {
                tokio::select! {
                    Some(left) = clients.join_next() => report(left),
                    Some(left) = visitors.join_next() => admit(left, &mut clients),
                    else => break,
                }
            }
        });
        if drained.await.is_err() {
            tracing::debug!(clients = clients.len(), visitors = visitors.len(), "cut off at the deadline");
        }
        visitors.shutdown().await;
        clients.shutdown().await;
    }
}

fn report(ended: Result<(), JoinError>) {
    if let Err(error) = ended
        && error.is_panic()
    {
        tracing::error!(%error, "a client's task failed; the others go on");
    }
}
