//! How a program starts, watches and stops the mesh.

use crate::{
    actor::{Actor, Request},
    budget::Budgets,
    config::MeshConfig,
    life::Shared,
    peer::FixedPeer,
    status::{MeshFigures, MeshStatus},
};
use nws_discovery::{Discovery, Health};
use nws_hub::Channels;
use nws_transports::{Listening, Transport};
use std::{sync::Arc, time::Duration};
use tokio::{
    sync::{Notify, mpsc, oneshot, watch},
    time::{Instant, timeout_at},
};
use tokio_util::task::AbortOnDropHandle;

/// Questions to the mesh that wait for their turn.
const REQUESTS: usize = 16;

/// Links that wait for the mesh's word.
const MEETINGS: usize = 64;

/// A transport to dial with, and to be dialled by.
#[derive(Debug, Clone)]
pub struct Port {
    /// Dials.
    pub transport: Arc<dyn Transport>,
    /// Accepts; `None` when this proxy only dials.
    pub listener: Option<Arc<dyn Listening>>,
}

/// Links to other proxies, kept up by a task.
#[derive(Debug)]
pub struct Mesh;

impl Mesh {
    /// Starts it: accepts and dials links from now on. Needs a tokio runtime.
    #[must_use]
    pub fn start(
        config: MeshConfig,
        channels: Arc<Channels>,
        ports: Vec<Port>,
        discovery: Box<dyn Discovery>,
        peers: Vec<FixedPeer>,
    ) -> MeshHandle {
        let (requests, to_answer) = mpsc::channel(REQUESTS);
        let (meetings, to_judge) = mpsc::channel(MEETINGS);
        let (health, discovery_health) = watch::channel(None);
        let (to_figures, figures) = watch::channel(MeshFigures::default());
        let budgets = Arc::new(Budgets::new(&config));
        let (transports, listeners) =
            ports.into_iter().map(|port| (port.transport, port.listener)).unzip::<_, _, Vec<_>, Vec<_>>();
        let shared = Arc::new(Shared {
            config: Arc::new(config),
            channels,
            transports,
            budgets,
            meetings,
            bell: Arc::new(Notify::new()),
        });
        let listeners = listeners.into_iter().flatten().collect();
        let actor = Actor::new(shared, peers, health, to_figures);
        let task = AbortOnDropHandle::new(tokio::spawn(actor.run(listeners, discovery, to_judge, to_answer)));
        MeshHandle { requests, discovery_health, figures, _task: task }
    }
}

/// A running mesh. Dropping it cuts all links without a goodbye.
#[derive(Debug)]
pub struct MeshHandle {
    requests: mpsc::Sender<Request>,
    discovery_health: watch::Receiver<Option<Health>>,
    figures: watch::Receiver<MeshFigures>,
    _task: AbortOnDropHandle<()>,
}

impl MeshHandle {
    /// The links as they are now; none after [`shutdown`](Self::shutdown).
    pub async fn status(&self) -> MeshStatus {
        let (answer, status) = oneshot::channel();
        if self.requests.send(Request::Status(answer)).await.is_err() {
            return MeshStatus::default();
        }
        status.await.unwrap_or_default()
    }

    /// How discovery stands, as far as it has said, and whenever that changes.
    #[must_use]
    pub fn discovery_health(&self) -> watch::Receiver<Option<Health>> {
        self.discovery_health.clone()
    }

    /// How many links there are and what they share, and whenever that changes. Changes in one breath are one.
    #[must_use]
    pub fn figures(&self) -> watch::Receiver<MeshFigures> {
        self.figures.clone()
    }

    /// Accepts and dials no more, says goodbye on every link and to discovery, and cuts what is left after `deadline`.
    pub async fn shutdown(&self, deadline: Duration) {
        let by = Instant::now() + deadline;
        let (done, stopped) = oneshot::channel();
        let asked = async {
            if self.requests.send(Request::Shutdown { by, done }).await.is_ok() {
                let _ = stopped.await;
            }
        };
        let _ = timeout_at(by, asked).await;
    }
}
