//! Every way in which the server ends a WebSocket, as its close frame says it.

use crate::{counters::Counters, json::Fault};
use std::borrow::Cow;
use tokio_tungstenite::tungstenite::{
    Error,
    error::{CapacityError, ProtocolError},
    protocol::{CloseFrame, frame::coding::CloseCode},
};

/// What the first root is told when a second one comes. Of the range that RFC 6455 section 7.4.2 leaves to
/// applications.
pub(crate) const REPLACED: u16 = 4000;

/// Why a connection ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Close {
    /// The other side closes, or is gone.
    Theirs,
    /// The time to join is over. Its close frame is empty, as the original's is.
    TimedOut,
    ShuttingDown,
    /// Another root is there.
    Replaced,
    /// A text that is not JSON.
    NotJson(Fault),
    /// A binary message that is not JSON.
    NotText,
    /// `null`, to which no origin can be given.
    Null,
    NotUtf8,
    /// With the limit in bytes.
    TooBig(usize),
    /// The frames are not those of RFC 6455.
    Protocol,
    /// With the limit in messages a second.
    TooFast(u32),
    /// It does not read what is sent to it.
    SlowConsumer,
}

impl Close {
    /// The fault of the other side that this error of the WebSocket layer is.
    pub(crate) fn of(error: &Error, limit: usize) -> Self {
        match error {
            Error::Utf8(_) => Self::NotUtf8,
            Error::Capacity(CapacityError::MessageTooLong { .. }) => Self::TooBig(limit),
            Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => Self::Theirs,
            Error::Protocol(_) => Self::Protocol,
            _ => Self::Theirs,
        }
    }

    /// Whether it is this server's wish alone, so that the other side is heard until it closes too.
    pub(crate) const fn is_polite(self) -> bool {
        matches!(self, Self::TimedOut | Self::ShuttingDown)
    }

    /// The frame that says it; `None` is an empty one. Reasons have at most 123 bytes.
    pub(crate) fn frame(self) -> Option<CloseFrame> {
        let (code, reason): (CloseCode, Cow<'static, str>) = match self {
            Self::Theirs | Self::TimedOut => return None,
            Self::ShuttingDown => (CloseCode::Away, "the server is shutting down".into()),
            Self::Replaced => (REPLACED.into(), "another root has taken over".into()),
            Self::NotJson(fault) => (CloseCode::Invalid, fault.to_string().into()),
            Self::NotText => (CloseCode::Unsupported, "a binary message must be JSON too".into()),
            Self::Null => (CloseCode::Invalid, "null is no request".into()),
            Self::NotUtf8 => (CloseCode::Invalid, "text must be UTF-8".into()),
            Self::TooBig(limit) => (CloseCode::Size, format!("a message may have at most {limit} bytes").into()),
            Self::Protocol => (CloseCode::Protocol, "these are not the frames of RFC 6455".into()),
            Self::TooFast(limit) => {
                (CloseCode::Policy, format!("at most {limit} messages a second are taken from a joiner").into())
            }
            Self::SlowConsumer => (CloseCode::Again, "slow consumer".into()),
        };
        Some(CloseFrame { code, reason: reason.as_ref().into() })
    }

    pub(crate) fn count(self, counters: &Counters) {
        let counter = match self {
            Self::Theirs => &counters.closed_by_peer,
            Self::TimedOut => &counters.closed_timed_out,
            Self::ShuttingDown => &counters.closed_shutdown,
            Self::Replaced => &counters.closed_replaced,
            Self::NotJson(_) | Self::NotText | Self::Null => &counters.closed_not_json,
            Self::NotUtf8 => &counters.closed_not_utf8,
            Self::TooBig(_) => &counters.closed_too_big,
            Self::Protocol => &counters.closed_protocol,
            Self::TooFast(_) => &counters.closed_too_fast,
            Self::SlowConsumer => &counters.closed_slow,
        };
        Counters::add(counter);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_fit_into_a_close_frame() {
        let all = [
            Close::ShuttingDown,
            Close::Replaced,
            Close::NotJson(Fault::Ends),
            Close::NotJson(Fault::Unexpected(usize::MAX)),
            Close::NotJson(Fault::Deep),
            Close::NotText,
            Close::Null,
            Close::NotUtf8,
            Close::TooBig(usize::MAX),
            Close::Protocol,
            Close::TooFast(u32::MAX),
            Close::SlowConsumer,
        ];
        for close in all {
            let reason = close.frame().map(|frame| frame.reason.as_str().to_owned());
            assert!(reason.is_some_and(|reason| !reason.is_empty() && reason.len() <= 123), "{close:?}");
        }
        assert_eq!(Close::TimedOut.frame(), None);
    }
}
