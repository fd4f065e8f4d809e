//! One connected client: what it sends goes into its channel, what the channel has for it goes out.
//!
//! One task does both, so that neither waits for the other: a client that is held back is still
//! written to, and one that does not read is still heard. Reading goes through one buffer per
//! thread, so an idle client holds none; writing takes ready-made frames from the channel's log.

mod outbox;
mod speech;

use crate::{
    figures::{Figures, Held},
    frames::{self, Incoming, Reader},
};
use bytes::{Bytes, BytesMut};
use nws_hub::ClientSeat;
use nws_protocol::ClientClose;
use outbox::Outbox;
use speech::Speech;
use std::{
    cell::RefCell,
    future::{Future, poll_fn},
    io,
    ops::ControlFlow,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, Waker, ready},
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{self, Instant, Sleep},
};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

/// How a session behaves.
#[derive(Debug, Clone)]
pub struct SessionSettings {
    /// Largest message of a client, in bytes; over it the connection is closed with 1009.
    pub max_message_bytes: usize,
    /// After this long without hearing from the client, it is pinged. 54 s, as the original did: under the
    /// 60 s after which many middle boxes forget a connection.
    pub ping_interval: Duration,
    /// A client that does not answer a ping in this long is closed with 1011. 10 s, a guess.
    pub pong_timeout: Duration,
    /// How long the close frame and what comes before it may take. 5 s, a guess.
    pub close_deadline: Duration,
}

impl Default for SessionSettings {
    fn default() -> Self {
        Self {
            max_message_bytes: nws_protocol::limits::DEFAULT_MAX_MESSAGE_BYTES,
            ping_interval: Duration::from_secs(54),
            pong_timeout: Duration::from_secs(10),
            close_deadline: Duration::from_secs(5),
        }
    }
}

/// Bytes read at once: the largest TCP receive that is common on loopback.
const SCRATCH_BYTES: usize = 64 * 1024;

thread_local! {
    static SCRATCH: RefCell<Box<[u8]>> = RefCell::new(vec![0; SCRATCH_BYTES].into_boxed_slice());
}

/// Serves a client from its upgrade to its end. `leftover` is what came after the request's head.
pub(crate) async fn run<S>(
    stream: S,
    leftover: Bytes,
    seat: ClientSeat,
    settings: Arc<SessionSettings>,
    figures: Arc<Figures>,
    shutdown: CancellationToken,
) where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut session = Session::new(stream, seat, &settings, figures, shutdown);
    let close = session.live(leftover).await;
    session.figures.closed(&close);
    tracing::debug!(code = close.code(), "client leaves");
    session.end(&close, settings.close_deadline).await;
}

struct Session<S> {
    stream: S,
    reader: Reader,
    /// Gone as soon as the client is to be closed: others hear of it at once.
    speech: Option<Speech>,
    outbox: Outbox,
    /// Something written may still be held by the stream: TLS takes more than its socket does.
    unflushed: bool,
    /// The answer to the client's own close frame.
    close_reply: Option<Bytes>,
    ping_interval: Duration,
    pong_timeout: Duration,
    /// Fires when a ping is due, or its answer.
    alarm: Pin<Box<Sleep>>,
    heard: bool,
    awaiting_pong: bool,
    /// While held back: when to look whether a receiver is to be closed.
    judgement: Option<Judgement>,
    figures: Arc<Figures>,
    shutdown: Pin<Box<WaitForCancellationFutureOwned>>,
}

struct Judgement {
    due: Pin<Box<Sleep>>,
    _held: Held,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Session<S> {
    fn new(
        stream: S,
        seat: ClientSeat,
        settings: &SessionSettings,
        figures: Arc<Figures>,
        shutdown: CancellationToken,
    ) -> Self {
        Self {
            stream,
            reader: Reader::new(settings.max_message_bytes),
            speech: Some(Speech::new(seat)),
            outbox: Outbox::default(),
            unflushed: false,
            close_reply: None,
            ping_interval: settings.ping_interval,
            pong_timeout: settings.pong_timeout,
            alarm: Box::pin(time::sleep(settings.ping_interval)),
            heard: false,
            awaiting_pong: false,
            judgement: None,
            figures,
            shutdown: Box::pin(shutdown.cancelled_owned()),
        }
    }

    /// Until the client, the channel or the proxy ends it; says why.
    async fn live(&mut self, leftover: Bytes) -> ClientClose {
        if !leftover.is_empty()
            && let Err(close) = self.hear(&mut Vec::from(leftover))
        {
            return close;
        }
        poll_fn(|cx| {
            loop {
                let spoke = self.poll_speak(cx);
                match (self.poll_write(cx), self.poll_read(cx)) {
                    (Err(close), _) | (_, Err(close)) => return Poll::Ready(close),
                    (Ok(false), Ok(false)) if !spoke => {}
                    _ => continue,
                }
                // Only now, as these two cost locks that every client shares.
                if self.shutdown.as_mut().poll(cx).is_ready() {
                    return Poll::Ready(ClientClose::GoingAway);
                }
                match self.poll_alarm(cx) {
                    Poll::Ready(Some(close)) => return Poll::Ready(close),
                    Poll::Ready(None) => {}
                    Poll::Pending => {
                        self.outbox.rest();
                        return Poll::Pending;
                    }
                }
            }
        })
        .await
    }

    /// Says what there was no room for; true when it could.
    fn poll_speak(&mut self, cx: &mut Context<'_>) -> bool {
        let Some(speech) = &mut self.speech else { return false };
        let mut spoke = false;
        while speech.is_held() {
            if speech.seat().poll_room(cx).is_ready() {
                speech.go_on();
                spoke = true;
                continue;
            }
            let interval = speech.seat().judge_interval();
            let judgement = self
                .judgement
                .get_or_insert_with(|| Judgement { due: Box::pin(time::sleep(interval)), _held: self.figures.hold() });
            if judgement.due.as_mut().poll(cx).is_pending() {
                return spoke;
            }
            speech.seat().judge();
            judgement.due.as_mut().reset(Instant::now() + interval);
        }
        self.judgement = None;
        spoke
    }

    /// Writes what there is; true when it got on.
    fn poll_write(&mut self, cx: &mut Context<'_>) -> Result<bool, ClientClose> {
        if self.outbox.is_empty() {
            let Some(speech) = &mut self.speech else { return Ok(false) };
            match speech.seat_mut().poll_take(cx, self.outbox.parts()) {
                Poll::Ready(result) => result?,
                Poll::Pending => return self.poll_flush(cx).map(|()| false),
            }
            self.outbox.refilled();
        }
        match self.outbox.poll_write(&mut self.stream, cx) {
            Poll::Ready(Ok(bytes)) => {
                self.figures.sent(bytes);
                self.unflushed = true;
                if !self.outbox.is_empty()
                    && let Some(speech) = &self.speech
                {
                    speech.seat().progress(bytes);
                }
                Ok(true)
            }
            Poll::Ready(Err(_)) => Err(ClientClose::Normal),
            Poll::Pending => match self.speech.as_ref().map(|speech| speech.seat().poll_thrown_out(cx)) {
                Some(Poll::Ready(close)) => Err(close),
                _ => Ok(false),
            },
        }
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Result<(), ClientClose> {
        if self.unflushed
            && let Poll::Ready(flushed) = Pin::new(&mut self.stream).poll_flush(cx)
        {
            self.unflushed = false;
            flushed.map_err(|_| ClientClose::Normal)?;
        }
        Ok(())
    }

    /// Reads once, unless the client is held back; true when something came.
    fn poll_read(&mut self, cx: &mut Context<'_>) -> Result<bool, ClientClose> {
        if self.speech.as_ref().is_none_or(Speech::is_held) {
            return Ok(false);
        }
        SCRATCH.with_borrow_mut(|scratch| {
            let mut buffer = ReadBuf::new(scratch);
            match Pin::new(&mut self.stream).poll_read(cx, &mut buffer) {
                Poll::Ready(Ok(())) if buffer.filled().is_empty() => Err(ClientClose::Normal),
                Poll::Ready(Ok(())) => self.hear(buffer.filled_mut()).map(|()| true),
                Poll::Ready(Err(_)) => Err(ClientClose::Normal),
                Poll::Pending => Ok(false),
            }
        })
    }

    fn hear(&mut self, bytes: &mut [u8]) -> Result<(), ClientClose> {
        let Self { reader, speech: Some(speech), outbox, close_reply, figures, .. } = self else { return Ok(()) };
        self.heard = true;
        let mut goodbye = None;
        let mut batch = BytesMut::new();
        let hint = bytes.len() + bytes.len() / 4;
        let (length, mut messages) = (bytes.len(), 0);
        let result = reader.feed(bytes, &mut |message| {
            messages += u64::from(matches!(message, Incoming::Text(_) | Incoming::Binary(_)));
            match message {
                Incoming::Text(text) => speech.text(&mut batch, text, hint),
                Incoming::Binary(data) => speech.binary(&mut batch, data),
                Incoming::Ping(payload) => outbox.put_pong(frames::pong(payload)),
                Incoming::Pong(_) => {}
                Incoming::Close(code) => {
                    goodbye = Some(code);
                    return ControlFlow::Break(());
                }
            }
            ControlFlow::Continue(())
        });
        figures.received(length, messages);
        // What came before a fault was said all the same.
        speech.publish(&mut batch);
        result?;
        if goodbye.is_some() {
            *close_reply = goodbye.map(frames::close_reply);
            return Err(ClientClose::Normal);
        }
        Ok(())
    }

    /// Pings when it is time; ready with a reason when the answer did not come.
    fn poll_alarm(&mut self, cx: &mut Context<'_>) -> Poll<Option<ClientClose>> {
        ready!(self.alarm.as_mut().poll(cx));
        let held = self.speech.as_ref().is_some_and(Speech::is_held);
        let heard = std::mem::take(&mut self.heard);
        let next = if heard || held {
            self.awaiting_pong = false;
            self.ping_interval
        } else if self.awaiting_pong {
            return Poll::Ready(Some(ClientClose::Silent));
        } else {
            self.awaiting_pong = true;
            self.outbox.put_control(Bytes::from_static(frames::PING));
            self.pong_timeout
        };
        self.alarm.as_mut().reset(Instant::now() + next);
        Poll::Ready(None)
    }

    /// Leaves the channel, writes what is there for the client and the close frame, and waits for the client to
    /// end it, so that the frame is not lost to a reset; all of it within a deadline.
    async fn end(mut self, close: &ClientClose, deadline: Duration) {
        if let Some(mut speech) = self.speech.take() {
            let mut parts = Vec::new();
            let mut cx = Context::from_waker(Waker::noop());
            if let Poll::Ready(Ok(())) = speech.seat_mut().poll_take(&mut cx, &mut parts) {
                self.outbox.extend(parts);
            }
        }
        if !self.outbox.is_broken() {
            let frame = self.close_reply.take();
            let frame = frame.unwrap_or_else(|| frames::close_frame(close.code(), &close.reason()));
            self.outbox.extend([frame]);
        }
        let farewell = async {
            poll_fn(|cx| self.poll_farewell(cx)).await?;
            poll_fn(|cx| self.poll_drain(cx)).await
        };
        if let Ok(Err(error)) = time::timeout(deadline, farewell).await {
            tracing::trace!(%error, "client was gone before it was closed");
        }
    }

    fn poll_farewell(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.outbox.is_empty() {
            ready!(self.outbox.poll_write(&mut self.stream, cx))?;
        }
        ready!(Pin::new(&mut self.stream).poll_flush(cx))?;
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    /// Reads and drops what still comes, up to the client's own close frame or the end.
    fn poll_drain(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        SCRATCH.with_borrow_mut(|scratch| {
            loop {
                let mut buffer = ReadBuf::new(scratch);
                ready!(Pin::new(&mut self.stream).poll_read(cx, &mut buffer))?;
                if buffer.filled().is_empty() {
                    return Poll::Ready(Ok(()));
                }
                let mut closed = false;
                let fed = self.reader.feed(buffer.filled_mut(), &mut |message| {
                    closed |= matches!(message, Incoming::Close(_));
                    ControlFlow::Continue(())
                });
                if closed && fed.is_ok() {
                    return Poll::Ready(Ok(()));
                }
            }
        })
    }
}
