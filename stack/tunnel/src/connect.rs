//! `connect`: local TCP ports that lead through the relay to ports of a server.

use crate::{
    Relay, Told, TunnelError,
    backoff::Backoff,
    core::{Broken, Connecting, Effect, End, Opening},
    pump::break_off,
    pumps::Pumps,
    serve::{Dialling, TICK, dial, dialled, exchange, until},
    wire::{Incoming, Wire},
};
use rand_core::{OsRng, RngCore};
use std::{collections::HashMap, net::SocketAddr, time::Duration};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::mpsc,
    task::JoinSet,
    time::{Instant, MissedTickBehavior},
};
use tokio_util::sync::CancellationToken;

/// How long a TCP connection waits for its channel: longer than a relay's accept time, and than a restart of one.
const OPENING_TIME: Duration = Duration::from_secs(20);

/// TCP connections that may wait for a channel. Beyond that nobody is accepted. A guess.
const MOST_WISHES: usize = 1024;

/// How long open connections have when the program is asked to end.
const FAREWELL: Duration = Duration::from_secs(3);

/// How long to wait when the system has no room for another connection.
const BREATHER: Duration = Duration::from_millis(100);

/// A port of the server, and where it is to be had.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Forward {
    /// The server's port.
    pub port: u16,
    /// The local address to listen on.
    pub listen: SocketAddr,
}

/// The local end, listening.
#[derive(Debug)]
pub struct Connect {
    relay: Relay,
    server: u64,
    listeners: Vec<(u16, TcpListener)>,
}

impl Connect {
    /// Listens. Connections wait until [`run`](Self::run).
    ///
    /// # Errors
    /// If an address can't be had.
    pub async fn bind(relay: Relay, server: u64, forwards: &[Forward]) -> Result<Self, TunnelError> {
        let mut listeners = Vec::new();
        for Forward { port, listen } in forwards {
            let listener = TcpListener::bind(listen).await;
            listeners.push((*port, listener.map_err(|error| TunnelError::Listen { address: *listen, error })?));
        }
        Ok(Self { relay, server, listeners })
    }

    /// Each port with the address that it is to be had at, in the order in which they were asked for.
    pub fn addresses(&self) -> impl Iterator<Item = (u16, SocketAddr)> {
        self.listeners.iter().filter_map(|(port, listener)| Some((*port, listener.local_addr().ok()?)))
    }

    /// Forwards until `shutdown`, and tells what happens to the connection to the relay. Connections that are open then have
    /// a few seconds, and are reset if that is not enough.
    ///
    /// # Errors
    /// If the first connection to the relay fails.
    pub async fn run(self, mut told: impl FnMut(Told), shutdown: CancellationToken) -> Result<(), TunnelError> {
        let (accepted, visitors) = mpsc::channel(1);
        let mut accepting = JoinSet::new();
        for (port, listener) in self.listeners {
            accepting.spawn(accept(port, listener, accepted.clone()));
        }
        let mut run = Run {
            core: Connecting::new(self.server),
            pumps: Pumps::new(),
            backoff: Backoff::new(),
            wishes: HashMap::new(),
            relay: self.relay,
            was_online: false,
        };
        run.run(visitors, accepting, &mut told, &shutdown).await
    }
}

async fn accept(port: u16, listener: TcpListener, accepted: mpsc::Sender<(u16, TcpStream)>) {
    while let Ok(room) = accepted.reserve().await {
        match listener.accept().await {
            Ok((stream, _)) => {
                break_off(&stream);
                room.send((port, stream));
            }
            Err(error) => {
                tracing::warn!("a connection could not be accepted: {error}");
                drop(room);
                tokio::time::sleep(BREATHER).await;
            }
        }
    }
}

struct Run {
    relay: Relay,
    core: Connecting,
    pumps: Pumps,
    backoff: Backoff,
    /// Who waits for a channel, and until when. To drop one is to reset it.
    wishes: HashMap<Opening, (TcpStream, Instant)>,
    was_online: bool,
}

enum Step {
    Leave,
    LeaveNow,
    Tick,
    Visitor(u16, TcpStream),
    Dialled(Result<Box<Wire>, crate::DialError>),
    Relay(Result<Incoming, String>),
    Pumps,
}

impl Run {
    async fn run(
        &mut self,
        mut visitors: mpsc::Receiver<(u16, TcpStream)>,
        mut accepting: JoinSet<()>,
        told: &mut impl FnMut(Told),
        shutdown: &CancellationToken,
    ) -> Result<(), TunnelError> {
        let mut ticks = tokio::time::interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut dialling: Option<Dialling> = Some(dial(self.relay.clone(), Duration::ZERO));
        let mut wire: Option<Box<Wire>> = None;
        let mut farewell: Option<Instant> = None;
        loop {
            let waiting = self.core.waiting_bytes();
            let room = self.wishes.len() < MOST_WISHES && farewell.is_none();
            let step = tokio::select! {
                () = shutdown.cancelled(), if farewell.is_none() => Step::Leave,
                () = until(farewell) => Step::LeaveNow,
                _ = ticks.tick() => Step::Tick,
                dialled = dialled(&mut dialling) => Step::Dialled(dialled),
                incoming = exchange(&mut wire, &mut self.core) => Step::Relay(incoming),
                () = self.pumps.ready(waiting) => Step::Pumps,
                Some((port, stream)) = visitors.recv(), if room => Step::Visitor(port, stream),
            };
            match step {
                Step::Leave => {
                    accepting.abort_all();
                    farewell = Some(Instant::now() + FAREWELL);
                }
                Step::LeaveNow => return self.leave(wire).await,
                Step::Tick => {
                    if wire.as_mut().is_some_and(|wire| wire.is_silent()) {
                        let words = "the relay does not answer any more".to_owned();
                        self.lost(&mut wire, &mut dialling, words, told);
                    }
                    self.give_up();
                    self.core.ask_again();
                }
                Step::Visitor(port, stream) => {
                    let opening = self.core.open(port);
                    self.wishes.insert(opening, (stream, Instant::now() + OPENING_TIME));
                }
                Step::Dialled(Ok(dialled)) => {
                    dialling = None;
                    wire = Some(dialled);
                    self.core.connected();
                }
                Step::Dialled(Err(error)) if !self.was_online => return Err(error.into()),
                Step::Dialled(Err(error)) => self.lost(&mut wire, &mut dialling, error.to_string(), told),
                Step::Relay(incoming) => match self.heard(incoming) {
                    Ok(true) => told(Told::Connected),
                    Ok(false) => {}
                    Err(words) if !self.was_online => return Err(TunnelError::Refused(words)),
                    Err(words) => self.lost(&mut wire, &mut dialling, words, told),
                },
                Step::Pumps => self.pumps.tell(&mut self.core, |_, _, _| true),
            }
            self.effects();
            if farewell.is_some() && self.core.is_idle() && self.pumps.is_empty() {
                return self.leave(wire).await;
            }
        }
    }

    /// Whether the relay has said that it is there.
    fn heard(&mut self, incoming: Result<Incoming, String>) -> Result<bool, String> {
        let before = self.core.is_online();
        let done = match incoming? {
            Incoming::Text(text) => self.core.text(&text),
            Incoming::Binary(bytes) => self.core.binary(bytes),
            Incoming::Other => Ok(()),
        };
        done.map_err(|broken: Broken| broken.to_string())?;
        let now = self.core.is_online() && !before;
        if now {
            self.was_online = true;
            self.backoff.reset();
        }
        Ok(now)
    }

    /// The connection is gone, and its channels with it; after a while the next one is tried.
    fn lost(
        &mut self,
        wire: &mut Option<Box<Wire>>,
        dialling: &mut Option<Dialling>,
        words: String,
        told: &mut impl FnMut(Told),
    ) {
        *wire = None;
        self.core.lost();
        *dialling = Some(dial(self.relay.clone(), self.backoff.next(OsRng.next_u32())));
        told(Told::Lost { words });
    }

    fn effects(&mut self) {
        while let Some(effect) = self.core.effect() {
            match effect {
                Effect::Opened { opening, channel } => {
                    if let Some((stream, _)) = self.wishes.remove(&opening) {
                        let window = self.core.welcome().map_or(0, |welcome| welcome.window);
                        self.pumps.start(channel, window, &self.core, |pump| pump.run(stream));
                    }
                }
                Effect::Failed { opening, words } => {
                    tracing::warn!("a connection was refused: {words}");
                    self.wishes.remove(&opening);
                }
                effect => self.pumps.act(effect),
            }
        }
    }

    /// Lets go of those who have waited for too long.
    fn give_up(&mut self) {
        let now = Instant::now();
        let core = &mut self.core;
        self.wishes.retain(|opening, (_, deadline)| {
            let waits = *deadline > now;
            if !waits {
                tracing::warn!("a connection was given up: there is no channel for it");
                core.give_up(*opening);
            }
            waits
        });
    }

    /// Breaks off what is still open, and says goodbye.
    async fn leave(&mut self, wire: Option<Box<Wire>>) -> Result<(), TunnelError> {
        self.wishes.clear();
        self.core.leave();
        self.pumps.break_off().await;
        if let Some(mut wire) = wire {
            let _ = tokio::time::timeout(FAREWELL, wire.close(&mut self.core)).await;
        }
        Ok(())
    }
}
