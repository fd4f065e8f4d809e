//! One WebSocket to the relay: dialling it, and moving frames in both directions at once, so that neither waits for the other.

use crate::{
    core::{End, Frame},
    pumps::MOST_WAITING_BYTES,
    relay::Relay,
};
use bytes::Bytes;
use futures::{Sink, Stream};
use nws_protocol::relay::SUBPROTOCOL;
use std::{
    future::poll_fn,
    io,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};
use tokio::{net::TcpStream, time::Instant};
use tokio_rustls::{TlsConnector, client::TlsStream};
use tokio_tungstenite::{
    WebSocketStream, client_async_with_config,
    tungstenite::{
        Error, Message, Utf8Bytes,
        client::IntoClientRequest,
        http::HeaderValue,
        protocol::{CloseFrame, WebSocketConfig, frame::coding::CloseCode},
    },
};
use tokio_util::either::Either;

/// How long a dial may take, from looking up the name to the end of the handshake.
const DIAL_TIME: Duration = Duration::from_secs(10);

/// Written to the socket at once, when there is so much, in bytes; a few reads of a program.
const WRITE_BYTES: usize = 128 * 1024;

/// The largest message that is taken from a relay, in bytes. Its own limit for what others send, 1 MiB, is far below.
const MOST_BYTES: usize = 16 * 1024 * 1024;

/// Silence after which the relay is asked whether it is there, and after which it is taken for lost. A relay pings each 30 s.
const ASK_AFTER: Duration = Duration::from_secs(15);
const LOST_AFTER: Duration = Duration::from_secs(40);

/// Why there is no connection to the relay.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DialError {
    /// Nobody answers there.
    #[error("the relay at {url} cannot be reached: {why}")]
    Unreachable {
        /// Its address.
        url: String,
        /// Why.
        why: String,
    },
    /// It proves its identity with a certificate that is not trusted.
    #[error(
        "the certificate of the relay at {url} is not trusted: {why}; if it is the right one, name it, or whoever signed it, with --relay-ca"
    )]
    Untrusted {
        /// Its address.
        url: String,
        /// Why.
        why: String,
    },
    /// Something answers that is no relay, or one that has no room.
    #[error("what answers at {url} does not take us as a party: {why}")]
    NoRelay {
        /// Its address.
        url: String,
        /// Why.
        why: String,
    },
}

/// A WebSocket to the relay.
#[derive(Debug)]
pub(crate) struct Wire {
    socket: WebSocketStream<Either<TcpStream, TlsStream<TcpStream>>>,
    /// Something was given to the socket and not yet flushed.
    unflushed: bool,
    heard: Instant,
    /// A ping is to be sent, or was.
    asked: bool,
    ask_now: bool,
}

/// What the relay sent.
#[derive(Debug)]
pub(crate) enum Incoming {
    Text(Utf8Bytes),
    Binary(Bytes),
    /// Nothing that concerns anybody else.
    Other,
}

impl Wire {
    /// Dials the relay.
    pub(crate) async fn dial(relay: &Relay) -> Result<Self, DialError> {
        let url = relay.url.clone();
        match tokio::time::timeout(DIAL_TIME, Self::dial_patiently(relay)).await {
            Ok(dialled) => dialled,
            Err(_) => Err(DialError::Unreachable { url, why: "it did not answer in time".to_owned() }),
        }
    }

    async fn dial_patiently(relay: &Relay) -> Result<Self, DialError> {
        let unreachable = |error: io::Error| refusal(relay, &error);
        let stream = TcpStream::connect((&*relay.host, relay.port)).await.map_err(unreachable)?;
        let _ = stream.set_nodelay(true);
        let stream = match &relay.tls {
            None => Either::Left(stream),
            Some(tls) => {
                let connector = TlsConnector::from(tls.config.clone());
                Either::Right(connector.connect(tls.name.clone(), stream).await.map_err(unreachable)?)
            }
        };
        let no_relay = |why: String| DialError::NoRelay { url: relay.url.clone(), why };
        let mut request = relay.url.as_str().into_client_request().map_err(|error| no_relay(error.to_string()))?;
        request.headers_mut().insert("sec-websocket-protocol", HeaderValue::from_static(SUBPROTOCOL));
        let config = WebSocketConfig::default()
            .write_buffer_size(WRITE_BYTES)
            .max_message_size(Some(MOST_BYTES))
            .max_frame_size(Some(MOST_BYTES));
        let (socket, _) =
            client_async_with_config(request, stream, Some(config)).await.map_err(|error| match error {
                Error::Io(error) => unreachable(error),
                Error::Http(answer) => no_relay(format!("HTTP {}", answer.status())),
                Error::Protocol(error) => no_relay(format!("{error}; is it a relay that speaks {SUBPROTOCOL}?")),
                error => no_relay(error.to_string()),
            })?;
        Ok(Self::new(socket))
    }

    fn new(socket: WebSocketStream<Either<TcpStream, TlsStream<TcpStream>>>) -> Self {
        Self { socket, unflushed: false, heard: Instant::now(), asked: false, ask_now: false }
    }

    /// Writes what the end has to say, and gives what the relay says next, or [`Incoming::Other`] when there is room for more to
    /// write. Cancel safe.
    pub(crate) async fn exchange(&mut self, end: &mut impl End) -> Result<Incoming, String> {
        // Much may have been read at once; the pumps have their turn before all of it is heard.
        tokio::task::consume_budget().await;
        let Some(incoming) = poll_fn(|cx| self.poll(cx, end)).await? else { return Ok(Incoming::Other) };
        self.heard = Instant::now();
        self.asked = false;
        match incoming {
            Message::Text(text) => Ok(Incoming::Text(text)),
            Message::Binary(bytes) => Ok(Incoming::Binary(bytes)),
            Message::Close(frame) => Err(frame.map_or_else(
                || "the relay closed the connection".to_owned(),
                |frame| format!("the relay closed the connection: {} {}", u16::from(frame.code), frame.reason),
            )),
            // The socket has queued the pong.
            Message::Ping(_) => {
                self.unflushed = true;
                Ok(Incoming::Other)
            }
            Message::Pong(_) | Message::Frame(_) => Ok(Incoming::Other),
        }
    }

    /// Nothing if the pumps, which were not read from, may be again: else they would wait until the relay says something.
    fn poll(&mut self, cx: &mut Context<'_>, end: &mut impl End) -> Poll<Result<Option<Message>, String>> {
        let was_full = end.waiting_bytes() >= MOST_WAITING_BYTES;
        if let Poll::Ready(Err(error)) = self.poll_write(cx, end) {
            return Poll::Ready(Err(lost(&error)));
        }
        if was_full && end.waiting_bytes() < MOST_WAITING_BYTES {
            return Poll::Ready(Ok(None));
        }
        match ready!(Pin::new(&mut self.socket).poll_next(cx)) {
            Some(Ok(message)) => Poll::Ready(Ok(Some(message))),
            Some(Err(error)) => Poll::Ready(Err(lost(&error))),
            None => Poll::Ready(Err("the relay closed the connection".to_owned())),
        }
    }

    /// Ready when everything is written.
    fn poll_write(&mut self, cx: &mut Context<'_>, end: &mut impl End) -> Poll<Result<(), Error>> {
        loop {
            ready!(Pin::new(&mut self.socket).poll_ready(cx))?;
            let message = if std::mem::take(&mut self.ask_now) {
                Message::Ping(Bytes::new())
            } else {
                match end.frame() {
                    // What the core writes is text.
                    Some(Frame::Text(bytes)) => match Utf8Bytes::try_from(bytes) {
                        Ok(text) => Message::Text(text),
                        Err(_) => continue,
                    },
                    Some(Frame::Binary(bytes)) => Message::Binary(bytes),
                    None => break,
                }
            };
            Pin::new(&mut self.socket).start_send(message)?;
            self.unflushed = true;
        }
        if self.unflushed {
            ready!(Pin::new(&mut self.socket).poll_flush(cx))?;
            self.unflushed = false;
        }
        Poll::Ready(Ok(()))
    }

    /// Looks at how long the relay has been silent: asks whether it is there, and says when it is not. To be called every few
    /// seconds.
    pub(crate) fn is_silent(&mut self) -> bool {
        let silent = self.heard.elapsed();
        if silent >= ASK_AFTER && !self.asked {
            self.asked = true;
            self.ask_now = true;
        }
        silent >= LOST_AFTER
    }

    /// Writes what the end still has to say, and says goodbye; as long as that takes, so to be given a deadline.
    pub(crate) async fn close(&mut self, end: &mut impl End) {
        let _ = poll_fn(|cx| self.poll_write(cx, end)).await;
        let goodbye = CloseFrame { code: CloseCode::Normal, reason: Utf8Bytes::default() };
        let _ = self.socket.close(Some(goodbye)).await;
    }
}

fn lost(error: &Error) -> String {
    format!("the connection to the relay broke: {error}")
}

fn refusal(relay: &Relay, error: &io::Error) -> DialError {
    let url = relay.url.clone();
    match error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
        Some(error @ rustls::Error::InvalidCertificate(_)) => DialError::Untrusted { url, why: error.to_string() },
        Some(error) => DialError::NoRelay { url, why: format!("no TLS with it: {error}") },
        None => DialError::Unreachable { url, why: error.to_string() },
    }
}

#[cfg(test)]
mod tests;
