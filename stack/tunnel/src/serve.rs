//! `serve`: a server at the relay whose ports are local TCP services.

use crate::{
    Relay, Told, TunnelError,
    backoff::Backoff,
    core::{Broken, Effect, End, Serving},
    identity::IdentityFile,
    pumps::Pumps,
    wire::{Incoming, Wire},
};
use rand_core::{OsRng, RngCore};
use std::{collections::BTreeMap, future::Future, path::PathBuf, pin::Pin, time::Duration};
use tokio::time::{Instant, MissedTickBehavior};
use tokio_util::sync::CancellationToken;

/// How long a target has to answer; the relay gives a server 10 s in all.
const TARGET_TIME: Duration = Duration::from_secs(8);

/// How long open connections have when the program is asked to end.
const FAREWELL: Duration = Duration::from_secs(3);

/// How often silence and the grace time are looked at, and a server is asked for that was away.
pub(crate) const TICK: Duration = Duration::from_millis(500);

/// What to serve, and where.
#[derive(Debug, Clone)]
pub struct Serve {
    /// The relay.
    pub relay: Relay,
    /// The targets, `host:port`, by the port at the relay.
    pub ports: BTreeMap<u16, String>,
    /// A file that keeps who this server is, to be the same one when started anew within the relay's grace time.
    pub resume_file: Option<PathBuf>,
}

pub(crate) type Dialling = Pin<Box<dyn Future<Output = Result<Box<Wire>, crate::DialError>> + Send>>;

impl Serve {
    /// Serves until `shutdown`, and tells what happens to the connection to the relay. Connections that are open then have
    /// a few seconds, and are reset if that is not enough.
    ///
    /// # Errors
    /// If the first connection to the relay fails, if the relay refuses, or if another program takes this server's place.
    pub async fn run(self, mut told: impl FnMut(Told), shutdown: CancellationToken) -> Result<(), TunnelError> {
        let (file, identity) = match self.resume_file.clone().map(IdentityFile::open).transpose()? {
            Some((file, identity)) => (Some(file), identity),
            None => (None, None),
        };
        let mut run = Run {
            file,
            core: Serving::new(identity),
            pumps: Pumps::new(),
            backoff: Backoff::new(),
            was_online: false,
            lost_at: None,
            leaving: false,
            serve: self,
        };
        run.run(&mut told, &shutdown).await
    }
}

struct Run {
    serve: Serve,
    file: Option<IdentityFile>,
    core: Serving,
    pumps: Pumps,
    backoff: Backoff,
    /// Whether the relay has taken this server before.
    was_online: bool,
    lost_at: Option<Instant>,
    leaving: bool,
}

enum Step {
    Leave,
    LeaveNow,
    Tick,
    Dialled(Result<Box<Wire>, crate::DialError>),
    Relay(Result<Incoming, String>),
    Pumps,
}

impl Run {
    async fn run(&mut self, told: &mut impl FnMut(Told), shutdown: &CancellationToken) -> Result<(), TunnelError> {
        let mut ticks = tokio::time::interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut dialling: Option<Dialling> = Some(dial(self.serve.relay.clone(), Duration::ZERO));
        let mut wire: Option<Box<Wire>> = None;
        let mut farewell: Option<Instant> = None;
        loop {
            let waiting = self.core.waiting_bytes();
            let step = tokio::select! {
                () = shutdown.cancelled(), if !self.leaving => Step::Leave,
                () = until(farewell) => Step::LeaveNow,
                _ = ticks.tick() => Step::Tick,
                dialled = dialled(&mut dialling) => Step::Dialled(dialled),
                incoming = exchange(&mut wire, &mut self.core) => Step::Relay(incoming),
                () = self.pumps.ready(waiting) => Step::Pumps,
            };
            match step {
                Step::Leave => {
                    self.leaving = true;
                    farewell = Some(Instant::now() + FAREWELL);
                }
                Step::LeaveNow => return self.leave(wire).await,
                Step::Tick => {
                    if wire.as_mut().is_some_and(|wire| wire.is_silent()) {
                        let words = "the relay does not answer any more".to_owned();
                        self.lost(&mut wire, &mut dialling, words, told);
                    }
                    let grace = self.core.grace();
                    if self.lost_at.is_some_and(|lost_at| lost_at.elapsed() > grace) {
                        self.core.grace_passed();
                    }
                }
                Step::Dialled(Ok(dialled)) => {
                    dialling = None;
                    wire = Some(dialled);
                    self.core.connected();
                }
                Step::Dialled(Err(error)) if !self.was_online => return Err(error.into()),
                Step::Dialled(Err(error)) => self.lost(&mut wire, &mut dialling, error.to_string(), told),
                Step::Relay(incoming) => match self.heard(incoming) {
                    Ok(()) => {}
                    Err(Lost::Words(words)) if !self.was_online => return Err(TunnelError::Refused(words)),
                    Err(Lost::Words(words)) => self.lost(&mut wire, &mut dialling, words, told),
                    Err(Lost::Replaced) => return Err(TunnelError::Replaced),
                },
                Step::Pumps => self.pumps.tell(&mut self.core, |core, channel, answer| match answer {
                    Ok(()) => core.accept(channel),
                    Err(words) => {
                        tracing::info!(channel, "refused: {words}");
                        core.refuse(channel, &words);
                        false
                    }
                }),
            }
            self.effects(told).await?;
            if self.leaving && self.core.is_idle() && self.pumps.is_empty() {
                return self.leave(wire).await;
            }
        }
    }

    fn heard(&mut self, incoming: Result<Incoming, String>) -> Result<(), Lost> {
        let done = match incoming.map_err(Lost::Words)? {
            Incoming::Text(text) => self.core.text(&text),
            Incoming::Binary(bytes) => self.core.binary(bytes),
            Incoming::Other => Ok(()),
        };
        done.map_err(|broken| match broken {
            Broken::Replaced => Lost::Replaced,
            Broken::Refused(words) => Lost::Words(words),
            broken => Lost::Words(broken.to_string()),
        })
    }

    /// The connection is gone: channels wait, and after a while the next one is tried.
    fn lost(
        &mut self,
        wire: &mut Option<Box<Wire>>,
        dialling: &mut Option<Dialling>,
        words: String,
        told: &mut impl FnMut(Told),
    ) {
        *wire = None;
        self.core.lost();
        self.lost_at.get_or_insert_with(Instant::now);
        *dialling = Some(dial(self.serve.relay.clone(), self.backoff.next(OsRng.next_u32())));
        told(Told::Lost { words });
    }

    async fn effects(&mut self, told: &mut impl FnMut(Told)) -> Result<(), TunnelError> {
        while let Some(effect) = self.core.effect() {
            match effect {
                Effect::Asked { channel, port, address } => self.asked(channel, port, &address),
                Effect::Registered { server } => {
                    self.keep_identity().await?;
                    self.online();
                    told(Told::Registered { server });
                }
                Effect::Resumed { server } => {
                    self.online();
                    told(Told::Resumed { server });
                }
                Effect::Forgotten => tracing::info!("the relay does not know this server any more"),
                effect => self.pumps.act(effect),
            }
        }
        Ok(())
    }

    fn online(&mut self) {
        self.was_online = true;
        self.lost_at = None;
        self.backoff.reset();
    }

    async fn keep_identity(&mut self) -> Result<(), TunnelError> {
        let (Some(file), Some(identity)) = (self.file.take(), self.core.identity().cloned()) else { return Ok(()) };
        let written = tokio::task::spawn_blocking(move || file.write(&identity).map(|()| file)).await;
        // The runtime ends before this does.
        let Ok(written) = written else { return Ok(()) };
        self.file = Some(written?);
        Ok(())
    }

    fn asked(&mut self, channel: u64, port: u16, address: &str) {
        if self.leaving {
            return self.core.refuse(channel, "the server is ending");
        }
        let Some(target) = self.serve.ports.get(&port).cloned() else {
            tracing::info!(channel, port, address, "refused: the port is not served");
            return self.core.refuse(channel, "this port is not served");
        };
        tracing::debug!(channel, port, address, "a client");
        let window = self.core.welcome().map_or(0, |welcome| welcome.window);
        self.pumps.start(channel, window, &self.core, |pump| pump.dial(target, TARGET_TIME));
    }

    /// Breaks off what is still open, and says goodbye. A server that is to be resumed later stays known.
    async fn leave(&mut self, wire: Option<Box<Wire>>) -> Result<(), TunnelError> {
        self.core.leave();
        self.pumps.break_off().await;
        if self.file.is_none() {
            self.core.unregister();
        }
        if let Some(mut wire) = wire {
            let _ = tokio::time::timeout(FAREWELL, wire.close(&mut self.core)).await;
        }
        Ok(())
    }
}

enum Lost {
    Words(String),
    Replaced,
}

/// Dials after this time.
pub(crate) fn dial(relay: Relay, after: Duration) -> Dialling {
    Box::pin(async move {
        tokio::time::sleep(after).await;
        Wire::dial(&relay).await.map(Box::new)
    })
}

/// The result of the dial that is under way. Cancel safe.
pub(crate) async fn dialled(dialling: &mut Option<Dialling>) -> Result<Box<Wire>, crate::DialError> {
    match dialling {
        Some(dial) => dial.as_mut().await,
        None => std::future::pending().await,
    }
}

/// What the relay says next, if there is a connection. Cancel safe.
pub(crate) async fn exchange(wire: &mut Option<Box<Wire>>, end: &mut impl End) -> Result<Incoming, String> {
    match wire {
        Some(wire) => wire.exchange(end).await,
        None => std::future::pending().await,
    }
}

/// Waits for this time, or for ever.
pub(crate) async fn until(time: Option<Instant>) {
    match time {
        Some(time) => tokio::time::sleep_until(time).await,
        None => std::future::pending().await,
    }
}
