//! What TCP links and listeners must stand from strangers.

use crate::{
    harness::{QUICK, connect, lane, pattern, within},
    stranger::{client, server},
};
use nws_transports::{BoxLink, Link, LinkError, Listening, TcpConfig, TcpTransport, Transport, TransportError};
use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use tokio_rustls::{TlsAcceptor, TlsConnector, client::TlsStream};

async fn shake(addr: SocketAddr, alpn: &[&[u8]]) -> std::io::Result<TlsStream<TcpStream>> {
    let socket = TcpStream::connect(addr).await?;
    TlsConnector::from(Arc::new(client(alpn))).connect("stranger.test".try_into().unwrap(), socket).await
}

struct House {
    transport: TcpTransport,
    listener: Arc<dyn Listening>,
    /// A link that has nothing to do with the stranger.
    good: (BoxLink, BoxLink),
}

impl House {
    async fn open() -> Self {
        let mut config = TcpConfig::default();
        config.handshake_timeout = Duration::from_secs(4);
        let transport = TcpTransport::new(config).unwrap();
        let listener = transport.listen((Ipv4Addr::LOCALHOST, 0).into()).await.unwrap();
        let good = connect(&transport, &*listener, listener.local_addr()).await;
        Self { transport, listener, good }
    }

    fn addr(&self) -> SocketAddr {
        self.listener.local_addr()
    }

    /// Nobody else was harmed.
    async fn check(&self) {
        lane(&*self.good.0, &*self.good.1).await;
        lane(&*self.good.1, &*self.good.0).await;
        let (a, b) = connect(&self.transport, &*self.listener, self.addr()).await;
        lane(&*a, &*b).await;
    }

    /// A stranger who gets through the handshake, and the link that its host has with it.
    async fn visitor(&self) -> (TlsStream<TcpStream>, BoxLink) {
        let (tls, link) = tokio::join!(shake(self.addr(), &[b"nws/1"]), self.listener.accept());
        (tls.unwrap(), link.unwrap())
    }
}

/// A yamux header.
fn header(kind: u8, flags: u16, stream: u32, length: u32) -> Vec<u8> {
    [&[0, kind], &flags.to_be_bytes()[..], &stream.to_be_bytes(), &length.to_be_bytes()].concat()
}

fn data(flags: u16, stream: u32, body: &[u8]) -> Vec<u8> {
    [header(0, flags, stream, body.len() as u32), body.to_vec()].concat()
}

const SYN: u16 = 1;

#[tokio::test]
async fn garbage_before_the_handshake() {
    within(async {
        let house = House::open().await;
        for junk in [&b"GET / HTTP/1.1\r\n\r\n"[..], &[0; 4096], &pattern(100_000), &[22, 3, 1, 255, 255], b""] {
            let mut socket = TcpStream::connect(house.addr()).await.unwrap();
            // It may hang up in the middle.
            let _ = socket.write_all(junk).await;
            let _ = socket.shutdown().await;
            let mut rest = Vec::new();
            let _ = socket.read_to_end(&mut rest).await;
        }
        house.check().await;
    })
    .await;
}

#[tokio::test]
async fn strangers_who_say_nothing_are_hung_up_on_and_hold_up_nobody() {
    within(async {
        let house = House::open().await;
        let mut silent = Vec::new();
        for _ in 0..50 {
            silent.push(TcpStream::connect(house.addr()).await.unwrap());
        }
        house.check().await;
        for mut socket in silent {
            assert_eq!(socket.read(&mut [0; 8]).await.unwrap_or(0), 0);
        }
    })
    .await;
}

#[tokio::test]
async fn another_protocol_is_refused() {
    within(async {
        let house = House::open().await;
        let error = shake(house.addr(), &[b"h2", b"http/1.1"]).await.unwrap_err();
        assert!(error.to_string().contains("NoApplicationProtocol"), "{error}");
        // Without any the handshake itself passes, and that is all.
        let mut tls = shake(house.addr(), &[]).await.unwrap();
        assert_eq!(tls.read(&mut [0; 8]).await.unwrap_or(0), 0);
        house.check().await;
    })
    .await;
}

#[tokio::test]
async fn a_server_of_another_protocol_is_refused() {
    within(async {
        let house = House::open().await;
        for alpn in [&[][..], &[&b"h2"[..]][..]] {
            let acceptor = TlsAcceptor::from(Arc::new(server(alpn)));
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
            let addr = listener.local_addr().unwrap();
            let serving = tokio::spawn(async move {
                let (socket, _) = listener.accept().await.unwrap();
                let _ = acceptor.accept(socket).await;
            });
            let error = house.transport.dial(addr).await.unwrap_err();
            assert!(matches!(error, TransportError::Handshake { .. }), "{error}");
            serving.await.unwrap();
        }
    })
    .await;
}

#[tokio::test]
async fn a_server_that_is_no_tls_or_says_nothing() {
    within(async {
        let house = House::open().await;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let addr = listener.local_addr().unwrap();
        let serving = tokio::spawn(async move {
            let (mut web, _) = listener.accept().await.unwrap();
            web.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.unwrap();
            let (silent, _) = listener.accept().await.unwrap();
            (web, silent)
        });
        let error = house.transport.dial(addr).await.unwrap_err();
        assert!(matches!(error, TransportError::Handshake { .. }), "{error}");
        let error = house.transport.dial(addr).await.unwrap_err();
        assert!(matches!(error, TransportError::Unreachable { .. }), "{error}");
        serving.await.unwrap();
    })
    .await;
}

/// A ClientHello of TLS 1.2: the same record, without `supported_versions`.
#[tokio::test]
async fn tls_1_2_is_refused() {
    within(async {
        let house = House::open().await;
        let extensions = [
            &[0, 10, 0, 4, 0, 2, 0, 29][..],                       // supported_groups: x25519
            &[0, 13, 0, 4, 0, 2, 4, 3],                            // signature_algorithms: ecdsa_secp256r1_sha256
            &[0, 16, 0, 8, 0, 6, 5, b'n', b'w', b's', b'/', b'1'], // ALPN
        ]
        .concat();
        let body = [
            &[3, 3][..],
            &[7; 32],
            &[0],
            &[0, 2, 0xc0, 0x2b], // TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256
            &[1, 0],
            &(extensions.len() as u16).to_be_bytes(),
            &extensions,
        ]
        .concat();
        let hello = [&[1, 0][..], &(body.len() as u16).to_be_bytes(), &body].concat();
        let record = [&[22, 3, 1][..], &(hello.len() as u16).to_be_bytes(), &hello].concat();
        let mut socket = TcpStream::connect(house.addr()).await.unwrap();
        socket.write_all(&record).await.unwrap();
        let mut alert = [0; 7];
        socket.read_exact(&mut alert).await.unwrap();
        assert_eq!(alert, [21, 3, 3, 0, 2, 2, 70], "a fatal protocol_version alert");
        house.check().await;
    })
    .await;
}

#[tokio::test]
async fn garbage_after_the_handshake() {
    within(async {
        let house = House::open().await;
        let cases: Vec<(&str, Vec<u8>)> = vec![
            ("another language", b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n".to_vec()),
            ("noise", vec![0xff; 4096]),
            ("an unknown kind of frame", header(9, 0, 1, 0)),
            ("a frame of four gigabytes", header(0, SYN, 1, u32::MAX)),
            ("more than the window", [data(SYN, 1, &[0; 200_000]), data(0, 1, &[0; 200_000])].concat()),
            ("a stream of the host", data(SYN, 2, b"x")),
            ("no stream", data(SYN, 0, b"x")),
            ("the same stream twice", [data(SYN, 1, b"x"), data(SYN, 1, b"x")].concat()),
            ("a window beyond all", [header(1, SYN, 1, u32::MAX), header(1, 0, 1, u32::MAX)].concat()),
            ("a pong to no ping", header(2, 2, 0, 77)),
        ];
        for (what, junk) in cases {
            let (mut tls, link) = house.visitor().await;
            let began = Instant::now();
            let _ = tls.write_all(&junk).await;
            let _ = tls.flush().await;
            let why = link.closed().await;
            assert!(matches!(why, LinkError::Violated(_) | LinkError::Lost(_)), "{what}: {why}");
            assert!(link.accept().await.is_err() || link.accept().await.is_err(), "{what}");
            // The connection goes too.
            let mut rest = Vec::new();
            let _ = tls.read_to_end(&mut rest).await;
            assert!(began.elapsed() < QUICK, "{what} took {:?}", began.elapsed());
        }
        house.check().await;
    })
    .await;
}

#[tokio::test]
async fn data_on_a_lane_of_the_other_end_is_a_violation() {
    within(async {
        let house = House::open().await;
        let (mut tls, link) = house.visitor().await;
        let mut lane = link.open().await.unwrap();
        lane.write_all(b"one way").await.unwrap();
        tls.write_all(&data(2, 2, b"and back")).await.unwrap();
        assert_eq!(link.closed().await, LinkError::Violated("data on a lane that was opened here".to_owned()));
        house.check().await;
    })
    .await;
}

#[tokio::test]
async fn a_flood_of_streams_ends_the_link() {
    within(async {
        let house = House::open().await;
        let (mut tls, link) = house.visitor().await;
        let flood: Vec<u8> = (0..20_000u32).flat_map(|n| data(SYN, 2 * n + 1, b"")).collect();
        let _ = tls.write_all(&flood).await;
        let _ = tls.flush().await;
        let why = link.closed().await;
        assert!(matches!(why, LinkError::Violated(_)), "{why}");
        house.check().await;
    })
    .await;
}

/// The muxer opens no more than 256 lanes that the other end has not accepted.
#[tokio::test]
async fn where_no_lane_is_accepted_one_that_is_given_up_makes_room_for_another() {
    within(async {
        let house = House::open().await;
        // Of the initiator the control lane counts too.
        let (far, near) = (&house.good.0, &house.good.1);
        let mut lanes = Vec::new();
        for _ in 0..256 {
            let mut lane = near.open().await.unwrap();
            lane.write_all(b"!").await.unwrap();
            lanes.push(lane);
        }
        let mut next = std::pin::pin!(near.open());
        assert!(futures::poll!(next.as_mut()).is_pending());
        lanes.pop();
        lanes.push(next.await.unwrap());
        // And so on, for many that wait at once.
        let more = futures::future::join_all((0..8).map(|_| near.open()));
        lanes.truncate(lanes.len() - 8);
        for mut lane in more.await.into_iter().map(Result::unwrap) {
            lane.write_all(b"!").await.unwrap();
            lanes.push(lane);
        }
        for _ in &lanes {
            far.accept().await.unwrap();
        }
    })
    .await;
}

#[tokio::test]
async fn a_small_receive_window_holds_back_and_lets_go() {
    within(async {
        let mut config = TcpConfig::default();
        config.receive_window_bytes = 1024 * 1024;
        let transport = TcpTransport::new(config).unwrap();
        let listener = transport.listen((Ipv4Addr::LOCALHOST, 0).into()).await.unwrap();
        let (a, b) = connect(&transport, &*listener, listener.local_addr()).await;
        // A hundred lanes of 250 KB are far over the limit; the socket is read as fast as the lanes are.
        let mut moving = tokio::task::JoinSet::new();
        for _ in 0..100 {
            let a = Arc::clone(&a);
            moving.spawn(async move {
                let mut send = a.open().await.unwrap();
                send.write_all(&pattern(250_000)).await.unwrap();
                send.shutdown().await.unwrap();
            });
        }
        for _ in 0..100 {
            let mut recv = b.accept().await.unwrap();
            moving.spawn(async move {
                let mut got = Vec::new();
                recv.read_to_end(&mut got).await.unwrap();
                assert!(got == pattern(250_000));
            });
        }
        while let Some(done) = moving.join_next().await {
            done.unwrap();
        }
        // Unread bytes of lanes that are dropped make room too.
        for _ in 0..20 {
            let mut send = a.open().await.unwrap();
            let writing = tokio::spawn(async move {
                let _ = send.write_all(&pattern(250_000)).await;
                send
            });
            let mut recv = b.accept().await.unwrap();
            recv.read_u8().await.unwrap();
            drop(recv);
            drop(writing.await.unwrap());
        }
        lane(&*a, &*b).await;
    })
    .await;
}

#[tokio::test]
async fn a_dead_transport_does_not_take_its_links_along() {
    within(async {
        let House { transport, listener, good } = House::open().await;
        drop((transport, listener));
        lane(&*good.0, &*good.1).await;
        let _: &dyn Link = &*good.0;
    })
    .await;
}
