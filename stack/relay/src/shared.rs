//! The core among tasks: one lock, a clock, and a bell for each party.

use crate::{
    Limits,
    core::{Core, Dialect, Now, PartyId},
    counters::{Counters, Figures},
    credential::Secret,
};
use nws_listen::Neighbours;
use rand_core::{OsRng, RngCore};
use std::{
    collections::BTreeMap,
    fmt,
    net::IpAddr,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::{
    sync::Notify,
    time::{Instant, sleep_until},
};

/// What every task needs.
pub(crate) struct Shared {
    state: Mutex<State>,
    start: Instant,
    pub(crate) limits: Limits,
    pub(crate) secret: Option<Secret>,
    pub(crate) counters: Arc<Counters>,
    pub(crate) neighbours: Arc<Neighbours>,
    /// Something is due earlier than it was.
    earlier: Notify,
}

/// Wakes a party's task.
#[derive(Debug, Default)]
pub(crate) struct Bell {
    pub(crate) rung: Notify,
    is_last: AtomicBool,
}

impl Bell {
    /// Whether it rang as the party is to be closed: it did not take what waits, and held up others.
    pub(crate) fn is_last(&self) -> bool {
        self.is_last.load(Ordering::Relaxed)
    }
}

struct State {
    core: Core,
    bells: BTreeMap<PartyId, Arc<Bell>>,
    /// When the clock rings next.
    due: Option<Now>,
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").field("limits", &self.limits).finish_non_exhaustive()
    }
}

impl Shared {
    pub(crate) fn new(limits: Limits, secret: Option<Secret>, delimiter: String) -> Arc<Self> {
        let limits = limits.workable();
        let counters = Arc::<Counters>::default();
        let core = Core::new(limits.core(), delimiter, Arc::clone(&counters));
        Arc::new(Self {
            state: Mutex::new(State { core, bells: BTreeMap::new(), due: None }),
            start: Instant::now(),
            secret,
            counters,
            neighbours: Neighbours::new(limits.parties_per_address, limits.counts_loopback()),
            limits,
            earlier: Notify::new(),
        })
    }

    /// Time as the core has it.
    pub(crate) fn time(&self, at: Instant) -> Now {
        at.duration_since(self.start)
    }

    /// A time of the core.
    pub(crate) fn instant(&self, at: Now) -> Instant {
        self.start.checked_add(at).unwrap_or_else(|| self.start + Duration::from_secs(86_400 * 365))
    }

    /// Lets the core do something, and wakes whom that concerns.
    pub(crate) fn with<T>(&self, act: impl FnOnce(&mut Core, Now) -> T) -> T {
        let now = self.time(Instant::now());
        let mut state = self.state();
        let State { core, bells, due } = &mut *state;
        let outcome = act(core, now);
        for party in core.wakes() {
            if let Some(bell) = bells.get(&party) {
                bell.rung.notify_one();
            }
        }
        for party in core.doomed() {
            if let Some(bell) = bells.get(&party) {
                bell.is_last.store(true, Ordering::Relaxed);
                bell.rung.notify_one();
            }
        }
        let next = core.next_tick();
        if next != *due {
            let is_earlier = next.is_some_and(|next| due.is_none_or(|due| next < due));
            *due = next;
            if is_earlier {
                self.earlier.notify_one();
            }
        }
        outcome
    }

    /// A party, which has a bell.
    pub(crate) fn join(&self, dialect: Dialect, address: IpAddr) -> (PartyId, Arc<Bell>) {
        let bell = Arc::<Bell>::default();
        let counts = self.limits.counts_loopback();
        let account = Some(nws_listen::network(address)).filter(|account| counts || !account.is_loopback());
        let now = self.time(Instant::now());
        let mut state = self.state();
        let id = state.core.join(now, dialect, address, account);
        state.bells.insert(id, Arc::clone(&bell));
        drop(state);
        Counters::add(match dialect {
            Dialect::First => &self.counters.joined_first,
            Dialect::Own => &self.counters.joined_own,
        });
        (id, bell)
    }

    pub(crate) fn leave(&self, id: PartyId) {
        self.with(|core, now| core.leave(now, id));
        self.state().bells.remove(&id);
    }

    /// Rings when something is due, for ever.
    pub(crate) async fn keep_time(&self) {
        loop {
            let due = self.state().due.map(|due| self.instant(due));
            let ringing = async {
                match due {
                    Some(due) => sleep_until(due).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = self.earlier.notified() => {}
                () = ringing => self.with(|core, now| core.tick(now)),
            }
        }
    }

    pub(crate) fn figures(&self) -> Figures {
        let state = self.state();
        let (parties, servers, channels) = state.core.sizes();
        let (queued, kept) = state.core.held_bytes();
        drop(state);
        let [parties, servers, channels, queued, kept] =
            [parties, servers, channels, queued, kept].map(|size| size as u64);
        self.counters.figures(parties, servers, channels, queued, kept)
    }

    /// Whether one more party may come.
    pub(crate) fn has_room(&self) -> bool {
        self.state().core.party_count() < self.limits.parties
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What credentials and ids are made of: from the system, in secret.
pub(crate) fn random() -> [u8; 16] {
    let mut bits = [0; 16];
    OsRng.fill_bytes(&mut bits);
    bits
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::Heard;
    use nws_protocol::relay::Asked;

    /// A time of nothing would be over again at once, and where nothing may wait, nobody would be heard: for ever, either.
    #[tokio::test]
    async fn limits_of_nothing_are_as_little_as_can_be() {
        let nothing = Duration::ZERO;
        let limits = Limits { stall: nothing, ping: nothing, idle: nothing, queued_bytes: 0, ..Limits::DEFAULT };
        let shared = Shared::new(limits, None, "|".to_owned());
        assert!(!shared.limits.ping.is_zero() && !shared.limits.idle.is_zero());
        let (party, _) = shared.join(Dialect::Own, IpAddr::from([192, 0, 2, 1]));
        let text = r#"{"type":"ping","id":1}"#;
        let ping = || shared.with(|core, now| core.ask_own(now, party, &text.into(), &Asked::parse(text), random));
        assert_eq!(ping(), Heard::Done);
        while ping() == Heard::Done {}
        // Somebody waits now, so it is looked at who hoards, again and again, but not without a pause.
        shared.with(|core, now| {
            core.tick(now + Duration::from_secs(1));
            assert!(core.next_tick() > Some(now + Duration::from_secs(1)));
        });
    }

    /// Section 10: an IPv6 /64 has the servers of one address, loopback any number of them.
    #[tokio::test]
    async fn servers_are_counted_by_network() {
        let limits = Limits { servers_per_address: 1, ..Limits::DEFAULT };
        let shared = Shared::new(limits, None, "|".to_owned());
        let text = r#"{"type":"register","id":1}"#;
        let registers = |address: IpAddr| {
            let before = shared.figures().servers;
            let (party, _) = shared.join(Dialect::Own, address);
            let heard = shared.with(|core, now| core.ask_own(now, party, &text.into(), &Asked::parse(text), random));
            assert_eq!(heard, Heard::Done);
            shared.figures().servers == before + 1
        };
        for (address, has_room) in [
            ([0x2001, 0xdb8, 0, 0, 0, 0, 0, 1], true),
            ([0x2001, 0xdb8, 0, 0, 0xffff, 0, 0, 2], false),
            ([0x2001, 0xdb8, 0, 1, 0, 0, 0, 1], true),
            // 192.0.2.1, as a socket for both kinds writes it.
            ([0, 0, 0, 0, 0, 0xffff, 0xc000, 0x0201], true),
            ([0, 0, 0, 0, 0, 0, 0, 1], true),
            ([0, 0, 0, 0, 0, 0, 0, 1], true),
        ] {
            assert_eq!(registers(IpAddr::from(address)), has_room, "{address:x?}");
        }
        assert!(!registers(IpAddr::from([192, 0, 2, 1])));
    }
}
