//! Promises about how links begin and end.

use crate::harness::{Harness, QUICK, cause, connect, controls, lane, pair};
use nws_protocol::LinkCode;
use nws_transports::{LinkError, Listening, QuicConfig, QuicTransport, Role, TransportError, TransportKind};
use std::{
    future::poll_fn,
    sync::Arc,
    task::Poll,
    time::{Duration, Instant},
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

pub(crate) async fn exporters_agree_and_differ<H: Harness>() {
    let one = pair::<H>().await;
    let two = connect(&*one.dialler, &*one.listener, one.listener.local_addr()).await;
    let first = one.a.exporter(b"label", b"context").unwrap();
    assert_eq!(first, one.b.exporter(b"label", b"context").unwrap());
    assert_eq!(first, one.a.exporter(b"label", b"context").unwrap());
    let all = [
        first,
        one.a.exporter(b"other", b"context").unwrap(),
        one.b.exporter(b"label", b"other").unwrap(),
        one.a.exporter(b"label", b"").unwrap(),
        two.0.exporter(b"label", b"context").unwrap(),
    ];
    assert_eq!(all[4], two.1.exporter(b"label", b"context").unwrap());
    for (i, a) in all.iter().enumerate() {
        assert!(all[i + 1..].iter().all(|b| a != b));
    }
    one.a.close(LinkCode::None, "");
    assert_eq!(one.a.exporter(b"label", b"context"), Err(LinkError::ClosedHere));
}

pub(crate) async fn abrupt_death_is_seen_at_once<H: Harness>() {
    let (pair, kill) = H::new().breakable().await;
    let (mut control_a, mut control_b) = controls(&pair).await;
    let (mut send, mut recv) = lane(&*pair.b, &*pair.a).await;
    let began = Instant::now();
    kill();
    let of_b = pair.b.closed().await;
    let of_a = pair.a.closed().await;
    assert!(matches!(of_b, LinkError::Lost(_) | LinkError::ClosedByPeer { .. }), "{of_b}");
    assert!(matches!(of_a, LinkError::Lost(_) | LinkError::ClosedHere), "{of_a}");
    // Every way to use the dead link fails with the same reason.
    assert_eq!(cause(&control_b.recv.read(&mut [0; 8]).await.unwrap_err()), of_b);
    assert_eq!(cause(&control_a.recv.read(&mut [0; 8]).await.unwrap_err()), of_a);
    assert_eq!(cause(&recv.read(&mut [0; 8]).await.unwrap_err()), of_a);
    assert_eq!(cause(&send.write(b"x").await.unwrap_err()), of_b);
    assert_eq!(cause(&control_a.send.write(b"x").await.unwrap_err()), of_a);
    assert_eq!(cause(&control_b.send.write(b"x").await.unwrap_err()), of_b);
    assert_eq!(pair.b.open().await.unwrap_err(), of_b);
    assert_eq!(pair.a.accept().await.unwrap_err(), of_a);
    assert!(began.elapsed() < QUICK);
}

pub(crate) async fn close_tells_the_other_end<H: Harness>() {
    let pair = pair::<H>().await;
    pair.a.close(LinkCode::Duplicate, "one is enough");
    pair.a.close(LinkCode::Internal, "too late to count");
    assert_eq!(pair.a.closed().await, LinkError::ClosedHere);
    let LinkError::ClosedByPeer { code, reason } = pair.b.closed().await else { panic!() };
    if H::CARRIES_CODES {
        assert_eq!((code, reason.as_str()), (LinkCode::Duplicate, "one is enough"));
    } else {
        assert_eq!(code, LinkCode::None);
    }
    assert!(matches!(pair.b.open().await.unwrap_err(), LinkError::ClosedByPeer { .. }));
}

pub(crate) async fn close_wakes_whoever_waits<H: Harness>() {
    let pair = pair::<H>().await;
    let (mut control_a, mut control_b) = controls(&pair).await;
    let (send, mut recv) = lane(&*pair.a, &*pair.b).await;
    let (link_a, link_b) = (pair.a.clone(), pair.b.clone());
    let waiting = tokio::spawn(async move {
        let (mut x, mut y, mut z) = ([0; 8], [0; 8], [0; 8]);
        let (at_a, at_b, of_lane, accept_a, accept_b) = tokio::join!(
            control_a.recv.read(&mut x),
            control_b.recv.read(&mut y),
            recv.read(&mut z),
            link_a.accept(),
            link_b.accept(),
        );
        drop((control_a.send, control_b.send, send));
        (at_a.unwrap_err(), at_b.unwrap_err(), of_lane.unwrap_err(), accept_a.unwrap_err(), accept_b.unwrap_err())
    });
    pair.a.close(LinkCode::GoingAway, "bye");
    let (at_a, at_b, of_lane, accept_a, accept_b) = waiting.await.unwrap();
    assert_eq!(cause(&at_a), LinkError::ClosedHere);
    assert_eq!(accept_a, LinkError::ClosedHere);
    for e in [cause(&at_b), cause(&of_lane), accept_b] {
        assert!(matches!(e, LinkError::ClosedByPeer { .. }), "{e}");
    }
}

/// Written, finished and closed in one breath. QUIC says it with the close itself.
pub(crate) async fn goodbye_arrives_before_the_close<H: Harness>() {
    for _ in 0..20 {
        let pair = pair::<H>().await;
        let (mut a, mut b) = controls(&pair).await;
        // Bytes that the closing end never read must not cost the goodbye.
        let (mut noise, _unread) = lane(&*pair.b, &*pair.a).await;
        noise.write_all(&[0; 100_000]).await.unwrap();
        a.send.write_all(b"goodbye").await.unwrap();
        a.send.shutdown().await.unwrap();
        pair.a.close(LinkCode::GoingAway, "bye");
        let mut got = Vec::new();
        let end = b.recv.read_to_end(&mut got).await;
        let LinkError::ClosedByPeer { code, .. } = pair.b.closed().await else { panic!() };
        if pair.b.kind() == TransportKind::Quic {
            assert_eq!(code, LinkCode::GoingAway);
        } else {
            end.unwrap();
            assert_eq!(got, b"goodbye");
        }
    }
}

pub(crate) async fn a_dropped_link_is_closed<H: Harness>() {
    let pair = pair::<H>().await;
    drop(pair.a);
    let closed = pair.b.closed().await;
    assert!(matches!(closed, LinkError::ClosedByPeer { code: LinkCode::None, .. }), "{closed}");
}

pub(crate) async fn a_dead_port_is_unreachable<H: Harness>() {
    let harness = H::new();
    let mut dialler = harness.dialler();
    if dialler.kind() == TransportKind::Quic {
        let mut config = QuicConfig::default();
        config.handshake_timeout = Duration::from_millis(300);
        dialler = Arc::new(QuicTransport::new(config).unwrap());
    }
    let began = Instant::now();
    let error = dialler.dial(harness.dead_addr()).await.unwrap_err();
    assert!(matches!(error, TransportError::Unreachable { .. }), "{error}");
    assert!(began.elapsed() < QUICK);
}

pub(crate) async fn a_dial_can_be_cancelled<H: Harness>() {
    let pair = pair::<H>().await;
    let addr = pair.listener.local_addr();
    for _ in 0..20 {
        let mut dial = pair.dialler.dial(addr);
        let _ = poll_fn(|cx| Poll::Ready(dial.as_mut().poll(cx))).await;
        drop(dial);
    }
    // What came of those is over; a whole one gets through, in whatever order.
    let dialled = pair.dialler.dial(addr).await.unwrap();
    let secret = dialled.exporter(b"which", b"").unwrap();
    loop {
        let accepted = pair.listener.accept().await.unwrap();
        if accepted.exporter(b"which", b"") == Ok(secret) {
            break;
        }
    }
}

pub(crate) async fn a_closed_listener_accepts_no_more<H: Harness>() {
    let pair = pair::<H>().await;
    let listener = Arc::clone(&pair.listener);
    let waiting = tokio::spawn(async move { listener.accept().await.map(drop) });
    pair.listener.close();
    assert!(matches!(waiting.await.unwrap(), Err(TransportError::Closed)));
    assert!(matches!(pair.listener.accept().await, Err(TransportError::Closed)));
    lane(&*pair.a, &*pair.b).await;
}

pub(crate) async fn a_dropped_listener_leaves_its_links<H: Harness>() {
    let pair = pair::<H>().await;
    let addr = pair.listener.local_addr();
    drop(pair.listener);
    lane(&*pair.a, &*pair.b).await;
    lane(&*pair.b, &*pair.a).await;
    // QUIC refuses, or nobody answers any more.
    let again = tokio::time::timeout(Duration::from_millis(500), pair.dialler.dial(addr)).await;
    if let Ok(Ok(link)) = again {
        // TCP's backlog may still have taken it; nobody ever answers there.
        panic!("{link:?} to a listener that is gone");
    }
}

pub(crate) async fn a_taken_port_is_told<H: Harness>() {
    let harness = H::new();
    let transport = harness.listener();
    let listener = transport.listen(harness.listen_addr()).await.unwrap();
    let error = transport.listen(listener.local_addr()).await.map(drop).unwrap_err();
    assert!(matches!(&error, TransportError::Bind { addr, .. } if *addr == listener.local_addr()), "{error}");
}

pub(crate) async fn round_trips_are_estimated<H: Harness>() {
    let pair = pair::<H>().await;
    // TCP learns it from the muxer's first ping.
    while pair.a.rtt().is_none() || pair.b.rtt().is_none() {
        lane(&*pair.a, &*pair.b).await;
        lane(&*pair.b, &*pair.a).await;
    }
    assert!(pair.a.rtt().unwrap() < QUICK);
}

pub(crate) async fn roles_and_addresses<H: Harness>() {
    let pair = pair::<H>().await;
    assert_eq!((pair.a.role(), pair.b.role()), (Role::Initiator, Role::Responder));
    assert_eq!(pair.a.kind(), pair.dialler.kind());
    assert_eq!(pair.b.kind(), pair.dialler.kind());
    assert_eq!(pair.a.remote_addr(), pair.listener.local_addr());
    assert_ne!(pair.b.remote_addr().port(), 0);
    assert!(pair.b.remote_addr().is_ipv4());
}

pub(crate) async fn drained_waits_for_goodbyes<H: Harness>() {
    let pair = pair::<H>().await;
    pair.a.close(LinkCode::GoingAway, "bye");
    pair.dialler.drained().await;
    assert!(matches!(pair.b.closed().await, LinkError::ClosedByPeer { .. }));
    // And it goes on.
    let (a, b) = connect(&*pair.dialler, &*pair.listener as &dyn Listening, pair.listener.local_addr()).await;
    lane(&*a, &*b).await;
}
