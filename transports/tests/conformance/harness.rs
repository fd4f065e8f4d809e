//! How each transport is set up, and how its links die.

use async_trait::async_trait;
use nws_transports::{
    BoxLink, Lane, Link, LinkError, Listening, MemoryNetwork, QuicConfig, QuicTransport, RecvLane, SendLane, TcpConfig,
    TcpTransport, Transport,
};
use std::{
    future::Future,
    io,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional},
    net::{TcpListener, TcpStream},
};
use tokio_util::task::AbortOnDropHandle;

/// No test may take longer. Not a time to wait: everything waits for its event.
pub(crate) const DEADLINE: Duration = Duration::from_secs(60);

pub(crate) async fn within<T>(work: impl Future<Output = T>) -> T {
    tokio::time::timeout(DEADLINE, work).await.expect("not done within the deadline")
}

/// What "quickly" means, with a machine that is busy with other tests: less than QUIC's handshake may take (10 s), or its silence.
pub(crate) const QUICK: Duration = Duration::from_secs(8);

pub(crate) type Killer = Box<dyn FnOnce() + Send>;

#[async_trait]
pub(crate) trait Harness: Send + Sync {
    /// Whether closes and resets carry their codes.
    const CARRIES_CODES: bool;
    /// The most that a writer may get rid of on one lane while nobody reads.
    const LANE_ROOM: usize;

    fn new() -> Self;
    /// A transport on the dialling side.
    fn dialler(&self) -> Arc<dyn Transport>;
    /// A transport on the listening side.
    fn listener(&self) -> Arc<dyn Transport>;
    /// Where the listening side listens.
    fn listen_addr(&self) -> SocketAddr;
    /// An address of the listening side where nobody listens.
    fn dead_addr(&self) -> SocketAddr;
    /// Both ends of a link, and how to break it without a word from either end.
    async fn breakable(&self) -> (Pair, Killer);
}

/// Two ends of a link and what keeps them up.
pub(crate) struct Pair {
    pub(crate) a: BoxLink,
    pub(crate) b: BoxLink,
    pub(crate) listener: Arc<dyn Listening>,
    pub(crate) dialler: Arc<dyn Transport>,
}

pub(crate) async fn pair<H: Harness>() -> Pair {
    let harness = H::new();
    let listener = harness.listener().listen(harness.listen_addr()).await.unwrap();
    let dialler = harness.dialler();
    let (a, b) = connect(&*dialler, &*listener, listener.local_addr()).await;
    Pair { a, b, listener, dialler }
}

pub(crate) async fn connect(dialler: &dyn Transport, listener: &dyn Listening, addr: SocketAddr) -> (BoxLink, BoxLink) {
    let (a, b) = tokio::join!(dialler.dial(addr), listener.accept());
    (a.unwrap(), b.unwrap())
}

/// The control lane at both ends; the initiator says the first word.
pub(crate) async fn controls(pair: &Pair) -> (Lane, Lane) {
    let mut a = pair.a.control().await.unwrap();
    a.send.write_all(b"hello").await.unwrap();
    let mut b = pair.b.control().await.unwrap();
    let mut hello = [0; 5];
    b.recv.read_exact(&mut hello).await.unwrap();
    assert_eq!(&hello, b"hello");
    (a, b)
}

/// A one-way lane with one byte through it.
pub(crate) async fn lane(from: &dyn Link, to: &dyn Link) -> (SendLane, RecvLane) {
    let mut send = from.open().await.unwrap();
    send.write_all(b"!").await.unwrap();
    let mut recv = to.accept().await.unwrap();
    assert_eq!(recv.read_u8().await.unwrap(), b'!');
    (send, recv)
}

/// Why a lane failed.
pub(crate) fn cause(e: &io::Error) -> LinkError {
    e.get_ref().and_then(|e| e.downcast_ref::<LinkError>()).unwrap_or_else(|| panic!("{e} names no cause")).clone()
}

/// Bytes whose order can be told.
pub(crate) fn pattern(len: usize) -> Vec<u8> {
    (0..len).map(|i| (i.wrapping_mul(2_654_435_761) >> 16) as u8).collect()
}

pub(crate) struct Quic {
    dialler: Arc<QuicTransport>,
    listener: Arc<QuicTransport>,
}

#[async_trait]
impl Harness for Quic {
    const CARRIES_CODES: bool = true;
    // The stream's window, and what the connection may have under way.
    const LANE_ROOM: usize = 1024 * 1024 + 8 * 1024 * 1024;

    fn new() -> Self {
        let make = || Arc::new(QuicTransport::new(QuicConfig::default()).unwrap());
        Self { dialler: make(), listener: make() }
    }
    fn dialler(&self) -> Arc<dyn Transport> {
        Arc::clone(&self.dialler) as _
    }
    fn listener(&self) -> Arc<dyn Transport> {
        Arc::clone(&self.listener) as _
    }
    fn listen_addr(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, 0).into()
    }
    fn dead_addr(&self) -> SocketAddr {
        // A port that was ours a moment ago. UDP gives no sign, so the test sets a short timeout.
        std::net::UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap()
    }

    /// UDP has no reset: nothing but silence, or a stray packet, tells of a death. So the link goes by close.
    async fn breakable(&self) -> (Pair, Killer) {
        let listener = self.listener().listen(self.listen_addr()).await.unwrap();
        let dialler = self.dialler();
        let (a, b) = connect(&*dialler, &*listener, listener.local_addr()).await;
        let dying = Arc::clone(&a);
        let kill = Box::new(move || dying.close(nws_protocol::LinkCode::Internal, "died"));
        (Pair { a, b, listener, dialler }, kill)
    }
}

pub(crate) struct Tcp {
    dialler: Arc<TcpTransport>,
    listener: Arc<TcpTransport>,
}

#[async_trait]
impl Harness for Tcp {
    const CARRIES_CODES: bool = false;
    const LANE_ROOM: usize = 256 * 1024;

    fn new() -> Self {
        let make = || Arc::new(TcpTransport::new(TcpConfig::default()).unwrap());
        Self { dialler: make(), listener: make() }
    }
    fn dialler(&self) -> Arc<dyn Transport> {
        Arc::clone(&self.dialler) as _
    }
    fn listener(&self) -> Arc<dyn Transport> {
        Arc::clone(&self.listener) as _
    }
    fn listen_addr(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, 0).into()
    }
    fn dead_addr(&self) -> SocketAddr {
        std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap()
    }

    /// Through a relay whose sockets are dropped, without a word of TLS.
    async fn breakable(&self) -> (Pair, Killer) {
        let listener = self.listener().listen(self.listen_addr()).await.unwrap();
        let relay = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let (through, to) = (relay.local_addr().unwrap(), listener.local_addr());
        let relaying = AbortOnDropHandle::new(tokio::spawn(async move {
            let (mut near, _) = relay.accept().await.unwrap();
            let mut far = TcpStream::connect(to).await.unwrap();
            let _ = copy_bidirectional(&mut near, &mut far).await;
        }));
        let dialler = self.dialler();
        let (a, b) = connect(&*dialler, &*listener, through).await;
        (Pair { a, b, listener, dialler }, Box::new(move || drop(relaying)))
    }
}

pub(crate) struct Memory {
    network: MemoryNetwork,
}

const HERE: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);
const THERE: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 2);

#[async_trait]
impl Harness for Memory {
    const CARRIES_CODES: bool = true;
    const LANE_ROOM: usize = 256 * 1024;

    fn new() -> Self {
        Self { network: MemoryNetwork::new(7) }
    }
    fn dialler(&self) -> Arc<dyn Transport> {
        Arc::new(self.network.transport(HERE))
    }
    fn listener(&self) -> Arc<dyn Transport> {
        Arc::new(self.network.transport(THERE))
    }
    fn listen_addr(&self) -> SocketAddr {
        (THERE, 0).into()
    }
    fn dead_addr(&self) -> SocketAddr {
        (THERE, 9).into()
    }
    async fn breakable(&self) -> (Pair, Killer) {
        let listener = self.listener().listen(self.listen_addr()).await.unwrap();
        let dialler = self.dialler();
        let (a, b) = connect(&*dialler, &*listener, listener.local_addr()).await;
        let network = self.network.clone();
        let kill = Box::new(move || assert_eq!(network.kill(IpAddr::from(HERE), IpAddr::from(THERE)), 1));
        (Pair { a, b, listener, dialler }, kill)
    }
}
