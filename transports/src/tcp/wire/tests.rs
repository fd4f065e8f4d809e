#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may stop at the first surprise")]
use super::*;
use crate::{
    tcp::link::SPLIT_BYTES,
    tls::{NO_NAME, Tls},
    transport::Role,
};
use std::{future::poll_fn, net::Ipv4Addr};
use tokio::{
    io::BufReader,
    net::{TcpListener, TcpStream},
    task::unconstrained,
};
use tokio_rustls::{TlsAcceptor, TlsConnector};

fn shared() -> Arc<Shared> {
    Arc::new(Shared::new(Role::Responder, 1024 * 1024))
}

fn came(shared: &Shared, kind: Kind, flags: u16, stream: u32, length: u32) {
    inspect(shared, &mut Pings::default(), Header { kind, flags, stream, length }).unwrap();
}

#[test]
fn streams_that_are_reset_as_they_begin_are_not_kept() {
    let shared = shared();
    for n in 1..20_000 {
        for kind in [Kind::Data, Kind::WindowUpdate] {
            came(&shared, kind, SYN | RST, 2 * n + 1, 8);
            came(&shared, kind, SYN | FIN | RST, 2 * n + 1, 8);
        }
    }
    assert_eq!(shared.books(), (0, 0));
}

#[test]
fn what_comes_for_a_lane_is_counted_while_the_lane_is_there() {
    let shared = shared();
    came(&shared, Kind::Data, SYN, 3, 100);
    came(&shared, Kind::Data, FIN, 3, 10);
    assert_eq!(shared.books(), (1, 110));
    // No body is kept of it.
    came(&shared, Kind::Data, RST, 3, 1000);
    assert_eq!(shared.books(), (1, 110));
    let lane = shared.enter(3);
    assert!(lane.finished.load(std::sync::atomic::Ordering::SeqCst));
    shared.leave(3, &lane);
    came(&shared, Kind::Data, 0, 3, 1000);
    assert_eq!(shared.books(), (0, 0));
}

/// A wire, and its other end that reads nothing.
async fn unread() -> (Wire, TlsStream<Socket>) {
    let tls = Tls::new().unwrap();
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let (near, far) = tokio::join!(TcpStream::connect(listener.local_addr().unwrap()), listener.accept());
    let (near, far) = (BufReader::new(near.unwrap()), BufReader::new(far.unwrap().0));
    let (connector, acceptor) = (TlsConnector::from(tls.client), TlsAcceptor::from(tls.server));
    let (near, far) = tokio::join!(connector.connect(NO_NAME.try_into().unwrap(), near), acceptor.accept(far));
    (Wire::new(near.unwrap().into(), shared()), far.unwrap().into())
}

/// A frame as yamux writes it.
fn frame(kind: u8, flags: u16, body: usize) -> Vec<u8> {
    let length = u32::try_from(body).unwrap().to_be_bytes();
    [&[0, kind], &flags.to_be_bytes()[..], &[0, 0, 0, 1], &length, &vec![0; body]].concat()
}

/// Whether the wire takes this.
async fn takes(wire: &mut Wire, bytes: &[u8]) -> bool {
    let taken = unconstrained(poll_fn(|cx| Poll::Ready(wire.put(cx, bytes)))).await;
    taken.map(Result::unwrap).is_ready()
}

/// Puts frames until no more is taken.
async fn fill(wire: &mut Wire) {
    let data = frame(0, 0, SPLIT_BYTES);
    while takes(wire, &data).await {}
}

/// Else both ends could wait for each other to read, each with a Pong behind a frame that the socket does not take.
#[tokio::test]
async fn a_pong_and_the_frame_before_it_need_not_wait_for_the_socket() {
    let (mut wire, _far) = unread().await;
    let ping = Header { kind: Kind::Ping, flags: SYN, stream: 0, length: 1 };
    fill(&mut wire).await;
    inspect(&wire.shared, &mut wire.pings, ping).unwrap();
    assert!(takes(&mut wire, &frame(0, 0, SPLIT_BYTES)).await);
    assert!(takes(&mut wire, &frame(2, ACK, 0)).await);
    // And that was all.
    fill(&mut wire).await;
    assert!(wire.out.len() < GATHER_BYTES + 3 * SPLIT_BYTES);
}

#[tokio::test]
async fn pings_do_not_make_a_wire_gather_without_end() {
    let (mut wire, _far) = unread().await;
    for _ in 0..100 {
        let ping = Header { kind: Kind::Ping, flags: SYN, stream: 0, length: 1 };
        inspect(&wire.shared, &mut wire.pings, ping).unwrap();
        fill(&mut wire).await;
        let _ = takes(&mut wire, &frame(2, ACK, 0)).await;
        assert!(wire.out.len() < OWING_BYTES + 2 * SPLIT_BYTES);
    }
}
