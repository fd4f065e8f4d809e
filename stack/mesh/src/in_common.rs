//! Which channels are matched on a link, as far as others than its session must know: how many for people, and whether one link
//! has what another has. Channels are told apart by the epochs of their hubs; no name is here.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tokio::sync::Notify;

/// The channels matched on one link. The lock is held for a look-up.
#[derive(Debug)]
pub(crate) struct InCommon {
    epochs: Mutex<BTreeSet<u64>>,
    /// Rung at each change; one bell for all links.
    bell: Arc<Notify>,
}

impl InCommon {
    pub(crate) fn new(bell: Arc<Notify>) -> Self {
        Self { epochs: Mutex::default(), bell }
    }

    pub(crate) fn insert(&self, epoch: u64) {
        self.epochs().insert(epoch);
        self.bell.notify_one();
    }

    pub(crate) fn remove(&self, epoch: u64) {
        self.epochs().remove(&epoch);
        self.bell.notify_one();
    }

    pub(crate) fn clear(&self) {
        self.epochs().clear();
        self.bell.notify_one();
    }

    pub(crate) fn count(&self) -> usize {
        self.epochs().len()
    }

    pub(crate) fn all(&self) -> BTreeSet<u64> {
        self.epochs().clone()
    }

    /// Whether it has all of them.
    pub(crate) fn has(&self, epochs: &BTreeSet<u64>) -> bool {
        epochs.is_subset(&self.epochs())
    }

    /// Leaves of them those that it has.
    pub(crate) fn narrow(&self, epochs: &mut BTreeSet<u64>) {
        let mine = self.epochs();
        epochs.retain(|epoch| mine.contains(epoch));
    }

    fn epochs(&self) -> MutexGuard<'_, BTreeSet<u64>> {
        self.epochs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
