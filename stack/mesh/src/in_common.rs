//! Which channels are matched on a link, as far as others than its session must know: how many for people, whether one link
//! has what another has, and since when there are none. Channels are told apart by the epochs of their hubs; no name is here.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tokio::{sync::Notify, time::Instant};

/// The channels matched on one link. The lock is held for a look-up.
#[derive(Debug)]
pub(crate) struct InCommon {
    state: Mutex<State>,
    /// Rung at each change; one bell for all links.
    bell: Arc<Notify>,
}

#[derive(Debug)]
struct State {
    epochs: BTreeSet<u64>,
    /// Lanes are there, if only of channels that were matched.
    lanes: bool,
    /// When there was last any of it, or when the link began.
    idle_since: Instant,
}

impl InCommon {
    pub(crate) fn new(bell: Arc<Notify>) -> Self {
        let state = State { epochs: BTreeSet::new(), lanes: false, idle_since: Instant::now() };
        Self { state: Mutex::new(state), bell }
    }

    pub(crate) fn insert(&self, epoch: u64) {
        self.state().epochs.insert(epoch);
        self.bell.notify_one();
    }

    pub(crate) fn remove(&self, epoch: u64) {
        let mut state = self.state();
        state.epochs.remove(&epoch);
        state.idle_since = Instant::now();
        drop(state);
        self.bell.notify_one();
    }

    pub(crate) fn clear(&self) {
        let mut state = self.state();
        *state = State { epochs: BTreeSet::new(), lanes: false, idle_since: Instant::now() };
        drop(state);
        self.bell.notify_one();
    }

    /// Whether there are lanes on the link.
    pub(crate) fn has_lanes(&self, lanes: bool) {
        let mut state = self.state();
        if std::mem::replace(&mut state.lanes, lanes) != lanes {
            state.idle_since = Instant::now();
        }
    }

    /// Since when nothing is in common, neither a channel nor what is left to be said of one.
    pub(crate) fn idle_since(&self) -> Option<Instant> {
        let state = self.state();
        (state.epochs.is_empty() && !state.lanes).then_some(state.idle_since)
    }

    pub(crate) fn count(&self) -> usize {
        self.state().epochs.len()
    }

    pub(crate) fn all(&self) -> BTreeSet<u64> {
        self.state().epochs.clone()
    }

    /// Whether it has all of them.
    pub(crate) fn has(&self, epochs: &BTreeSet<u64>) -> bool {
        epochs.is_subset(&self.state().epochs)
    }

    /// Leaves of them those that it has.
    pub(crate) fn narrow(&self, epochs: &mut BTreeSet<u64>) {
        let state = self.state();
        epochs.retain(|epoch| state.epochs.contains(epoch));
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
