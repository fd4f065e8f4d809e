//! The JSON messages of clients: reading what a client sent, writing what it is sent.
//!
//! `data` passes through as the text that it is: neither parsed into a tree nor rendered again, so that whatever JSON
//! value goes in comes out. Nothing here knows who is in a channel.

mod read;
mod write;

pub use read::{Request, RequestError, parse};
pub use write::{
    broadcast_bytes, message_bytes, put_broadcast, put_connect, put_disconnect, put_error, put_message, put_status,
};

/// The stable word for what was wrong, in an `error` message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorCode {
    /// The text is not JSON.
    BadJson,
    /// The JSON is no message: not an object, or a member is missing or of the wrong type.
    BadMessage,
    /// The `action` is none that a client may ask for.
    UnknownAction,
    /// The `target` is not in the channel, or has left it.
    UnknownTarget,
    /// A binary frame on a JSON channel.
    TextOnly,
    /// The message is larger than what a proxy takes behind which the target is, or some of all peers. Everybody else gets it.
    TooLarge,
}

impl ErrorCode {
    /// The word as it travels.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::BadJson => "bad_json",
            Self::BadMessage => "bad_message",
            Self::UnknownAction => "unknown_action",
            Self::UnknownTarget => "unknown_target",
            Self::TextOnly => "text_only",
            Self::TooLarge => "too_large",
        }
    }
}

#[cfg(test)]
mod tests;
