//! Secrets of channels that were left, kept for a while in case they are joined again.

use super::{MAX_REMEMBERED, Secrets};
use crate::channel::ChannelKey;
use std::collections::BTreeMap;

/// At most [`MAX_REMEMBERED`] channels; beyond that the one left longest ago is forgotten.
#[derive(Default)]
pub(super) struct Remembered {
    /// With the number of the leaving.
    channels: BTreeMap<ChannelKey, (u64, Secrets)>,
    order: BTreeMap<u64, ChannelKey>,
    next: u64,
}

impl Remembered {
    pub(super) fn put(&mut self, key: ChannelKey, secrets: Secrets) {
        drop(self.take(&key));
        self.order.insert(self.next, key.clone());
        self.channels.insert(key, (self.next, secrets));
        self.next += 1;
        if self.channels.len() > MAX_REMEMBERED
            && let Some((_, oldest)) = self.order.pop_first()
        {
            self.channels.remove(&oldest);
        }
    }

    pub(super) fn take(&mut self, key: &ChannelKey) -> Option<Secrets> {
        let (number, secrets) = self.channels.remove(key)?;
        self.order.remove(&number);
        Some(secrets)
    }

    pub(super) fn len(&self) -> usize {
        self.channels.len()
    }
}
