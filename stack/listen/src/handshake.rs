//! The handshake of a WebSocket, without IO: whether a request is one, and what is wrong with one that is not.

use crate::page::text;
use axum::{body::Body, extract::Request, response::Response};
use hyper::{
    HeaderMap, StatusCode,
    header::{CONNECTION, HeaderValue, SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_VERSION, UPGRADE},
    upgrade::OnUpgrade,
};
use tokio_tungstenite::tungstenite::{Error, error::ProtocolError, handshake::server::create_response_with_body};

/// Whether the request asks for WebSocket at all, be it well or badly formed.
#[must_use]
pub fn is_wanted(request: &Request) -> bool {
    let mut values = request.headers().get_all(UPGRADE).iter().filter_map(|value| value.to_str().ok());
    values.any(|value| value.split(',').any(|item| item.trim().eq_ignore_ascii_case("websocket")))
}

/// An upgrade that may be answered with 101.
#[derive(Debug)]
pub struct Accepted {
    pub(crate) answer: Response,
    pub(crate) on_upgrade: OnUpgrade,
    /// Whether the server's own subprotocol was offered, and so agreed.
    pub speaks_own: bool,
}

/// Checks the handshake. Extensions are never taken up; of the subprotocols the server's own is, or else the first one
/// offered.
///
/// # Errors
/// With what is wrong.
pub fn accept(request: &mut Request, own: &'static str) -> Result<Accepted, BadHandshake> {
    let mut answer = create_response_with_body(request, Body::empty).map_err(|error| BadHandshake::of(&error))?;
    let on_upgrade = request
        .extensions_mut()
        .remove::<OnUpgrade>()
        .ok_or(BadHandshake::NotOne("this connection can't be upgraded"))?;
    let speaks_own = offers(request.headers()).any(|offer| offer == own);
    let chosen = if speaks_own { Some(own) } else { offers(request.headers()).next() };
    if let Some(chosen) = chosen.and_then(|chosen| HeaderValue::from_str(chosen).ok()) {
        answer.headers_mut().insert(SEC_WEBSOCKET_PROTOCOL, chosen);
    }
    Ok(Accepted { answer, on_upgrade, speaks_own })
}

fn offers(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    let values = headers.get_all(SEC_WEBSOCKET_PROTOCOL).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).map(str::trim).filter(|offer| !offer.is_empty())
}

/// Why an upgrade is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BadHandshake {
    /// With what is wrong about it.
    #[error("This is not a WebSocket handshake (RFC 6455 section 4.1): {0}.")]
    NotOne(&'static str),
    /// Of another version of the protocol.
    #[error("This server speaks version 13 of the WebSocket protocol: Sec-WebSocket-Version: 13.")]
    Version,
}

impl BadHandshake {
    /// What tungstenite finds wrong with a handshake.
    fn of(error: &Error) -> Self {
        Self::NotOne(match error {
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

    /// The answer: plain text, and the headers that belong to its status.
    #[must_use]
    pub fn answer(self) -> Response {
        let status = match self {
            Self::NotOne(_) => StatusCode::BAD_REQUEST,
            Self::Version => StatusCode::UPGRADE_REQUIRED,
        };
        let mut answer = text(status, format!("{self}\n"));
        if self == Self::Version {
            // RFC 9110 sections 15.5.22 and 7.8: a 426 must say to what, in a hop-by-hop header.
            for (name, value) in [(UPGRADE, "websocket"), (CONNECTION, "Upgrade"), (SEC_WEBSOCKET_VERSION, "13")] {
                answer.headers_mut().insert(name, HeaderValue::from_static(value));
            }
        }
        answer
    }
}
