//! Why a link ends, whoever ends it.

use nws_protocol::{LinkCode, frame::FrameError, wire::WireError};
use nws_transports::LinkError;
use std::{borrow::Cow, fmt, io};

/// The end of a link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Over {
    /// It is closed from here; the other end is told so.
    Ours(LinkCode, Cow<'static, str>),
    /// The other end said goodbye.
    Theirs(LinkCode, String),
    /// It broke.
    Lost(String),
}

impl Over {
    /// Closed from here, in the words of the code.
    pub(crate) fn ours(code: LinkCode) -> Self {
        Self::Ours(code, Cow::Borrowed(code.words()))
    }

    /// The code it was closed with, as far as one was given.
    pub(crate) const fn code(&self) -> LinkCode {
        match self {
            Self::Ours(code, _) | Self::Theirs(code, _) => *code,
            Self::Lost(_) => LinkCode::None,
        }
    }

    /// Why the transport says that a link is over.
    pub(crate) fn of_link(error: LinkError) -> Self {
        match error {
            LinkError::ClosedByPeer { code, reason } => Self::Theirs(code, reason),
            LinkError::Violated(what) => Self::Ours(LinkCode::Malformed, Cow::Owned(what)),
            other => Self::Lost(other.to_string()),
        }
    }

    /// Why the control lane failed, which no link outlives.
    pub(crate) fn of_io(error: &io::Error) -> Self {
        match error.get_ref().and_then(|inner| inner.downcast_ref::<LinkError>()) {
            Some(cause) => Self::of_link(cause.clone()),
            None => Self::Lost(error.to_string()),
        }
    }

    /// What is wrong with a frame's border.
    pub(crate) fn of_frame(error: FrameError) -> Self {
        match error {
            FrameError::TooLarge { .. } => Self::Ours(LinkCode::FrameTooLarge, Cow::Owned(error.to_string())),
            FrameError::Io(error) => Self::of_io(&error),
            FrameError::Truncated => Self::Lost(error.to_string()),
            _ => Self::Ours(LinkCode::Malformed, Cow::Owned(error.to_string())),
        }
    }

    /// What is wrong with a message.
    pub(crate) fn of_wire(error: &WireError) -> Self {
        Self::Ours(error.code(), Cow::Owned(error.to_string()))
    }
}

impl fmt::Display for Over {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ours(code, why) if why == code.words() => write!(f, "closed here: {why}"),
            Self::Ours(code, why) => write!(f, "closed here: {} ({why})", code.words()),
            // The other end's words may hold anything; `Debug` keeps them on one line.
            Self::Theirs(code, reason) if reason.is_empty() || reason == code.words() => {
                write!(f, "closed by the other end: {}", code.words())
            }
            Self::Theirs(code, reason) => write!(f, "closed by the other end: {} ({reason:?})", code.words()),
            Self::Lost(why) => write!(f, "lost: {why}"),
        }
    }
}
