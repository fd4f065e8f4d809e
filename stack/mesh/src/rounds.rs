//! Runs private matching off the reactor. The matcher goes out to a blocking thread with what is to be
//! done and comes back with what came of it; while it is away nothing else is handed to it.

use crate::budget::LinkCharge;
use nws_protocol::{
    ChannelKey,
    matching::{MatchEvent, MatchFault, Matcher},
    wire::Control,
};
use rand_core::OsRng;
use std::time::Duration;
use tokio::{
    task::{JoinError, JoinHandle},
    time::Instant,
};

/// Something for the matcher.
#[derive(Debug)]
pub(crate) enum Input {
    /// The other end said this.
    Message(Control),
    /// A channel was opened here.
    Join(ChannelKey),
    /// A channel was closed here.
    Leave(ChannelKey),
    /// The time it had asked for has come.
    Timeout,
}

/// What one round brought.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// To be sent, in order.
    pub(crate) messages: Vec<Control>,
    /// In order.
    pub(crate) events: Vec<MatchEvent>,
    /// The other end broke the rules; the link is to be closed.
    pub(crate) fault: Option<MatchFault>,
}

#[derive(Debug)]
struct Round {
    matcher: Matcher,
    charge: LinkCharge,
    outcome: Outcome,
}

#[derive(Debug)]
enum Where {
    Home(Box<(Matcher, LinkCharge)>),
    Away(JoinHandle<Box<Round>>),
    /// It never came back; the session is over.
    Nowhere,
}

/// The matcher of one link, at home or away.
#[derive(Debug)]
pub(crate) struct Rounds {
    place: Where,
    start: Instant,
    timeout: Option<Instant>,
}

impl Rounds {
    /// `start` is the time that the matcher counts from.
    pub(crate) fn new(matcher: Matcher, charge: LinkCharge, start: Instant) -> Self {
        Self { place: Where::Home(Box::new((matcher, charge))), start, timeout: None }
    }

    /// Whether it can take more work now.
    pub(crate) const fn at_home(&self) -> bool {
        matches!(self.place, Where::Home(_))
    }

    /// When it wants to be called even if nothing happens; `None` while it is away.
    pub(crate) fn timeout(&self) -> Option<Instant> {
        if self.at_home() { self.timeout } else { None }
    }

    /// Sends it out. Only when it is at home.
    pub(crate) fn begin(&mut self, inputs: Vec<Input>) {
        match std::mem::replace(&mut self.place, Where::Nowhere) {
            Where::Home(pair) => {
                let now = self.start.elapsed();
                self.place = Where::Away(tokio::task::spawn_blocking(move || {
                    let (matcher, charge) = *pair;
                    Box::new(work(matcher, charge, inputs, now))
                }));
            }
            other => self.place = other,
        }
    }

    /// Waits for it to come back; for ever when it is at home. Cancel safe.
    pub(crate) async fn finished(&mut self) -> Result<Outcome, JoinError> {
        let Where::Away(handle) = &mut self.place else { return std::future::pending().await };
        let result = handle.await;
        self.place = Where::Nowhere;
        let Round { matcher, charge, outcome } = *result?;
        self.timeout = matcher.next_timeout().map(|at| self.start + at);
        self.place = Where::Home(Box::new((matcher, charge)));
        Ok(outcome)
    }
}

fn work(mut matcher: Matcher, mut charge: LinkCharge, inputs: Vec<Input>, now: Duration) -> Round {
    let mut outcome = Outcome { messages: Vec::new(), events: Vec::new(), fault: None };
    for input in inputs {
        let done = match input {
            Input::Message(message) => matcher.handle(message, &mut charge, now),
            Input::Join(key) => {
                matcher.join(&key);
                Ok(())
            }
            Input::Leave(key) => {
                matcher.leave(&key);
                Ok(())
            }
            Input::Timeout => {
                matcher.timeout(&mut charge, now);
                Ok(())
            }
        };
        if let Err(fault) = done {
            outcome.fault = Some(fault);
            break;
        }
    }
    while let Some(message) = matcher.transmit(&mut OsRng) {
        outcome.messages.push(message);
    }
    while let Some(event) = matcher.event() {
        outcome.events.push(event);
    }
    Round { matcher, charge, outcome }
}
