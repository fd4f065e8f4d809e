#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may stop at the first surprise")]

use super::*;
use crate::link::LinkError;
use nws_protocol::LinkCode;
use std::net::Ipv4Addr;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    time::Instant,
};

const A: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);
const B: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 2);

async fn pair(network: &MemoryNetwork) -> (BoxLink, BoxLink, Arc<dyn Listening>) {
    let listener = network.transport(B).listen((B, 0).into()).await.unwrap();
    let from = network.transport(A);
    let (a, b) = tokio::join!(from.dial(listener.local_addr()), listener.accept());
    (a.unwrap(), b.unwrap(), listener)
}

#[tokio::test(start_paused = true)]
async fn bytes_take_their_time() {
    let network = MemoryNetwork::new(1);
    network.set_default_delay(Duration::from_millis(20));
    network.set_delay(B, A, Duration::from_millis(70));
    let began = Instant::now();
    let (a, b, _listener) = pair(&network).await;
    assert_eq!(began.elapsed(), Duration::from_millis(90), "a dial takes a round trip");
    assert_eq!(a.rtt(), Some(Duration::from_millis(90)));

    let began = Instant::now();
    let mut send = a.open().await.unwrap();
    send.write_all(b"one").await.unwrap();
    send.shutdown().await.unwrap();
    let mut got = Vec::new();
    b.accept().await.unwrap().read_to_end(&mut got).await.unwrap();
    assert_eq!((got.as_slice(), began.elapsed()), (&b"one"[..], Duration::from_millis(20)));

    let began = Instant::now();
    let mut send = b.open().await.unwrap();
    send.write_all(b"two").await.unwrap();
    let mut recv = a.accept().await.unwrap();
    assert_eq!(recv.read_u8().await.unwrap(), b't');
    assert_eq!(began.elapsed(), Duration::from_millis(70));

    let began = Instant::now();
    b.close(LinkCode::GoingAway, "bye");
    assert_eq!(a.closed().await, LinkError::ClosedByPeer { code: LinkCode::GoingAway, reason: "bye".to_owned() });
    assert_eq!(began.elapsed(), Duration::from_millis(70));
}

#[tokio::test(start_paused = true)]
async fn jitter_mixes_lanes_and_keeps_the_order_within_one() {
    let network = MemoryNetwork::new(3);
    network.set_jitter(Duration::from_millis(50));
    let (a, b, _listener) = pair(&network).await;
    let mut sends = Vec::new();
    for number in 0..50u8 {
        let mut send = a.open().await.unwrap();
        for _ in 0..10 {
            send.write_all(&[number]).await.unwrap();
        }
        send.write_all(b"end").await.unwrap();
        send.shutdown().await.unwrap();
        sends.push(send);
    }
    let mut order = Vec::new();
    for _ in 0..50 {
        let mut got = Vec::new();
        b.accept().await.unwrap().read_to_end(&mut got).await.unwrap();
        assert_eq!(&got[10..], b"end");
        order.push(got[0]);
    }
    assert!(!order.is_sorted());
    order.sort_unstable();
    assert!(order.into_iter().eq(0..50));
}

#[tokio::test(start_paused = true)]
async fn a_silent_cut_holds_everything_until_it_heals() {
    let network = MemoryNetwork::new(1);
    let (a, b, listener) = pair(&network).await;
    let mut send = a.open().await.unwrap();
    send.write_all(b"x").await.unwrap();
    let mut recv = b.accept().await.unwrap();
    recv.read_u8().await.unwrap();

    network.partition(&[A.into()], &[B.into()], Cut::Silent);
    send.write_all(b"later").await.unwrap();
    let mut got = [0; 5];
    let wait = Duration::from_secs(60);
    assert!(tokio::time::timeout(wait, recv.read_exact(&mut got)).await.is_err());
    assert!(tokio::time::timeout(wait, a.closed()).await.is_err());
    let error = network.transport(A).dial(listener.local_addr()).await.unwrap_err();
    assert!(matches!(error, TransportError::Unreachable { .. }), "{error}");
    a.close(LinkCode::Silent, "gave up");
    assert_eq!(a.closed().await, LinkError::ClosedHere);
    assert!(tokio::time::timeout(wait, b.closed()).await.is_err(), "the close can't pass either");

    network.heal();
    let mut got = [0; 5];
    recv.read_exact(&mut got).await.unwrap();
    assert_eq!(&got, b"later");
    assert!(matches!(b.closed().await, LinkError::ClosedByPeer { code: LinkCode::Silent, .. }));
    network.transport(A).dial(listener.local_addr()).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_dead_cut_kills_what_crosses_it_and_nothing_else() {
    let network = MemoryNetwork::new(1);
    let (a, b, listener) = pair(&network).await;
    let third = network.transport([192, 0, 2, 3]);
    let (c, d) = tokio::join!(third.dial(listener.local_addr()), listener.accept());
    let (c, _d) = (c.unwrap(), d.unwrap());
    assert_eq!(network.links(), 2);
    network.partition(&[A.into()], &[B.into()], Cut::Dead);
    assert!(matches!(a.closed().await, LinkError::Lost(_)));
    assert!(matches!(b.closed().await, LinkError::Lost(_)));
    assert_eq!(network.links(), 1);
    c.open().await.unwrap();
    assert!(network.transport(A).dial(listener.local_addr()).await.is_err());
    assert_eq!(network.kill_host(B), 1);
    assert!(matches!(c.closed().await, LinkError::Lost(_)));
}

#[tokio::test]
async fn the_same_seed_gives_the_same_secrets() {
    let (one, two, other) = (MemoryNetwork::new(5), MemoryNetwork::new(5), MemoryNetwork::new(6));
    let secret = async |network: &MemoryNetwork| pair(network).await.0.exporter(b"l", b"c").unwrap();
    let first = secret(&one).await;
    assert_eq!(first, secret(&two).await);
    assert_ne!(first, secret(&other).await);
    assert_ne!(first, secret(&one).await, "each link its own");
}

#[tokio::test]
async fn a_link_and_its_lanes_leave_nothing_behind() {
    let network = MemoryNetwork::new(1);
    let (a, b, listener) = pair(&network).await;
    let mut untaken = a.open().await.unwrap();
    untaken.write_all(b"x").await.unwrap();
    let control = a.control().await.unwrap();
    drop((a, b, untaken, control, listener));
    assert!(network.state().links.iter().all(|core| core.strong_count() == 0));
}
