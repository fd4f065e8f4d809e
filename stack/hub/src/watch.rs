//! Who wants to know which channels are open: each link. A watch remembers which channels changed,
//! not how often, so that it is bounded by the channels there are and needs no queue.

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
            let keys = std::mem::take(&mut *self.watched.keys());
            if keys.is_empty() {
                self.watched.news.notified().await;
                continue;
            }
            return keys
                .into_iter()
                .map(|key| {
                    let hub = self.channels.hub(&key);
                    ChannelChange { key, hub }
                })
                .collect();
        }
    }
}

/// What a watch has not seen yet.
#[derive(Debug, Default)]
pub(crate) struct Watched {
    keys: Mutex<BTreeSet<ChannelKey>>,
    news: Notify,
}

impl Watched {
    pub(crate) fn tell(&self, key: &ChannelKey) {
        self.keys().insert(key.clone());
        self.news.notify_one();
    }

    fn keys(&self) -> std::sync::MutexGuard<'_, BTreeSet<ChannelKey>> {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
