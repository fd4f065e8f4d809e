//! Every way to be turned away before the upgrade, with the words that say what to do instead.

use bytes::Bytes;
use http_body_util::Full;
use hyper::{
    Response, StatusCode,
    header::{ALLOW, CONTENT_TYPE, HeaderName, HeaderValue, SEC_WEBSOCKET_VERSION, UPGRADE, X_CONTENT_TYPE_OPTIONS},
};
use nws_hub::JoinError;
use std::fmt;

/// A whole answer.
pub(crate) type Answer = Response<Full<Bytes>>;

const NAMES: &str = "A channel's address is ws://localhost:PORT/NAME, where NAME has 1 to 255 of the characters \
                     A-Z a-z 0-9 + = * . _ - and no others.";

/// Why a request is turned away.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Refusal {
    NoHost,
    ManyHosts,
    ForeignHost {
        allowed: String,
    },
    ForeignOrigin,
    /// With the methods that are allowed there.
    Method(&'static str),
    /// Nothing is at this path, and it is not a channel's.
    NotFound,
    /// A channel's path, asked for as if it were a page.
    NotAnUpgrade {
        port: u16,
    },
    /// With what is wrong about the upgrade.
    BadUpgrade(&'static str),
    Version,
    Full(JoinError),
}

impl Refusal {
    fn status(&self) -> StatusCode {
        match self {
            Self::NoHost | Self::ManyHosts | Self::BadUpgrade(_) => StatusCode::BAD_REQUEST,
            Self::ForeignHost { .. } | Self::ForeignOrigin => StatusCode::FORBIDDEN,
            Self::Method(_) => StatusCode::METHOD_NOT_ALLOWED,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::NotAnUpgrade { .. } | Self::Version => StatusCode::UPGRADE_REQUIRED,
            Self::Full(_) => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// The answer: plain text, and the headers that belong to its status.
    pub(crate) fn answer(&self) -> Answer {
        let mut answer = text(self.status(), format!("{self}\n"));
        let mut set = |name: HeaderName, value: &'static str| {
            answer.headers_mut().insert(name, HeaderValue::from_static(value));
        };
        match self {
            Self::Method(allowed) => set(ALLOW, allowed),
            // RFC 9110 sections 15.5.22 and 7.8: a 426 must say to what, in a hop-by-hop header.
            Self::NotAnUpgrade { .. } | Self::Version => {
                set(UPGRADE, "websocket");
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
            Self::NoHost => f.write_str("The request has no Host header."),
            Self::ManyHosts => f.write_str("The request has more than one Host header."),
            Self::ForeignHost { allowed } => {
                write!(
                    f,
                    "This proxy is for programs and pages on this machine. It answers to these hosts only: {allowed}."
                )
            }
            Self::ForeignOrigin => f.write_str(
                "Pages of this origin may not use this proxy. Its owner can allow the origin with --allow-origin.",
            ),
            Self::Method(allowed) => write!(f, "This method is not allowed here; allowed: {allowed}."),
            Self::NotFound => write!(f, "Nothing is here. {NAMES}"),
            Self::NotAnUpgrade { port } => write!(
                f,
                "This is a channel, and it speaks WebSocket. Open it with new WebSocket(\"ws://localhost:{port}/NAME\") \
                 or any WebSocket client; http://localhost:{port}/ has a page to try it."
            ),
            Self::BadUpgrade(what) => write!(f, "This is not a WebSocket handshake (RFC 6455 section 4.1): {what}."),
            Self::Version => {
                f.write_str("This proxy speaks version 13 of the WebSocket protocol: Sec-WebSocket-Version: 13.")
            }
            Self::Full(error) => write!(f, "No room: {error}. Try again when some have left, or raise --max-clients."),
        }
    }
}

/// An answer in words.
pub(crate) fn text(status: StatusCode, words: impl Into<Bytes>) -> Answer {
    let mut answer = Response::new(Full::new(words.into()));
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    answer.headers_mut().insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    answer
}
