//! Every way to be turned away before the upgrade, with the words that say what to do instead.

use axum::{body::Body, response::Response};
use hyper::{
    StatusCode,
    header::{
        ALLOW, CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER, SEC_WEBSOCKET_VERSION, X_CONTENT_TYPE_OPTIONS,
    },
};
use std::fmt;
use tokio_tungstenite::tungstenite::{Error, error::ProtocolError};

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
    /// With what is wrong about the upgrade.
    BadUpgrade(&'static str),
    Version,
}

impl Refusal {
    /// What tungstenite finds wrong with a handshake.
    pub(crate) fn of(error: &Error) -> Self {
        Self::BadUpgrade(match error {
            Error::Protocol(ProtocolError::MissingSecWebSocketVersionHeader) => return Self::Version,
            Error::Protocol(ProtocolError::WrongHttpMethod) => "its method must be GET",
            Error::Protocol(ProtocolError::WrongHttpVersion) => "it needs HTTP/1.1",
            Error::Protocol(ProtocolError::MissingConnectionUpgradeHeader) => {
                "the header \"Connection: Upgrade\" is missing"
            }
            Error::Protocol(ProtocolError::MissingSecWebSocketKey) => "the header Sec-WebSocket-Key is missing",
            Error::Protocol(ProtocolError::InvalidSecWebSocketKey) => "Sec-WebSocket-Key must be 16 bytes in base64",
            _ => "it is not well formed",
        })
    }

    const fn status(self) -> StatusCode {
        match self {
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::Method(_) => StatusCode::METHOD_NOT_ALLOWED,
            Self::Full => StatusCode::SERVICE_UNAVAILABLE,
            Self::ManyNeighbours => StatusCode::TOO_MANY_REQUESTS,
            Self::BadUpgrade(_) => StatusCode::BAD_REQUEST,
            Self::Version => StatusCode::UPGRADE_REQUIRED,
        }
    }

    /// The answer: plain text, and the headers that belong to its status.
    pub(crate) fn answer(self) -> Response {
        let mut answer = text(self.status(), format!("{self}\n"));
        let mut set = |name: HeaderName, value: &'static str| {
            answer.headers_mut().insert(name, HeaderValue::from_static(value));
        };
        match self {
            Self::Method(allowed) => set(ALLOW, allowed),
            Self::Full | Self::ManyNeighbours => set(RETRY_AFTER, RETRY_SECONDS),
            // RFC 9110 sections 15.5.22 and 7.8: a 426 must say to what, in a hop-by-hop header.
            Self::Version => {
                set(hyper::header::UPGRADE, "websocket");
                set(hyper::header::CONNECTION, "Upgrade");
                set(SEC_WEBSOCKET_VERSION, "13");
            }
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
            Self::BadUpgrade(what) => write!(f, "This is not a WebSocket handshake (RFC 6455 section 4.1): {what}."),
            Self::Version => {
                f.write_str("This server speaks version 13 of the WebSocket protocol: Sec-WebSocket-Version: 13.")
            }
        }
    }
}

/// An answer in words.
pub(crate) fn text(status: StatusCode, words: impl Into<Body>) -> Response {
    let mut answer = Response::new(words.into());
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    answer.headers_mut().insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    answer
}
