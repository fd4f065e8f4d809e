//! Every way to be turned away before the upgrade, with the words that say what to do instead.

use axum::response::Response;
use hyper::{
    StatusCode,
    header::{ALLOW, HeaderName, HeaderValue, RETRY_AFTER},
};
use nws_listen::{BadHandshake, text};
use std::fmt;

/// A joiner stays 30 s by default, so places come free soon.
const RETRY_SECONDS: &str = "10";

/// Why a request is turned away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// Nothing is at this path. The same for a wrong secret as for any other path.
    NotFound,
    /// With the methods that are allowed there.
    Method(&'static str),
    /// As many joiners as there may be are here.
    Full,
    /// As many as may come from one address are here.
    ManyNeighbours,
    Handshake(BadHandshake),
}

impl Refusal {
    const fn status(self) -> StatusCode {
        match self {
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::Method(_) => StatusCode::METHOD_NOT_ALLOWED,
            Self::Full => StatusCode::SERVICE_UNAVAILABLE,
            Self::ManyNeighbours => StatusCode::TOO_MANY_REQUESTS,
            Self::Handshake(_) => StatusCode::BAD_REQUEST,
        }
    }

    /// The answer: plain text, and the headers that belong to its status.
    pub(crate) fn answer(self) -> Response {
        if let Self::Handshake(bad) = self {
            return bad.answer();
        }
        let mut answer = text(self.status(), format!("{self}\n"));
        let mut set = |name: HeaderName, value: &'static str| {
            answer.headers_mut().insert(name, HeaderValue::from_static(value));
        };
        match self {
            Self::Method(allowed) => set(ALLOW, allowed),
            Self::Full | Self::ManyNeighbours => set(RETRY_AFTER, RETRY_SECONDS),
            _ => {}
        }
        answer
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotFound => f.write_str("Nothing is here. Joiners open a WebSocket to /join."),
            Self::Method(allowed) => write!(f, "This method is not allowed here; allowed: {allowed}."),
            Self::Full => f.write_str("No room: as many joiners as there may be are waiting. Try again soon."),
            Self::ManyNeighbours => {
                f.write_str("No room: as many joiners as there may be are waiting from your address. Try again soon.")
            }
            Self::Handshake(bad) => bad.fmt(f),
        }
    }
}

impl From<BadHandshake> for Refusal {
    fn from(bad: BadHandshake) -> Self {
        Self::Handshake(bad)
    }
}
