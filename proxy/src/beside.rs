//! The servers that run beside the proxy, in its process: those that have a section in its settings file.

use crate::{bootstrap, exit::Failure, relay, service};
use nws_bootstrap::{BootstrapConfig, Server};
use nws_relay::{Relay, RelayConfig};
use std::net::SocketAddr;
use tokio_util::sync::CancellationToken;

/// What the sections say.
#[derive(Debug, Clone, Default)]
pub(crate) struct Sections {
    pub(crate) bootstrap: Option<BootstrapConfig>,
    pub(crate) relay: Option<RelayConfig>,
}

impl Sections {
    /// How many connections they may have, all together.
    pub(crate) fn connections(&self) -> usize {
        let bootstrap = self.bootstrap.as_ref().map_or(0, bootstrap::connections);
        let relay = self.relay.as_ref().map_or(0, |config| config.limits.parties);
        bootstrap.saturating_add(relay)
    }

    /// Checks them, and adds what the environment says.
    ///
    /// # Errors
    /// With the exit code and what to do.
    pub(crate) fn prepare(self) -> Result<Prepared, Failure> {
        Ok(Prepared {
            bootstrap: self.bootstrap.map(bootstrap::beside).transpose()?,
            relay: self.relay.map(relay::beside).transpose()?,
        })
    }
}

/// Servers whose settings are right; they have no port yet.
#[derive(Debug, Default)]
pub(crate) struct Prepared {
    bootstrap: Option<nws_bootstrap::Builder>,
    relay: Option<nws_relay::Builder>,
}

impl Prepared {
    pub(crate) const fn has_any(&self) -> bool {
        self.bootstrap.is_some() || self.relay.is_some()
    }

    /// Binds them; they do not run yet.
    ///
    /// # Errors
    /// With the exit code and what to do.
    pub(crate) fn bind(self) -> Result<Beside, Failure> {
        Ok(Beside {
            bootstrap: self.bootstrap.map(bootstrap::bind).transpose()?,
            relay: self.relay.map(relay::bind).transpose()?,
        })
    }
}

/// Servers that are bound.
#[derive(Debug)]
pub(crate) struct Beside {
    bootstrap: Option<Server>,
    relay: Option<Relay>,
}

/// What can be done while they run.
#[derive(Debug, Clone)]
pub(crate) struct Handles {
    bootstrap: Option<(SocketAddr, nws_bootstrap::Handle)>,
    relay: Option<(SocketAddr, nws_relay::Handle)>,
}

impl Beside {
    pub(crate) fn handles(&self) -> Handles {
        Handles {
            bootstrap: self.bootstrap.as_ref().map(|server| (server.local_addr(), server.handle())),
            relay: self.relay.as_ref().map(|relay| (relay.local_addr(), relay.handle())),
        }
    }

    /// Runs them until all are told to end, and have.
    pub(crate) async fn run(self, closing: CancellationToken) {
        let bootstrap = async {
            if let Some(server) = self.bootstrap {
                server.run(closing.clone()).await;
            }
        };
        let relay = async {
            if let Some(relay) = self.relay {
                relay.run(closing.clone()).await;
            }
        };
        tokio::join!(bootstrap, relay, closing.cancelled());
    }
}

impl Handles {
    /// Says where they are.
    pub(crate) fn announce(&self) {
        if let Some((address, _)) = &self.bootstrap {
            bootstrap::announce(*address);
        }
        if let Some((address, _)) = &self.relay {
            relay::announce(*address);
        }
    }

    /// Reads their certificates again.
    pub(crate) fn reload(&self) {
        if let Some((_, handle)) = &self.bootstrap {
            service::tell_reload(handle.reload());
        }
        if let Some((_, handle)) = &self.relay {
            service::tell_reload(handle.reload());
        }
    }
}
