//! Reads all that the system has in one call, into a buffer that every connection of a thread shares.
//!
//! A WebSocket library reads into a buffer of each connection. A small one makes several calls of one message;
//! a large one is held by everybody who only waits. So it gets a small one, and this.

use bytes::{Buf, Bytes};
use std::{
    cell::RefCell,
    fmt, io,
    pin::Pin,
    task::{Context, Poll, ready},
};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Bytes read at once. Some dozens of signals.
const SCRATCH_BYTES: usize = 64 * 1024;

thread_local! {
    static SCRATCH: RefCell<Box<[u8]>> = RefCell::new(vec![0; SCRATCH_BYTES].into_boxed_slice());
}

/// A stream that is read ahead.
pub struct Ahead<S> {
    stream: S,
    /// What was read, but did not fit into the reader's buffer. At most what the shared buffer holds.
    rest: Bytes,
    written_bytes: u64,
}

impl<S> Ahead<S> {
    /// Reads nothing yet.
    pub const fn new(stream: S) -> Self {
        Self { stream, rest: Bytes::new(), written_bytes: 0 }
    }

    /// How much the system has taken for the other side so far.
    #[must_use]
    pub const fn written_bytes(&self) -> u64 {
        self.written_bytes
    }
}

impl<S> fmt::Debug for Ahead<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ahead").field("rest", &self.rest.len()).finish_non_exhaustive()
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Ahead<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if this.rest.is_empty() {
            // What is read in large pieces anyway is read without a copy.
            if buffer.remaining() >= SCRATCH_BYTES {
                return Pin::new(&mut this.stream).poll_read(cx, buffer);
            }
            return SCRATCH.with_borrow_mut(|scratch| {
                let mut ahead = ReadBuf::new(scratch);
                ready!(Pin::new(&mut this.stream).poll_read(cx, &mut ahead))?;
                let read = ahead.filled();
                let (fits, rest) = read.split_at_checked(buffer.remaining()).unwrap_or((read, &[]));
                buffer.put_slice(fits);
                this.rest = Bytes::copy_from_slice(rest);
                Poll::Ready(Ok(()))
            });
        }
        let some = this.rest.len().min(buffer.remaining());
        buffer.put_slice(this.rest.get(..some).unwrap_or_default());
        this.rest.advance(some);
        if this.rest.is_empty() {
            // An empty view would still hold what it was a view of.
            this.rest = Bytes::new();
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Ahead<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.stream).poll_write(cx, bytes))?;
        self.written_bytes = self.written_bytes.saturating_add(written as u64);
        Poll::Ready(Ok(written))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    #[tokio::test]
    async fn every_byte_comes_in_its_order_whatever_is_read_at_once() {
        let sent: Vec<u8> = (0..300_000_u32).map(|n| (n % 251) as u8).collect();
        let (mut writer, reader) = tokio::io::duplex(100_000);
        let mut reader = Ahead::new(reader);
        let writing = async {
            writer.write_all(&sent).await.unwrap();
            drop(writer);
        };
        let reading = async {
            let mut read = Vec::new();
            for size in [1, 7, 4096, 70_000].into_iter().cycle() {
                let mut buffer = vec![0; size];
                match reader.read(&mut buffer).await.unwrap() {
                    0 => break,
                    some => read.extend_from_slice(buffer.get(..some).unwrap()),
                }
            }
            read
        };
        let ((), read) = tokio::join!(writing, reading);
        assert!(read == sent);
        assert!(reader.rest.is_empty());
    }
}
