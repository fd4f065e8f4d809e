//! What QUIC links and listeners must stand from strangers.

use crate::{
    harness::{connect, lane, pattern, within},
    stranger::{client, server},
};
use nws_transports::{BoxLink, LinkError, Listening, QuicConfig, QuicTransport, Transport, TransportError};
use quinn::{
    Connection, ConnectionError, Endpoint, VarInt,
    crypto::rustls::{QuicClientConfig, QuicServerConfig},
};
use std::{
    net::{Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};
use tokio::{io::AsyncReadExt, net::UdpSocket};

/// A stranger's QUIC client.
async fn shake(addr: SocketAddr, alpn: &[&[u8]]) -> Result<(Endpoint, Connection), ConnectionError> {
    let config = quinn::ClientConfig::new(Arc::new(QuicClientConfig::try_from(client(alpn)).unwrap()));
    let endpoint = Endpoint::client((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
    let connection = endpoint.connect_with(config, addr, "stranger.test").unwrap().await?;
    Ok((endpoint, connection))
}

struct House {
    transport: QuicTransport,
    listener: Arc<dyn Listening>,
    /// A link that has nothing to do with the stranger.
    good: (BoxLink, BoxLink),
}

impl House {
    async fn open() -> Self {
        let transport = QuicTransport::new(QuicConfig::default()).unwrap();
        let listener = transport.listen((Ipv4Addr::LOCALHOST, 0).into()).await.unwrap();
        let good = connect(&transport, &*listener, listener.local_addr()).await;
        Self { transport, listener, good }
    }

    /// Nobody else was harmed.
    async fn check(&self) {
        lane(&*self.good.0, &*self.good.1).await;
        lane(&*self.good.1, &*self.good.0).await;
        let (a, b) = connect(&self.transport, &*self.listener, self.listener.local_addr()).await;
        lane(&*a, &*b).await;
    }

    async fn visitor(&self) -> (Endpoint, Connection, BoxLink) {
        let (stranger, link) = tokio::join!(shake(self.listener.local_addr(), &[b"nws/1"]), self.listener.accept());
        let (endpoint, connection) = stranger.unwrap();
        (endpoint, connection, link.unwrap())
    }
}

#[tokio::test]
async fn garbage_before_the_handshake() {
    within(async {
        let house = House::open().await;
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let noise = pattern(1200);
        for size in [0, 1, 20, 500, 1200] {
            for first in 0..=255 {
                let mut packet = noise[..size].to_vec();
                if let Some(byte) = packet.first_mut() {
                    *byte = first;
                }
                socket.send_to(&packet, house.listener.local_addr()).await.unwrap();
            }
        }
        house.check().await;
    })
    .await;
}

#[tokio::test]
async fn another_protocol_is_refused() {
    within(async {
        let house = House::open().await;
        for alpn in [&[][..], &[&b"h3"[..]][..]] {
            let error = shake(house.listener.local_addr(), alpn).await.map(drop).unwrap_err();
            // TLS alert 120, no_application_protocol.
            assert!(
                matches!(&error, ConnectionError::ConnectionClosed(close)
                if u64::from(close.error_code) == 0x178),
                "{error}"
            );
        }
        house.check().await;
    })
    .await;
}

#[tokio::test]
async fn a_server_of_another_protocol_is_refused() {
    within(async {
        let tls = server(&[b"h3"]);
        let config = quinn::ServerConfig::with_crypto(Arc::new(QuicServerConfig::try_from(tls).unwrap()));
        let stranger = Endpoint::server(config, (Ipv4Addr::LOCALHOST, 0).into()).unwrap();
        let addr = stranger.local_addr().unwrap();
        let serving = tokio::spawn(async move { stranger.accept().await.unwrap().await.map(drop) });
        let error = House::open().await.transport.dial(addr).await.unwrap_err();
        assert!(matches!(error, TransportError::Handshake { .. }), "{error}");
        serving.await.unwrap().unwrap_err();
    })
    .await;
}

#[tokio::test]
async fn there_is_one_two_way_lane_and_no_more() {
    within(async {
        let house = House::open().await;
        let (_endpoint, stranger, link) = house.visitor().await;
        let (mut send, _recv) = stranger.open_bi().await.unwrap();
        send.write_all(b"control").await.unwrap();
        // A well-behaved library waits for leave to open a second, which never comes.
        assert!(tokio::time::timeout(Duration::from_millis(100), stranger.open_bi()).await.is_err());
        let mut control = link.control().await.unwrap();
        let mut got = [0; 7];
        control.recv.read_exact(&mut got).await.unwrap();
        assert_eq!(&got, b"control");
        house.check().await;
    })
    .await;
}

#[tokio::test]
async fn a_flood_of_streams_is_held_back() {
    within(async {
        let house = House::open().await;
        let (_endpoint, stranger, link) = house.visitor().await;
        let mut held = Vec::new();
        while let Ok(opened) = tokio::time::timeout(Duration::from_millis(200), stranger.open_uni()).await {
            let mut stream = opened.unwrap();
            stream.write_all(b"x").await.unwrap();
            held.push(stream);
        }
        assert_eq!(held.len(), 8192);
        // Lanes that are done make room; the library tells of an eighth of the limit at once.
        for mut stream in held.drain(..2048) {
            stream.finish().unwrap();
            let mut got = Vec::new();
            link.accept().await.unwrap().read_to_end(&mut got).await.unwrap();
            assert_eq!(got, b"x");
        }
        stranger.open_uni().await.unwrap();
        house.check().await;
    })
    .await;
}

#[tokio::test]
async fn datagrams_are_off() {
    within(async {
        let house = House::open().await;
        let (_endpoint, stranger, _link) = house.visitor().await;
        assert!(stranger.max_datagram_size().is_none());
    })
    .await;
}

#[tokio::test]
async fn unknown_codes_are_kept() {
    within(async {
        let house = House::open().await;
        for (number, expected) in [(999u64, 999), (1 << 40, u32::MAX)] {
            let (_endpoint, stranger, link) = house.visitor().await;
            stranger.close(VarInt::from_u64(number).unwrap(), b"\xff\xfe not text");
            let LinkError::ClosedByPeer { code, reason } = link.closed().await else { panic!() };
            assert_eq!(code.number(), expected);
            assert!(reason.ends_with("not text"));
        }
    })
    .await;
}

#[tokio::test]
async fn silence_ends_a_link() {
    within(async {
        let mut config = QuicConfig::default();
        config.idle_timeout = Duration::from_secs(1);
        let transport = QuicTransport::new(config).unwrap();
        let listener = transport.listen((Ipv4Addr::LOCALHOST, 0).into()).await.unwrap();
        let (a, b) = connect(&transport, &*listener, listener.local_addr()).await;
        assert!(matches!(a.closed().await, LinkError::Lost(_)));
        assert!(matches!(b.closed().await, LinkError::Lost(_)));
    })
    .await;
}

#[tokio::test]
async fn one_socket_listens_and_dials() {
    within(async {
        let one = QuicTransport::new(QuicConfig::default()).unwrap();
        let other = QuicTransport::new(QuicConfig::default()).unwrap();
        let wild = |port| SocketAddr::from((Ipv6Addr::UNSPECIFIED, port));
        let at_one = one.listen(wild(0)).await.unwrap();
        let at_other = other.listen(wild(0)).await.unwrap();
        // IPv4 through the dual-stack socket.
        let addr = (Ipv4Addr::LOCALHOST, at_other.local_addr().port()).into();
        let (a, b) = connect(&one, &*at_other, addr).await;
        assert_eq!(a.remote_addr(), addr);
        assert_eq!(b.remote_addr(), (Ipv4Addr::LOCALHOST, at_one.local_addr().port()).into());
        lane(&*a, &*b).await;
        // Still so when it no longer listens.
        at_one.close();
        let (_, b) = connect(&one, &*at_other, addr).await;
        assert_eq!(b.remote_addr().port(), at_one.local_addr().port());
    })
    .await;
}
