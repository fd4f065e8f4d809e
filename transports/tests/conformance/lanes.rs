//! Promises about lanes.

use crate::harness::{Harness, Pair, cause, controls, lane, pair, pattern};
use bytes::{Bytes, BytesMut};
use futures::{SinkExt, StreamExt};
use nws_protocol::{
    LinkCode,
    frame::{FrameCodec, FrameError, put_length},
};
use nws_transports::{LinkError, SendLane};
use std::{future::poll_fn, io::IoSlice, pin::Pin, task::Poll, time::Duration};
use tokio::io::{AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio_util::codec::{FramedRead, FramedWrite};

pub(crate) async fn order_holds_within_a_lane<H: Harness>() {
    let pair = pair::<H>().await;
    let mut send = pair.a.open().await.unwrap();
    let sent = pattern(3_000_000);
    let copy = sent.clone();
    let writing = tokio::spawn(async move {
        // Pieces of odd sizes.
        let mut rest = &copy[..];
        let mut size = 1;
        while !rest.is_empty() {
            let (now, later) = rest.split_at(size.min(rest.len()));
            send.write_all(now).await.unwrap();
            (rest, size) = (later, size * 3 % 50_021 + 1);
        }
        send.shutdown().await.unwrap();
    });
    let mut got = Vec::new();
    pair.b.accept().await.unwrap().read_to_end(&mut got).await.unwrap();
    assert!(got == sent);
    writing.await.unwrap();
}

pub(crate) async fn control_lane_goes_both_ways<H: Harness>() {
    let pair = pair::<H>().await;
    // A lane that overtakes it does not become it.
    let mut other = pair.a.open().await.unwrap();
    other.write_all(b"other").await.unwrap();
    let (mut a, mut b) = controls(&pair).await;
    let mut first = [0; 5];
    pair.b.accept().await.unwrap().read_exact(&mut first).await.unwrap();
    assert_eq!(&first, b"other");
    for word in [&b"there"[..], b"and", b"back"] {
        let mut got = vec![0; word.len()];
        b.send.write_all(word).await.unwrap();
        a.recv.read_exact(&mut got).await.unwrap();
        assert_eq!(got, word);
        a.send.write_all(word).await.unwrap();
        b.recv.read_exact(&mut got).await.unwrap();
        assert_eq!(got, word);
    }
    assert!(pair.a.control().await.is_err(), "there is only one");
}

pub(crate) async fn both_ends_open_lanes<H: Harness>() {
    let pair = pair::<H>().await;
    let (mut to_b, mut at_b) = lane(&*pair.a, &*pair.b).await;
    let (mut to_a, mut at_a) = lane(&*pair.b, &*pair.a).await;
    to_b.write_all(b"b").await.unwrap();
    to_a.write_all(b"a").await.unwrap();
    assert_eq!(at_b.read_u8().await.unwrap(), b'b');
    assert_eq!(at_a.read_u8().await.unwrap(), b'a');
}

/// Writes until nothing more is taken, and says how much was.
async fn fill(send: &mut SendLane) -> usize {
    let chunk = pattern(16 * 1024);
    let mut taken = 0;
    // The last stretch waits for the network: it is full when nothing moves for a while.
    while let Ok(written) = tokio::time::timeout(Duration::from_secs(1), send.write(&chunk)).await {
        taken += written.unwrap();
    }
    taken
}

pub(crate) async fn a_lane_nobody_reads_holds_up_no_other<H: Harness>() {
    let pair = pair::<H>().await;
    let (mut stuck, _unread) = lane(&*pair.a, &*pair.b).await;
    let (mut control_a, mut control_b) = controls(&pair).await;
    fill(&mut stuck).await;
    let (mut free, mut recv) = lane(&*pair.a, &*pair.b).await;
    let sent = pattern(2_000_000);
    let copy = sent.clone();
    let writing = tokio::spawn(async move {
        free.write_all(&copy).await.unwrap();
        free.shutdown().await.unwrap();
    });
    let mut got = Vec::new();
    recv.read_to_end(&mut got).await.unwrap();
    assert!(got == sent);
    writing.await.unwrap();
    control_a.send.write_all(b"x").await.unwrap();
    assert_eq!(control_b.recv.read_u8().await.unwrap(), b'x');
}

pub(crate) async fn large_frames_pass<H: Harness>() {
    const LARGE: usize = 16 * 1024 * 1024;
    let pair = pair::<H>().await;
    let frame = Bytes::from(pattern(LARGE));
    let mut send = FramedWrite::new(pair.a.open().await.unwrap(), FrameCodec::new(LARGE));
    let copy = frame.clone();
    let writing = tokio::spawn(async move {
        send.send(copy.clone()).await.unwrap();
        send.send(copy.slice(..100)).await.unwrap();
        send.close().await.unwrap();
    });
    let mut recv = FramedRead::new(pair.b.accept().await.unwrap(), FrameCodec::new(LARGE));
    assert!(recv.next().await.unwrap().unwrap() == frame);
    assert_eq!(recv.next().await.unwrap().unwrap(), frame.slice(..100));
    assert!(recv.next().await.is_none());
    writing.await.unwrap();
}

pub(crate) async fn half_close_leaves_the_other_direction<H: Harness>() {
    let pair = pair::<H>().await;
    let (mut a, mut b) = controls(&pair).await;
    a.send.write_all(b"last").await.unwrap();
    a.send.shutdown().await.unwrap();
    let mut got = Vec::new();
    b.recv.read_to_end(&mut got).await.unwrap();
    assert_eq!(got, b"last");
    for _ in 0..3 {
        b.send.write_all(b"still here").await.unwrap();
        let mut got = [0; 10];
        a.recv.read_exact(&mut got).await.unwrap();
        assert_eq!(&got, b"still here");
    }
    b.send.shutdown().await.unwrap();
    assert_eq!(a.recv.read(&mut [0; 8]).await.unwrap(), 0);
    assert!(a.send.write_all(b"more").await.is_err(), "written after the end");
}

pub(crate) async fn back_pressure_reaches_the_sender<H: Harness>() {
    let pair = pair::<H>().await;
    let (mut send, mut recv) = lane(&*pair.a, &*pair.b).await;
    let taken = fill(&mut send).await;
    assert!(taken >= 64 * 1024, "only {taken} bytes");
    assert!(taken <= H::LANE_ROOM, "{taken} bytes and nobody reads");
    // It goes on when there is room.
    let chunk = pattern(16 * 1024);
    let writing = tokio::spawn(async move {
        for _ in 0..64 {
            send.write_all(&chunk).await.unwrap();
        }
        send.shutdown().await.unwrap();
    });
    let mut got = Vec::new();
    recv.read_to_end(&mut got).await.unwrap();
    assert_eq!(got.len(), taken + 64 * 16 * 1024);
    writing.await.unwrap();
}

pub(crate) async fn a_thousand_lanes<H: Harness>() {
    const LANES: u32 = 1000;
    let pair = pair::<H>().await;
    let opener = pair.a.clone();
    let opening = tokio::spawn(async move {
        let mut held = Vec::new();
        for number in 0..LANES {
            let mut send = opener.open().await.unwrap();
            send.write_u32(number).await.unwrap();
            held.push(send);
        }
        held
    });
    let mut recvs = Vec::new();
    let mut numbers = Vec::new();
    for _ in 0..LANES {
        let mut recv = pair.b.accept().await.unwrap();
        numbers.push(recv.read_u32().await.unwrap());
        recvs.push(recv);
    }
    numbers.sort_unstable();
    assert!(numbers.into_iter().eq(0..LANES));
    let mut held = opening.await.unwrap();
    for send in &mut held {
        send.shutdown().await.unwrap();
    }
    for recv in &mut recvs {
        assert_eq!(recv.read(&mut [0; 8]).await.unwrap(), 0);
    }
}

pub(crate) async fn lanes_can_be_opened_again_and_again<H: Harness>() {
    let pair = pair::<H>().await;
    let opener = pair.a.clone();
    // More than may be open at once, so a lane that is done must free its place.
    let opening = tokio::spawn(async move {
        for number in 0..9000u32 {
            let mut send = opener.open().await.unwrap();
            send.write_u32(number).await.unwrap();
            send.shutdown().await.unwrap();
        }
    });
    let mut sum = 0;
    for _ in 0..9000 {
        let mut recv = pair.b.accept().await.unwrap();
        sum += u64::from(recv.read_u32().await.unwrap());
        assert_eq!(recv.read(&mut [0; 8]).await.unwrap(), 0);
    }
    assert_eq!(sum, 8999 * 9000 / 2);
    opening.await.unwrap();
}

pub(crate) async fn a_frame_over_the_limit_costs_only_its_lane<H: Harness>() {
    let pair = pair::<H>().await;
    let mut send = pair.a.open().await.unwrap();
    let mut frame = BytesMut::new();
    put_length(&mut frame, 5000);
    frame.resize(frame.len() + 5000, 0);
    send.write_all(&frame).await.unwrap();
    let mut recv = FramedRead::new(pair.b.accept().await.unwrap(), FrameCodec::new(4096));
    let error = recv.next().await.unwrap().unwrap_err();
    assert!(matches!(error, FrameError::TooLarge { length: 5000, limit: 4096 }), "{error}");
    recv.into_inner().stop(LinkCode::FrameTooLarge);
    // The writer learns of it.
    let code = loop {
        if let Err(e) = send.write_all(&frame).await {
            break cause(&e);
        }
        tokio::task::yield_now().await;
    };
    let expected = if H::CARRIES_CODES { LinkCode::FrameTooLarge } else { LinkCode::None };
    assert_eq!(code, LinkError::LaneReset(expected));
    lane(&*pair.a, &*pair.b).await;
    lane(&*pair.b, &*pair.a).await;
}

pub(crate) async fn a_reset_reaches_the_reader<H: Harness>() {
    let pair = pair::<H>().await;
    let (mut send, mut recv) = lane(&*pair.a, &*pair.b).await;
    send.reset(LinkCode::Stalled);
    let error = recv.read(&mut [0; 8]).await.unwrap_err();
    let expected = if H::CARRIES_CODES { LinkCode::Stalled } else { LinkCode::None };
    assert_eq!(cause(&error), LinkError::LaneReset(expected));
    lane(&*pair.a, &*pair.b).await;
}

pub(crate) async fn a_dropped_writer_is_a_reset<H: Harness>() {
    let pair = pair::<H>().await;
    let (send, mut recv) = lane(&*pair.a, &*pair.b).await;
    drop(send);
    let error = recv.read(&mut [0; 8]).await.unwrap_err();
    assert_eq!(cause(&error), LinkError::LaneReset(LinkCode::None));
}

pub(crate) async fn a_stop_reaches_the_writer<H: Harness>() {
    let pair = pair::<H>().await;
    for by_drop in [false, true] {
        let (mut send, mut recv) = lane(&*pair.a, &*pair.b).await;
        if by_drop {
            drop(recv);
        } else {
            recv.stop(LinkCode::Unmatched);
            assert!(recv.read(&mut [0; 8]).await.is_err());
        }
        // Also a writer that waits for room must hear of it.
        let chunk = pattern(64 * 1024);
        let error = loop {
            if let Err(e) = send.write_all(&chunk).await {
                break e;
            }
        };
        let expected = if H::CARRIES_CODES && !by_drop { LinkCode::Unmatched } else { LinkCode::None };
        assert_eq!(cause(&error), LinkError::LaneReset(expected));
    }
}

pub(crate) async fn a_stop_reaches_a_writer_that_has_nothing_to_say<H: Harness>() {
    let pair = pair::<H>().await;
    let (mut send, mut recv) = lane(&*pair.a, &*pair.b).await;
    let pending = poll_fn(|cx| Poll::Ready(send.poll_stopped(cx).is_pending())).await;
    assert!(pending, "nobody has stopped it");
    let waits = poll_fn(|cx| send.poll_stopped(cx));
    let stops = async {
        tokio::task::yield_now().await;
        recv.stop(LinkCode::Unmatched);
    };
    tokio::join!(waits, stops);
    // The end of the link is one too.
    let (mut send, _recv) = lane(&*pair.a, &*pair.b).await;
    pair.b.close(LinkCode::None, "");
    poll_fn(|cx| send.poll_stopped(cx)).await;
}

pub(crate) async fn vectored_writes_arrive_in_order<H: Harness>() {
    let pair = pair::<H>().await;
    let Pair { a, b, .. } = &pair;
    let mut send = a.open().await.unwrap();
    let sent = pattern(64 * 180);
    let mut at = 0;
    while at < sent.len() {
        let slices: Vec<_> = sent[at..].chunks(180).map(IoSlice::new).collect();
        at += poll_fn(|cx| Pin::new(&mut send).poll_write_vectored(cx, &slices)).await.unwrap();
    }
    send.shutdown().await.unwrap();
    let mut got = Vec::new();
    b.accept().await.unwrap().read_to_end(&mut got).await.unwrap();
    assert!(got == sent);
}

pub(crate) async fn open_and_accept_are_cancel_safe<H: Harness>() {
    let pair = pair::<H>().await;
    for number in 0..200u32 {
        // Polled once and dropped.
        let mut accept = pair.b.accept();
        assert!(poll_fn(|cx| Poll::Ready(accept.as_mut().poll(cx).is_pending())).await);
        drop(accept);
        let mut open = pair.a.open();
        let given = poll_fn(|cx| Poll::Ready(open.as_mut().poll(cx))).await;
        drop(open);
        drop(given);
        let mut send = pair.a.open().await.unwrap();
        send.write_u32(number).await.unwrap();
        send.shutdown().await.unwrap();
        // A lane that was given up before its first byte may be seen, as one that was reset.
        let got = loop {
            match pair.b.accept().await.unwrap().read_u32().await {
                Ok(got) => break got,
                Err(e) => assert_eq!(cause(&e), LinkError::LaneReset(LinkCode::None)),
            }
        };
        assert_eq!(got, number);
    }
}
