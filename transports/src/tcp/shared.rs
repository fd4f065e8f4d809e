//! What a link, its driver and its lanes share: how the link ended, what lies unread, and what came in.

use crate::{link::LinkError, transport::Role};
use futures::task::AtomicWaker;
use std::{
    collections::{HashMap, VecDeque},
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;

/// The yamux stream that is the control lane.
pub(super) const CONTROL_ID: u32 = 1;

/// One-way lanes that each end may have open. A lane counts until its reader is done with it, as on
/// QUIC. Half as many as there, since each costs a kilobyte here whether it is used or not.
pub(super) const MAX_LANES: usize = 4096;

/// One lane, as the scan and both halves see it.
#[derive(Debug, Default)]
pub(super) struct LaneState {
    /// Bytes that came and were not read.
    pub(super) unread: AtomicUsize,
    /// The other end has finished it.
    pub(super) finished: AtomicBool,
    pub(super) reader: AtomicWaker,
    pub(super) writer: AtomicWaker,
}

/// A stream and its state.
#[derive(Debug)]
pub(super) struct Opened {
    pub(super) id: u32,
    pub(super) stream: yamux::Stream,
    pub(super) state: Arc<LaneState>,
}

/// A finished lane that the other end has not read to its end.
#[derive(Debug)]
pub(super) struct Lingering {
    pub(super) stream: yamux::Stream,
    pub(super) _permit: OwnedSemaphorePermit,
}

#[derive(Debug)]
pub(super) struct Shared {
    pub(super) role: Role,
    over: OnceLock<LinkError>,
    pub(super) ended: CancellationToken,
    /// Wakes the driver for anything but the socket and the streams.
    pub(super) driver: AtomicWaker,

    lanes: Mutex<HashMap<u32, Arc<LaneState>>>,
    unread: AtomicUsize,
    unread_limit: usize,
    paused: AtomicBool,

    /// Bounded by the number of streams that yamux lets the other end have.
    arrived: Mutex<VecDeque<Opened>>,
    control: Mutex<Option<Opened>>,
    arrival: Notify,

    /// Bounded by the permits, which its entries hold.
    lingering: Mutex<Vec<Lingering>>,
    pub(super) room: Arc<Semaphore>,
    rtt_nanos: AtomicU64,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    pub(super) fn new(role: Role, unread_limit: usize) -> Self {
        Self {
            role,
            over: OnceLock::new(),
            ended: CancellationToken::new(),
            driver: AtomicWaker::new(),
            lanes: Mutex::default(),
            unread: AtomicUsize::new(0),
            unread_limit,
            paused: AtomicBool::new(false),
            arrived: Mutex::default(),
            control: Mutex::default(),
            arrival: Notify::new(),
            lingering: Mutex::default(),
            room: Arc::new(Semaphore::new(MAX_LANES)),
            rtt_nanos: AtomicU64::new(0),
        }
    }

    /// Why the link is over, if it is.
    pub(super) fn over(&self) -> Option<&LinkError> {
        self.over.get()
    }

    /// The same once it is known to be over.
    pub(super) fn why(&self) -> LinkError {
        self.over().cloned().unwrap_or(LinkError::ClosedHere)
    }

    /// The link is over; the first reason stays. Wakes whoever waits for anything.
    pub(super) fn end(&self, why: LinkError) {
        if self.over.set(why).is_err() {
            return;
        }
        self.ended.cancel();
        self.arrival.notify_waiters();
        let lanes: Vec<_> = lock(&self.lanes).values().cloned().collect();
        for lane in lanes {
            lane.reader.wake();
            lane.writer.wake();
        }
        self.driver.wake();
    }

    /// Whether this end opens streams with such ids: odd ones are the initiator's.
    pub(super) const fn is_own(&self, id: u32) -> bool {
        (id % 2 == 1) == matches!(self.role, Role::Initiator)
    }

    #[cfg(test)]
    pub(super) fn books(&self) -> (usize, usize) {
        (lock(&self.lanes).len(), self.unread.load(Ordering::SeqCst))
    }

    /// The state of a stream, made when it is new.
    pub(super) fn enter(&self, id: u32) -> Arc<LaneState> {
        Arc::clone(lock(&self.lanes).entry(id).or_default())
    }

    /// A stream is gone here.
    pub(super) fn leave(&self, id: u32, state: &Arc<LaneState>) {
        let mut lanes = lock(&self.lanes);
        if lanes.get(&id).is_some_and(|known| Arc::ptr_eq(known, state)) {
            lanes.remove(&id);
        }
        drop(lanes);
        let rest = state.unread.swap(0, Ordering::SeqCst);
        self.release(rest);
    }

    /// A frame has come: it may be the first or the last of its stream, and its bytes lie unread.
    pub(super) fn came(&self, id: u32, first: bool, last: bool, bytes: usize) {
        let mut lanes = lock(&self.lanes);
        let lane = match lanes.get(&id) {
            Some(lane) => lane,
            None if first => lanes.entry(id).or_default(),
            // It was given up here.
            None => return,
        };
        // Under the lock: what is counted for a lane that has left in the meantime would stay counted for ever. The sum
        // first, so that nobody gives back what is not in it yet.
        self.unread.fetch_add(bytes, Ordering::SeqCst);
        lane.unread.fetch_add(bytes, Ordering::SeqCst);
        if last {
            lane.finished.store(true, Ordering::SeqCst);
        }
    }

    /// Bytes of a lane were read.
    pub(super) fn consumed(&self, state: &LaneState, bytes: usize) {
        // What a half that is gone left was given back already, so never more than is there.
        let taken = state
            .unread
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |unread| Some(unread.saturating_sub(bytes)))
            .map_or(0, |before| before.min(bytes));
        self.release(taken);
    }

    fn release(&self, bytes: usize) {
        if bytes == 0 {
            return;
        }
        let left = self.unread.fetch_sub(bytes, Ordering::SeqCst).saturating_sub(bytes);
        if left < self.unread_limit && self.paused.swap(false, Ordering::SeqCst) {
            self.driver.wake();
        }
    }

    /// Whether the socket must not be read now; the driver is woken when it may.
    pub(super) fn must_pause(&self) -> bool {
        if self.unread.load(Ordering::SeqCst) < self.unread_limit {
            return false;
        }
        self.paused.store(true, Ordering::SeqCst);
        self.unread.load(Ordering::SeqCst) >= self.unread_limit
    }

    /// The other end opened a stream, or this end its control lane.
    pub(super) fn arrive(&self, stream: yamux::Stream) {
        let id = stream.id().val();
        let lane = Opened { id, state: self.enter(id), stream };
        if id == CONTROL_ID {
            *lock(&self.control) = Some(lane);
        } else {
            lock(&self.arrived).push_back(lane);
        }
        self.arrival.notify_waiters();
    }

    /// Waits for what `take` looks for. Cancel safe.
    async fn wait(&self, take: impl Fn(&Self) -> Option<Opened>) -> Result<Opened, LinkError> {
        loop {
            let arrival = self.arrival.notified();
            tokio::pin!(arrival);
            arrival.as_mut().enable();
            if let Some(lane) = take(self) {
                return Ok(lane);
            }
            if let Some(why) = self.over() {
                return Err(why.clone());
            }
            arrival.await;
        }
    }

    /// The next lane that the other end opened.
    pub(super) async fn next_arrived(&self) -> Result<Opened, LinkError> {
        self.wait(|shared| lock(&shared.arrived).pop_front()).await
    }

    /// The control lane.
    pub(super) async fn take_control(&self) -> Result<Opened, LinkError> {
        self.wait(|shared| lock(&shared.control).take()).await
    }

    /// Drops lanes that nobody will take any more.
    pub(super) fn forget_arrived(&self) {
        let arrived = std::mem::take(&mut *lock(&self.arrived));
        for lane in arrived {
            self.leave(lane.id, &lane.state);
        }
    }

    /// Keeps a finished lane until its reader is done.
    pub(super) fn linger(&self, lane: Lingering) {
        if self.over().is_none() {
            lock(&self.lingering).push(lane);
            self.driver.wake();
        }
    }

    pub(super) fn take_lingering(&self) -> Vec<Lingering> {
        std::mem::take(&mut *lock(&self.lingering))
    }

    pub(super) fn set_rtt(&self, rtt: Duration) {
        let nanos = u64::try_from(rtt.as_nanos()).unwrap_or(u64::MAX).max(1);
        self.rtt_nanos.store(nanos, Ordering::Relaxed);
    }

    /// The last measured round trip.
    pub(super) fn rtt(&self) -> Option<Duration> {
        match self.rtt_nanos.load(Ordering::Relaxed) {
            0 => None,
            nanos => Some(Duration::from_nanos(nanos)),
        }
    }
}
