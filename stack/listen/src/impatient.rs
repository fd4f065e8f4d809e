//! A stream whose other side has to read as long as HTTP is spoken: a write that gets nowhere for too long fails, so that
//! whoever asks and does not read the answers keeps no place. How long a WebSocket waits is the server's business.

use std::{
    future::Future,
    io::{self, IoSlice},
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, ready},
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Sleep, sleep},
};

/// Ends the impatience of a stream, for good.
#[derive(Debug, Clone, Default)]
pub(crate) struct Upgrades(Arc<AtomicBool>);

impl Upgrades {
    /// It is a WebSocket from now on.
    pub(crate) fn upgraded(&self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// A stream that does not wait for ever, until it is upgraded.
#[derive(Debug)]
pub(crate) struct Impatient<S> {
    stream: S,
    patience: Duration,
    upgrades: Upgrades,
    /// Runs while nothing gets on.
    waiting: Option<Pin<Box<Sleep>>>,
}

impl<S> Impatient<S> {
    pub(crate) const fn new(stream: S, patience: Duration, upgrades: Upgrades) -> Self {
        Self { stream, patience, upgrades, waiting: None }
    }

    fn watch<T>(&mut self, cx: &mut Context<'_>, outcome: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if outcome.is_ready() || self.upgrades.0.load(Ordering::Relaxed) {
            self.waiting = None;
            return outcome;
        }
        let patience = self.patience;
        ready!(self.waiting.get_or_insert_with(|| Box::pin(sleep(patience))).as_mut().poll(cx));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Impatient<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Impatient<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.watch(cx, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, slices);
        self.watch(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(cx);
        self.watch(cx, flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let ended = Pin::new(&mut self.stream).poll_shutdown(cx);
        self.watch(cx, ended)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

    use super::*;
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt, duplex},
        time::Instant,
    };

    const PATIENCE: Duration = Duration::from_secs(10);

    #[tokio::test(start_paused = true)]
    async fn who_reads_a_little_in_time_gets_all_and_who_stops_is_given_up() {
        let (stream, mut reader) = duplex(1000);
        let mut stream = Impatient::new(stream, PATIENCE, Upgrades::default());
        let sent = tokio::spawn(async move { stream.write_all(&[7; 5000]).await.map(|()| stream) });
        let mut got = vec![0; 500];
        for _ in 0..8 {
            // On a paused clock: four fifths of the patience each time.
            tokio::time::sleep(Duration::from_secs(8)).await;
            reader.read_exact(&mut got).await.unwrap();
        }
        let mut stream = sent.await.unwrap().unwrap();
        let begun = Instant::now();
        let error = stream.write_all(&[7; 5000]).await.unwrap_err();
        assert_eq!((error.kind(), begun.elapsed()), (io::ErrorKind::TimedOut, PATIENCE));
    }

    #[tokio::test(start_paused = true)]
    async fn a_websocket_is_not_given_up() {
        let (stream, mut reader) = duplex(1000);
        let upgrades = Upgrades::default();
        let mut stream = Impatient::new(stream, PATIENCE, upgrades.clone());
        upgrades.upgraded();
        let sent = tokio::spawn(async move { stream.write_all(&[7; 5000]).await });
        tokio::time::sleep(PATIENCE * 100).await;
        reader.read_exact(&mut [0; 5000]).await.unwrap();
        sent.await.unwrap().unwrap();
    }
}
