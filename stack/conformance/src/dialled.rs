//! Where the target dials the runner. Who waits for a dial gets the next one, on whatever address.

use crate::{
    link::{Incoming, Kind},
    tls::ServerTls,
    verdict::{Trouble, lacking, not_run},
};
use quinn::crypto::rustls::QuicServerConfig;
use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::{
    net::TcpListener,
    sync::{Mutex, Semaphore},
    time::timeout,
};

/// What the addresses to listen on are, and how long to wait.
#[derive(Debug)]
pub(crate) struct Dialled {
    sockets: Vec<Mutex<Socket>>,
    /// How many of them are for everybody; the last of several is for the check that ends all dialling there.
    common: usize,
    turn: Semaphore,
    wait: Duration,
    /// Nobody dials any more: who comes later need not wait.
    silent: AtomicBool,
}

#[derive(Debug)]
enum Socket {
    Tcp(TcpListener),
    Quic(quinn::Endpoint),
}

impl Socket {
    async fn accept(&self) -> Incoming {
        loop {
            match self {
                Self::Tcp(listener) => match listener.accept().await {
                    Ok((stream, _)) => return Incoming::Tcp(stream),
                    // Out of files, for example: the next may come.
                    Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
                },
                Self::Quic(endpoint) => match endpoint.accept().await {
                    Some(incoming) => return Incoming::Quic(Box::new(incoming)),
                    None => std::future::pending().await,
                },
            }
        }
    }
}

impl Dialled {
    /// Listens on all of the addresses.
    pub(crate) async fn listen(
        kind: Kind,
        addresses: &[SocketAddr],
        wait: Duration,
    ) -> Result<(Self, Vec<SocketAddr>), String> {
        let (mut sockets, mut found) = (Vec::new(), Vec::new());
        for address in addresses {
            let words = |error: &dyn std::fmt::Display| format!("cannot listen on {address}: {error}");
            let socket = match kind {
                Kind::Tcp => {
                    let listener = TcpListener::bind(address).await.map_err(|error| words(&error))?;
                    found.push(listener.local_addr().map_err(|error| words(&error))?);
                    Socket::Tcp(listener)
                }
                Kind::Quic => {
                    let (config, _) = ServerTls::default().config().map_err(|error| words(&error))?;
                    let crypto = QuicServerConfig::try_from(config).map_err(|error| words(&error))?;
                    let server = quinn::ServerConfig::with_crypto(Arc::new(crypto));
                    let endpoint = quinn::Endpoint::server(server, *address).map_err(|error| words(&error))?;
                    found.push(endpoint.local_addr().map_err(|error| words(&error))?);
                    Socket::Quic(endpoint)
                }
            };
            sockets.push(Mutex::new(socket));
        }
        let common = sockets.len().saturating_sub(1).max(1);
        let dialled = Self { sockets, common, turn: Semaphore::new(common), wait, silent: AtomicBool::new(false) };
        Ok((dialled, found))
    }

    /// The next dial, on any of the addresses.
    pub(crate) async fn next(&self) -> Result<Incoming, Trouble> {
        // One waiter for each address: who comes later waits for one of them, and the time runs from then.
        let _turn = self.turn.acquire().await.map_err(|_| not_run("the run is over"))?;
        let words = || lacking(format!("the target did not dial within {} s", self.wait.as_secs()));
        if self.silent.load(Ordering::Relaxed) {
            return Err(words());
        }
        let free = self.sockets.iter().take(self.common).find_map(|socket| socket.try_lock().ok());
        let Some(socket) = free else { return Err(not_run("no address is free")) };
        timeout(self.wait, socket.accept()).await.map_err(|_| {
            self.silent.store(true, Ordering::Relaxed);
            words()
        })
    }

    /// How long a dial is waited for.
    pub(crate) const fn wait(&self) -> Duration {
        self.wait
    }

    /// Whether there is an address that only one check uses.
    pub(crate) const fn has_last(&self) -> bool {
        self.sockets.len() > self.common
    }

    /// The next dial on that address.
    pub(crate) async fn on_last(&self, within: Duration) -> Option<Incoming> {
        let socket = self.sockets.last()?.lock().await;
        timeout(within, socket.accept()).await.ok()
    }
}
