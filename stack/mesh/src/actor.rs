//! The mesh itself: one task that owns the table of links and the rules about them, and does what they say.
//!
//! Here is what comes in and what is done about it; what becomes of a link that has said Hello is in `arrivals`, of one that
//! has ended in `departures`.

mod arrivals;
mod departures;

use crate::{
    activity::Activity,
    config::MeshConfig,
    dial::Place,
    in_common::InCommon,
    life::{self, Meeting, Obituary, Origin, Shared, Strings},
    peer::FixedPeer,
    status::{LinkStatus, MeshFigures, MeshStatus},
};
use nws_discovery::{Candidate, DiscoveredTransport, Discovery, DiscoveryEvent, Health};
use nws_hub::{LaneIn, LinkId};
use nws_membership::neighbours::{self, Action, DialId, FixedId, Neighbours};
use nws_protocol::{InstanceId, LinkCode};
use nws_transports::{BoxLink, Listening, TransportKind};
use std::{
    collections::{BTreeMap, BTreeSet, HashMap, VecDeque},
    net::SocketAddr,
    sync::Arc,
    time::Duration,
};
use tokio::{
    sync::{Notify, mpsc, oneshot, watch},
    task::{self, JoinSet},
    time::{Instant, sleep_until, timeout_at},
};
use tokio_util::sync::CancellationToken;

/// Of the links in handshake or put out, one address may have one in so many.
const HANDSHAKE_SHARE: usize = 4;

/// What others ask of the mesh.
#[derive(Debug)]
pub(crate) enum Request {
    Status(oneshot::Sender<MeshStatus>),
    Shutdown { by: Instant, done: oneshot::Sender<()> },
}

struct Entry {
    stage: Stage,
    orders: watch::Sender<Option<LinkCode>>,
    draining: CancellationToken,
    admitted: CancellationToken,
    probe: Arc<Notify>,
}

enum Stage {
    Dialling(DialId, Place),
    Greeting(BoxLink),
    /// Dialled by whoever dialled the link in use, which is being probed.
    Waiting(Meeting),
    /// The rules said no; it is being told so.
    Refused,
    Up(Up),
}

struct Up {
    peer: InstanceId,
    link: BoxLink,
    since: Instant,
    in_common: Arc<InCommon>,
    activity: Arc<Activity>,
    /// It made way for another link, and is being told so.
    put_out: bool,
}

/// Lanes whose peers stay until their successors have begun, or until it is too late for that.
struct Kept {
    peer: InstanceId,
    until: Instant,
    #[expect(dead_code, reason = "held, and dropped in time")]
    lanes: Vec<LaneIn>,
}

pub(crate) struct Actor {
    shared: Arc<Shared>,
    config: Arc<MeshConfig>,
    neighbours: Neighbours<Place>,
    fixed: BTreeMap<FixedId, FixedPeer>,
    /// The last complaint about each fixed peer, so that it is not repeated.
    complaints: BTreeMap<FixedPeer, String>,
    start: Instant,
    links: BTreeMap<LinkId, Entry>,
    /// Channels that a link must match to prove itself, and the link in use that has them.
    trials: BTreeMap<LinkId, (LinkId, BTreeSet<u64>)>,
    /// Each answers with the link in use, and whether it is of use. At most one for each such link.
    probes: JoinSet<(LinkId, bool)>,
    lives: JoinSet<Obituary>,
    by_task: HashMap<task::Id, LinkId>,
    next_link: u64,
    kept: VecDeque<Kept>,
    health: watch::Sender<Option<Health>>,
    figures: watch::Sender<MeshFigures>,
}

impl Actor {
    pub(crate) fn new(
        shared: Arc<Shared>,
        peers: Vec<FixedPeer>,
        health: watch::Sender<Option<Health>>,
        figures: watch::Sender<MeshFigures>,
    ) -> Self {
        let config = Arc::clone(&shared.config);
        let rules = neighbours::Config { max_links: config.max_links, ..neighbours::Config::default() };
        let mut actor = Self {
            neighbours: Neighbours::new(config.instance, rules),
            shared,
            config,
            fixed: BTreeMap::new(),
            complaints: BTreeMap::new(),
            start: Instant::now(),
            links: BTreeMap::new(),
            trials: BTreeMap::new(),
            probes: JoinSet::new(),
            lives: JoinSet::new(),
            by_task: HashMap::new(),
            next_link: 0,
            kept: VecDeque::new(),
            health,
            figures,
        };
        for peer in peers {
            match actor.neighbours.add_fixed(vec![Place::Named(peer.clone())], Duration::ZERO) {
                Ok(id) => {
                    actor.fixed.insert(id, peer);
                }
                Err(error) => tracing::warn!(%peer, "not dialled: {error}"),
            }
        }
        actor.act();
        actor
    }

    pub(crate) async fn run(
        mut self,
        listeners: Vec<Arc<dyn Listening>>,
        mut discovery: Box<dyn Discovery>,
        mut meetings: mpsc::Receiver<Meeting>,
        mut requests: mpsc::Receiver<Request>,
    ) {
        let (to_accept, mut accepted) = mpsc::channel(self.config.max_handshakes.max(1));
        let mut doormen = JoinSet::new();
        for listener in listeners.iter().cloned() {
            doormen.spawn(accept(listener, to_accept.clone()));
        }
        drop(to_accept);
        let mut discovering = true;
        let bell = Arc::clone(&self.shared.bell);
        let (by, done) = loop {
            self.tell_figures();
            let wake = self.next_timeout();
            tokio::select! {
                biased;
                request = requests.recv() => match request {
                    Some(Request::Status(answer)) => { let _ = answer.send(self.status()); }
                    Some(Request::Shutdown { by, done }) => break (by, Some(done)),
                    // Nobody holds the mesh any more.
                    None => break (Instant::now(), None),
                },
                Some(ended) = self.lives.join_next_with_id() => {
                    if let Some(lost) = self.bury(ended) {
                        discovery.verify(lost);
                    }
                }
                Some(probed) = self.probes.join_next() => if let Ok((link, of_use)) = probed {
                    self.probed(link, of_use);
                },
                () = bell.notified() => self.judge_trials(),
                Some(meeting) = meetings.recv() => self.meet(meeting),
                Some(link) = accepted.recv() => self.accepted(link),
                event = discovery.next(), if discovering => match event {
                    Some(event) => self.sighted(event),
                    None => discovering = false,
                },
                () = sleep_until(wake) => self.timeout(),
            }
        };
        for listener in &listeners {
            listener.close();
        }
        doormen.shutdown().await;
        // Whoever still asks to stay is told no.
        drop(meetings);
        self.probes.shutdown().await;
        let withdrawn = timeout_at(by, discovery.shutdown());
        let _ = tokio::join!(withdrawn, self.leave(by));
        self.tell_figures();
        if let Some(done) = done {
            let _ = done.send(());
        }
    }

    /// Says goodbye to everyone; whoever has not let go in time is let go of.
    async fn leave(&mut self, by: Instant) {
        for entry in self.links.values() {
            entry.orders.send_replace(Some(LinkCode::GoingAway));
        }
        let all = async {
            while let Some(ended) = self.lives.join_next_with_id().await {
                self.bury(ended);
            }
        };
        if timeout_at(by, all).await.is_err() {
            tracing::debug!(links = self.lives.len(), "links cut at the deadline");
        }
        self.lives.shutdown().await;
    }

    fn now(&self) -> Duration {
        self.start.elapsed()
    }

    /// Does what the rules say.
    fn act(&mut self) {
        while let Some(action) = self.neighbours.poll() {
            match action {
                Action::Dial { dial, address } => {
                    tracing::debug!(place = ?address, "dialling");
                    self.spawn(Stage::Dialling(dial, address.clone()), Origin::Dial(dial, address));
                }
                Action::Abandon { dial } => {
                    let abandoned = |entry: &&Entry| matches!(entry.stage, Stage::Dialling(id, _) if id == dial);
                    if let Some(entry) = self.links.values().find(abandoned) {
                        entry.orders.send_replace(Some(LinkCode::Duplicate));
                    }
                }
                Action::Close { link, code } => {
                    if let Some(entry) = self.links.get(&LinkId(link.0)) {
                        entry.orders.send_replace(Some(code));
                    }
                }
                Action::Probe { link } => self.probe(LinkId(link.0)),
                Action::Admit { link } => self.admit(LinkId(link.0)),
                Action::Supersede { old, by } => {
                    tracing::debug!(old = old.0, by = by.0, "link gives way");
                    if let Some(entry) = self.links.get(&LinkId(old.0)) {
                        entry.draining.cancel();
                    }
                    self.admit(LinkId(by.0));
                }
                Action::Ourselves { peer } => {
                    if let Some(peer) = self.fixed.get(&peer) {
                        tracing::warn!(%peer, "this peer is this proxy itself; it is not dialled again");
                    }
                }
            }
        }
    }

    fn spawn(&mut self, stage: Stage, origin: Origin) {
        self.next_link += 1;
        let id = LinkId(self.next_link);
        let (orders, ordered) = watch::channel(None);
        let (draining, admitted, probe) = (CancellationToken::new(), CancellationToken::new(), Arc::new(Notify::new()));
        let strings = Strings {
            draining: draining.clone(),
            admitted: admitted.clone(),
            probe: Arc::clone(&probe),
            orders: ordered,
        };
        let handle = self.lives.spawn(life::live(Arc::clone(&self.shared), id, origin, strings));
        self.by_task.insert(handle.id(), id);
        self.links.insert(id, Entry { stage, orders, draining, admitted, probe });
    }

    fn accepted(&mut self, link: BoxLink) {
        let address = link.remote_addr().ip();
        let (mut all, mut same) = (0, 0);
        for entry in self.links.values() {
            let other = match &entry.stage {
                Stage::Greeting(other) => other,
                Stage::Waiting(meeting) => &meeting.link,
                // Or newcomers could come faster than those whose place they take can go.
                Stage::Up(up) if up.put_out => &up.link,
                Stage::Dialling(..) | Stage::Refused | Stage::Up(_) => continue,
            };
            all += 1;
            same += usize::from(other.remote_addr().ip() == address);
        }
        let limit = self.config.max_handshakes;
        if all >= limit || same >= limit.div_ceil(HANDSHAKE_SHARE) {
            tracing::debug!(address = %link.remote_addr(), "too many links in handshake");
            link.close(LinkCode::Limit, "too many links in handshake");
            return;
        }
        self.spawn(Stage::Greeting(Arc::clone(&link)), Origin::Accepted(link));
    }

    fn sighted(&mut self, event: DiscoveryEvent) {
        let now = self.now();
        match event {
            DiscoveryEvent::Found { instance, candidates } => {
                let ways = candidates.into_iter().map(way).collect();
                if !self.neighbours.found(instance, vec![Place::Known(ways)], now) {
                    tracing::warn!("more proxies on the network than this one keeps track of");
                }
            }
            DiscoveryEvent::Lost { instance } => self.neighbours.lost(instance, now),
            DiscoveryEvent::Health(health) => {
                match &health {
                    Health::NotVisible { .. } | Health::Failed(_) => tracing::warn!("discovery: {health}"),
                    health => tracing::info!("discovery: {health}"),
                }
                self.health.send_replace(Some(health));
            }
        }
        self.act();
    }

    fn next_timeout(&self) -> Instant {
        let dial = self.neighbours.next_timeout().map(|at| self.start + at);
        let kept = self.kept.front().map(|kept| kept.until);
        let idle = Instant::now() + Duration::from_secs(3600);
        [dial, kept].into_iter().flatten().min().unwrap_or(idle)
    }

    fn timeout(&mut self) {
        let now = Instant::now();
        while self.kept.front().is_some_and(|kept| now >= kept.until) {
            self.kept.pop_front();
        }
        self.neighbours.timeout(self.now());
        self.act();
    }

    fn tell_figures(&self) {
        let mut figures = MeshFigures::default();
        for entry in self.links.values().filter(|entry| !entry.draining.is_cancelled()) {
            if let Stage::Up(up) = &entry.stage {
                figures.links += 1;
                figures.channels += up.in_common.count();
            }
        }
        self.figures.send_if_modified(|told| std::mem::replace(told, figures) != figures);
    }

    fn status(&self) -> MeshStatus {
        let links = self.links.values().filter_map(|entry| match &entry.stage {
            Stage::Up(up) => Some(LinkStatus {
                instance: up.peer,
                transport: up.link.kind(),
                role: up.link.role(),
                address: up.link.remote_addr(),
                rtt: up.link.rtt(),
                channels: up.in_common.count(),
                up: up.since.elapsed(),
                draining: entry.draining.is_cancelled(),
            }),
            _ => None,
        });
        MeshStatus { links: links.collect(), known: self.neighbours.known() }
    }
}

fn way(candidate: Candidate) -> (TransportKind, SocketAddr) {
    let kind = match candidate.kind {
        DiscoveredTransport::Quic => TransportKind::Quic,
        DiscoveredTransport::Tcp => TransportKind::Tcp,
    };
    (kind, candidate.addr)
}

/// Takes links from one listener until it is closed. A full queue leaves the rest to the transport's own limit.
async fn accept(listener: Arc<dyn Listening>, to: mpsc::Sender<BoxLink>) {
    while let Ok(link) = listener.accept().await {
        if to.send(link).await.is_err() {
            return;
        }
    }
}

#[cfg(test)]
mod tests;
