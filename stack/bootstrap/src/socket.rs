//! A WebSocket of this server: the handshake without IO, writing with a deadline, and the end.

use crate::{ahead::Ahead, close::Close, limits::Limits, mailbox::Mail, refusal::Refusal};
use axum::{body::Body, extract::Request, response::Response};
use futures::{SinkExt, StreamExt};
use hyper::{
    HeaderMap,
    header::{HeaderValue, SEC_WEBSOCKET_PROTOCOL, UPGRADE},
    upgrade::{OnUpgrade, Upgraded},
};
use hyper_util::rt::TokioIo;
use std::time::Duration;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    time::timeout,
};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{
        Error, Message,
        handshake::server::create_response_with_body,
        protocol::{Role, WebSocketConfig},
    },
};

/// A WebSocket that a request became: a `Stream` of messages, and a `Sink` for them.
pub type Socket = WebSocketStream<Ahead<TokioIo<Upgraded>>>;

/// Who offers this subprotocol is told what can't be delivered.
pub(crate) const NOTICES: &str = "nws-bootstrap-1";

/// Bytes that the library takes at once, and that are held by each joiner that waits. All that is there was read
/// before, by [`Ahead`].
const READ_BYTES: usize = 2 * 1024;

/// Bytes that are gathered before a write. Not held by who waits.
const WRITE_BYTES: usize = 64 * 1024;

/// After the end, what the other side still sends is read this far. A guess.
const LINGER_BYTES: usize = 4 * 1024 * 1024;

/// Whether the request asks for WebSocket at all, be it well or badly formed.
pub(crate) fn is_wanted(request: &Request) -> bool {
    let mut values = request.headers().get_all(UPGRADE).iter().filter_map(|value| value.to_str().ok());
    values.any(|value| value.split(',').any(|item| item.trim().eq_ignore_ascii_case("websocket")))
}

/// An upgrade that may be answered with 101.
pub(crate) struct Accepted {
    pub(crate) answer: Response,
    pub(crate) wants_notices: bool,
    on_upgrade: OnUpgrade,
}

/// Checks the handshake. Extensions are never taken up; our own subprotocol is, or else the first one
/// offered, as the original does.
pub(crate) fn accept(request: &mut Request) -> Result<Accepted, Refusal> {
    let mut answer = create_response_with_body(request, Body::empty).map_err(|error| Refusal::of(&error))?;
    let on_upgrade = request
        .extensions_mut()
        .remove::<OnUpgrade>()
        .ok_or(Refusal::BadUpgrade("this connection can't be upgraded"))?;
    let wants_notices = offers(request.headers()).any(|offer| offer == NOTICES);
    let chosen = if wants_notices { Some(NOTICES) } else { offers(request.headers()).next() };
    if let Some(chosen) = chosen.and_then(|chosen| HeaderValue::from_str(chosen).ok()) {
        answer.headers_mut().insert(SEC_WEBSOCKET_PROTOCOL, chosen);
    }
    Ok(Accepted { answer, wants_notices, on_upgrade })
}

fn offers(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    let values = headers.get_all(SEC_WEBSOCKET_PROTOCOL).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).map(str::trim).filter(|offer| !offer.is_empty())
}

/// Waits until the 101 is sent; `None` if the other side has gone before.
pub(crate) async fn open(on_upgrade: OnUpgrade, message_bytes: usize) -> Option<Socket> {
    let upgraded = match on_upgrade.await {
        Ok(upgraded) => Ahead::new(TokioIo::new(upgraded)),
        Err(error) => {
            tracing::debug!(%error, "gone before it was upgraded");
            return None;
        }
    };
    let config = WebSocketConfig::default()
        .read_buffer_size(READ_BYTES)
        .write_buffer_size(WRITE_BYTES)
        .max_message_size(Some(message_bytes))
        .max_frame_size(Some(message_bytes));
    Some(WebSocketStream::from_raw_socket(upgraded, Role::Server, Some(config)).await)
}

impl Accepted {
    pub(crate) fn into_parts(self) -> (Response, OnUpgrade) {
        (self.answer, self.on_upgrade)
    }
}

/// Writes all mail at once. Not cancel safe. If it fails, the batch still has the mail, but without its text.
pub(crate) async fn write(socket: &mut Socket, batch: &mut Vec<Mail>, stall: Duration) -> Result<(), Close> {
    let written = timeout(stall, async {
        for mail in &mut *batch {
            socket.feed(Message::Text(std::mem::take(&mut mail.text))).await?;
        }
        socket.flush().await
    });
    outcome(written.await)?;
    batch.clear();
    Ok(())
}

/// Writes one message.
pub(crate) async fn say(socket: &mut Socket, text: &'static str, stall: Duration) -> Result<(), Close> {
    outcome(timeout(stall, socket.send(Message::text(text))).await)
}

fn outcome(written: Result<Result<(), Error>, tokio::time::error::Elapsed>) -> Result<(), Close> {
    match written {
        Ok(Ok(())) => Ok(()),
        Ok(Err(_)) => Err(Close::Theirs),
        Err(_) => Err(Close::SlowConsumer),
    }
}

/// Says why a WebSocket ends, and hears until the other side has closed too. What it still says goes to `hear`.
pub(crate) async fn part(socket: &mut Socket, close: Close, limits: &Limits, mut hear: impl FnMut(Message)) {
    let parting = timeout(limits.close, async {
        if close != Close::Theirs && socket.send(Message::Close(close.frame())).await.is_err() {
            return;
        }
        while let Some(Ok(message)) = socket.next().await {
            hear(message);
        }
    });
    drop(parting.await);
}

/// Closes the connection. What can't be understood is read all the same, as the system would otherwise destroy the
/// close frame with a reset.
pub(crate) async fn linger(socket: Socket, limits: &Limits) {
    let mut stream = socket.into_inner();
    let lingering = timeout(limits.close, async {
        if stream.shutdown().await.is_err() {
            return;
        }
        let mut sink = [0; 1024];
        let mut left = LINGER_BYTES;
        while let Ok(read @ 1..) = stream.read(&mut sink).await
            && left > 0
        {
            left = left.saturating_sub(read);
        }
    });
    drop(lingering.await);
}
