//! All channels of one party, whichever role it has.

use super::{Broken, Effect, Outgoing, channel::Channel};
use bytes::Bytes;
use nws_protocol::relay::{
    DisconnectCode, Disconnected, ErrorCode, Event, FlowError, Position, Request, cut_reason, split_binary,
};
use std::collections::{BTreeMap, VecDeque};

/// How a channel ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Ending {
    /// In good order: what was delivered is all that there is.
    Complete,
    /// Broken off, for this reason.
    Reset(String),
}

/// As `close` says it when a program's connection was reset. One of the private numbers.
const RESET_STATUS: u16 = 4000;

#[derive(Debug, Default)]
pub(crate) struct Channels {
    open: BTreeMap<u64, Channel>,
    /// The credit that a channel begins with.
    pub(super) window: u64,
    /// Whether what is sent goes to the relay at once; else it is only kept.
    pub(super) live: bool,
    pub(super) out: Outgoing,
    pub(super) effects: VecDeque<Effect>,
}

impl Channels {
    pub(super) fn open(&mut self, channel: u64) {
        self.open.insert(channel, Channel::new(channel, self.window));
    }

    pub(super) fn contains(&self, channel: u64) -> bool {
        self.open.contains_key(&channel)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.open.is_empty()
    }

    /// The channel, and where to say what follows.
    fn both(&mut self, channel: u64) -> Option<(&mut Channel, Option<&mut Outgoing>)> {
        Some((self.open.get_mut(&channel)?, self.live.then_some(&mut self.out)))
    }

    /// What a program sent, as a frame. Nothing happens if the channel is over.
    pub(super) fn data(&mut self, channel: u64, frame: Bytes) {
        if let Some((open, out)) = self.both(channel)
            && open.data(frame, out).is_err()
        {
            // The glue reads programs within their credit only.
            self.breach(channel, "a fault of this program: sent without credit");
        }
    }

    pub(super) fn finish(&mut self, channel: u64) {
        if let Some((open, out)) = self.both(channel) {
            open.finish(out);
        }
    }

    pub(super) fn taken(&mut self, channel: u64, cost: u64) {
        if let Some((open, out)) = self.both(channel) {
            open.taken(cost, out);
        }
    }

    /// The program's connection is no more.
    pub(super) fn reset(&mut self, channel: u64, reason: &str) {
        if self.open.remove(&channel).is_some() {
            self.close(channel, reason);
        }
    }

    fn close(&mut self, channel: u64, reason: &str) {
        // Else `resume` tells it, as it lists those that are open; or what follows its answer, if it was written before.
        if self.live {
            let reason = Some(cut_reason(reason).into());
            self.out.request(None, Request::Close { channel, status: Some(RESET_STATUS), reason });
        }
    }

    /// The other side broke a rule: the channel ends for both.
    fn breach(&mut self, channel: u64, what: &str) {
        self.reset(channel, what);
        self.over(channel, Ending::Reset(what.to_owned()));
    }

    fn over(&mut self, channel: u64, ending: Ending) {
        self.open.remove(&channel);
        self.effects.push_back(Effect::Over { channel, ending });
    }

    /// A binary frame of the relay.
    pub(super) fn binary(&mut self, frame: Bytes) -> Result<(), Broken> {
        let (channel, payload) =
            split_binary(frame).map_err(|_| Broken::OutOfPlace("sent a binary frame without a channel"))?;
        self.deliver(channel, payload);
        Ok(())
    }

    fn deliver(&mut self, channel: u64, data: Bytes) {
        // It may be over, and the other end not know yet.
        let Some(open) = self.open.get_mut(&channel) else { return };
        match open.received(data.len()) {
            Ok(()) => self.effects.push_back(Effect::Deliver { channel, data }),
            Err(error) => self.flow(channel, error),
        }
    }

    fn flow(&mut self, channel: u64, error: FlowError) {
        self.breach(channel, &format!("flow control: {error}"));
    }

    /// An event that is about a channel that was open, or about none that this end knows.
    pub(super) fn event(&mut self, event: Event<'_>) {
        match event {
            Event::Data { channel, data } => {
                self.deliver(channel, Bytes::from(data.decode().into_owned()));
            }
            Event::Consumed { channel, bytes } => {
                let Some(open) = self.open.get_mut(&channel) else { return };
                match open.consumed(bytes) {
                    Ok(Some(limit)) => self.effects.push_back(Effect::Credit { channel, limit }),
                    Ok(None) => {}
                    Err(error) => self.flow(channel, error),
                }
            }
            Event::Finished { channel } => {
                let Some(open) = self.open.get_mut(&channel) else { return };
                match open.received_finish() {
                    Ok(()) => self.effects.push_back(Effect::DeliverEnd { channel }),
                    Err(error) => self.flow(channel, error),
                }
            }
            Event::Disconnected(end) if self.contains(end.channel) => {
                let ending = ending(&end);
                self.over(end.channel, ending);
            }
            Event::Error(failure) if failure.code != ErrorCode::UnknownChannel => {
                tracing::warn!(code = failure.code.as_str(), "the relay says: {}", failure.message);
            }
            _ => {}
        }
    }

    /// Nothing goes to the relay from here on; what waited is forgotten, as it is kept elsewhere.
    pub(super) fn lost(&mut self) {
        self.live = false;
        self.out.clear();
    }

    /// Ends all channels.
    pub(super) fn all_over(&mut self, words: &str) {
        for (channel, _) in std::mem::take(&mut self.open) {
            self.effects.push_back(Effect::Over { channel, ending: Ending::Reset(words.to_owned()) });
        }
    }

    /// Ends all channels, and says so to the other ends: as resets, since this end does not know that all was said.
    pub(super) fn close_all(&mut self, reason: &str) {
        for (channel, _) in std::mem::take(&mut self.open) {
            self.close(channel, reason);
            self.effects.push_back(Effect::Over { channel, ending: Ending::Reset(reason.to_owned()) });
        }
    }

    /// Where each stands, for `resume`. Those that are not listed are closed by that.
    pub(super) fn positions(&mut self) -> Vec<Position> {
        self.open.values_mut().map(Channel::position).collect()
    }

    /// As if it had never been opened.
    pub(super) fn forget(&mut self, channel: u64) {
        self.open.remove(&channel);
    }

    /// The relay has no such channel.
    pub(super) fn gone(&mut self, channel: u64, words: &str) {
        if self.contains(channel) {
            self.over(channel, Ending::Reset(words.to_owned()));
        }
    }

    /// Sends what a channel has kept, as the relay has nothing of it yet.
    pub(super) fn begin(&mut self, channel: u64) {
        if let Some(open) = self.open.get_mut(&channel) {
            // Of a channel that the relay has heard nothing of, nothing can be missing.
            let _ = open.resumed(&Position { channel, received: 0, consumed: 0 }, &mut self.out);
        }
    }

    /// Goes on from where the relay stands. Those in `unlisted` were opened since `resume` was written.
    pub(super) fn resumed(&mut self, positions: &[Position], unlisted: &[u64]) {
        let known: BTreeMap<u64, &Position> = positions.iter().map(|position| (position.channel, position)).collect();
        // The relay has only what `resume` listed, so these ended here since then, and it does not know.
        let ended_here: Vec<u64> = known.keys().copied().filter(|channel| !self.open.contains_key(channel)).collect();
        let mut ended = Vec::new();
        for (channel, open) in &mut self.open {
            let limit = match known.get(channel) {
                Some(position) => open.resumed(position, &mut self.out),
                None if unlisted.contains(channel) => continue,
                // It has ended in the meantime. Did all of it arrive?
                None if open.finished_there() => Err(""),
                None => Err("the channel ended while the relay was away"),
            };
            match limit {
                Ok(limit) => self.effects.push_back(Effect::Credit { channel: *channel, limit }),
                Err(words) => ended.push((*channel, words)),
            }
        }
        self.live = true;
        for (channel, words) in ended {
            match words {
                "" => self.over(channel, Ending::Complete),
                words if known.contains_key(&channel) => self.breach(channel, words),
                words => self.over(channel, Ending::Reset(words.to_owned())),
            }
        }
        for channel in ended_here {
            self.close(channel, "it ended while the relay was away");
        }
    }
}

/// What an end means for the program. A page that closes its side, with the status 1000 or without one as a WebSocket does, has
/// said all that it wanted to. All else may have cut something off.
fn ending(end: &Disconnected<'_>) -> Ending {
    match (end.code, end.status) {
        (DisconnectCode::Finished, _) | (DisconnectCode::Closed, None | Some(1000)) => Ending::Complete,
        (DisconnectCode::Closed, Some(status)) => {
            Ending::Reset(format!("the other end closed it: {status} {}", end.reason.as_deref().unwrap_or_default()))
        }
        (code, _) => Ending::Reset(format!("the relay ended it: {}", code.as_str())),
    }
}
