//! A lane in memory: a bounded line of chunks, each with its time of arrival.

use super::core::{Core, Way};
use crate::{
    link::{LaneReader, LaneWriter, LinkError},
    transport::Role,
};
use bytes::{Buf, Bytes};
use nws_protocol::LinkCode;
use std::{
    collections::VecDeque,
    io,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    sync::OwnedSemaphorePermit,
    time::{Instant, Sleep},
};

/// Bytes under way and unread on one lane; a writer waits beyond. The same as a yamux stream's first window.
const LANE_BYTES: usize = 256 * 1024;

#[derive(Debug)]
pub(super) struct Pipe {
    core: Arc<Core>,
    way: Way,
    state: Mutex<PipeState>,
}

#[derive(Debug, Default)]
struct PipeState {
    chunks: VecDeque<(Instant, Bytes)>,
    bytes: usize,
    last: Option<Instant>,
    finished: Option<Instant>,
    reset: Option<(Instant, LinkCode)>,
    stopped: Option<LinkCode>,
    reader: Option<Waker>,
    writer: Option<Waker>,
}

impl Pipe {
    pub(super) fn new(core: Arc<Core>, way: Way) -> Self {
        Self { core, way, state: Mutex::default() }
    }

    fn state(&self) -> MutexGuard<'_, PipeState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// When something sent now arrives, after all that was sent before.
    fn arrival(&self, state: &mut PipeState) -> Instant {
        let at = self.core.arrival(self.way);
        let at = state.last.map_or(at, |last| last.max(at));
        state.last = Some(at);
        at
    }

    const fn writer_role(&self) -> Role {
        match self.way {
            Way::There => Role::Initiator,
            Way::Back => Role::Responder,
        }
    }

    const fn reader_role(&self) -> Role {
        match self.way {
            Way::There => Role::Responder,
            Way::Back => Role::Initiator,
        }
    }

    pub(super) fn wake(&self) {
        let mut state = self.state();
        let wakers = [state.reader.take(), state.writer.take()];
        drop(state);
        wakers.into_iter().flatten().for_each(Waker::wake);
    }

    /// Loses what is under way.
    pub(super) fn clear(&self) {
        let mut state = self.state();
        state.chunks.clear();
        state.bytes = 0;
        state.finished = None;
    }
}

/// The sending half.
#[derive(Debug)]
pub(super) struct MemoryWriter {
    pipe: Arc<Pipe>,
    /// Goes to the far end with the first use, as on the real transports.
    unseen: Option<MemoryReader>,
    ended: bool,
}

impl MemoryWriter {
    pub(super) const fn new(pipe: Arc<Pipe>, unseen: Option<MemoryReader>) -> Self {
        Self { pipe, unseen, ended: false }
    }

    fn announce(&mut self, at: Instant) {
        if let Some(reader) = self.unseen.take() {
            self.pipe.core.announce(self.pipe.way, at, reader);
        }
    }

    fn fault(&self) -> Option<io::Error> {
        if self.ended {
            return Some(io::Error::new(io::ErrorKind::BrokenPipe, "the lane was finished or reset here"));
        }
        self.pipe.core.over(self.pipe.writer_role()).map(|e| e.clone().into())
    }
}

impl AsyncWrite for MemoryWriter {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let pipe = Arc::clone(&self.pipe);
        let mut state = pipe.state();
        if let Some(e) = self.fault() {
            return Poll::Ready(Err(e));
        }
        if let Some(code) = state.stopped {
            return Poll::Ready(Err(LinkError::LaneReset(code).into()));
        }
        let room = LANE_BYTES.saturating_sub(state.bytes);
        if room == 0 && !buf.is_empty() {
            state.writer = Some(cx.waker().clone());
            return Poll::Pending;
        }
        let taken = buf.get(..room.min(buf.len())).unwrap_or(buf);
        let at = pipe.arrival(&mut state);
        if !taken.is_empty() {
            state.chunks.push_back((at, Bytes::copy_from_slice(taken)));
            state.bytes += taken.len();
        }
        let reader = state.reader.take();
        drop(state);
        self.announce(at);
        if let Some(reader) = reader {
            reader.wake();
        }
        Poll::Ready(Ok(taken.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !self.ended {
            self.ended = true;
            let pipe = Arc::clone(&self.pipe);
            let mut state = pipe.state();
            let at = pipe.arrival(&mut state);
            state.finished = Some(at);
            drop(state);
            self.announce(at);
            pipe.wake();
        }
        Poll::Ready(Ok(()))
    }
}

impl LaneWriter for MemoryWriter {
    fn reset(&mut self, code: LinkCode) {
        let pipe = Arc::clone(&self.pipe);
        let mut state = pipe.state();
        if self.unseen.is_some() || state.reset.is_some() {
            // Nobody has seen it, or it was reset before.
            self.ended = true;
            return;
        }
        self.ended = true;
        let at = pipe.core.arrival(pipe.way);
        state.reset = Some((at, code));
        drop(state);
        pipe.wake();
    }

    fn poll_stopped(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let mut state = self.pipe.state();
        if state.stopped.is_some() || self.fault().is_some() {
            return Poll::Ready(());
        }
        state.writer = Some(cx.waker().clone());
        Poll::Pending
    }
}

impl Drop for MemoryWriter {
    fn drop(&mut self) {
        if !self.ended {
            self.reset(LinkCode::None);
        }
    }
}

/// The receiving half. Holds the opener's right to have the lane open.
#[derive(Debug)]
pub(super) struct MemoryReader {
    pipe: Arc<Pipe>,
    _permit: Option<OwnedSemaphorePermit>,
    timer: Option<Pin<Box<Sleep>>>,
    stopped: bool,
}

impl MemoryReader {
    pub(super) const fn new(pipe: Arc<Pipe>, permit: Option<OwnedSemaphorePermit>) -> Self {
        Self { pipe, _permit: permit, timer: None, stopped: false }
    }
}

impl AsyncRead for MemoryReader {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let pipe = Arc::clone(&self.pipe);
        loop {
            let mut state = pipe.state();
            if self.stopped {
                return Poll::Ready(Err(io::Error::new(io::ErrorKind::BrokenPipe, "the lane was stopped here")));
            }
            let now = Instant::now();
            let mut next = None;
            if !pipe.core.is_frozen() {
                match state.reset {
                    Some((at, code)) if at <= now => {
                        return Poll::Ready(Err(LinkError::LaneReset(code).into()));
                    }
                    Some((at, _)) => next = Some(at),
                    None => {}
                }
                let mut read = 0;
                while let Some((at, chunk)) = state.chunks.front_mut() {
                    if *at > now || buf.remaining() == 0 {
                        next = Some(next.map_or(*at, |next| next.min(*at)));
                        break;
                    }
                    let taken = chunk.len().min(buf.remaining());
                    buf.put_slice(chunk.get(..taken).unwrap_or_default());
                    chunk.advance(taken);
                    read += taken;
                    if chunk.is_empty() {
                        state.chunks.pop_front();
                    }
                }
                if read > 0 {
                    state.bytes = state.bytes.saturating_sub(read);
                    let writer = state.writer.take();
                    drop(state);
                    if let Some(writer) = writer {
                        writer.wake();
                    }
                    return Poll::Ready(Ok(()));
                }
                match state.finished {
                    Some(at) if state.chunks.is_empty() && at <= now => return Poll::Ready(Ok(())),
                    Some(at) => next = Some(next.map_or(at, |next| next.min(at))),
                    None => {}
                }
            }
            if buf.remaining() == 0 {
                return Poll::Ready(Ok(()));
            }
            if let Some(e) = pipe.core.over(pipe.reader_role()) {
                return Poll::Ready(Err(e.clone().into()));
            }
            state.reader = Some(cx.waker().clone());
            drop(state);
            let Some(at) = next else { return Poll::Pending };
            let timer = self.timer.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(at)));
            if timer.deadline() != at {
                timer.as_mut().reset(at);
            }
            if timer.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
        }
    }
}

impl LaneReader for MemoryReader {
    fn stop(&mut self, code: LinkCode) {
        self.stopped = true;
        let mut state = self.pipe.state();
        if state.stopped.is_none() {
            state.stopped = Some(code);
        }
        state.chunks.clear();
        state.bytes = 0;
        drop(state);
        self.pipe.wake();
    }
}

impl Drop for MemoryReader {
    fn drop(&mut self) {
        if !self.stopped {
            self.stop(LinkCode::None);
        }
    }
}
