//! A channel at this proxy: its state under a lock, and who is woken when the lock is gone.

use crate::{
    channels::Channels, lane_in::LaneIn, lane_out::LaneOut, limits::HubLimits, reader::Who, seat::ClientSeat,
    state::State,
};
use nws_protocol::{ChannelKey, ChannelKind, InstanceId, PeerId};
use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError, Weak},
};
use tokio::time::Instant;

/// A link of this proxy; drawn from a counter, never used twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LinkId(pub u64);

/// A channel that has clients at this proxy. It lives from the first client's coming to the last
/// one's going; a channel opened again is another hub with another epoch.
pub struct Hub {
    key: ChannelKey,
    epoch: u64,
    channels: Weak<Channels>,
    limits: Arc<HubLimits>,
    state: Mutex<State>,
}

impl fmt::Debug for Hub {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hub").field("kind", &self.key.kind).field("epoch", &self.epoch).finish_non_exhaustive()
    }
}

impl Hub {
    pub(crate) fn new(key: ChannelKey, epoch: u64, channels: Weak<Channels>, limits: Arc<HubLimits>) -> Arc<Self> {
        let state = Mutex::new(State::new(key.kind, Arc::clone(&limits)));
        Arc::new(Self { key, epoch, channels, limits, state })
    }

    /// Tells this hub from an earlier or later one of the same channel.
    #[must_use]
    pub const fn epoch(&self) -> u64 {
        self.epoch
    }

    /// Which channel it is.
    #[must_use]
    pub const fn key(&self) -> &ChannelKey {
        &self.key
    }

    /// Which kind of channel it is.
    #[must_use]
    pub const fn kind(&self) -> ChannelKind {
        self.key.kind
    }

    /// Who is in the channel, on this proxy and behind links.
    #[must_use]
    pub fn peers(self: &Arc<Self>) -> Vec<PeerId> {
        self.with(|state| state.roster.peers().collect())
    }

    /// Begins to feed the lane to another proxy, with the list of this proxy's clients first. A lane
    /// that goes there already takes nothing more, and ends when it has written what it had. The lane carries no frame of more
    /// than `max_frame_bytes`, without its length prefix, which is what the other proxy takes; who says more is told so.
    #[must_use]
    pub fn lane_out(self: &Arc<Self>, to: InstanceId, _link: LinkId, max_frame_bytes: usize) -> LaneOut {
        LaneOut::new(Arc::clone(self), to, max_frame_bytes)
    }

    /// Announces the lane from another proxy.
    #[must_use]
    pub fn lane_in(self: &Arc<Self>, from: InstanceId, link: LinkId) -> LaneIn {
        LaneIn::new(Arc::clone(self), from, link)
    }

    /// Comes in before the client is told that it is in.
    pub(crate) fn join(self: &Arc<Self>, peer: PeerId) -> Option<ClientSeat> {
        let (place, here) = self.with(|state| state.join(peer))?;
        Some(ClientSeat::new(Arc::clone(self), peer, place, here))
    }

    pub(crate) fn channels(&self) -> Weak<Channels> {
        Weak::clone(&self.channels)
    }

    /// Works on the state; wakes whom that concerns when the lock is gone.
    pub(crate) fn with<T>(self: &Arc<Self>, work: impl FnOnce(&mut State) -> T) -> T {
        // A panic under the lock would leave this one channel in doubt, not the others; go on with it.
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let open = !state.closed;
        let result = work(&mut state);
        let wake = std::mem::take(&mut state.wake);
        let closes = open && state.closed;
        drop(state);
        for waker in wake {
            waker.wake();
        }
        if closes && let Some(channels) = self.channels.upgrade() {
            channels.retire(self);
        }
        result
    }

    /// Throws out the readers that have been at their limit and drained too little for too long. Called
    /// now and then by those who are held back.
    pub(crate) fn judge(self: &Arc<Self>) {
        let now = Instant::now();
        let limits = Arc::clone(&self.limits);
        self.with(|state| {
            if state.has_room() {
                return;
            }
            for place in state.places() {
                let at_limit = state.waiting(place) >= state.limit_of(place) / 2;
                let Some(reader) = state.reader(place).filter(|reader| reader.fate.is_none()) else { continue };
                if !at_limit {
                    reader.watched = None;
                    continue;
                }
                let Some((since, written)) = reader.watched else {
                    reader.watched = Some((now, reader.written));
                    continue;
                };
                let (patience, rate, burst) = match reader.who {
                    Who::Client { .. } => {
                        (limits.client_stall, limits.client_min_rate as f64, limits.client_burst_bytes as f64)
                    }
                    // Any progress is enough: `lane_stall` is longer than the longest pause between two bursts.
                    Who::Lane(_) => (limits.lane_stall, f64::MIN_POSITIVE, 0.0),
                };
                let watched_for = now.duration_since(since);
                if watched_for < patience {
                    continue;
                }
                let drained = reader.written.saturating_sub(written);
                let owed = rate * watched_for.as_secs_f64();
                if (drained as f64) + burst < owed {
                    state.throw_out(place);
                } else if (drained as f64) >= owed {
                    reader.watched = Some((now, reader.written));
                }
            }
        });
    }

    /// How often those who are held back call [`judge`](Self::judge).
    pub(crate) fn judge_interval(&self) -> std::time::Duration {
        self.limits.client_stall / 8
    }
}
