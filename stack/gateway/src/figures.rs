//! What the gateway counts of itself while it runs. Counting costs one relaxed addition for each read or write, on a
//! cache line that the threads mostly don't share; there is nothing for each client. No name and no id is in here.

use crate::refusal::Refusal;
use nws_protocol::ClientClose;
use std::{
    cell::Cell,
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed},
    },
};

/// Threads beyond this number share; then they wait for each other's cache lines now and then.
const SHARDS: usize = 16;

thread_local! {
    static SHARD: Cell<usize> = {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        Cell::new(NEXT.fetch_add(1, Relaxed) % SHARDS)
    };
}

/// Counters since the gateway began.
#[derive(Debug, Default)]
pub(crate) struct Figures {
    traffic: [Shard; SHARDS],
    refusals: [AtomicU64; RefusalKind::ALL.len()],
    closes: [AtomicU64; CLOSES.len()],
    held: AtomicUsize,
    holds: AtomicU64,
}

/// Two cache lines, as processors fetch them in pairs.
#[derive(Debug, Default)]
#[repr(align(128))]
struct Shard {
    received_bytes: AtomicU64,
    received_messages: AtomicU64,
    sent_bytes: AtomicU64,
}

/// Why a handshake was turned away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RefusalKind {
    Host,
    Origin,
    Name,
    Handshake,
    Full,
}

impl RefusalKind {
    const ALL: [Self; 5] = [Self::Host, Self::Origin, Self::Name, Self::Handshake, Self::Full];

    const fn of(refusal: &Refusal) -> Self {
        match refusal {
            Refusal::NoHost | Refusal::ManyHosts | Refusal::ForeignHost { .. } => Self::Host,
            Refusal::ForeignOrigin | Refusal::OtherOrigin => Self::Origin,
            Refusal::NotFound | Refusal::NoFile => Self::Name,
            Refusal::Method(_) | Refusal::NotAnUpgrade { .. } | Refusal::BadUpgrade(_) | Refusal::Version => {
                Self::Handshake
            }
            Refusal::Full(_) | Refusal::Busy(_) => Self::Full,
        }
    }

    const fn word(self) -> &'static str {
        match self {
            Self::Host => "host",
            Self::Origin => "origin",
            Self::Name => "name",
            Self::Handshake => "handshake",
            Self::Full => "full",
        }
    }
}

/// Why clients left, by the code of the close.
const CLOSES: [(u16, &str); 7] = [
    (1000, "normal"),
    (1001, "going_away"),
    (1002, "protocol"),
    (1007, "not_utf8"),
    (1009, "too_big"),
    (1011, "silent"),
    (1013, "slow_consumer"),
];

/// All counters at one moment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Count {
    pub(crate) received_bytes: u64,
    pub(crate) received_messages: u64,
    pub(crate) sent_bytes: u64,
    pub(crate) refusals: Vec<(&'static str, u64)>,
    pub(crate) closes: Vec<(&'static str, u64)>,
    pub(crate) held: usize,
    pub(crate) holds: u64,
}

impl Figures {
    fn shard(&self) -> Option<&Shard> {
        self.traffic.get(SHARD.get())
    }

    /// One read from a client.
    pub(crate) fn received(&self, bytes: usize, messages: u64) {
        if let Some(shard) = self.shard() {
            shard.received_bytes.fetch_add(bytes as u64, Relaxed);
            if messages > 0 {
                shard.received_messages.fetch_add(messages, Relaxed);
            }
        }
    }

    /// One write to a client.
    pub(crate) fn sent(&self, bytes: usize) {
        if let Some(shard) = self.shard() {
            shard.sent_bytes.fetch_add(bytes as u64, Relaxed);
        }
    }

    /// A handshake was turned away.
    pub(crate) fn refused(&self, refusal: &Refusal) {
        if let Some(count) = self.refusals.get(RefusalKind::of(refusal) as usize) {
            count.fetch_add(1, Relaxed);
        }
    }

    /// A client's session ended.
    pub(crate) fn closed(&self, close: &ClientClose) {
        let place = CLOSES.iter().position(|(code, _)| *code == close.code());
        if let Some(count) = place.and_then(|place| self.closes.get(place)) {
            count.fetch_add(1, Relaxed);
        }
    }

    /// A client is held back from now on, until what is returned is dropped.
    pub(crate) fn hold(self: &Arc<Self>) -> Held {
        self.held.fetch_add(1, Relaxed);
        self.holds.fetch_add(1, Relaxed);
        Held(Arc::clone(self))
    }

    /// Reads all counters. They go on meanwhile.
    pub(crate) fn count(&self) -> Count {
        let sum = |of: fn(&Shard) -> &AtomicU64| self.traffic.iter().map(|shard| of(shard).load(Relaxed)).sum();
        let read = |counters: &[AtomicU64]| counters.iter().map(|count| count.load(Relaxed)).collect::<Vec<_>>();
        Count {
            received_bytes: sum(|shard| &shard.received_bytes),
            received_messages: sum(|shard| &shard.received_messages),
            sent_bytes: sum(|shard| &shard.sent_bytes),
            refusals: RefusalKind::ALL.map(RefusalKind::word).into_iter().zip(read(&self.refusals)).collect(),
            closes: CLOSES.map(|(_, word)| word).into_iter().zip(read(&self.closes)).collect(),
            held: self.held.load(Relaxed),
            holds: self.holds.load(Relaxed),
        }
    }
}

/// A client that is not read from.
#[derive(Debug)]
pub(crate) struct Held(Arc<Figures>);

impl Drop for Held {
    fn drop(&mut self) {
        self.0.held.fetch_sub(1, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::thread;

    #[test]
    fn all_threads_are_counted() {
        let figures = Arc::new(Figures::default());
        let threads: Vec<_> = (0..40)
            .map(|_| {
                let figures = Arc::clone(&figures);
                thread::spawn(move || {
                    figures.received(10, 2);
                    figures.sent(3);
                })
            })
            .collect();
        assert!(threads.into_iter().all(|thread| thread.join().is_ok()));
        let count = figures.count();
        assert_eq!((count.received_bytes, count.received_messages, count.sent_bytes), (400, 80, 120));
    }

    #[test]
    fn each_kind_has_its_counter() {
        let figures = Arc::new(Figures::default());
        for refusal in [Refusal::NoHost, Refusal::ForeignOrigin, Refusal::NotFound, Refusal::Version, Refusal::Busy("")]
        {
            figures.refused(&refusal);
        }
        for close in [
            ClientClose::Normal,
            ClientClose::GoingAway,
            ClientClose::Protocol(""),
            ClientClose::NotUtf8,
            ClientClose::TooBig(1),
            ClientClose::Silent,
            ClientClose::SlowConsumer,
        ] {
            figures.closed(&close);
        }
        let count = figures.count();
        assert!(count.refusals.iter().chain(&count.closes).all(|(_, times)| *times == 1), "{count:?}");
        assert_eq!((count.refusals.len(), count.closes.len()), (5, 7));
    }

    #[test]
    fn who_is_held_is_let_go() {
        let figures = Arc::new(Figures::default());
        let (one, other) = (figures.hold(), figures.hold());
        drop(one);
        assert_eq!((figures.count().held, figures.count().holds), (1, 2));
        drop(other);
        assert_eq!((figures.count().held, figures.count().holds), (0, 2));
    }
}
