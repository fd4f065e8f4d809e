//! The gateway as a whole: takes connections, owns every task it starts, and ends them in order.

use crate::{
    SessionSettings,
    access::Access,
    assets::Assets,
    door::{self, Door, Entered},
    figures::Figures,
    folder::Folder,
    fullness::Fullness,
    listen::Listeners,
    report::{Reporter, StatusSource},
    session,
    site::Site,
    tls::TlsDoor,
};
use nws_hub::Channels;
use std::{sync::Arc, time::Duration};
use tokio::{
    net::TcpStream,
    task::{JoinError, JoinSet},
    time::timeout,
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};
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
    /// How long a request's head may take, a connection be idle between requests, and an answer lie without any of it
    /// being taken. 10 s, a guess.
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
    channels: Arc<Channels>,
    settings: GatewaySettings,
    assets: Assets,
    folder: Option<Folder>,
    status: Option<Arc<dyn StatusSource>>,
    tls: Option<TlsDoor>,
}

impl Gateway {
    /// A gateway to these channels. Nothing is accepted before [`run`](Self::run).
    #[must_use]
    pub fn new(listeners: Listeners, channels: Arc<Channels>, settings: GatewaySettings) -> Self {
        Self { listeners, channels, settings, assets: Assets::default(), folder: None, status: None, tls: None }
    }

    /// Serves these files: console, library, examples.
    #[must_use]
    pub fn with_assets(self, assets: Assets) -> Self {
        Self { assets, ..self }
    }

    /// Serves this folder of the user's at `/www/`, as if it were the proxy's own pages.
    #[must_use]
    pub fn with_folder(self, folder: Option<Folder>) -> Self {
        Self { folder, ..self }
    }

    /// Asks this one for what `/api/status` and `/metrics` say about links.
    #[must_use]
    pub fn with_status(self, status: Arc<dyn StatusSource>) -> Self {
        Self { status: Some(status), ..self }
    }

    /// Takes clients over TLS too.
    #[must_use]
    pub fn with_tls(self, tls: Option<TlsDoor>) -> Self {
        Self { tls, ..self }
    }

    /// Serves until `shutdown`; then takes no more connections, lets every client be told (1001), and
    /// returns when all are gone or the deadline has passed. Dropped, it cuts everyone off at once.
    pub async fn run(self, shutdown: CancellationToken) {
        let Self { mut listeners, channels, settings, assets, folder, status, mut tls } = self;
        let GatewaySettings { allow_hosts, allow_origins, max_visitors, header_timeout, drain_deadline, session } =
            settings;
        let (port, session, figures) = (listeners.port(), Arc::new(session), Arc::new(Figures::default()));
        let tls_port = tls.as_ref().map(|tls| tls.listeners.port());
        let access = Access::new(port, tls_port, &allow_hosts, allow_origins.as_deref());
        let reporter = Reporter::new(port, Arc::clone(&channels), Arc::clone(&figures), status);
        let site = Site::new(&access, assets, folder, reporter);
        let door = Arc::new(Door { port, access, site, header_timeout, channels, figures: Arc::clone(&figures) });
        let max_visitors = max_visitors.max(1);
        // Connections end as nothing, or as a client that has come in; then their tasks and all that hyper
        // held are gone, and the client gets a task that holds its session alone.
        let mut visitors = JoinSet::new();
        let mut clients = JoinSet::new();
        let mut fullness = Fullness::default();
        let admit = |visitor: Result<Option<Guest>, JoinError>, clients: &mut JoinSet<()>| {
            let (session, figures, shutdown) = (Arc::clone(&session), Arc::clone(&figures), shutdown.clone());
            match visitor {
                Ok(Some(Guest::Plain(Entered { stream, leftover, seat }))) => {
                    clients.spawn(session::run(stream, leftover, seat, session, figures, shutdown));
                }
                Ok(Some(Guest::Secure(Entered { stream, leftover, seat }))) => {
                    clients.spawn(session::run(stream, leftover, seat, session, figures, shutdown));
                }
                Ok(None) => {}
                Err(error) => report(Err(error)),
            }
        };
        loop {
            tokio::select! {
                biased;
                () = shutdown.cancelled() => break,
                Some(left) = clients.join_next() => report(left),
                Some(left) = visitors.join_next() => admit(left, &mut clients),
                stream = listeners.accept(), if visitors.len() < max_visitors => {
                    let (door, shutdown) = (Arc::clone(&door), shutdown.clone());
                    if prepare(&stream) {
                        visitors.spawn(async { door::serve(door, stream, shutdown).await.map(Guest::Plain) });
                        fullness.note(visitors.len(), max_visitors);
                    }
                }
                (stream, acceptor) = accept_tls(&mut tls), if visitors.len() < max_visitors => {
                    if prepare(&stream) {
                        visitors.spawn(serve_tls(acceptor, stream, Arc::clone(&door), shutdown.clone()));
                        fullness.note(visitors.len(), max_visitors);
                    }
                }
            }
        }
        drop((listeners, tls));
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

/// Who has come in, and how.
enum Guest {
    Plain(Entered<TcpStream>),
    /// The state of TLS is large, and few have it.
    Secure(Entered<Box<TlsStream<TcpStream>>>),
}

/// Many small messages each way: none must wait for the other's acknowledgement.
fn prepare(stream: &TcpStream) -> bool {
    let prepared = stream.set_nodelay(true);
    if let Err(error) = &prepared {
        tracing::debug!(%error, "a connection ended at once");
    }
    prepared.is_ok()
}

async fn accept_tls(tls: &mut Option<TlsDoor>) -> (TcpStream, TlsAcceptor) {
    match tls {
        Some(tls) => (tls.listeners.accept().await, tls.acceptor.clone()),
        None => std::future::pending().await,
    }
}

/// The handshake of TLS may take as long as a request's head.
async fn serve_tls(
    acceptor: TlsAcceptor,
    stream: TcpStream,
    door: Arc<Door>,
    shutdown: CancellationToken,
) -> Option<Guest> {
    let greeted = tokio::select! {
        greeted = timeout(door.header_timeout, acceptor.accept(stream)) => greeted.ok()?,
        () = shutdown.cancelled() => return None,
    };
    match greeted {
        Ok(stream) => door::serve(door, Box::new(stream), shutdown).await.map(Guest::Secure),
        Err(error) => {
            tracing::debug!(%error, "TLS handshake failed");
            None
        }
    }
}

fn report(ended: Result<(), JoinError>) {
    if let Err(error) = ended
        && error.is_panic()
    {
        tracing::error!(%error, "a client's task failed; the others go on");
    }
}
