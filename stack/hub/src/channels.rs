//! All channels that have clients at this proxy, and who wants to know of their coming and going.

use crate::{
    hub::Hub,
    limits::HubLimits,
    seat::ClientSeat,
    watch::{ChannelWatch, Watched},
};
use nws_protocol::{ChannelKey, ChannelKind, PeerId};
use rand_core::{CryptoRng, RngCore};
use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicUsize, Ordering},
    },
};

/// Why a client can't come in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum JoinError {
    /// The proxy has as many clients as it may have.
    #[error("the proxy has its limit of {0} clients")]
    TooManyClients(usize),
}

/// One channel in figures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChannelFigures {
    /// Which channel.
    pub key: ChannelKey,
    /// Clients of this proxy in it.
    pub clients: usize,
    /// All who are in it, at this proxy and behind links.
    pub peers: usize,
}

/// The channels of this proxy.
#[derive(Debug)]
pub struct Channels {
    limits: Arc<HubLimits>,
    clients: AtomicUsize,
    table: Mutex<Table>,
}

#[derive(Debug, Default)]
struct Table {
    hubs: HashMap<ChannelKey, Arc<Hub>>,
    next_epoch: u64,
    watches: Vec<Weak<Watched>>,
}

impl Channels {
    /// No channels yet.
    #[must_use]
    pub fn new(limits: HubLimits) -> Arc<Self> {
        Arc::new(Self { limits: Arc::new(limits), clients: AtomicUsize::new(0), table: Mutex::default() })
    }

    /// Brings a client into a channel, which is opened if need be. When this returns, the client is in:
    /// everything that is said from now on reaches it.
    ///
    /// # Errors
    /// [`JoinError::TooManyClients`].
    pub fn join(
        self: &Arc<Self>,
        key: ChannelKey,
        rng: &mut (impl CryptoRng + RngCore),
    ) -> Result<ClientSeat, JoinError> {
        let limit = self.limits.max_clients;
        if self.clients.fetch_add(1, Ordering::Relaxed) >= limit {
            self.client_left();
            return Err(JoinError::TooManyClients(limit));
        }
        let mut table = self.table();
        if let Some(hub) = table.hubs.get(&key) {
            // An id that is taken already does not happen; a hub that is just closing does.
            if let Some(seat) = hub.join(PeerId::random(rng)) {
                return Ok(seat);
            }
        }
        loop {
            table.next_epoch += 1;
            let hub = Hub::new(key.clone(), table.next_epoch, Arc::downgrade(self), Arc::clone(&self.limits));
            if let Some(seat) = hub.join(PeerId::random(rng)) {
                table.hubs.insert(key.clone(), hub);
                table.tell(&key, true);
                return Ok(seat);
            }
        }
    }

    /// Clients connected now.
    #[must_use]
    pub fn clients(&self) -> usize {
        self.clients.load(Ordering::Relaxed)
    }

    /// Channels open now.
    #[must_use]
    pub fn open(&self) -> usize {
        self.table().hubs.len()
    }

    /// All channels that are open, in figures and in no order. Each is looked at by itself, one after the other.
    #[must_use]
    pub fn snapshot(&self) -> Vec<ChannelFigures> {
        let hubs: Vec<Arc<Hub>> = self.table().hubs.values().cloned().collect();
        let figures = hubs.iter().map(|hub| {
            let (clients, others) = hub.with(|state| (state.roster.local_count(), state.roster.remote_count()));
            ChannelFigures { key: hub.key().clone(), clients, peers: clients + others }
        });
        figures.collect()
    }

    /// Watches channels come and go, those that may be shared with other proxies. Begins with all that are open.
    #[must_use]
    pub fn watch(self: &Arc<Self>) -> ChannelWatch {
        let watched = Arc::new(Watched::default());
        let mut table = self.table();
        for key in table.hubs.keys().filter(|key| key.kind != ChannelKind::Local) {
            watched.tell(key, true);
        }
        table.watches.push(Arc::downgrade(&watched));
        ChannelWatch::new(Arc::clone(self), watched)
    }

    /// The hub of a channel, while it is open.
    #[must_use]
    pub fn hub(&self, key: &ChannelKey) -> Option<Arc<Hub>> {
        self.table().hubs.get(key).cloned()
    }

    pub(crate) fn client_left(&self) {
        self.clients.fetch_sub(1, Ordering::Relaxed);
    }

    /// A hub lost its last client: it is out, unless another has taken its place already.
    pub(crate) fn retire(&self, hub: &Arc<Hub>) {
        let mut table = self.table();
        if table.hubs.get(hub.key()).is_some_and(|current| Arc::ptr_eq(current, hub)) {
            table.hubs.remove(hub.key());
            table.tell(hub.key(), false);
        }
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    fn tell(&mut self, key: &ChannelKey, open: bool) {
        if key.kind == ChannelKind::Local {
            return;
        }
        self.watches.retain(|watch| {
            let watched = watch.upgrade();
            if let Some(watched) = &watched {
                watched.tell(key, open);
            }
            watched.is_some()
        });
    }
}
