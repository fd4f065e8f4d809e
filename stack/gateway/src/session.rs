//! One connected client: what it sends goes into its channel, what the channel has for it goes out.
//!
//! One task does both, so that neither waits for the other: a client that is held back is still
//! written to, and one that does not read is still heard. Reading goes through one buffer per
//! thread, so an idle client holds none; writing takes ready-made frames from the channel's log.

mod outbox;
mod settings;
mod speech;

use crate::{
    figures::{Figures, Held},
    frames::{self, Incoming, Reader},
};
use bytes::{Bytes, BytesMut};
use nws_hub::ClientSeat;
use nws_protocol::ClientClose;
use outbox::Outbox;
pub use settings::SessionSettings;
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
    session.end(&close).await;
}

struct Session<S> {
    stream: S,
    reader: Reader,
    /// Gone as soon as the client is to be closed: others hear of it at once.
    speech: Option<Speech>,
    outbox: Outbox,
    /// Something written may still be held by the stream: TLS takes more than its socket does.
    unflushed: bool,
    /// Why it ends as soon as all is said that it said before. It is not read from any more; how long it may take is
    /// bounded as for everyone who is held back: who holds the channel up keeps to the least rate, or is thrown out.
    parting: Option<ClientClose>,
    /// The answer to the client's own close frame.
    close_reply: Option<Bytes>,
    ping_interval: Duration,
    pong_timeout: Duration,
    close_deadline: Duration,
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
            parting: None,
            close_reply: None,
            ping_interval: settings.ping_interval,
            pong_timeout: settings.pong_timeout,
            close_deadline: settings.close_deadline,
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
        if !leftover.is_empty() {
            self.hear(&mut Vec::from(leftover));
        }
        poll_fn(|cx| {
            loop {
                let spoke = self.poll_speak(cx);
                if let Some(close) = self.poll_parted(cx) {
                    return Poll::Ready(close);
                }
                match (self.poll_write(cx), self.poll_read(cx)) {
                    (Err(close), _) => return Poll::Ready(close),
                    (Ok(false), false) if !spoke => {}
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

    fn is_held(&self) -> bool {
        self.speech.as_ref().is_some_and(Speech::is_held)
    }

    /// Why it ends now, if it is to end and everything it said is said.
    fn poll_parted(&mut self, cx: &mut Context<'_>) -> Option<ClientClose> {
        if self.is_held() {
            return None;
        }
        let close = self.parting.take()?;
        // What someone says who was thrown out is not heard; then it must not be told that all is well.
        match self.speech.as_ref().map(|speech| speech.seat().poll_thrown_out(cx)) {
            Some(Poll::Ready(thrown_out)) => Some(thrown_out),
            _ => Some(close),
        }
    }

    /// Writes what there is; true when it got on.
    fn poll_write(&mut self, cx: &mut Context<'_>) -> Result<bool, ClientClose> {
        if self.outbox.is_broken() {
            return self.poll_discard(cx);
        }
        if self.outbox.is_empty() {
            let Some(speech) = &mut self.speech else { return Ok(false) };
            match speech.seat_mut().poll_take(cx, self.outbox.parts()) {
                Poll::Ready(result) => result?,
                Poll::Pending => return Ok(self.poll_flush(cx)),
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
            Poll::Ready(Err(_)) => {
                self.stop_writing();
                Ok(true)
            }
            Poll::Pending => match self.speech.as_ref().map(|speech| speech.seat().poll_thrown_out(cx)) {
                Some(Poll::Ready(close)) => Err(close),
                _ => Ok(false),
            },
        }
    }

    /// Brings what the stream still holds on its way; true when it turned out that this can't be done.
    fn poll_flush(&mut self, cx: &mut Context<'_>) -> bool {
        let flushed = if self.unflushed { Pin::new(&mut self.stream).poll_flush(cx) } else { Poll::Pending };
        match flushed {
            Poll::Pending => false,
            Poll::Ready(Ok(())) => {
                self.unflushed = false;
                false
            }
            Poll::Ready(Err(_)) => {
                self.stop_writing();
                true
            }
        }
    }

    /// Nothing more can be written. What the client said before is said all the same, and what it sent before is read
    /// to its end, for as long as a goodbye may take.
    fn stop_writing(&mut self) {
        self.outbox.break_off();
        self.alarm.as_mut().reset(Instant::now() + self.close_deadline);
    }

    /// Drops what there is for a client that can't be written to, so that it holds nobody up.
    fn poll_discard(&mut self, cx: &mut Context<'_>) -> Result<bool, ClientClose> {
        let Some(speech) = &mut self.speech else { return Ok(false) };
        // Counts as a write, so that a channel that is never silent does not keep the thread.
        let Poll::Ready(turn) = tokio::task::coop::poll_proceed(cx) else { return Ok(false) };
        match speech.seat_mut().poll_take(cx, self.outbox.parts()) {
            Poll::Ready(result) => result?,
            Poll::Pending => return Ok(false),
        }
        turn.made_progress();
        self.outbox.break_off();
        Ok(true)
    }

    /// Reads once, unless the client is held back or about to end; true when something came, or the end.
    fn poll_read(&mut self, cx: &mut Context<'_>) -> bool {
        if self.parting.is_some() || self.speech.as_ref().is_none_or(Speech::is_held) {
            return false;
        }
        SCRATCH.with_borrow_mut(|scratch| {
            let mut buffer = ReadBuf::new(scratch);
            match Pin::new(&mut self.stream).poll_read(cx, &mut buffer) {
                Poll::Ready(Ok(())) if !buffer.filled().is_empty() => self.hear(buffer.filled_mut()),
                Poll::Ready(_) => self.parting = Some(ClientClose::Normal),
                Poll::Pending => return false,
            }
            true
        })
    }

    fn hear(&mut self, bytes: &mut [u8]) {
        let Self { reader, speech: Some(speech), outbox, figures, .. } = self else { return };
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
        // What came before a fault or a goodbye is said all the same, and before it ends.
        speech.publish(&mut batch);
        if let Err(fault) = result {
            self.parting = Some(fault);
        } else if let Some(code) = goodbye {
            self.close_reply = Some(frames::close_reply(code));
            self.parting = Some(ClientClose::Normal);
        }
    }

    /// Pings when it is time; ready with a reason when the answer did not come.
    fn poll_alarm(&mut self, cx: &mut Context<'_>) -> Poll<Option<ClientClose>> {
        ready!(self.alarm.as_mut().poll(cx));
        let held = self.is_held();
        let (heard, took) = (std::mem::take(&mut self.heard), self.outbox.found_room_again());
        let next = if self.outbox.is_broken() && held {
            self.close_deadline
        } else if self.outbox.is_broken() {
            return Poll::Ready(Some(ClientClose::Normal));
        } else if heard || held {
            self.awaiting_pong = false;
            self.ping_interval
        } else if self.awaiting_pong && took {
            // It reads; the ping lies behind what it has not read yet.
            self.pong_timeout
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
    async fn end(mut self, close: &ClientClose) {
        let deadline = self.close_deadline;
        if let Some(mut speech) = self.speech.take() {
            let mut parts = Vec::new();
            let mut cx = Context::from_waker(Waker::noop());
            if let Poll::Ready(Ok(())) = speech.seat_mut().poll_take(&mut cx, &mut parts) {
                self.outbox.extend(parts);
            }
        }
        if !self.outbox.is_broken() {
            // Its own code says that all it said was said.
            let reply = self.close_reply.take().filter(|_| matches!(close, ClientClose::Normal));
            let frame = reply.unwrap_or_else(|| frames::close_frame(close.code(), &close.reason()));
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
