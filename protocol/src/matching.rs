//! Private channel matching: the two ends of a link learn which channels **both** hold, and nothing else.
//!
//! Pure state machines, one for each end: [`Matcher::initiator`] for the end that dialled and
//! [`Matcher::responder`] for the other. They know nothing of lanes, sockets or who the other end is; what they say
//! and hear are [`Control`] messages, what they find out are [`MatchEvent`]s.
//!
//! Who does not know a channel's name learns at most one guess about it for each element or tag that is charged to
//! the budgets behind [`Charge`]. Nothing that travels can be tested against guesses later, or on another link.
//!
//! # How to drive it
//! Feed it with [`join`](Matcher::join), [`leave`](Matcher::leave), [`handle`](Matcher::handle) and
//! [`timeout`](Matcher::timeout), as many as there are; then take all of [`transmit`](Matcher::transmit), then all of
//! [`event`](Matcher::event). Nothing is queued as messages: each is made when it is taken, of all that is due by
//! then, so that many joins cost one message, and a control lane that is not taken from holds up nothing but itself.
//! `handle` and `transmit` do group operations, about 70 µs for each channel and dummy: call them off the reactor.
//!
//! # Who may open a data lane, and when
//! Each end on its own, from its `Matched` to the next `Unmatched` of that channel. `Matched` at the initiator comes
//! before the responder can know it, and a lane may overtake the control lane, so a lane may come for a channel that is
//! not matched here yet: hold it for a while.
//!
//! After `Unmatched` the end finishes its own lane. Whether it stops the other end's lane depends on
//! [`LeftBy`]: when the channel was left here, yes. When it was left there, no: the other end finishes that lane itself,
//! and if it left and joined again at once (a page reload), the lane of its *next* match may be here already, before the
//! words about it.
//!
//! A match may be older than the channel's present life: an Accept can cross a Revoke and answer the Offer that follows, and the
//! initiator that joins again matches at once, before its Leave is read. So an end that left a channel while a lane came for
//! it, and whose next life is matched, opens its own lane only when another comes from the other end, or after a while: the
//! other end may still feed the lane that was stopped, and whoever saw our lane there would speak into that one.

mod budget;
mod initiator;
mod offered;
mod oprf;
mod padding;
mod remembered;
mod responder;
mod secrets;
mod tags;

pub use budget::{Budget, BudgetLimits, Charge, charge_all};
pub use initiator::Initiator;
pub use responder::Responder;
pub use secrets::{ChannelSecret, LinkSecret, Secrets, dummy_input};

use crate::{channel::ChannelKey, error::LinkCode, ids::ChannelId, limits::MAX_ELEMENTS, wire::Control};
use rand_core::{CryptoRng, RngCore};
use std::time::Duration;

/// Most tags on offer at one time on one link, dummies counted. Both ends keep to it: the responder offers no more
/// until it has revoked some; the initiator, which remembers them all (about 100 bytes each), closes the link with
/// [`LinkCode::Limit`] when it is offered more. A guess at more channels than any proxy holds.
pub const MAX_OFFERED: usize = 16 * MAX_ELEMENTS;

/// Channels left whose secrets are kept for the life of the link, so that a page reload costs no group operation and no
/// guess. When there are more, the one left longest ago is forgotten, and asked for anew when joined again. A guess,
/// about 100 KiB.
pub const MAX_REMEMBERED: usize = 256;

/// Queries that may come before the time that Busy named, in a row, before the link is closed with
/// [`LinkCode::Flood`]. None is right; a few are forgiven to other clocks.
pub const MAX_HASTY_QUERIES: u32 = 8;

/// The shortest wait after Busy, on both ends. A guess: too short to be felt, too long to keep a core busy.
pub const MIN_RETRY: Duration = Duration::from_millis(100);

/// What matching found out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MatchEvent {
    /// Both ends hold the channel. At the initiator: the channel's tag is on offer, and an Accept is on its way. At the
    /// responder: the initiator has accepted it. A channel that is matched is not matched again before
    /// [`MatchEvent::Unmatched`].
    Matched {
        /// The channel.
        key: ChannelKey,
        /// Names it on this link; the same on both ends.
        channel_id: ChannelId,
        /// A key that both ends have; the same on both ends.
        channel_key: ChannelSecret,
    },
    /// The channel is not held by both ends any more. Comes exactly once for each `Matched`, unless the link ends first.
    Unmatched {
        /// The channel.
        key: ChannelKey,
        /// What it was called.
        channel_id: ChannelId,
        /// Which end left it.
        by: LeftBy,
    },
}

/// Which end left a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LeftBy {
    /// It was left here, by [`Matcher::leave`].
    Here,
    /// The other end said so.
    There,
}

/// What the other end did wrong. The matcher is of no use afterwards: close the link with [`MatchFault::code`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MatchFault {
    /// A message that only the other role sends, or that is not about matching.
    #[error("a message that is not allowed here")]
    WrongRole,
    /// An Answer or Busy to nothing that was asked, or a Query while one waits for its Answer.
    #[error("a query or an answer out of turn")]
    OutOfTurn,
    /// A number that does not follow the one before, or answers another Query.
    #[error("sequence number {0} out of order")]
    Sequence(u32),
    /// A list whose length is not what it must be.
    #[error("{field} has {count} entries, which is not a size it may have")]
    Count {
        /// The field, as the schema names it.
        field: &'static str,
        /// What it has.
        count: usize,
    },
    /// A group element that is not canonical, or is the identity.
    #[error("a group element that is not canonical, or the identity")]
    BadElement,
    /// A tag that is on offer already.
    #[error("a tag was offered twice")]
    OfferedTwice,
    /// A tag that is not on offer.
    #[error("a tag was revoked that is not on offer")]
    NotOffered,
    /// More tags than [`MAX_OFFERED`].
    #[error("more than {MAX_OFFERED} tags on offer")]
    TooManyOffered,
    /// More than [`MAX_HASTY_QUERIES`].
    #[error("asks again and again before the time it was told")]
    Hasty,
}

impl MatchFault {
    /// The code with which the link is closed.
    #[must_use]
    pub const fn code(self) -> LinkCode {
        match self {
            Self::WrongRole
            | Self::OutOfTurn
            | Self::Sequence(_)
            | Self::Count { .. }
            | Self::OfferedTwice
            | Self::NotOffered => LinkCode::Malformed,
            Self::BadElement => LinkCode::BadElement,
            Self::TooManyOffered => LinkCode::Limit,
            Self::Hasty => LinkCode::Flood,
        }
    }
}

/// One end of private matching on one link. `Send` and `'static`, so that it can work on another thread.
#[derive(Debug)]
pub enum Matcher {
    /// The end that dialled.
    Initiator(Box<Initiator>),
    /// The end that was dialled.
    Responder(Box<Responder>),
}

impl Matcher {
    /// The end that dialled. Its first [`transmit`](Self::transmit) gives the first Query, with dummies alone if no
    /// channel was joined by then; so join what is held first.
    pub fn initiator(secret: LinkSecret, rng: &mut (impl CryptoRng + RngCore)) -> Self {
        Self::Initiator(Box::new(Initiator::new(secret, rng)))
    }

    /// The end that was dialled. It says nothing before it is asked.
    pub fn responder(secret: LinkSecret, rng: &mut (impl CryptoRng + RngCore)) -> Self {
        Self::Responder(Box::new(Responder::new(secret, rng)))
    }

    /// A channel is held here from now on. Nothing happens when it was already, or when its kind never leaves this
    /// machine. Costs no group operation.
    pub fn join(&mut self, key: &ChannelKey) {
        match self {
            Self::Initiator(initiator) => initiator.join(key),
            Self::Responder(responder) => responder.join(key),
        }
    }

    /// A channel is not held here any more. To tell the other end of a new beginning, leave and join again: both are
    /// said, even if they come at once. Costs no group operation.
    pub fn leave(&mut self, key: &ChannelKey) {
        match self {
            Self::Initiator(initiator) => initiator.leave(key),
            Self::Responder(responder) => responder.leave(key),
        }
    }

    /// Takes a message of the other end: Query, Accept and Leave at the responder; Answer, Offer, Revoke and Busy at the
    /// initiator. `now` is the time since any fixed start, the same for all calls.
    ///
    /// Work is bounded by the size of the message. Group operations are charged before the first is done; at the
    /// responder an unaffordable Query is answered with Busy, at the initiator tags over budget wait, unread, until
    /// [`timeout`](Self::timeout) finds the budget refilled, or they are revoked; [`MAX_OFFERED`] bounds them.
    ///
    /// # Errors
    /// When the other end broke a rule.
    pub fn handle(&mut self, message: Control, charge: &mut dyn Charge, now: Duration) -> Result<(), MatchFault> {
        match self {
            Self::Initiator(initiator) => initiator.handle(message, charge, now),
            Self::Responder(responder) => responder.handle(message, charge, now),
        }
    }

    /// To be called at [`next_timeout`](Self::next_timeout) or soon after; at other times it does nothing. Costs no
    /// group operation.
    pub fn timeout(&mut self, charge: &mut dyn Charge, now: Duration) {
        match self {
            Self::Initiator(initiator) => initiator.timeout(charge, now),
            Self::Responder(_) => {}
        }
    }

    /// When [`timeout`](Self::timeout) wants to be called, on the clock of `now`.
    #[must_use]
    pub fn next_timeout(&self) -> Option<Duration> {
        match self {
            Self::Initiator(initiator) => initiator.next_timeout(),
            Self::Responder(_) => None,
        }
    }

    /// The next message for the other end. What was taken counts as said: it must be sent, in order, or the link
    /// closed.
    pub fn transmit(&mut self, rng: &mut (impl CryptoRng + RngCore)) -> Option<Control> {
        match self {
            Self::Initiator(initiator) => initiator.transmit(rng),
            Self::Responder(responder) => responder.transmit(rng),
        }
    }

    /// The next thing that was found out, in order. Take them all after each round: they wait in memory, at most one for
    /// each channel in each call of [`handle`](Self::handle).
    pub fn event(&mut self) -> Option<MatchEvent> {
        match self {
            Self::Initiator(initiator) => initiator.event(),
            Self::Responder(responder) => responder.event(),
        }
    }
}

#[cfg(test)]
mod tests;
