//! A transport whose control lanes lag behind the data lanes, which keep their order, as with QUIC when a packet is lost.
#![allow(dead_code, reason = "shared by several test programs")]

use async_trait::async_trait;
use nws_protocol::LinkCode;
use nws_transports::{
    BoxLink, Lane, LaneReader, Link, LinkError, Listening, RecvLane, Role, SendLane, Transport, TransportError,
    TransportKind,
};
use rand_chacha::{
    ChaCha8Rng,
    rand_core::{RngCore, SeedableRng},
};
use std::{
    net::SocketAddr,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWriteExt, DuplexStream, ReadBuf, duplex},
    time::sleep,
};

#[derive(Debug)]
pub struct SlowControl {
    pub inner: Arc<dyn Transport>,
    /// Most that each piece of the control lane lags behind, in microseconds.
    pub lag_us: u64,
    pub seed: u64,
}

#[derive(Debug)]
struct SlowListener(Arc<dyn Listening>, u64, u64);

#[derive(Debug)]
struct SlowLink(BoxLink, u64, u64);

#[derive(Debug)]
struct Lagging(DuplexStream);

impl AsyncRead for Lagging {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buf)
    }
}

impl LaneReader for Lagging {
    fn stop(&mut self, _: LinkCode) {}
}

#[async_trait]
impl Transport for SlowControl {
    fn kind(&self) -> TransportKind {
        self.inner.kind()
    }
    async fn dial(&self, addr: SocketAddr) -> Result<BoxLink, TransportError> {
        Ok(Arc::new(SlowLink(self.inner.dial(addr).await?, self.lag_us, self.seed)))
    }
    async fn listen(&self, addr: SocketAddr) -> Result<Arc<dyn Listening>, TransportError> {
        Ok(Arc::new(SlowListener(self.inner.listen(addr).await?, self.lag_us, self.seed)))
    }
}

#[async_trait]
impl Listening for SlowListener {
    fn local_addr(&self) -> SocketAddr {
        self.0.local_addr()
    }
    async fn accept(&self) -> Result<BoxLink, TransportError> {
        Ok(Arc::new(SlowLink(self.0.accept().await?, self.1, self.2)))
    }
    fn close(&self) {
        self.0.close();
    }
}

#[async_trait]
impl Link for SlowLink {
    fn kind(&self) -> TransportKind {
        self.0.kind()
    }
    fn role(&self) -> Role {
        self.0.role()
    }
    fn remote_addr(&self) -> SocketAddr {
        self.0.remote_addr()
    }
    fn exporter(&self, label: &[u8], context: &[u8]) -> Result<[u8; 32], LinkError> {
        self.0.exporter(label, context)
    }
    async fn control(&self) -> Result<Lane, LinkError> {
        let Lane { send, mut recv } = self.0.control().await?;
        let (mut to, from) = duplex(1 << 20);
        let (lag_us, mut rng) = (self.1, ChaCha8Rng::seed_from_u64(self.2));
        tokio::spawn(async move {
            let mut piece = vec![0; 4096];
            while let Ok(read @ 1..) = recv.read(&mut piece).await {
                sleep(Duration::from_micros(rng.next_u64() % lag_us.max(1))).await;
                if to.write_all(&piece[..read]).await.is_err() {
                    break;
                }
            }
        });
        Ok(Lane { send, recv: Box::new(Lagging(from)) })
    }
    async fn open(&self) -> Result<SendLane, LinkError> {
        self.0.open().await
    }
    async fn accept(&self) -> Result<RecvLane, LinkError> {
        self.0.accept().await
    }
    fn close(&self, code: LinkCode, reason: &str) {
        self.0.close(code, reason);
    }
    async fn closed(&self) -> LinkError {
        self.0.closed().await
    }
    fn rtt(&self) -> Option<Duration> {
        self.0.rtt()
    }
}
