//! yamux streams as lanes.

use super::{
    link::SPLIT_BYTES,
    shared::{LaneState, Lingering, Shared},
};
use crate::{
    gather::Gather,
    link::{LaneReader, LaneWriter, LinkError},
};
use futures::{AsyncWrite as _, Stream as _};
use nws_protocol::LinkCode;
use std::{
    fmt,
    io::{self, IoSlice},
    pin::Pin,
    sync::{Arc, Mutex, PoisonError, atomic::Ordering},
    task::{Context, Poll, ready},
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    sync::OwnedSemaphorePermit,
};
use yamux::Packet;

/// A stream that one half owns, or both halves of the control lane share.
enum Holder {
    One(Option<yamux::Stream>),
    Both(Arc<Mutex<Option<yamux::Stream>>>),
}

/// A stream with its state; drops its part of the books with the last half.
pub(super) struct Cell {
    id: u32,
    holder: Holder,
    state: Arc<LaneState>,
    shared: Arc<Shared>,
}

impl fmt::Debug for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cell").field("stream", &self.id).finish_non_exhaustive()
    }
}

impl Cell {
    pub(super) const fn one(id: u32, stream: yamux::Stream, state: Arc<LaneState>, shared: Arc<Shared>) -> Self {
        Self { id, holder: Holder::One(Some(stream)), state, shared }
    }

    pub(super) fn both(id: u32, stream: yamux::Stream, state: Arc<LaneState>, shared: Arc<Shared>) -> Self {
        Self { id, holder: Holder::Both(Arc::new(Mutex::new(Some(stream)))), state, shared }
    }

    /// The other half of a stream made with [`Cell::both`].
    pub(super) fn clone_half(&self) -> Self {
        let holder = match &self.holder {
            Holder::One(_) => Holder::One(None),
            Holder::Both(stream) => Holder::Both(Arc::clone(stream)),
        };
        Self { id: self.id, holder, state: Arc::clone(&self.state), shared: Arc::clone(&self.shared) }
    }

    /// Runs `f` on the stream, unless it was given up here. The lock of a shared one is held for no longer
    /// than it takes to queue or copy one frame.
    fn with<R>(&mut self, f: impl FnOnce(Pin<&mut yamux::Stream>) -> R) -> Option<R> {
        match &mut self.holder {
            Holder::One(stream) => stream.as_mut().map(|stream| f(Pin::new(stream))),
            Holder::Both(stream) => {
                stream.lock().unwrap_or_else(PoisonError::into_inner).as_mut().map(|stream| f(Pin::new(stream)))
            }
        }
    }

    /// Takes the stream out; when it is dropped unfinished the other end sees a reset.
    fn take(&mut self) -> Option<yamux::Stream> {
        match &mut self.holder {
            Holder::One(stream) => stream.take(),
            Holder::Both(stream) => {
                let taken = stream.lock().unwrap_or_else(PoisonError::into_inner).take();
                // The other half may wait for it.
                self.state.reader.wake();
                self.state.writer.wake();
                taken
            }
        }
    }

    /// Why there is nothing more to be had from the stream.
    fn fault(&self) -> io::Error {
        // yamux carries no code with a reset.
        self.shared.over().cloned().unwrap_or(LinkError::LaneReset(LinkCode::None)).into()
    }
}

impl Drop for Cell {
    fn drop(&mut self) {
        let last = match &self.holder {
            Holder::One(_) => true,
            Holder::Both(stream) => Arc::strong_count(stream) == 1,
        };
        if last {
            self.shared.leave(self.id, &self.state);
        }
    }
}

fn ended_here() -> io::Error {
    io::Error::new(io::ErrorKind::BrokenPipe, "the lane was ended here")
}

#[derive(Debug)]
pub(super) struct TcpWriter {
    cell: Cell,
    gather: Gather<SPLIT_BYTES>,
    finished: bool,
    /// The right to have a lane open; the control lane needs none.
    permit: Option<OwnedSemaphorePermit>,
}

impl TcpWriter {
    pub(super) const fn new(cell: Cell, permit: Option<OwnedSemaphorePermit>) -> Self {
        Self { cell, gather: Gather::new(), finished: false, permit }
    }

    fn poll_put(cell: &mut Cell, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        if cell.shared.over().is_some() {
            return Poll::Ready(Err(cell.fault()));
        }
        match cell.with(|stream| stream.poll_write(cx, buf)) {
            None => Poll::Ready(Err(ended_here())),
            Some(Poll::Ready(Ok(written))) => Poll::Ready(Ok(written)),
            Some(Poll::Ready(Err(_))) => Poll::Ready(Err(cell.fault())),
            Some(Poll::Pending) => {
                cell.state.writer.register(cx.waker());
                if cell.shared.over().is_some() { Poll::Ready(Err(cell.fault())) } else { Poll::Pending }
            }
        }
    }
}

impl AsyncWrite for TcpWriter {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        if self.finished {
            return Poll::Ready(Err(ended_here()));
        }
        Self::poll_put(&mut self.cell, cx, buf)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if this.finished {
            return Poll::Ready(Err(ended_here()));
        }
        Self::poll_put(&mut this.cell, cx, this.gather.join(bufs))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        // What is written is on its way: the driver was woken.
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.finished {
            return Poll::Ready(Ok(()));
        }
        if self.cell.shared.over().is_some() {
            return Poll::Ready(Err(self.cell.fault()));
        }
        match self.cell.with(|stream| stream.poll_close(cx)) {
            None => {}
            Some(Poll::Ready(Ok(()))) => {}
            Some(Poll::Ready(Err(_))) => return Poll::Ready(Err(self.cell.fault())),
            Some(Poll::Pending) => {
                self.cell.state.writer.register(cx.waker());
                return if self.cell.shared.over().is_some() {
                    Poll::Ready(Err(self.cell.fault()))
                } else {
                    Poll::Pending
                };
            }
        }
        self.finished = true;
        Poll::Ready(Ok(()))
    }
}

impl LaneWriter for TcpWriter {
    /// The code stays here: yamux has no place for one. Resets both directions of the control lane.
    fn reset(&mut self, _code: LinkCode) {
        drop(self.cell.take());
        self.permit = None;
    }

    fn poll_stopped(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if matches!(self.cell.holder, Holder::Both(_)) {
            return Poll::Pending;
        }
        if self.cell.shared.over().is_some() {
            return Poll::Ready(());
        }
        let ended = self.cell.with(|mut stream| stream.as_mut().poll_next(cx).map(|_| stream.is_closed()));
        match ended {
            // Nothing may come from a reader but the end of its half. When that is no reset, it may be a reader that ends its
            // half at once and reads on: the next write tells.
            Some(Poll::Pending | Poll::Ready(false)) => {
                self.cell.state.writer.register(cx.waker());
                if self.cell.shared.over().is_some() { Poll::Ready(()) } else { Poll::Pending }
            }
            None | Some(Poll::Ready(true)) => Poll::Ready(()),
        }
    }
}

impl Drop for TcpWriter {
    fn drop(&mut self) {
        if !self.finished {
            self.reset(LinkCode::None);
        } else if let Some(permit) = self.permit.take()
            && let Some(stream) = self.cell.take()
        {
            self.cell.shared.linger(Lingering { stream, _permit: permit });
        }
    }
}

#[derive(Debug)]
pub(super) struct TcpReader {
    cell: Cell,
    /// A frame's body and how much of it was read.
    packet: Option<(Packet, usize)>,
}

impl TcpReader {
    pub(super) const fn new(cell: Cell) -> Self {
        Self { cell, packet: None }
    }

    /// Moves what is there into `buf`, and says how much that was.
    fn take_from_packet(&mut self, buf: &mut ReadBuf<'_>) -> usize {
        let Some((packet, read)) = &mut self.packet else { return 0 };
        let rest = packet.as_ref().get(*read..).unwrap_or_default();
        let taken = rest.len().min(buf.remaining());
        buf.put_slice(rest.get(..taken).unwrap_or_default());
        *read += taken;
        if taken == rest.len() {
            self.packet = None;
        }
        self.cell.shared.consumed(&self.cell.state, taken);
        taken
    }

    fn poll_packet(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Option<Packet>>> {
        match self.cell.with(|stream| stream.poll_next(cx)) {
            None => Poll::Ready(Err(ended_here())),
            Some(Poll::Ready(Some(Ok(packet)))) => Poll::Ready(Ok(Some(packet))),
            Some(Poll::Ready(None)) if self.cell.state.finished.load(Ordering::SeqCst) => Poll::Ready(Ok(None)),
            Some(Poll::Ready(None | Some(Err(_)))) => Poll::Ready(Err(self.cell.fault())),
            Some(Poll::Pending) => {
                self.cell.state.reader.register(cx.waker());
                if self.cell.shared.over().is_some() { Poll::Ready(Err(self.cell.fault())) } else { Poll::Pending }
            }
        }
    }
}

impl AsyncRead for TcpReader {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let mut read = 0;
        while buf.remaining() > 0 {
            if this.packet.is_none() {
                match this.poll_packet(cx) {
                    Poll::Ready(Ok(Some(packet))) => this.packet = Some((packet, 0)),
                    // What was read before is told first.
                    _ if read > 0 => break,
                    end => {
                        ready!(end)?;
                        break;
                    }
                }
            }
            read += this.take_from_packet(buf);
        }
        Poll::Ready(Ok(()))
    }
}

impl LaneReader for TcpReader {
    /// The code stays here: yamux has no place for one. Resets both directions of the control lane.
    fn stop(&mut self, _code: LinkCode) {
        drop(self.cell.take());
        self.packet = None;
    }
}
