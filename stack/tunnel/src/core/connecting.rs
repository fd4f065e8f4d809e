//! The end that is a client at the relay: it asks a server for channels. What a lost connection carried is over.

use super::{Broken, Effect, End, channels::Channels, serving::said};
use nws_protocol::relay::{Answer, ErrorCode, Event, FromRelay, Request, Welcome};
use std::collections::BTreeMap;

/// Names a wish for a channel until it is fulfilled or not.
pub(crate) type Opening = u64;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Offline,
    Greeting,
    Online,
}

/// The state of `connect`.
#[derive(Debug)]
pub(crate) struct Connecting {
    channels: Channels,
    phase: Phase,
    server: u64,
    /// Wishes with their ports, by the id of the request: asked as soon as there is a connection.
    wishes: BTreeMap<Opening, u16>,
    /// Those that came while the server's connection was lost: to be asked again.
    away: Vec<Opening>,
    next_id: u64,
    welcome: Option<Welcome>,
}

impl Connecting {
    /// For channels of this server.
    pub(crate) fn new(server: u64) -> Self {
        Self {
            channels: Channels::default(),
            phase: Phase::Offline,
            server,
            wishes: BTreeMap::new(),
            away: Vec::new(),
            next_id: 1,
            welcome: None,
        }
    }

    /// Asks for a channel to this port.
    pub(crate) fn open(&mut self, port: u16) -> Opening {
        let opening = self.next_id;
        self.next_id = opening.saturating_add(1);
        self.wishes.insert(opening, port);
        if self.phase == Phase::Online {
            self.ask(opening, port);
        }
        opening
    }

    /// Asks again for those channels for which the server was away. To be called now and then.
    pub(crate) fn ask_again(&mut self) {
        for opening in std::mem::take(&mut self.away) {
            if let Some(port) = self.wishes.get(&opening) {
                self.ask(opening, *port);
            }
        }
    }

    /// Nobody waits for that channel any more.
    pub(crate) fn give_up(&mut self, opening: Opening) {
        self.wishes.remove(&opening);
    }

    fn ask(&mut self, id: u64, port: u16) {
        self.channels.out.request(Some(id), Request::Connect { server: self.server, port });
    }

    fn answer(&mut self, id: u64, answer: Answer<'_>) -> Result<(), Broken> {
        match answer {
            Answer::Connected { channel } => {
                if self.channels.contains(channel) {
                    return Err(Broken::OutOfPlace("gave the number of a channel twice"));
                }
                self.channels.open(channel);
                if self.wishes.remove(&id).is_some() {
                    self.channels.effects.push_back(Effect::Opened { opening: id, channel });
                } else {
                    self.channels.reset(channel, "nobody waits for it any more");
                }
            }
            Answer::Error(failure) if failure.code == ErrorCode::ServerAway && self.wishes.contains_key(&id) => {
                tracing::info!("a connection waits: {}", said(&failure));
                self.away.push(id);
            }
            Answer::Error(failure) if self.wishes.remove(&id).is_some() => {
                self.channels.effects.push_back(Effect::Failed { opening: id, words: said(&failure) });
            }
            _ if self.wishes.contains_key(&id) => {
                return Err(Broken::OutOfPlace("answered something else than was asked"));
            }
            _ => {}
        }
        Ok(())
    }
}

impl End for Connecting {
    fn channels(&mut self) -> &mut Channels {
        &mut self.channels
    }

    fn connected(&mut self) {
        self.lost();
        self.phase = Phase::Greeting;
    }

    /// Channels are over, wishes stay.
    fn lost(&mut self) {
        self.channels.lost();
        self.channels.all_over("the connection to the relay was lost");
        // All wishes are said anew.
        self.away.clear();
        self.phase = Phase::Offline;
    }

    fn text(&mut self, text: &str) -> Result<(), Broken> {
        match FromRelay::parse(text)? {
            FromRelay::Event(Event::Welcome(welcome)) => {
                if self.phase != Phase::Greeting {
                    return Err(Broken::OutOfPlace("said welcome twice"));
                }
                self.phase = Phase::Online;
                self.welcome = Some(welcome);
                self.channels.window = welcome.window;
                self.channels.live = true;
                for (id, port) in self.wishes.clone() {
                    self.ask(id, port);
                }
            }
            _ if self.phase != Phase::Online => return Err(Broken::OutOfPlace("did not say welcome first")),
            FromRelay::Event(event) => self.channels.event(event),
            FromRelay::Answer { id, answer } => self.answer(id, answer)?,
            FromRelay::Unknown => {}
        }
        Ok(())
    }

    fn is_online(&self) -> bool {
        self.phase == Phase::Online
    }

    fn is_idle(&self) -> bool {
        self.channels.is_empty() && self.wishes.is_empty()
    }

    fn welcome(&self) -> Option<Welcome> {
        self.welcome
    }
}
