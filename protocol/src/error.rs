//! The one mapping from what went wrong to the code that the other side is told.

use crate::limits::MAX_REASON_BYTES;

/// Why a link or a lane is closed. The number travels in Goodbye, in a QUIC application close and in
/// lane resets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum LinkCode {
    /// Nothing is wrong; also a lane that has done its work.
    None,
    /// This proxy shuts down.
    GoingAway,
    /// Another link between the same two proxies stays.
    Duplicate,
    /// The proxy dialled itself.
    SelfDial,
    /// No common version of the protocol.
    Version,
    /// Bytes that are no message, a message that is not allowed here, or one with a wrong field.
    Malformed,
    /// A frame over the limit agreed in Hello.
    FrameTooLarge,
    /// A lane for a channel that is not matched.
    Unmatched,
    /// A group element that is not canonical, or the identity.
    BadElement,
    /// More work asked than any budget allows, again and again.
    Flood,
    /// Nothing was heard for too long.
    Silent,
    /// A lane made no progress for too long.
    Stalled,
    /// Another limit of this proxy.
    Limit,
    /// A fault of this proxy.
    Internal,
    /// A code that this version does not know.
    Unknown(u32),
}

impl LinkCode {
    const KNOWN: [(Self, u32, &'static str); 14] = [
        (Self::None, 0, "done"),
        (Self::GoingAway, 1, "the proxy is shutting down"),
        (Self::Duplicate, 2, "another link between these proxies stays"),
        (Self::SelfDial, 3, "a proxy dialled itself"),
        (Self::Version, 4, "no common protocol version"),
        (Self::Malformed, 5, "malformed or unexpected message"),
        (Self::FrameTooLarge, 6, "frame over the agreed limit"),
        (Self::Unmatched, 7, "lane for a channel that is not matched"),
        (Self::BadElement, 8, "group element refused"),
        (Self::Flood, 9, "too many requests"),
        (Self::Silent, 10, "nothing was heard for too long"),
        (Self::Stalled, 11, "a lane made no progress"),
        (Self::Limit, 12, "over a limit of this proxy"),
        (Self::Internal, 13, "internal error"),
    ];

    /// The number that travels.
    #[must_use]
    pub fn number(self) -> u32 {
        match self {
            Self::Unknown(number) => number,
            code => Self::KNOWN.iter().find(|(known, ..)| *known == code).map_or(13, |(_, number, _)| *number),
        }
    }

    /// What the number stands for.
    #[must_use]
    pub fn from_number(number: u32) -> Self {
        Self::KNOWN.iter().find(|(_, known, _)| *known == number).map_or(Self::Unknown(number), |(code, ..)| *code)
    }

    /// What it means, in words.
    #[must_use]
    pub fn words(self) -> &'static str {
        Self::KNOWN.iter().find(|(known, ..)| *known == self).map_or("unknown code", |(_, _, words)| *words)
    }
}

/// Cuts a reason to what may travel in Goodbye, at a character border.
#[must_use]
pub fn cut_reason(reason: &str) -> &str {
    let mut end = reason.len().min(MAX_REASON_BYTES);
    while !reason.is_char_boundary(end) {
        end -= 1;
    }
    reason.get(..end).unwrap_or_default()
}

/// Why a client's connection is closed; the numbers are those of RFC 6455 section 7.4.1 and the IANA
/// registry of WebSocket close codes.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ClientClose {
    /// The client asked for it.
    Normal,
    /// The proxy shuts down.
    GoingAway,
    /// The client broke RFC 6455.
    Protocol(&'static str),
    /// Text that is not UTF-8.
    NotUtf8,
    /// A message over the limit, which is named in bytes.
    TooBig(usize),
    /// The client did not read, and held others up.
    SlowConsumer,
    /// The client did not answer pings.
    Silent,
}

impl ClientClose {
    /// The close code.
    #[must_use]
    pub const fn code(&self) -> u16 {
        match self {
            Self::Normal => 1000,
            Self::GoingAway => 1001,
            Self::Protocol(_) => 1002,
            Self::NotUtf8 => 1007,
            Self::TooBig(_) => 1009,
            Self::SlowConsumer => 1013,
            Self::Silent => 1011,
        }
    }

    /// The reason in the close frame; under 123 bytes, as RFC 6455 section 5.5 asks.
    #[must_use]
    pub fn reason(&self) -> String {
        match self {
            Self::Normal => String::new(),
            Self::GoingAway => "the proxy is shutting down".to_owned(),
            Self::Protocol(what) => (*what).to_owned(),
            Self::NotUtf8 => "text must be UTF-8".to_owned(),
            Self::TooBig(limit) => format!("a message may have at most {limit} bytes"),
            Self::SlowConsumer => "slow consumer".to_owned(),
            Self::Silent => "no answer to pings".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_distinct_and_read_back() {
        for number in 0..14 {
            let code = LinkCode::from_number(number);
            assert!(!matches!(code, LinkCode::Unknown(_)));
            assert_eq!(code.number(), number);
            assert_ne!(code.words(), "unknown code");
        }
        assert_eq!(LinkCode::from_number(99).number(), 99);
    }

    #[test]
    fn close_reasons_fit_a_control_frame() {
        for close in [
            ClientClose::Normal,
            ClientClose::GoingAway,
            ClientClose::NotUtf8,
            ClientClose::TooBig(usize::MAX),
            ClientClose::SlowConsumer,
            ClientClose::Silent,
        ] {
            assert!(close.reason().len() <= 123);
        }
    }

    #[test]
    fn reasons_are_cut_at_characters() {
        assert_eq!(cut_reason("fine"), "fine");
        let long = "é".repeat(200);
        assert_eq!(cut_reason(&long).len(), 256);
        assert_eq!(cut_reason(&format!("a{long}")).len(), 255);
    }
}
