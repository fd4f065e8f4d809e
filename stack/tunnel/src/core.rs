//! What the ends of a tunnel know: channels, credit, what must be sent again. Pure: no socket, no task, no clock. What
//! happens goes in by calls; what is to be done comes out as frames for the relay and as effects.

mod channel;
mod channels;
mod connecting;
mod outgoing;
mod serving;

pub(crate) use channels::{Channels, Ending};
pub(crate) use connecting::{Connecting, Opening};
pub(crate) use outgoing::Frame;
pub(crate) use serving::{Identity, Serving};

use bytes::Bytes;
use nws_protocol::relay::{EventError, Welcome};
use outgoing::Outgoing;

/// One of the two roles, as the glue sees it.
pub(crate) trait End {
    fn channels(&mut self) -> &mut Channels;

    /// There is a connection to the relay.
    fn connected(&mut self);

    /// There is none any more.
    fn lost(&mut self);

    /// A text frame of the relay.
    fn text(&mut self, text: &str) -> Result<(), Broken>;

    /// Whether the relay takes this party for what it wants to be.
    fn is_online(&self) -> bool;

    /// Whether no channel is open or wished for.
    fn is_idle(&self) -> bool;

    /// The limits of the relay, if it has said them.
    fn welcome(&self) -> Option<Welcome>;

    /// A binary frame of the relay.
    fn binary(&mut self, frame: Bytes) -> Result<(), Broken> {
        self.channels().binary(frame)
    }

    /// A program sent this: a frame with its channel before it.
    fn data(&mut self, channel: u64, frame: Bytes) {
        self.channels().data(channel, frame);
    }

    /// A program sends nothing more.
    fn finish(&mut self, channel: u64) {
        self.channels().finish(channel);
    }

    /// A program took items of this cost.
    fn taken(&mut self, channel: u64, cost: u64) {
        self.channels().taken(channel, cost);
    }

    /// A program's connection broke.
    fn reset(&mut self, channel: u64, reason: &str) {
        self.channels().reset(channel, reason);
    }

    /// This program ends: all channels are closed, so that the other ends know that they are cut off.
    fn leave(&mut self) {
        self.channels().close_all("the program at this end is ending");
    }

    /// What to do next.
    fn effect(&mut self) -> Option<Effect> {
        self.channels().effects.pop_front()
    }

    /// What to write next.
    fn frame(&mut self) -> Option<Frame> {
        self.channels().out.pop()
    }

    /// The bytes that wait to be written.
    fn waiting_bytes(&mut self) -> usize {
        self.channels().out.bytes()
    }
}

/// What the glue is to do.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    /// A client asks for this port: say [`Serving::accept`] or [`Serving::refuse`].
    Asked {
        /// The channel.
        channel: u64,
        /// The port.
        port: u16,
        /// Where the client came to the relay from, in the relay's words.
        address: String,
    },
    /// A request for a channel was answered: begin with this credit.
    Opened {
        /// The request.
        opening: Opening,
        /// The channel.
        channel: u64,
    },
    /// A request for a channel failed.
    Failed {
        /// The request.
        opening: Opening,
        /// Why.
        words: String,
    },
    /// Write this to the program, and say [`taken`](End::taken) with its cost when it is done.
    Deliver {
        /// The channel.
        channel: u64,
        /// What to write.
        data: Bytes,
    },
    /// The other end sends nothing more: pass that on, after all data.
    DeliverEnd {
        /// The channel.
        channel: u64,
    },
    /// The cost of all that is sent on the channel may reach this.
    Credit {
        /// The channel.
        channel: u64,
        /// In bytes, from the first item.
        limit: u64,
    },
    /// The channel has ended; its number means nothing any more.
    Over {
        /// The channel.
        channel: u64,
        /// How.
        ending: Ending,
    },
    /// The party is a new server.
    Registered {
        /// Its id.
        server: u64,
    },
    /// The party is the server that it was.
    Resumed {
        /// Its id.
        server: u64,
    },
    /// The relay no longer knows the server; a new one was asked for.
    Forgotten,
}

/// Why this connection to the relay is of no use any more.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Broken {
    /// It says what no relay says.
    #[error("the relay sent what is no message: {0}")]
    Garbage(#[from] EventError),
    /// It says things in an order that makes no sense.
    #[error("the relay {0}")]
    OutOfPlace(&'static str),
    /// It doesn't want this server.
    #[error("the relay refuses: {0}")]
    Refused(String),
    /// Another party is this server now.
    #[error("another program is this server now: it has the same credential")]
    Replaced,
}

#[cfg(test)]
mod tests;
