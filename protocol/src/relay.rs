//! The language of the tunnel relay, WebSocket subprotocol `nws-relay-1`: `spec/06-relay.md`, sections 3 to 8, for both ends.
//!
//! [`Request`] is what a party says, [`FromRelay`] what the relay says; both are read strictly and written in one way.
//! [`SendCredit`], [`ReceiveCredit`] and [`Retained`] are the arithmetic of one direction of one channel: what may be
//! sent, when to tell what was consumed, what must be sent again after a resumption. Nothing here knows who holds a
//! channel, what time it is, or the relay's first dialect.

mod binary;
mod codes;
mod credit;
mod event;
mod members;
mod request;
mod retained;
mod text;

pub use binary::{BINARY_HEAD_BYTES, TooShort, binary_head, split_binary};
pub use codes::{DisconnectCode, ErrorCode};
pub use credit::{FlowError, ReceiveCredit, SendCredit};
pub use event::{Answer, Disconnected, Event, EventError, Failure, FromRelay, Welcome};
pub use request::{Asked, Request, RequestError};
pub use retained::Retained;
pub use text::{Credential, Text, cut_reason};

/// The WebSocket subprotocol that a party offers to speak this language.
pub const SUBPROTOCOL: &str = "nws-relay-1";

/// The largest `id`, number of a channel or of a server, and count of bytes or items: what a JavaScript number holds
/// exactly.
pub const MAX_NUMBER: u64 = (1 << 53) - 1;

/// What each item costs beside the bytes of its payload (section 7).
pub const ITEM_COST: u64 = 16;

/// The bytes of UTF-8 that a `reason` may have, as that of a WebSocket's close (RFC 6455 section 5.5).
pub const MAX_REASON_BYTES: usize = 123;

/// What a message of data with this many bytes of payload costs. `finish` costs as much as an empty one.
#[must_use]
pub const fn item_cost(payload_bytes: usize) -> u64 {
    (payload_bytes as u64).saturating_add(ITEM_COST)
}

/// Whether a `status` may be given: 1000, or 3000 to 4999.
#[must_use]
pub const fn is_status(status: u16) -> bool {
    matches!(status, 1000 | 3000..=4999)
}

/// Where one end of a channel stands, as `resume` and `resumed` say it (section 8).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// The channel.
    pub channel: u64,
    /// How many items it has received.
    pub received: u64,
    /// The cost of those that it, or the end behind it, is done with.
    pub consumed: u64,
}

#[cfg(test)]
mod tests;
