//! QUIC streams as lanes.

use crate::{
    gather::Gather,
    link::{LaneReader, LaneWriter, LinkError},
};
use nws_protocol::LinkCode;
use quinn::{ReadError, RecvStream, SendStream, VarInt, WriteError};
use std::{
    fmt,
    io::{self, IoSlice},
    pin::Pin,
    task::{Context, Poll},
};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Bytes of several slices joined for one write: each write locks the connection and wakes its driver,
/// which costs more than copying this much.
const GATHER_BYTES: usize = 64 * 1024;

/// The code in an application error.
pub(super) fn code_of(number: VarInt) -> LinkCode {
    u32::try_from(number.into_inner()).map_or(LinkCode::Unknown(u32::MAX), LinkCode::from_number)
}

fn write_error(e: WriteError) -> io::Error {
    match e {
        WriteError::Stopped(code) => LinkError::LaneReset(code_of(code)).into(),
        WriteError::ConnectionLost(e) => LinkError::from(e).into(),
        WriteError::ClosedStream | WriteError::ZeroRttRejected => {
            io::Error::new(io::ErrorKind::BrokenPipe, "the lane was finished or reset here")
        }
    }
}

fn read_error(e: ReadError) -> io::Error {
    match e {
        ReadError::Reset(code) => LinkError::LaneReset(code_of(code)).into(),
        ReadError::ConnectionLost(e) => LinkError::from(e).into(),
        ReadError::ClosedStream | ReadError::IllegalOrderedRead | ReadError::ZeroRttRejected => {
            io::Error::new(io::ErrorKind::BrokenPipe, "the lane was stopped here")
        }
    }
}

pub(super) struct QuicWriter {
    stream: SendStream,
    gather: Gather<GATHER_BYTES>,
    ended: bool,
    /// Made when somebody waits for it.
    stopped: Option<Pin<Box<dyn Future<Output = ()> + Send + Sync>>>,
    two_way: bool,
}

impl QuicWriter {
    pub(super) const fn new(stream: SendStream) -> Self {
        Self { stream, gather: Gather::new(), ended: false, stopped: None, two_way: false }
    }

    pub(super) const fn of_control(stream: SendStream) -> Self {
        Self { stream, gather: Gather::new(), ended: false, stopped: None, two_way: true }
    }
}

impl fmt::Debug for QuicWriter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("QuicWriter").field("stream", &self.stream.id()).finish_non_exhaustive()
    }
}

impl AsyncWrite for QuicWriter {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf).map_err(write_error)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let joined = this.gather.join(bufs);
        Pin::new(&mut this.stream).poll_write(cx, joined).map_err(write_error)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        // What is written is on its way.
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.ended = true;
        // Finished before is fine; stopped by the other end is told by the next write, if there is one.
        let _ = self.stream.finish();
        Poll::Ready(Ok(()))
    }
}

impl LaneWriter for QuicWriter {
    fn reset(&mut self, code: LinkCode) {
        self.ended = true;
        let _ = self.stream.reset(VarInt::from_u32(code.number()));
    }

    fn poll_stopped(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.two_way {
            return Poll::Pending;
        }
        let stream = &self.stream;
        let stopped = self.stopped.get_or_insert_with(|| {
            let stopped = stream.stopped();
            Box::pin(async {
                let _ = stopped.await;
            })
        });
        stopped.as_mut().poll(cx)
    }
}

impl Drop for QuicWriter {
    fn drop(&mut self) {
        // The library would finish it, and half a message would look like a whole lane.
        if !self.ended {
            self.reset(LinkCode::None);
        }
    }
}

pub(super) struct QuicReader {
    stream: RecvStream,
    stopped: bool,
}

impl QuicReader {
    pub(super) const fn new(stream: RecvStream) -> Self {
        Self { stream, stopped: false }
    }
}

impl fmt::Debug for QuicReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("QuicReader").field("stream", &self.stream.id()).finish_non_exhaustive()
    }
}

impl AsyncRead for QuicReader {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.stopped {
            // The library would call it the end.
            return Poll::Ready(Err(read_error(ReadError::ClosedStream)));
        }
        self.stream.poll_read_buf(cx, buf).map_err(read_error)
    }
}

impl LaneReader for QuicReader {
    fn stop(&mut self, code: LinkCode) {
        self.stopped = true;
        let _ = self.stream.stop(VarInt::from_u32(code.number()));
    }
}
