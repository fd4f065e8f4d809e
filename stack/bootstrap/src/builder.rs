//! How a server is put together.

use crate::{
    Handle, Limits, Server,
    exchange::Exchange,
    public::Public,
    refusal::Refusal,
    secret::{BadSecret, Secret},
    site::{Handler, Site},
};
use axum::Router;
use futures::FutureExt;
use hyper::http::request::Parts;
use nws_listen::{Sessions, Socket, Tls, TlsError};
use std::{fmt, future::Future, io, net::IpAddr, path::PathBuf, sync::Arc, time::Duration};
use tokio::net::TcpListener;

/// The port of the original.
pub(crate) const DEFAULT_PORT: u16 = 5000;

/// How long the original lets a joiner wait.
pub(crate) const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30);

/// At shutdown, how long everyone has for their goodbye. A guess.
const DRAIN: Duration = Duration::from_secs(2);

/// Why there is no server.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The secret can't be part of an address.
    #[error(transparent)]
    Secret(#[from] BadSecret),
    /// The folder of static files can't be had.
    #[error("can't serve the files of {path}: {source}")]
    Public {
        /// Which folder.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The certificate or the key can't be used.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The port can't be had.
    #[error("can't listen on port {port}: {source}")]
    Listen {
        /// Which port.
        port: u16,
        /// Why not.
        source: io::Error,
    },
    /// A path for WebSockets that no request can have.
    #[error("{0:?} is not a path: it begins with /, and has no query")]
    Path(String),
}

/// A server in the making; from [`Server::builder`].
pub struct Builder {
    secret: String,
    timeout: Duration,
    public: Option<PathBuf>,
    address: Option<IpAddr>,
    port: u16,
    listener: Option<TcpListener>,
    router: Option<Router>,
    seed: Option<i64>,
    limits: Limits,
    tls: Option<(PathBuf, PathBuf)>,
    upgrades: Vec<(String, Handler)>,
    drain: Duration,
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("timeout", &self.timeout)
            .field("public", &self.public)
            .field("address", &self.address)
            .field("port", &self.port)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}

impl Builder {
    pub(crate) const fn new(secret: String) -> Self {
        Self {
            secret,
            timeout: DEFAULT_TIMEOUT,
            public: None,
            address: None,
            port: DEFAULT_PORT,
            listener: None,
            router: None,
            seed: None,
            limits: Limits::DEFAULT,
            tls: None,
            upgrades: Vec::new(),
            drain: DRAIN,
        }
    }

    /// Serves the files of this folder, as a plain web server does. Hidden ones, and what symbolic links have
    /// outside of it, are not served.
    #[must_use]
    pub fn public(mut self, folder: impl Into<PathBuf>) -> Self {
        self.public = Some(folder.into());
        self
    }

    /// How long a joiner may stay, however much it says. 30 s, as the original.
    #[must_use]
    pub const fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// The port. 5000, as the original; 0 takes one that is free.
    #[must_use]
    pub const fn port(mut self, port: u16) -> Self {
        self.port = port;
        self
    }

    /// The address to listen on. By default all of this machine's, IPv4 and IPv6: the server is for others.
    #[must_use]
    pub const fn address(mut self, address: IpAddr) -> Self {
        self.address = Some(address);
        self
    }

    /// A socket that listens already, instead of a port and an address.
    #[must_use]
    pub fn listener(mut self, listener: TcpListener) -> Self {
        self.listener = Some(listener);
        self
    }

    /// An application, which gets every request that is not for this server: neither an upgrade of one of its
    /// paths, nor `/health`, `/metrics`, or a public file.
    #[must_use]
    pub fn router(mut self, application: Router) -> Self {
        self.router = Some(application);
        self
    }

    /// Makes the ids of joiners repeatable, for tests: they are those that the original makes of this seed. 0 is none.
    #[must_use]
    pub const fn seed(mut self, seed: i64) -> Self {
        self.seed = Some(seed);
        self
    }

    /// How much everyone may have.
    #[must_use]
    pub const fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Serves `https` and `wss` with the certificate and the key in these PEM files. TLS 1.3 only.
    #[must_use]
    pub fn tls(mut self, certificate: impl Into<PathBuf>, key: impl Into<PathBuf>) -> Self {
        self.tls = Some((certificate.into(), key.into()));
        self
    }

    /// At shutdown, how long everyone has for their goodbye before they are cut off. 2 s, a guess.
    #[must_use]
    pub const fn drain(mut self, deadline: Duration) -> Self {
        self.drain = deadline;
        self
    }

    /// Serves the WebSockets of a further path. The handler gets the socket and the head of its request; the
    /// socket's messages are limited as a joiner's are, but their number is not.
    #[must_use]
    pub fn upgrade<H, F>(mut self, path: impl Into<String>, handler: H) -> Self
    where
        H: Fn(Socket, Parts) -> F + Send + Sync + 'static,
        F: Future<Output = ()> + Send + 'static,
    {
        self.upgrades.push((path.into(), Arc::new(move |socket, head| handler(socket, head).boxed())));
        self
    }

    /// Listens. Connections are accepted by [`Server::run`]. Must be called inside a tokio runtime.
    ///
    /// # Errors
    /// [`StartError`], which says what can't be had.
    pub fn bind(mut self) -> Result<Server, StartError> {
        let tls = self.tls.take().map(|(certificate, key)| Tls::read(certificate, key)).transpose()?;
        let (listener, address, port, drain) = (self.listener.take(), self.address, self.port, self.drain);
        let (router, mut handle) = self.into_router()?;
        handle.tls = tls.map(Arc::new);
        let failed = |source| StartError::Listen { port, source };
        let listener = listener.map_or_else(|| nws_listen::bind(address, port), Ok).map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        Ok(Server { listener, address, router, handle, drain })
    }

    /// Only the routes, before those of [`router`](Self::router): for an application that listens by itself. Port,
    /// address, listener and TLS are its own business then. It should serve with
    /// `into_make_service_with_connect_info::<SocketAddr>()`, or the limit per address does not hold; and call
    /// [`Handle::stop`] when it ends.
    ///
    /// # Errors
    /// [`StartError`], which says what is wrong.
    pub fn into_router(self) -> Result<(Router, Handle), StartError> {
        let secret = Secret::new(self.secret)?;
        if secret.is_short() {
            tracing::warn!("the secret is short: whoever guesses it becomes the root");
        }
        if let Some((path, _)) =
            self.upgrades.iter().find(|(path, _)| !path.starts_with('/') || path.contains(['?', '#']))
        {
            return Err(StartError::Path(path.clone()));
        }
        let public = self.public.map(|path| Public::new(&path).map_err(|source| StartError::Public { path, source }));
        let site = Arc::new(Site {
            secret,
            timeout: self.timeout,
            exchange: Exchange::new(self.seed, &self.limits),
            limits: self.limits,
            upgrades: self.upgrades,
            public: public.transpose()?,
            sessions: Sessions::default(),
        });
        let application =
            self.router.unwrap_or_else(|| Router::new().fallback(|| async { Refusal::NotFound.answer() }));
        Ok((site.before(application), Handle { site, tls: None }))
    }
}
