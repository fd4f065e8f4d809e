//! Takes connections, and owns the task of each until it has a WebSocket or ends: whoever only asks for a page, is in its
//! handshake, or says nothing, is bounded here.

use crate::{door, fullness::Fullness, neighbours::Neighbours, tls::Tls};
use axum::Router;
use std::{net::SocketAddr, sync::Arc, time::Duration};
use tokio::{
    net::{TcpListener, TcpStream},
    task::{JoinError, JoinSet},
    time::timeout,
};
use tokio_util::sync::CancellationToken;

/// How many may be here, and for how long.
#[derive(Debug, Clone, Copy)]
pub struct VisitLimits {
    /// At once; those over it wait in the listener's backlog.
    pub visitors: usize,
    /// Of one address at once; those over it are closed without an answer.
    pub per_address: usize,
    /// Whether loopback addresses count too.
    pub count_loopback: bool,
    /// How long a TLS handshake, the head of a request, and idleness between requests may each take, and an answer lie
    /// without any of it being taken.
    pub header: Duration,
}

/// What happened to a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Visit {
    /// It was accepted.
    Came,
    /// It was closed at once, as its address has too many.
    Refused,
    /// There was no TLS handshake.
    TlsFailed,
}

/// A listener, and what its connections get.
#[derive(Debug)]
pub struct Reception {
    /// Where they come from.
    pub listener: TcpListener,
    /// What answers their requests.
    pub router: Router,
    /// If it is `https` and `wss`.
    pub tls: Option<Arc<Tls>>,
    /// How many, and for how long.
    pub limits: VisitLimits,
}

impl Reception {
    /// Takes connections until `shutdown`; the listener is closed then. What happens to each goes to `note`. The
    /// visitors who are left have to be waited for by [`Visitors::drain`].
    pub async fn run(self, note: impl Fn(Visit) + Clone + Send + 'static, shutdown: &CancellationToken) -> Visitors {
        let Self { listener, router, tls, limits } = self;
        let neighbours = Neighbours::new(limits.per_address, limits.count_loopback);
        let mut visitors = JoinSet::new();
        let (most, mut fullness) = (limits.visitors.max(1), Fullness::default());
        loop {
            tokio::select! {
                biased;
                () = shutdown.cancelled() => break,
                Some(left) = visitors.join_next() => report(left),
                (stream, address) = door::accept(&listener), if visitors.len() < most => {
                    note(Visit::Came);
                    let Some(counted) = neighbours.count(Some(address.ip())) else {
                        note(Visit::Refused);
                        continue;
                    };
                    let visit = Visitor { tls: tls.clone(), address, router: router.clone(), header: limits.header };
                    let (note, shutdown) = (note.clone(), shutdown.clone());
                    visitors.spawn(async move {
                        visit.serve(stream, note, shutdown).await;
                        drop(counted);
                    });
                    fullness.note(visitors.len(), most);
                }
            }
        }
        Visitors(visitors)
    }
}

/// Those who are still here when no more are taken. Dropped, they are cut off.
#[derive(Debug)]
pub struct Visitors(JoinSet<()>);

impl Visitors {
    /// Lets each have the answer to its request; cuts off who is not done by the deadline.
    pub async fn drain(mut self, deadline: Duration) {
        let drained = timeout(deadline, async {
            while let Some(left) = self.0.join_next().await {
                report(left);
            }
        });
        if drained.await.is_err() {
            tracing::debug!(visitors = self.0.len(), "cut off at the deadline");
        }
        self.0.shutdown().await;
    }
}

struct Visitor {
    tls: Option<Arc<Tls>>,
    address: SocketAddr,
    router: Router,
    header: Duration,
}

impl Visitor {
    async fn serve(self, stream: TcpStream, note: impl Fn(Visit), shutdown: CancellationToken) {
        let Self { tls, address, router, header } = self;
        // Messages are small, and each is waited for.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "a connection ended at once");
            return;
        }
        let Some(tls) = tls else {
            return door::serve(stream, address, router, header, shutdown).await;
        };
        match timeout(header, tls.acceptor().accept(stream)).await {
            Ok(Ok(stream)) => door::serve(stream, address, router, header, shutdown).await,
            failed => {
                note(Visit::TlsFailed);
                let error = failed.map_or_else(
                    |_| "it took too long".to_owned(),
                    |failed| failed.err().map(|error| error.to_string()).unwrap_or_default(),
                );
                tracing::debug!(error, "a TLS handshake failed");
            }
        }
    }
}

fn report(ended: Result<(), JoinError>) {
    if let Err(error) = ended
        && error.is_panic()
    {
        tracing::error!(%error, "a connection's task failed; the others go on");
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

    use super::*;
    use crate::bind;
    use axum::routing::get;
    use std::net::Ipv4Addr;
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpSocket,
        time::Instant,
    };

    const HEADER: Duration = Duration::from_millis(400);

    async fn ask(address: SocketAddr, path: &str) -> TcpStream {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(2048).unwrap();
        let mut stream = socket.connect(address).await.unwrap();
        stream.write_all(format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n").as_bytes()).await.unwrap();
        stream
    }

    #[tokio::test]
    async fn who_asks_and_does_not_read_loses_its_place() {
        let listener = bind(Some(Ipv4Addr::LOCALHOST.into()), 0).unwrap();
        let address = listener.local_addr().unwrap();
        let large = get(|| async { vec![b'x'; 16 << 20] });
        let router = Router::new().route("/large", large).route("/small", get(|| async { "small" }));
        let limits = VisitLimits { visitors: 2, per_address: 10, count_loopback: false, header: HEADER };
        let reception = Reception { listener, router, tls: None, limits };
        let shutdown = CancellationToken::new();
        let (serving, stop) = (reception.run(|_| {}, &shutdown), shutdown.clone());
        let visiting = async move {
            let begun = Instant::now();
            let stuck = [ask(address, "/large").await, ask(address, "/large").await];
            for stream in &stuck {
                stream.readable().await.unwrap();
            }
            let mut answer = vec![0; 15];
            ask(address, "/small").await.read_exact(&mut answer).await.unwrap();
            assert_eq!(answer, b"HTTP/1.1 200 OK");
            assert!(begun.elapsed() >= HEADER, "nobody had to wait");
            stop.cancel();
        };
        let (visitors, ()) = timeout(Duration::from_secs(20), async { tokio::join!(serving, visiting) }).await.unwrap();
        visitors.drain(Duration::from_secs(1)).await;
    }
}
