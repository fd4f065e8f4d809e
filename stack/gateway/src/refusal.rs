//! Every way to be turned away before the upgrade, with the words that say what to do instead.

use crate::answer::{Answer, text};
use hyper::{
    StatusCode,
    header::{ALLOW, HeaderName, HeaderValue, SEC_WEBSOCKET_VERSION, UPGRADE},
};
use nws_hub::JoinError;
use std::fmt;

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
    /// A page of another origin asks for what is for this proxy's own pages.
    OtherOrigin,
    /// With the methods that are allowed there.
    Method(&'static str),
    /// Nothing is at this path, and it is not a channel's.
    NotFound,
    /// Nothing is at this path below a folder of files.
    NoFile,
    /// A channel's path, asked for as if it were a page.
    NotAnUpgrade {
        port: u16,
    },
    /// With what is wrong about the upgrade.
    BadUpgrade(&'static str),
    Version,
    Full(JoinError),
    /// What would have to answer is busy; with what that is.
    Busy(&'static str),
}

impl Refusal {
    fn status(&self) -> StatusCode {
        match self {
            Self::NoHost | Self::ManyHosts | Self::BadUpgrade(_) => StatusCode::BAD_REQUEST,
            Self::ForeignHost { .. } | Self::ForeignOrigin | Self::OtherOrigin => StatusCode::FORBIDDEN,
            Self::Method(_) => StatusCode::METHOD_NOT_ALLOWED,
            Self::NotFound | Self::NoFile => StatusCode::NOT_FOUND,
            Self::NotAnUpgrade { .. } | Self::Version => StatusCode::UPGRADE_REQUIRED,
            Self::Full(_) | Self::Busy(_) => StatusCode::SERVICE_UNAVAILABLE,
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
            Self::OtherOrigin => {
                f.write_str("This is for this proxy's own pages and for programs on this machine only.")
            }
            Self::NoFile => f.write_str("There is no such file."),
            Self::Busy(what) => write!(f, "Too busy: {what}. Try again soon."),
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
