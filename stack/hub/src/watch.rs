//! Who wants to know which channels are open: each link. A watch remembers which channels changed,
//! not how often, and forgets those that were opened and closed while nobody looked. So it holds at most the channels that are
//! open and those that were when it was last asked, and needs no queue.

use crate::{channels::Channels, hub::Hub};
use nws_protocol::ChannelKey;
use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, PoisonError},
};
use tokio::sync::Notify;

/// A channel that was opened, closed, or closed and opened again.
#[derive(Debug, Clone)]
pub struct ChannelChange {
    /// Which channel.
    pub key: ChannelKey,
    /// Its hub as it is now; `None` when it is closed. An epoch other than the one known before means
    /// that it was closed in between.
    pub hub: Option<Arc<Hub>>,
}

/// Watches channels come and go.
#[derive(Debug)]
pub struct ChannelWatch {
    channels: Arc<Channels>,
    watched: Arc<Watched>,
}

impl ChannelWatch {
    pub(crate) const fn new(channels: Arc<Channels>, watched: Arc<Watched>) -> Self {
        Self { channels, watched }
    }

    /// Waits for changes and answers with all of them, each channel once. Cancel safe.
    pub async fn changed(&mut self) -> Vec<ChannelChange> {
        loop {
            let keys = self.watched.take();
            if keys.is_empty() {
                self.watched.news.notified().await;
                continue;
            }
            let look = |key| {
                let hub = self.channels.hub(&key);
                ChannelChange { key, hub }
            };
            let changes: Vec<ChannelChange> = keys.into_iter().map(look).collect();
            self.watched.forget(changes.iter().filter(|change| change.hub.is_none()).map(|change| &change.key));
            return changes;
        }
    }
}

/// What a watch has not seen yet.
#[derive(Debug, Default)]
pub(crate) struct Watched {
    keys: Mutex<Keys>,
    news: Notify,
}

#[derive(Debug, Default)]
struct Keys {
    /// To be answered next.
    changed: BTreeSet<ChannelKey>,
    /// Which may have been answered as open.
    seen: BTreeSet<ChannelKey>,
}

impl Watched {
    /// A channel was opened, or closed.
    pub(crate) fn tell(&self, key: &ChannelKey, open: bool) {
        let mut keys = self.keys();
        if open || keys.seen.contains(key) {
            keys.changed.insert(key.clone());
            drop(keys);
            self.news.notify_one();
        } else {
            keys.changed.remove(key);
        }
    }

    /// What is to be looked at now. All count as seen: they may be open when they are, and closed right after.
    fn take(&self) -> BTreeSet<ChannelKey> {
        let mut keys = self.keys();
        let changed = std::mem::take(&mut keys.changed);
        keys.seen.extend(changed.iter().cloned());
        changed
    }

    /// These were answered as closed.
    fn forget<'a>(&self, closed: impl Iterator<Item = &'a ChannelKey>) {
        let mut keys = self.keys();
        for key in closed {
            keys.seen.remove(key);
        }
    }

    fn keys(&self) -> std::sync::MutexGuard<'_, Keys> {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]
    use crate::{Channels, HubLimits};
    use nws_protocol::{ChannelKey, ChannelKind, ChannelName};
    use rand_chacha::{ChaCha8Rng, rand_core::SeedableRng};

    fn key(name: &str) -> ChannelKey {
        ChannelKey { kind: ChannelKind::Network, name: ChannelName::new(name).unwrap() }
    }

    #[tokio::test]
    async fn channels_that_come_and_go_while_nobody_looks_are_not_remembered() {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let channels = Channels::new(HubLimits::default());
        let mut watch = channels.watch();
        let seen = channels.join(key("seen"), &mut rng).unwrap();
        assert_eq!(watch.changed().await.len(), 1);
        for number in 0..1000 {
            drop(channels.join(key(&format!("c{number}")), &mut rng).unwrap());
        }
        assert_eq!(watch.watched.keys().changed.len(), 0);
        let open = channels.join(key("open"), &mut rng).unwrap();
        drop(seen);
        let changes: Vec<_> =
            watch.changed().await.into_iter().map(|change| (change.key, change.hub.is_some())).collect();
        assert_eq!(changes, [(key("open"), true), (key("seen"), false)]);
        drop(open);
        assert_eq!(watch.changed().await.len(), 1);
        assert_eq!(watch.watched.keys().seen.len(), 0);
        // Seen, and closed and opened again: its new hub is another.
        let first = channels.join(key("seen"), &mut rng).unwrap();
        let before = watch.changed().await.remove(0).hub.unwrap().epoch();
        drop(first);
        let _second = channels.join(key("seen"), &mut rng).unwrap();
        assert!(watch.changed().await.remove(0).hub.unwrap().epoch() > before);
    }
}
