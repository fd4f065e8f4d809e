//! What both ends of a link in memory share: the wire between them and how each end stands.

use super::lane::{MemoryReader, MemoryWriter, Pipe};
use crate::{
    link::{Lane, LinkError},
    transport::Role,
};
use nws_protocol::{LinkCode, error::cut_reason};
use std::{
    collections::VecDeque,
    fmt,
    net::{IpAddr, SocketAddr},
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::{
    sync::{Notify, Semaphore},
    task::JoinSet,
    time::Instant,
};
use tokio_util::sync::CancellationToken;

/// One-way lanes open at once in each direction, as on the real transports.
const MAX_LANES: usize = 8192;

/// Which way bytes go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// From the initiator.
    There,
    /// From the responder.
    Back,
}

impl Way {
    pub(super) const fn from(sender: Role) -> Self {
        match sender {
            Role::Initiator => Self::There,
            Role::Responder => Self::Back,
        }
    }
}

/// What one end of the link sees.
#[derive(Debug)]
pub(super) struct End {
    over: OnceLock<LinkError>,
    pub(super) ended: CancellationToken,
    /// Lanes that the other end opened, and when each arrives.
    pub(super) arriving: Mutex<VecDeque<(Instant, MemoryReader)>>,
    pub(super) arrived: Notify,
    /// The right to open a lane to this end.
    pub(super) room: Arc<Semaphore>,
}

impl End {
    fn new() -> Self {
        Self {
            over: OnceLock::new(),
            ended: CancellationToken::new(),
            arriving: Mutex::default(),
            arrived: Notify::new(),
            room: Arc::new(Semaphore::new(MAX_LANES)),
        }
    }
}

#[derive(Debug)]
struct Wire {
    there: Duration,
    back: Duration,
    jitter: Duration,
    noise: u64,
}

/// What both ends share.
pub(super) struct Core {
    secret: u64,
    initiator: SocketAddr,
    responder: SocketAddr,
    ends: [End; 2],
    wire: Mutex<Wire>,
    frozen: AtomicBool,
    thawed: Notify,
    pipes: Mutex<Vec<Weak<Pipe>>>,
    control: [Mutex<Option<Lane>>; 2],
    /// Brings a close to the other end after the delay.
    couriers: Mutex<JoinSet<()>>,
}

impl fmt::Debug for Core {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Core").field("initiator", &self.initiator).field("responder", &self.responder).finish()
    }
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// One step of splitmix64 (Steele, Lea and Flood 2014).
const fn mix(state: u64) -> u64 {
    let mut z = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

impl Core {
    pub(super) fn new(seed: u64, number: u64, initiator: SocketAddr, responder: SocketAddr) -> Arc<Self> {
        let secret = mix(mix(seed) ^ number);
        let core = Arc::new(Self {
            secret,
            initiator,
            responder,
            ends: [End::new(), End::new()],
            wire: Mutex::new(Wire {
                there: Duration::ZERO,
                back: Duration::ZERO,
                jitter: Duration::ZERO,
                noise: mix(secret),
            }),
            frozen: AtomicBool::new(false),
            thawed: Notify::new(),
            pipes: Mutex::default(),
            control: [Mutex::new(None), Mutex::new(None)],
            couriers: Mutex::new(JoinSet::new()),
        });
        let (there, back) = (core.pipe(Way::There), core.pipe(Way::Back));
        let lane = |out: &Arc<Pipe>, back: &Arc<Pipe>| Lane {
            send: Box::new(MemoryWriter::new(Arc::clone(out), None)),
            recv: Box::new(MemoryReader::new(Arc::clone(back), None)),
        };
        *lock(core.control(Role::Initiator)) = Some(lane(&there, &back));
        *lock(core.control(Role::Responder)) = Some(lane(&back, &there));
        core
    }

    pub(super) fn end(&self, role: Role) -> &End {
        let [initiator, responder] = &self.ends;
        match role {
            Role::Initiator => initiator,
            Role::Responder => responder,
        }
    }

    pub(super) fn control(&self, role: Role) -> &Mutex<Option<Lane>> {
        let [initiator, responder] = &self.control;
        match role {
            Role::Initiator => initiator,
            Role::Responder => responder,
        }
    }

    pub(super) const fn hosts(&self) -> (IpAddr, IpAddr) {
        (self.initiator.ip(), self.responder.ip())
    }

    /// The address of the other end.
    pub(super) const fn beyond(&self, role: Role) -> SocketAddr {
        match role {
            Role::Initiator => self.responder,
            Role::Responder => self.initiator,
        }
    }

    /// A secret that only depends on the seed, the link's number and what is asked.
    pub(super) fn exporter(&self, label: &[u8], context: &[u8]) -> [u8; 32] {
        let mut state = self.secret;
        for part in [label, context] {
            state = mix(state ^ part.len() as u64);
            for byte in part {
                state = mix(state ^ u64::from(*byte));
            }
        }
        let mut secret = [0; 32];
        for word in secret.chunks_exact_mut(8) {
            state = mix(state);
            word.copy_from_slice(&state.to_be_bytes());
        }
        secret
    }

    pub(super) fn rtt(&self) -> Duration {
        let wire = lock(&self.wire);
        wire.there + wire.back
    }

    pub(super) fn set_delays(&self, there: Duration, back: Duration, jitter: Duration) {
        let mut wire = lock(&self.wire);
        (wire.there, wire.back, wire.jitter) = (there, back, jitter);
    }

    /// When something sent now arrives.
    pub(super) fn arrival(&self, way: Way) -> Instant {
        let mut wire = lock(&self.wire);
        let delay = if way == Way::There { wire.there } else { wire.back };
        let now = Instant::now();
        if wire.jitter.is_zero() {
            return now + delay;
        }
        wire.noise = mix(wire.noise);
        let share = (wire.noise >> 40) as f64 / (1u64 << 24) as f64;
        now + delay + wire.jitter.mul_f64(share)
    }

    /// When the last of what was sent before now has surely arrived.
    fn last_arrival(&self, way: Way) -> Instant {
        let wire = lock(&self.wire);
        let delay = if way == Way::There { wire.there } else { wire.back };
        Instant::now() + delay + wire.jitter
    }

    pub(super) fn is_frozen(&self) -> bool {
        self.frozen.load(Ordering::SeqCst)
    }

    pub(super) fn freeze(&self, frozen: bool) {
        self.frozen.store(frozen, Ordering::SeqCst);
        if !frozen {
            self.wake();
            self.thawed.notify_waiters();
        }
    }

    pub(super) fn over(&self, role: Role) -> Option<&LinkError> {
        self.end(role).over.get()
    }

    pub(super) fn is_over(&self) -> bool {
        self.ends.iter().any(|end| end.over.get().is_some())
    }

    pub(super) fn pipe(self: &Arc<Self>, way: Way) -> Arc<Pipe> {
        let pipe = Arc::new(Pipe::new(Arc::clone(self), way));
        let mut pipes = lock(&self.pipes);
        if pipes.len() == pipes.capacity() {
            pipes.retain(|pipe| pipe.strong_count() > 0);
        }
        pipes.push(Arc::downgrade(&pipe));
        pipe
    }

    /// A lane becomes visible at the far end.
    pub(super) fn announce(&self, way: Way, at: Instant, reader: MemoryReader) {
        let to = if way == Way::There { Role::Responder } else { Role::Initiator };
        let end = self.end(to);
        if end.over.get().is_some() {
            // Nobody will take it, and it would hold the core in a circle.
            return;
        }
        let mut arriving = lock(&end.arriving);
        // Lanes that jitter let overtake come first.
        let place = arriving.partition_point(|(earlier, _)| *earlier <= at);
        arriving.insert(place, (at, reader));
        drop(arriving);
        end.arrived.notify_waiters();
    }

    fn wake(&self) {
        let pipes: Vec<_> = lock(&self.pipes).iter().filter_map(Weak::upgrade).collect();
        for pipe in pipes {
            pipe.wake();
        }
        for end in &self.ends {
            end.arrived.notify_waiters();
        }
    }

    fn finish(&self, role: Role, why: LinkError) {
        let end = self.end(role);
        if end.over.set(why).is_ok() {
            end.ended.cancel();
            // The control lane of an end that never asked for it would hold the core in a circle.
            drop(lock(self.control(role)).take());
            self.wake();
        }
    }

    /// Ends both ends at once; what was under way is lost.
    pub(super) fn kill(&self, why: &str) {
        let pipes: Vec<_> = lock(&self.pipes).iter().filter_map(Weak::upgrade).collect();
        for pipe in pipes {
            pipe.clear();
        }
        for role in [Role::Initiator, Role::Responder] {
            self.finish(role, LinkError::Lost(why.to_owned()));
        }
    }

    pub(super) fn close(self: &Arc<Self>, role: Role, code: LinkCode, reason: &str) {
        if self.over(role).is_some() {
            return;
        }
        let (far, at) = match role {
            Role::Initiator => (Role::Responder, self.last_arrival(Way::There)),
            Role::Responder => (Role::Initiator, self.last_arrival(Way::Back)),
        };
        self.finish(role, LinkError::ClosedHere);
        let why = LinkError::ClosedByPeer { code, reason: cut_reason(reason).to_owned() };
        let at_once = at <= Instant::now() && !self.is_frozen();
        match tokio::runtime::Handle::try_current() {
            Ok(runtime) if !at_once => {
                let core = Arc::downgrade(self);
                let courier = async move {
                    tokio::time::sleep_until(at).await;
                    let Some(core) = core.upgrade() else { return };
                    loop {
                        let thawed = core.thawed.notified();
                        tokio::pin!(thawed);
                        thawed.as_mut().enable();
                        if !core.is_frozen() {
                            break;
                        }
                        thawed.await;
                    }
                    core.finish(far, why);
                };
                lock(&self.couriers).spawn_on(courier, &runtime);
            }
            _ => self.finish(far, why),
        }
    }
}
