//! The end that is a server at the relay: it registers, takes clients, and resumes after its connection was lost.

use super::{
    Broken, Effect, End,
    channels::{Channels, Ending},
};
use nws_protocol::relay::{
    Answer, Credential, DisconnectCode, ErrorCode, Event, Failure, FromRelay, Request, Welcome, cut_reason,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

/// What makes a party this server: to be kept as a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Identity {
    /// Its id.
    pub(crate) server: u64,
    /// What it resumes with.
    pub(crate) credential: Credential<'static>,
}

/// How far the present connection is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// There is none.
    Offline,
    /// The relay has not said welcome.
    Greeting,
    /// A request has been sent and not answered: to be a new server, or the one before.
    Registering(u64),
    Resuming(u64),
    /// This party is the server.
    Online,
    /// It asked not to be any more.
    Leaving,
}

/// The state of `serve`.
#[derive(Debug)]
pub(crate) struct Serving {
    channels: Channels,
    phase: Phase,
    identity: Option<Identity>,
    /// Channels that were asked for, and the program is being dialled.
    dialled: BTreeSet<u64>,
    /// Channels that were taken, by the id of the request that says so.
    accepting: BTreeMap<u64, u64>,
    /// Channels that were taken while `resume` was under way.
    accept_later: Vec<u64>,
    next_id: u64,
    welcome: Option<Welcome>,
}

impl Serving {
    /// Nothing is said yet. With an identity it tries to be that server first.
    pub(crate) fn new(identity: Option<Identity>) -> Self {
        Self {
            channels: Channels::default(),
            phase: Phase::Offline,
            identity,
            dialled: BTreeSet::new(),
            accepting: BTreeMap::new(),
            accept_later: Vec::new(),
            next_id: 1,
            welcome: None,
        }
    }

    /// The grace time has passed without a connection: no channel can be there any more.
    pub(crate) fn grace_passed(&mut self) {
        let words = "the relay was away for too long";
        self.channels.all_over(words);
        // Nobody has them any more, so nobody is to say so when the relay is back.
        self.accept_later.clear();
        // A relay that was started anew may give their numbers again: whoever is dialled for them must not answer then.
        for channel in std::mem::take(&mut self.dialled) {
            self.channels.effects.push_back(Effect::Over { channel, ending: Ending::Reset(words.to_owned()) });
        }
    }

    fn event(&mut self, event: Event<'_>) -> Result<(), Broken> {
        match event {
            Event::Welcome(welcome) => {
                if self.phase != Phase::Greeting {
                    return Err(Broken::OutOfPlace("said welcome twice"));
                }
                self.welcome = Some(welcome);
                self.channels.window = welcome.window;
                match self.identity.clone() {
                    Some(identity) => self.resume(identity),
                    None => self.register(),
                }
            }
            _ if self.phase == Phase::Greeting => return Err(Broken::OutOfPlace("did not say welcome first")),
            Event::Connected { channel, port, address, .. } => {
                // A relay repeats it after a resumption, for those that it has no answer for.
                if !self.channels.contains(channel) && self.dialled.insert(channel) {
                    self.channels.effects.push_back(Effect::Asked { channel, port, address: address.into_owned() });
                }
            }
            Event::Disconnected(end) if self.dialled.remove(&end.channel) => {
                let words = match end.code {
                    DisconnectCode::Timeout => "the target did not answer in the relay's time",
                    _ => "the client left",
                };
                let ending = Ending::Reset(words.to_owned());
                self.channels.effects.push_back(Effect::Over { channel: end.channel, ending });
            }
            Event::Replaced { server } => {
                if self.identity.as_ref().is_some_and(|identity| identity.server == server) {
                    return Err(Broken::Replaced);
                }
            }
            event => self.channels.event(event),
        }
        Ok(())
    }

    fn answer(&mut self, id: u64, answer: Answer<'_>) -> Result<(), Broken> {
        match (self.phase, answer) {
            (Phase::Registering(asked), Answer::Registered { server, credential }) if asked == id => {
                self.identity = Some(Identity { server, credential: credential.into_owned() });
                self.phase = Phase::Online;
                self.channels.live = true;
                self.channels.effects.push_back(Effect::Registered { server });
            }
            (Phase::Resuming(asked), Answer::Resumed { server, channels }) if asked == id => {
                self.phase = Phase::Online;
                let accepted = std::mem::take(&mut self.accept_later);
                self.channels.resumed(&channels, &accepted);
                for channel in accepted {
                    self.say_accepted(channel);
                    self.channels.begin(channel);
                }
                self.channels.effects.push_back(Effect::Resumed { server });
            }
            // What `bad_credential` says of a server that the relay doesn't know.
            (Phase::Resuming(asked), Answer::Error(failure))
                if asked == id && matches!(failure.code, ErrorCode::BadCredential | ErrorCode::UnknownServer) =>
            {
                self.identity = None;
                self.grace_passed();
                self.channels.effects.push_back(Effect::Forgotten);
                self.register();
            }
            (Phase::Registering(asked) | Phase::Resuming(asked), Answer::Error(failure)) if asked == id => {
                return Err(Broken::Refused(said(&failure)));
            }
            (Phase::Registering(asked) | Phase::Resuming(asked), _) if asked == id => {
                return Err(Broken::OutOfPlace("answered something else than was asked"));
            }
            (_, Answer::Error(failure)) => {
                if let Some(channel) = self.accepting.remove(&id) {
                    self.channels.gone(channel, &said(&failure));
                }
            }
            _ => drop(self.accepting.remove(&id)),
        }
        Ok(())
    }

    fn register(&mut self) {
        let id = self.take_id();
        self.phase = Phase::Registering(id);
        self.channels.out.request(Some(id), Request::Register);
    }

    fn resume(&mut self, Identity { server, credential }: Identity) {
        let id = self.take_id();
        self.phase = Phase::Resuming(id);
        let channels = self.channels.positions();
        self.channels.out.request(Some(id), Request::Resume { server, credential, channels });
    }

    fn take_id(&mut self) -> u64 {
        let id = self.next_id;
        self.next_id = id.saturating_add(1);
        id
    }

    /// The program answered: the client is taken, unless it has left.
    pub(crate) fn accept(&mut self, channel: u64) -> bool {
        if !self.dialled.remove(&channel) {
            return false;
        }
        self.channels.open(channel);
        match self.phase {
            Phase::Online | Phase::Leaving => self.say_accepted(channel),
            Phase::Resuming(_) => self.accept_later.push(channel),
            // To be listed by `resume` accepts it.
            Phase::Offline | Phase::Greeting | Phase::Registering(_) => {}
        }
        true
    }

    fn say_accepted(&mut self, channel: u64) {
        let id = self.take_id();
        self.accepting.insert(id, channel);
        self.channels.out.request(Some(id), Request::Accept { channel });
    }

    /// The client is not taken.
    pub(crate) fn refuse(&mut self, channel: u64, reason: &str) {
        // Without a connection the relay asks again when there is one.
        if self.dialled.remove(&channel) && self.phase == Phase::Online {
            let reason = Some(cut_reason(reason).into());
            self.channels.out.request(None, Request::Refuse { channel, reason });
        }
    }

    /// Ends the server at the relay, and its channels with it.
    pub(crate) fn unregister(&mut self) {
        if self.phase == Phase::Online {
            let id = self.take_id();
            self.channels.out.request(Some(id), Request::Unregister);
            self.phase = Phase::Leaving;
            self.identity = None;
        }
    }

    /// Which server it is.
    pub(crate) const fn identity(&self) -> Option<&Identity> {
        self.identity.as_ref()
    }

    /// How long the relay keeps a server without a party.
    pub(crate) fn grace(&self) -> Duration {
        Duration::from_millis(self.welcome.map_or(0, |welcome| welcome.grace_ms))
    }
}

impl End for Serving {
    fn channels(&mut self) -> &mut Channels {
        &mut self.channels
    }

    fn reset(&mut self, channel: u64, reason: &str) {
        let before = self.accept_later.len();
        self.accept_later.retain(|later| *later != channel);
        if self.accept_later.len() == before {
            self.channels.reset(channel, reason);
        } else {
            // The relay does not know yet that it was taken, so there is nothing to close: it asks again.
            self.channels.forget(channel);
        }
    }

    fn connected(&mut self) {
        self.lost();
        self.phase = Phase::Greeting;
    }

    /// Channels stay.
    fn lost(&mut self) {
        self.channels.lost();
        // They are listed by the next `resume`, which accepts them.
        self.accepting.clear();
        self.accept_later.clear();
        self.phase = Phase::Offline;
    }

    fn text(&mut self, text: &str) -> Result<(), Broken> {
        match FromRelay::parse(text)? {
            FromRelay::Event(event) => self.event(event),
            FromRelay::Answer { id, answer } => self.answer(id, answer),
            FromRelay::Unknown => Ok(()),
        }
    }

    fn is_online(&self) -> bool {
        self.phase == Phase::Online
    }

    fn is_idle(&self) -> bool {
        self.channels.is_empty() && self.dialled.is_empty()
    }

    fn welcome(&self) -> Option<Welcome> {
        self.welcome
    }
}

pub(super) fn said(failure: &Failure<'_>) -> String {
    format!("{} ({})", failure.message, failure.code.as_str())
}
