//! A running mDNS daemon of `mdns-sd` and our subscriptions to it. Translates; decides nothing but how to ask again.
//!
//! Known of `mdns-sd` 0.21: the daemon joins the multicast groups of every interface that is up before it reads its first command; a
//! browse channel that is full is closed without a word; commands are refused with `Again` when 100 are waiting, and none is read while
//! there are packets to read.

use super::{
    MdnsConfig,
    interfaces::Interfaces,
    kept::{Kept, LOOK_EVERY},
};
use crate::{
    DiscoveredTransport,
    record::{announcement, full_name, service_type},
};
use mdns_sd::{DaemonEvent, Error, IfKind, Metrics, Receiver, ServiceDaemon, ServiceEvent};
use nws_protocol::InstanceId;
use std::{fmt, future::pending, time::Duration};
use tokio::time::{Instant, sleep, timeout};

/// How often the daemon looks for interfaces and addresses that came or went, in seconds. An interface that comes back is announced on
/// within this time; looking takes some 50 µs.
const INTERFACE_CHECK_SECONDS: u32 = 2;

/// How long a verified service has to answer. It is asked at once and after 1 s, and a responder may stay silent for 1 s after it
/// last spoke (RFC 6762 section 6), so less would lose services that are there.
const VERIFY_WITHIN: Duration = Duration::from_secs(2);

/// A browse whose channel was closed is begun anew at most this often.
const BROWSE_AGAIN_AFTER: Duration = Duration::from_secs(1);

/// When the daemon's queue was full, it is tried again after this long.
pub(super) const COMMAND_AGAIN_AFTER: Duration = Duration::from_millis(50);

/// The daemon repeats a goodbye after 120 ms, for those who missed the first.
const GOODBYE_REPEATED_AFTER: Duration = Duration::from_millis(150);

/// Longest wait for each answer of the daemon while it is shut down.
pub(crate) const SHUTDOWN_PATIENCE: Duration = Duration::from_millis(400);

struct Browse {
    kind: DiscoveredTransport,
    events: Option<Receiver<ServiceEvent>>,
    /// Not begun anew before.
    again_at: Instant,
}

/// A daemon that announces us and browses for others.
pub(crate) struct Daemon {
    daemon: ServiceDaemon,
    monitor: Receiver<DaemonEvent>,
    browses: [Browse; 2],
    announced: Vec<String>,
    /// How much it keeps, when it was asked and has not answered yet.
    kept: Option<Receiver<Metrics>>,
    /// When to ask that next.
    look_at: Instant,
}

/// What the daemon has to say.
#[derive(Debug)]
pub(crate) enum Heard {
    Service(DiscoveredTransport, ServiceEvent),
    Daemon(DaemonEvent),
    Kept(Kept),
}

impl Daemon {
    /// Joins the multicast groups and announces. Browsing begins with [`browse`](Self::browse).
    pub(crate) fn start(config: &MdnsConfig, now: Instant) -> Result<Self, Error> {
        let daemon = ServiceDaemon::new()?;
        // From here on the daemon's thread ends when this is dropped.
        let monitor = match daemon.monitor() {
            Ok(monitor) => monitor,
            Err(error) => {
                let _ = daemon.shutdown();
                return Err(error);
            }
        };
        let browse = |kind| Browse { kind, events: None, again_at: now };
        let mut this = Self {
            daemon,
            monitor,
            browses: DiscoveredTransport::ALL.map(browse),
            announced: Vec::new(),
            kept: None,
            look_at: now + LOOK_EVERY,
        };
        this.daemon.set_ip_check_interval(INTERFACE_CHECK_SECONDS)?;
        if !config.interfaces.is_empty() {
            for name in Interfaces::now().absent(&config.interfaces) {
                tracing::warn!("mDNS is to use the interface {name}, which is not up now");
            }
            this.daemon.disable_interface(IfKind::All)?;
            this.daemon.enable_interface(config.interfaces.iter().map(IfKind::from).collect::<Vec<_>>())?;
        }
        for (kind, port) in &config.announce {
            this.daemon.register(announcement(config.instance, *kind, *port)?)?;
            this.announced.push(full_name(config.instance, *kind));
        }
        Ok(this)
    }

    /// Begins each browse that is not running and may be begun, and tells which. An error means that the daemon is dead.
    pub(crate) fn browse(&mut self, now: Instant) -> Result<Vec<DiscoveredTransport>, Error> {
        let mut begun = Vec::new();
        for browse in self.browses.iter_mut().filter(|browse| browse.events.is_none() && browse.again_at <= now) {
            match self.daemon.browse(service_type(browse.kind)) {
                Ok(events) => {
                    browse.events = Some(events);
                    browse.again_at = now + BROWSE_AGAIN_AFTER;
                    begun.push(browse.kind);
                }
                Err(Error::Again) => browse.again_at = now + COMMAND_AGAIN_AFTER,
                Err(error) => return Err(error),
            }
        }
        Ok(begun)
    }

    /// Forgets all records, so that the next browse asks everybody to answer. `false`: the daemon is busy, try again.
    pub(crate) fn forget(&mut self, now: Instant) -> bool {
        self.browses.iter_mut().all(|browse| {
            let stopped = self.daemon.stop_browse(service_type(browse.kind)).is_ok();
            if stopped {
                browse.events = None;
                browse.again_at = now;
            }
            stopped
        })
    }

    /// Asks a service whether it is there. `false`: the daemon is busy, try again.
    pub(crate) fn verify(&self, instance: InstanceId, kind: DiscoveredTransport) -> bool {
        !matches!(self.daemon.verify(full_name(instance, kind), VERIFY_WITHIN), Err(Error::Again))
    }

    /// Asks from time to time how much it keeps; [`hear`](Self::hear) has the answer.
    pub(crate) fn look(&mut self, now: Instant) {
        if self.kept.is_none() && self.look_at <= now {
            self.look_at = now + LOOK_EVERY;
            // A busy daemon is asked again next time, and a dead one is noticed elsewhere.
            self.kept = self.daemon.get_metrics().ok();
        }
    }

    /// The daemon itself, for questions about hosts.
    pub(crate) const fn handle(&self) -> &ServiceDaemon {
        &self.daemon
    }

    /// When [`browse`](Self::browse) or [`look`](Self::look) has something to do.
    pub(crate) fn next_timeout(&self) -> Option<Instant> {
        let browses = self.browses.iter().filter(|browse| browse.events.is_none()).map(|browse| browse.again_at);
        browses.chain(self.kept.is_none().then_some(self.look_at)).min()
    }

    /// What was said already and not heard yet.
    pub(crate) fn try_hear(&mut self) -> Option<Heard> {
        self.browses.iter_mut().find_map(|browse| {
            let event = browse.events.as_ref()?.try_recv().ok()?;
            Some(Heard::Service(browse.kind, event))
        })
    }

    /// What is said next. Cancel safe. Also returns, with nothing, when a browse has ended by itself.
    pub(crate) async fn hear(&mut self) -> Option<Heard> {
        let [quic, tcp] = &mut self.browses;
        tokio::select! {
            event = quic.next() => Some(Heard::Service(quic.kind, event?)),
            event = tcp.next() => Some(Heard::Service(tcp.kind, event?)),
            kept = kept(&mut self.kept) => Some(Heard::Kept(kept?)),
            event = self.monitor.recv_async() => match event {
                Ok(event) => Some(Heard::Daemon(event)),
                // The daemon is dead; the next browse tells why.
                Err(_) => {
                    sleep(COMMAND_AGAIN_AFTER).await;
                    None
                }
            },
        }
    }

    /// Says goodbye and ends the daemon.
    pub(crate) async fn shutdown(self) {
        let mut said = Vec::new();
        for name in &self.announced {
            said.extend(self.insist(|daemon| daemon.unregister(name)).await);
        }
        let all = async {
            for said in &said {
                let _ = said.recv_async().await;
            }
        };
        if !said.is_empty() && timeout(SHUTDOWN_PATIENCE, all).await.is_ok() {
            sleep(GOODBYE_REPEATED_AFTER).await;
        }
        if let Some(ended) = self.insist(ServiceDaemon::shutdown).await {
            let _ = timeout(SHUTDOWN_PATIENCE, ended.recv_async()).await;
        }
    }

    async fn insist<T>(&self, command: impl Fn(&ServiceDaemon) -> Result<T, Error>) -> Option<T> {
        for _ in 0..3 {
            match command(&self.daemon) {
                Ok(done) => return Some(done),
                Err(Error::Again) => sleep(COMMAND_AGAIN_AFTER).await,
                Err(_) => return None,
            }
        }
        None
    }
}

/// How much it keeps, once it has said so; `None` when it won't.
async fn kept(asked: &mut Option<Receiver<Metrics>>) -> Option<Kept> {
    let Some(answer) = asked else { return pending().await };
    let metrics = answer.recv_async().await;
    *asked = None;
    metrics.ok().map(|metrics| Kept::of(&metrics))
}

impl Browse {
    /// The next event; `None` once when the channel was closed.
    async fn next(&mut self) -> Option<ServiceEvent> {
        let Some(events) = &self.events else { return pending().await };
        match events.recv_async().await {
            Ok(event) => Some(event),
            Err(_) => {
                self.events = None;
                None
            }
        }
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // Otherwise its thread would go on for ever. Refused if it was ended already.
        let _ = self.daemon.shutdown();
    }
}

impl fmt::Debug for Daemon {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Daemon").field("announced", &self.announced).finish_non_exhaustive()
    }
}
