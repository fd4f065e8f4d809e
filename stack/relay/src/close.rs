//! Every way in which the relay ends a WebSocket, as its close frame says it.

use crate::counters::Counters;
use std::borrow::Cow;
use tokio_tungstenite::tungstenite::{
    Error,
    error::{CapacityError, ProtocolError},
    protocol::{CloseFrame, frame::coding::CloseCode},
};

/// Why a connection ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Close {
    /// The other side closes, or is gone.
    Theirs,
    /// It answers no ping.
    Lost,
    ShuttingDown,
    /// It has neither a server nor a channel.
    Idle,
    NotUtf8,
    /// With the limit in bytes.
    TooBig(usize),
    /// The frames are not those of RFC 6455.
    Protocol,
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

    /// The frame that says it; `None` if there is nothing to say, or nobody to say it to.
    pub(crate) fn frame(self) -> Option<CloseFrame> {
        let (code, reason): (CloseCode, Cow<'static, str>) = match self {
            Self::Theirs | Self::Lost => return None,
            Self::ShuttingDown => (CloseCode::Away, "the relay is shutting down".into()),
            Self::Idle => (CloseCode::Normal, "idle".into()),
            Self::NotUtf8 => (CloseCode::Invalid, "text must be UTF-8".into()),
            Self::TooBig(limit) => (CloseCode::Size, format!("a message may have at most {limit} bytes").into()),
            Self::Protocol => (CloseCode::Protocol, "these are not the frames of RFC 6455".into()),
            Self::SlowConsumer => (CloseCode::Again, "slow consumer".into()),
        };
        Some(CloseFrame { code, reason: reason.as_ref().into() })
    }

    pub(crate) fn count(self, counters: &Counters) {
        Counters::add(match self {
            Self::Theirs => &counters.closed_by_peer,
            Self::Lost => &counters.closed_lost,
            Self::ShuttingDown => &counters.closed_shutdown,
            Self::Idle => &counters.closed_idle,
            Self::NotUtf8 => &counters.closed_not_utf8,
            Self::TooBig(_) => &counters.closed_too_big,
            Self::Protocol => &counters.closed_protocol,
            Self::SlowConsumer => &counters.closed_slow,
        });
    }
}
