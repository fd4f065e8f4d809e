//! Links within this process, for tests and deterministic simulation. No socket, no clock but tokio's
//! (which a test may pause), no randomness but the seed.
//!
//! A [`MemoryNetwork`] is the wire; each host takes a [`MemoryTransport`] from it. Faults are injected
//! on the network: delay and jitter for each direction, links killed, sets of hosts cut off from each
//! other (silently, as when a cable is pulled, or with every link dying at once) and healed again.
//! Bytes written before a silent cut heals arrive after it, as TCP would bring them.

mod core;
mod lane;
mod link;

use self::core::Core;
use crate::{
    inbox::Inbox,
    link::BoxLink,
    transport::{Listening, Role, Transport, TransportError, TransportKind},
};
use async_trait::async_trait;
use link::MemoryLink;
use nws_protocol::limits::HANDSHAKE_TIMEOUT;
use std::{
    collections::BTreeMap,
    fmt,
    net::{IpAddr, SocketAddr},
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::Duration,
};
use tokio::sync::{Notify, mpsc};

/// Dials that a listener has not seen yet; one more is refused.
const BACKLOG: usize = 64;

/// Ports that the network gives out, from the start of the dynamic range (RFC 6335).
const FIRST_PORT: u16 = 49152;

/// How a partition shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    /// Nothing passes and nobody is told; dials hang. What was written is delivered after the heal.
    Silent,
    /// Links across the cut die at once with [`LinkError::Lost`](crate::LinkError::Lost); dials fail.
    Dead,
}

/// A network within this process. Clones are the same network.
#[derive(Clone)]
pub struct MemoryNetwork {
    inner: Arc<Inner>,
}

struct Inner {
    seed: u64,
    state: Mutex<State>,
    healed: Notify,
}

#[derive(Default)]
struct State {
    listeners: BTreeMap<SocketAddr, mpsc::Sender<BoxLink>>,
    links: Vec<Weak<Core>>,
    made: u64,
    next_port: u16,
    delay: Duration,
    delays: BTreeMap<(IpAddr, IpAddr), Duration>,
    jitter: Duration,
    cuts: BTreeMap<(IpAddr, IpAddr), Cut>,
}

impl State {
    fn delay(&self, from: IpAddr, to: IpAddr) -> Duration {
        self.delays.get(&(from, to)).copied().unwrap_or(self.delay)
    }

    fn links(&mut self) -> Vec<Arc<Core>> {
        self.links.retain(|core| core.strong_count() > 0);
        self.links.iter().filter_map(Weak::upgrade).collect()
    }

    fn port(&mut self) -> u16 {
        let port = self.next_port.max(FIRST_PORT);
        self.next_port = port.checked_add(1).unwrap_or(FIRST_PORT);
        port
    }
}

impl fmt::Debug for MemoryNetwork {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryNetwork").field("seed", &self.inner.seed).finish_non_exhaustive()
    }
}

impl MemoryNetwork {
    /// A network without hosts, delay or faults. The seed decides exporters and jitter.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        let inner = Inner { seed, state: Mutex::default(), healed: Notify::new() };
        Self { inner: Arc::new(inner) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.inner.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A host's transport. It dials from this address and listens on it.
    #[must_use]
    pub fn transport(&self, host: impl Into<IpAddr>) -> MemoryTransport {
        MemoryTransport { network: self.clone(), host: host.into() }
    }

    /// The one-way delay wherever [`MemoryNetwork::set_delay`] says nothing else; also of links that exist.
    pub fn set_default_delay(&self, delay: Duration) {
        self.state().delay = delay;
        self.apply_delays();
    }

    /// The delay from one host to another, this direction only; also of links that exist.
    pub fn set_delay(&self, from: impl Into<IpAddr>, to: impl Into<IpAddr>, delay: Duration) {
        self.state().delays.insert((from.into(), to.into()), delay);
        self.apply_delays();
    }

    /// Adds to each delay a time drawn between nothing and this, so that lanes overtake each other. The
    /// order within a lane stays.
    pub fn set_jitter(&self, jitter: Duration) {
        self.state().jitter = jitter;
        self.apply_delays();
    }

    fn apply_delays(&self) {
        let mut state = self.state();
        for core in state.links() {
            let (a, b) = core.hosts();
            core.set_delays(state.delay(a, b), state.delay(b, a), state.jitter);
        }
    }

    /// Kills every link between two hosts, as when a connection is reset; says how many.
    pub fn kill(&self, one: impl Into<IpAddr>, other: impl Into<IpAddr>) -> usize {
        let (one, other) = (one.into(), other.into());
        let links = self.state().links();
        let hit = links.iter().filter(|core| [(one, other), (other, one)].contains(&core.hosts()) && !core.is_over());
        hit.map(|core| core.kill("killed")).count()
    }

    /// Kills every link of a host, as when its program is killed; says how many.
    pub fn kill_host(&self, host: impl Into<IpAddr>) -> usize {
        let host = host.into();
        let links = self.state().links();
        let hit = links.iter().filter(|core| (core.hosts().0 == host || core.hosts().1 == host) && !core.is_over());
        hit.map(|core| core.kill("killed")).count()
    }

    /// Cuts every host of one set off from every host of the other, in both directions.
    pub fn partition(&self, one: &[IpAddr], other: &[IpAddr], cut: Cut) {
        let mut state = self.state();
        for &a in one {
            for &b in other {
                state.cuts.insert((a, b), cut);
                state.cuts.insert((b, a), cut);
            }
        }
        let links: Vec<_> = state.links().into_iter().filter(|core| state.cuts.contains_key(&core.hosts())).collect();
        drop(state);
        for core in links {
            match cut {
                Cut::Silent => core.freeze(true),
                Cut::Dead => core.kill("partitioned"),
            }
        }
    }

    /// Ends every partition.
    pub fn heal(&self) {
        let mut state = self.state();
        state.cuts.clear();
        let links = state.links();
        drop(state);
        for core in links {
            core.freeze(false);
        }
        self.inner.healed.notify_waiters();
    }

    /// How many links are up.
    #[must_use]
    pub fn links(&self) -> usize {
        self.state().links().iter().filter(|core| !core.is_over()).count()
    }

    /// Waits until no cut is in the way.
    async fn passable(&self, from: IpAddr, to: SocketAddr) -> Result<(), TransportError> {
        loop {
            let healed = self.inner.healed.notified();
            tokio::pin!(healed);
            healed.as_mut().enable();
            let cut = self.state().cuts.get(&(from, to.ip())).copied();
            match cut {
                None => return Ok(()),
                Some(Cut::Dead) => {
                    return Err(TransportError::Unreachable { addr: to, reason: "partitioned".to_owned() });
                }
                Some(Cut::Silent) => healed.await,
            }
        }
    }
}

/// One host's way into a [`MemoryNetwork`].
#[derive(Debug, Clone)]
pub struct MemoryTransport {
    network: MemoryNetwork,
    host: IpAddr,
}

impl MemoryTransport {
    /// The host's address.
    #[must_use]
    pub const fn host(&self) -> IpAddr {
        self.host
    }

    async fn connect(&self, addr: SocketAddr) -> Result<BoxLink, TransportError> {
        let unreachable = |reason: &str| TransportError::Unreachable { addr, reason: reason.to_owned() };
        let network = &self.network;
        network.passable(self.host, addr).await?;
        let round_trip = {
            let state = network.state();
            state.delay(self.host, addr.ip()) + state.delay(addr.ip(), self.host)
        };
        if !round_trip.is_zero() {
            tokio::time::sleep(round_trip).await;
            network.passable(self.host, addr).await?;
        }
        let mut state = network.state();
        let refused = || unreachable("connection refused");
        let slot = state.listeners.get(&addr).cloned().ok_or_else(refused)?;
        let slot = slot.try_reserve_owned().map_err(|e| match e {
            mpsc::error::TrySendError::Full(_) => unreachable("the listener's line is full"),
            mpsc::error::TrySendError::Closed(_) => refused(),
        })?;
        let here = SocketAddr::new(self.host, state.port());
        state.made += 1;
        let core = Core::new(network.inner.seed, state.made, here, addr);
        core.set_delays(state.delay(self.host, addr.ip()), state.delay(addr.ip(), self.host), state.jitter);
        state.links.push(Arc::downgrade(&core));
        drop(state);
        slot.send(Arc::new(MemoryLink::new(Arc::clone(&core), Role::Responder)));
        Ok(Arc::new(MemoryLink::new(core, Role::Initiator)))
    }
}

#[async_trait]
impl Transport for MemoryTransport {
    fn kind(&self) -> TransportKind {
        TransportKind::Memory
    }

    async fn dial(&self, addr: SocketAddr) -> Result<BoxLink, TransportError> {
        match tokio::time::timeout(HANDSHAKE_TIMEOUT, self.connect(addr)).await {
            Ok(done) => done,
            Err(_) => Err(TransportError::Unreachable { addr, reason: "no answer in time".to_owned() }),
        }
    }

    /// The address must be the host's or the wildcard, which stands for it.
    async fn listen(&self, addr: SocketAddr) -> Result<Arc<dyn Listening>, TransportError> {
        let bind = |kind: std::io::ErrorKind| TransportError::Bind { addr, source: kind.into() };
        if !addr.ip().is_unspecified() && addr.ip() != self.host {
            return Err(bind(std::io::ErrorKind::AddrNotAvailable));
        }
        let mut state = self.network.state();
        state.listeners.retain(|_, slot| !slot.is_closed());
        let port = if addr.port() == 0 { state.port() } else { addr.port() };
        let local = SocketAddr::new(self.host, port);
        if state.listeners.contains_key(&local) {
            return Err(bind(std::io::ErrorKind::AddrInUse));
        }
        let (slot, links) = mpsc::channel(BACKLOG);
        state.listeners.insert(local, slot);
        Ok(Arc::new(MemoryListener { local, inbox: Inbox::of(links) }))
    }
}

#[derive(Debug)]
struct MemoryListener {
    local: SocketAddr,
    inbox: Inbox,
}

#[async_trait]
impl Listening for MemoryListener {
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

#[cfg(test)]
mod tests;
