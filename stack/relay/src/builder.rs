//! How a relay is put together.

use crate::{
    Handle, Limits, Relay, Secret,
    config::{DEFAULT_DELIMITER, DEFAULT_PORT},
    shared::Shared,
    site::Site,
};
use nws_listen::{Sessions, Tls, TlsError};
use std::{io, net::IpAddr, path::PathBuf, sync::Arc, time::Duration};
use tokio::net::TcpListener;

/// At shutdown, how long everyone has for their goodbye. A guess.
const DRAIN: Duration = Duration::from_secs(2);

/// Why there is no relay.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
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
}

/// A relay in the making; from [`Relay::builder`].
#[derive(Debug)]
pub struct Builder {
    secret: Option<Secret>,
    delimiter: String,
    address: Option<IpAddr>,
    port: u16,
    listener: Option<TcpListener>,
    limits: Limits,
    tls: Option<(PathBuf, PathBuf)>,
    drain: Duration,
}

impl Builder {
    pub(crate) fn new() -> Self {
        Self {
            secret: None,
            delimiter: DEFAULT_DELIMITER.to_owned(),
            address: None,
            port: DEFAULT_PORT,
            listener: None,
            limits: Limits::DEFAULT,
            tls: None,
            drain: DRAIN,
        }
    }

    /// Who knows it may administer the relay, as clients of the first dialect do. Without one, nobody may.
    #[must_use]
    pub fn secret(mut self, secret: Secret) -> Self {
        self.secret = Some(secret);
        self
    }

    /// What stands between the parts of a frame of the first dialect. `|`.
    #[must_use]
    pub fn delimiter(mut self, delimiter: impl Into<String>) -> Self {
        self.delimiter = delimiter.into();
        self
    }

    /// The port. 8087, as the first relay; 0 takes one that is free.
    #[must_use]
    pub const fn port(mut self, port: u16) -> Self {
        self.port = port;
        self
    }

    /// The address to listen on. By default all of this machine's, IPv4 and IPv6: a relay is for others.
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

    /// How much everyone may have.
    #[must_use]
    pub const fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Serves `https` and `wss` with the certificate and the key in these PEM files.
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

    /// Listens. Connections are accepted by [`Relay::run`]. Must be called inside a tokio runtime.
    ///
    /// # Errors
    /// [`StartError`], which says what can't be had.
    pub fn bind(self) -> Result<Relay, StartError> {
        if self.secret.as_ref().is_some_and(Secret::is_short) {
            tracing::warn!("the secret is short: whoever guesses it can make the relay forget all servers");
        }
        let tls = self.tls.map(|(certificate, key)| Tls::read(certificate, key)).transpose()?.map(Arc::new);
        let failed = |source| StartError::Listen { port: self.port, source };
        let listener = self.listener.map_or_else(|| nws_listen::bind(self.address, self.port), Ok).map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let shared = Shared::new(self.limits, self.secret, self.delimiter);
        let site = Arc::new(Site { shared, sessions: Sessions::default() });
        Ok(Relay { listener, address, handle: Handle { site, tls }, drain: self.drain })
    }
}
