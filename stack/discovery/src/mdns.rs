//! Discovery by multicast DNS: announces this proxy and tells of others on the same network.

mod daemon;
mod ending;
mod interfaces;
mod kept;

use crate::{
    DiscoveredTransport, Discovery, DiscoveryEvent, Health,
    address::dialable,
    directory::{Directory, MAX_INSTANCES, Taken},
    missing::Missing,
    record::{addresses, heard_on, instance_named, is_our_version},
    visibility::Visibility,
};
use async_trait::async_trait;
use daemon::{Daemon, Heard, SHUTDOWN_PATIENCE};
use ending::Ending;
use interfaces::Interfaces;
use kept::Kept;
use mdns_sd::{DaemonEvent, ResolvedService, ServiceEvent};
use nws_protocol::InstanceId;
use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::{Mutex, PoisonError},
    time::Duration,
};
use tokio::time::{Instant, sleep_until, timeout};

/// Our own announcement should be seen this soon. Measured in network namespaces: under 0.1 s.
pub const DEFAULT_VISIBLE_WITHIN: Duration = Duration::from_secs(3);

/// After a new browse, instances that were known before have this long to be seen again. Questions go out after some 30 ms, 1 s,
/// 3 s and 7 s.
const SEEN_AGAIN_WITHIN: Duration = Duration::from_secs(10);

/// A loss this soon after a verification is one without goodbye.
const VERIFICATION_TELLS_WITHIN: Duration = Duration::from_secs(10);

/// When an instance that was missing answers, the others of its part of the network get this long to come back too ...
const HEAL_SETTLES: Duration = Duration::from_millis(250);

/// ... and everybody is asked to answer at most this often.
const HEAL_AT_MOST_EVERY: Duration = Duration::from_secs(10);

/// When the daemon was busy, what is left to ask is asked after this long.
const ASK_AGAIN_AFTER: Duration = Duration::from_millis(50);

/// Most records looked at before news is told.
const HEAR_AT_ONCE: usize = 256;

/// A daemon that failed is started again after 1 s, then after twice as long each time, up to this.
const MAX_RESTART_AFTER: Duration = Duration::from_secs(60);

/// What to announce, and where.
#[derive(Debug, Clone)]
pub struct MdnsConfig {
    /// This run of the proxy.
    pub instance: InstanceId,
    /// The transports on which links are accepted, with their ports. May be empty.
    pub announce: Vec<(DiscoveredTransport, u16)>,
    /// The interfaces to use, by name; none means all. They may come later.
    pub interfaces: Vec<String>,
    /// See [`DEFAULT_VISIBLE_WITHIN`].
    pub visible_within: Duration,
}

impl MdnsConfig {
    /// Announces these transports on all interfaces.
    #[must_use]
    pub const fn new(instance: InstanceId, announce: Vec<(DiscoveredTransport, u16)>) -> Self {
        Self { instance, announce, interfaces: Vec::new(), visible_within: DEFAULT_VISIBLE_WITHIN }
    }
}

/// Discovery by multicast DNS.
///
/// The first call of [`next`](Discovery::next) joins the multicast groups: **on all interfaces for a moment**, even if
/// [`MdnsConfig::interfaces`] names some, for so does the library; nothing is announced or asked on the others.
#[derive(Debug)]
pub struct Mdns {
    config: MdnsConfig,
    daemon: Option<Daemon>,
    /// The daemon before, which kept too much.
    ending: Option<Ending>,
    /// When to start the daemon, if it isn't running.
    start_at: Instant,
    restart_after: Duration,
    directory: Directory,
    full: bool,
    visibility: Visibility,
    /// On which interfaces our own services were heard.
    own: BTreeMap<DiscoveredTransport, Vec<u32>>,
    health: VecDeque<Health>,
    /// Shared only because `verify` takes `&self`; never held for long, and bounded by the directory.
    to_verify: Mutex<BTreeSet<InstanceId>>,
    ask_at: Option<Instant>,
    verified: BTreeMap<InstanceId, Instant>,
    missing: Missing,
    heal_at: Option<Instant>,
    healed_at: Option<Instant>,
    over: bool,
}

impl Mdns {
    /// Opens no socket yet.
    #[must_use]
    pub fn new(config: MdnsConfig) -> Self {
        let now = Instant::now();
        Self {
            daemon: None,
            ending: None,
            start_at: now,
            restart_after: Duration::from_secs(1),
            directory: Directory::default(),
            full: false,
            visibility: Visibility::new(config.visible_within, now),
            own: BTreeMap::new(),
            health: VecDeque::new(),
            to_verify: Mutex::default(),
            ask_at: None,
            verified: BTreeMap::new(),
            missing: Missing::default(),
            heal_at: None,
            healed_at: None,
            over: false,
            config,
        }
    }

    fn start(&mut self, now: Instant) {
        self.health.push_back(Health::Starting);
        self.visibility = Visibility::new(self.config.visible_within, now);
        self.own.clear();
        self.missing = Missing::default();
        match Daemon::start(&self.config, now) {
            Ok(daemon) => self.daemon = Some(daemon),
            Err(error) => self.failed(&error, now),
        }
    }

    fn failed(&mut self, error: &mdns_sd::Error, now: Instant) {
        tracing::warn!(%error, again_in = ?self.restart_after, "mDNS failed");
        self.daemon = None;
        self.start_at = now + self.restart_after;
        self.restart_after = (self.restart_after * 2).min(MAX_RESTART_AFTER);
        self.health.push_back(Health::Failed(error.to_string()));
    }

    /// Somebody fills the daemon's memory. What is known here stays, and is asked for anew by the next daemon.
    fn overfull(&mut self, kept: Kept) {
        tracing::warn!(
            records = kept.records,
            timers = kept.timers,
            "mDNS is flooded with records that nobody asked for; it forgets all and begins anew"
        );
        self.ending = self.daemon.take().map(Ending::new);
    }

    /// Does what is due and can be done at once.
    fn work(&mut self, now: Instant) {
        if self.daemon.is_none() && self.ending.is_none() && self.start_at <= now {
            self.start(now);
        }
        if let Some(daemon) = &mut self.daemon {
            daemon.look(now);
        }
        self.heal(now);
        let begun = self.daemon.as_mut().map_or(Ok(Vec::new()), |daemon| daemon.browse(now));
        match begun {
            Ok(begun) => begun.into_iter().for_each(|kind| self.directory.sweep(kind, now + SEEN_AGAIN_WITHIN)),
            Err(error) => self.failed(&error, now),
        }
        self.ask(now);
        // Both services of an instance usually come together and so make one piece of news.
        for _ in 0..HEAR_AT_ONCE {
            let Some(heard) = self.daemon.as_mut().and_then(Daemon::try_hear) else { break };
            self.take(heard, now);
        }
    }

    /// Asks for those who are missing, and those who are to be verified.
    fn ask(&mut self, now: Instant) {
        let Some(daemon) = &self.daemon else { return };
        self.missing.ask(daemon.handle(), now);
        if self.ask_at.is_some_and(|at| at > now) {
            return;
        }
        self.ask_at = None;
        self.verified.retain(|_, asked| now < *asked + VERIFICATION_TELLS_WITHIN);
        let mut waiting = self.to_verify.lock().unwrap_or_else(PoisonError::into_inner);
        while let Some(instance) = waiting.first().copied() {
            for kind in self.directory.services(instance) {
                self.verified.insert(instance, now);
                if !daemon.verify(instance, kind) {
                    self.ask_at = Some(now + ASK_AGAIN_AFTER);
                    return;
                }
            }
            waiting.remove(&instance);
        }
    }

    /// Asks everybody anew after a missing instance has answered.
    fn heal(&mut self, now: Instant) {
        let Some(daemon) = &mut self.daemon else { return };
        if self.heal_at.is_some_and(|at| at <= now) {
            if daemon.forget(now) {
                self.heal_at = None;
                self.healed_at = Some(now);
            } else {
                self.heal_at = Some(now + ASK_AGAIN_AFTER);
            }
        }
    }

    fn answered(&mut self, instance: InstanceId, now: Instant) {
        tracing::debug!(%instance, "a lost instance answers again");
        self.missing.end(instance);
        let earliest = self.healed_at.map_or(now, |healed| healed + HEAL_AT_MOST_EVERY);
        self.heal_at.get_or_insert(earliest.max(now + HEAL_SETTLES));
    }

    fn take(&mut self, heard: Heard, now: Instant) {
        match heard {
            Heard::Service(kind, ServiceEvent::ServiceResolved(record)) => self.resolved(kind, &record, now),
            Heard::Service(kind, ServiceEvent::ServiceRemoved(_, name)) => match instance_named(&name, kind) {
                Some(instance) if instance == self.config.instance => self.own_heard(kind, Vec::new(), now),
                Some(instance) => {
                    self.directory.withdrawn(instance, kind, now);
                    self.full = false;
                }
                None => {}
            },
            Heard::Service(..) => {}
            Heard::Daemon(DaemonEvent::IpAdd(_) | DaemonEvent::IpDel(_)) => {
                for (kind, on) in std::mem::take(&mut self.own) {
                    self.own_heard(kind, on, now);
                }
            }
            Heard::Daemon(DaemonEvent::Error(error)) => {
                tracing::warn!(%error, "mDNS reports an error");
                self.health.push_back(Health::Failed(error.to_string()));
            }
            Heard::Kept(kept) if kept.is_too_much() => self.overfull(kept),
            Heard::Daemon(_) | Heard::Kept(_) => {}
        }
    }

    fn resolved(&mut self, kind: DiscoveredTransport, record: &ResolvedService, now: Instant) {
        let Some(instance) = instance_named(&record.fullname, kind) else {
            tracing::debug!(name = record.fullname, "not the name of an instance");
            return;
        };
        if instance == self.config.instance {
            self.own_heard(kind, heard_on(record), now);
            return;
        }
        let addresses = if is_our_version(record) {
            let interfaces = Interfaces::now();
            dialable(addresses(record, |index| interfaces.is_loopback(index)), record.port)
        } else {
            tracing::debug!(%instance, "announces another version");
            Vec::new()
        };
        let taken = self.directory.seen(instance, kind, addresses, now);
        if taken == Taken::Full && !std::mem::replace(&mut self.full, true) {
            tracing::warn!("{MAX_INSTANCES} proxies are known; further ones are not taken in until one goes");
        }
    }

    /// Our own service was heard on these interfaces. That we hear ourselves on the loopback interface says nothing about a
    /// network, if there is one.
    fn own_heard(&mut self, kind: DiscoveredTransport, on: Vec<u32>, now: Instant) {
        let interfaces = Interfaces::now();
        let on_network = on.iter().any(|index| !interfaces.is_loopback(*index));
        let seen = on_network || (!on.is_empty() && !interfaces.has_network(&self.config.interfaces));
        self.visibility.set(kind, seen, now);
        self.own.insert(kind, on);
    }

    fn news(&mut self, now: Instant) -> Option<DiscoveryEvent> {
        if let Some(health) = self.health.pop_front() {
            return Some(DiscoveryEvent::Health(health));
        }
        if let Some(event) = self.directory.poll(now) {
            self.follow(&event, now);
            return Some(event);
        }
        if self.daemon.is_none() || self.config.announce.is_empty() {
            return None;
        }
        let health = self.visibility.poll(now)?;
        if health == Health::Visible {
            self.restart_after = Duration::from_secs(1);
        }
        Some(DiscoveryEvent::Health(health))
    }

    fn follow(&mut self, event: &DiscoveryEvent, now: Instant) {
        match event {
            DiscoveryEvent::Found { instance, .. } => self.missing.end(*instance),
            DiscoveryEvent::Lost { instance } if self.verified.remove(instance).is_some() => {
                self.missing.begin(*instance, now);
            }
            DiscoveryEvent::Lost { .. } | DiscoveryEvent::Health(_) => {}
        }
    }

    fn next_timeout(&self) -> Option<Instant> {
        let Some(daemon) = &self.daemon else {
            let start = self.ending.is_none().then_some(self.start_at);
            return start.into_iter().chain(self.directory.next_timeout()).min();
        };
        let visibility = if self.config.announce.is_empty() { None } else { self.visibility.next_timeout() };
        [
            self.directory.next_timeout(),
            visibility,
            daemon.next_timeout(),
            self.ask_at,
            self.heal_at,
            self.missing.next_timeout(),
        ]
        .into_iter()
        .flatten()
        .min()
    }
}

#[async_trait]
impl Discovery for Mdns {
    async fn next(&mut self) -> Option<DiscoveryEvent> {
        while !self.over {
            let now = Instant::now();
            self.work(now);
            if let Some(event) = self.news(now) {
                return Some(event);
            }
            let wake = self.next_timeout();
            let heard = async {
                match (&mut self.daemon, &mut self.ending) {
                    (Some(daemon), _) => daemon.hear().await,
                    (None, Some(ending)) => {
                        ending.ended().await;
                        None
                    }
                    (None, None) => std::future::pending().await,
                }
            };
            tokio::select! {
                heard = heard => match heard {
                    Some(heard) => self.take(heard, Instant::now()),
                    None => self.ending = None,
                },
                instance = self.missing.answered() => self.answered(instance, Instant::now()),
                () = sleep_until(wake.unwrap_or(now)), if wake.is_some() => {}
            }
        }
        None
    }

    async fn shutdown(&mut self) {
        self.over = true;
        if let Some(daemon) = self.daemon.take() {
            daemon.shutdown().await;
        }
        if let Some(mut ending) = self.ending.take() {
            let _ = timeout(SHUTDOWN_PATIENCE, ending.ended()).await;
        }
    }

    fn verify(&self, instance: InstanceId) {
        let mut waiting = self.to_verify.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.len() < MAX_INSTANCES {
            waiting.insert(instance);
        }
    }
}
