//! What lanes do at their bounds: full channels, lanes without progress, and messages that another proxy does not take.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may stop at the first surprise")]

mod support;

use nws_hub::{Full, HubLimits, LinkId};
use nws_protocol::{
    limits::MAX_FRAME_BYTES_CEILING,
    wire::{Data, Payload},
};
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
    time::Duration,
};
use support::{
    House, key,
    lane::{P, Q, json, lane, list, peer, says},
    lane_takes, small,
};

#[tokio::test(start_paused = true)]
async fn a_full_channel_stops_the_lane_until_there_is_room() {
    let mut house = House::new(small());
    let mut a = house.join("x");
    let mut lane = lane(&house, P, 1, vec![list(&[8])]).await;
    let text = format!("\"{}\"", "d".repeat(1000));
    let mut sent = 0;
    let held = loop {
        let mut batch = vec![says(8, &text)];
        match tokio::time::timeout(Duration::from_millis(10), lane.deliver(&mut batch)).await {
            Ok(result) => result.unwrap(),
            Err(_) => break batch,
        }
        sent += 1;
    };
    assert!((8..=9).contains(&sent) && held.len() == 1);
    assert_eq!(a.take().len(), sent + 1);
    lane.deliver(&mut held.clone()).await.unwrap();
}

/// Were it held, two proxies whose clients send to each other would both stop reading, each until the other reads.
#[tokio::test(start_paused = true)]
async fn what_a_lane_brings_is_taken_though_the_lane_back_stands_still() {
    let mut house = House::new(small());
    let mut a = house.join("x");
    let hub = house.channels.hub(&key("x")).unwrap();
    let mut back = hub.lane_out(P, LinkId(1), MAX_FRAME_BYTES_CEILING);
    let mut lane = lane(&house, P, 1, vec![list(&[8])]).await;
    a.take();
    let text = format!("\"{}\"", "d".repeat(1000));
    let mut sent = 0;
    while a.broadcast(&text).is_ok() {
        sent += 1;
    }
    // Ten times what a log may hold, and none of it waits for the lane that stands still: the client could not take it otherwise.
    for _ in 0..100 {
        let mut batch = vec![says(8, &text)];
        tokio::time::timeout(Duration::from_millis(10), lane.deliver(&mut batch)).await.expect("it is held").unwrap();
        assert!(a.take().len() <= 2);
    }
    // Its own clients are held all the while, and nothing is lost.
    assert_eq!(a.broadcast(&text), Err(Full));
    let said = lane_takes(&mut back).unwrap().iter().filter(|said| matches!(said, Data::Broadcast { .. })).count();
    assert_eq!(said, sent);
    assert_eq!(a.broadcast(&text), Ok(()));
}

#[test]
fn a_lane_that_may_be_further_behind_than_the_log_is_long_is_waited_for() {
    let limits = HubLimits { channel_log_bytes: 10_000, lane_queue_bytes: 100_000, ..small() };
    let mut house = House::new(limits);
    let mut a = house.join("x");
    let hub = house.channels.hub(&key("x")).unwrap();
    let mut behind = hub.lane_out(P, LinkId(1), MAX_FRAME_BYTES_CEILING);
    a.take();
    let text = format!("\"{}\"", "d".repeat(1000));
    let mut sent = 0;
    while a.broadcast(&text).is_ok() {
        sent += 1;
        assert!(sent < 100, "for ever");
    }
    let said = lane_takes(&mut behind).unwrap();
    assert_eq!(said.iter().filter(|said| matches!(said, Data::Broadcast { .. })).count(), sent);
    assert_eq!(a.broadcast(&text), Ok(()));
}

/// The answers to what a lane brings go to the lane back; who brings more of it than that one takes is held.
#[tokio::test(start_paused = true)]
async fn a_lane_that_asks_for_answers_and_does_not_take_them_is_held() {
    let mut house = House::new(small());
    let mut a = house.join("x");
    let hub = house.channels.hub(&key("x")).unwrap();
    let mut back = hub.lane_out(P, LinkId(1), MAX_FRAME_BYTES_CEILING);
    let mut lane = lane(&house, P, 1, vec![list(&[8])]).await;
    let unknown = Data::Direct { source: peer(8), target: peer(99), payload: json("1") };
    let mut asked = 0;
    while let Ok(delivered) =
        tokio::time::timeout(Duration::from_millis(10), lane.deliver(&mut vec![unknown.clone()])).await
    {
        delivered.unwrap();
        asked += 1;
        assert!(asked < 1000, "for ever");
    }
    assert!(asked > 50, "{asked}");
    assert_eq!(a.broadcast("1"), Err(Full));
    let answers =
        lane_takes(&mut back).unwrap().iter().filter(|said| matches!(said, Data::Undeliverable { .. })).count();
    assert_eq!(answers, asked);
    lane.deliver(&mut vec![unknown]).await.unwrap();
    a.take();
    assert_eq!(a.broadcast("1"), Ok(()));
}

#[test]
fn a_lane_far_behind_holds_the_senders_though_the_log_has_room() {
    let limits = HubLimits { channel_log_bytes: 100_000, lane_queue_bytes: 10_000, ..small() };
    let mut house = House::new(limits);
    let a = house.join("x");
    let hub = house.channels.hub(&key("x")).unwrap();
    let mut behind = hub.lane_out(P, LinkId(1), MAX_FRAME_BYTES_CEILING);
    lane_takes(&mut behind);
    let text = format!("\"{}\"", "d".repeat(1000));
    let mut sent = 0;
    while a.broadcast(&text).is_ok() {
        sent += 1;
    }
    assert!((8..=9).contains(&sent), "{sent}");
    assert_eq!(a.seat.send(a.id().as_str(), None), Err(Full));
    assert_eq!(lane_takes(&mut behind).unwrap().len(), sent);
    assert_eq!(a.broadcast(&text), Ok(()));
}

#[tokio::test(start_paused = true)]
async fn what_is_for_one_lane_alone_holds_the_senders_when_it_is_not_written() {
    let mut house = House::new(HubLimits { lane_queue_bytes: 10_000, ..HubLimits::default() });
    let a = house.join("x");
    let hub = house.channels.hub(&key("x")).unwrap();
    let mut out = hub.lane_out(P, LinkId(1), MAX_FRAME_BYTES_CEILING);
    let mut back = lane(&house, P, 1, vec![list(&[8])]).await;
    lane_takes(&mut out);
    let text = format!("\"{}\"", "d".repeat(1000));
    let mut sent = 0;
    while a.seat.send(&peer(8).to_string(), Some(&text)).is_ok() {
        sent += 1;
    }
    assert!((8..=11).contains(&sent), "{sent}");
    assert_eq!(a.broadcast("1"), Err(Full));
    assert_eq!(lane_takes(&mut out).unwrap().len(), sent);
    assert_eq!(a.broadcast("1"), Ok(()));
    lane_takes(&mut out);
    // What is sent back to the other end, who asks for it by sending to nobody here.
    let mut asked = 0;
    let to_nobody = || vec![Data::Direct { source: peer(8), target: peer(77), payload: json("1") }];
    while tokio::time::timeout(Duration::from_millis(10), back.deliver(&mut to_nobody())).await.is_ok() {
        asked += 1;
        assert!(asked < 1000, "never held");
    }
    assert_eq!(lane_takes(&mut out).unwrap().len(), asked);
    back.deliver(&mut to_nobody()).await.unwrap();
}

/// Whether somebody was woken.
#[derive(Default)]
struct Bell(AtomicBool);

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[tokio::test(start_paused = true)]
async fn a_lane_without_progress_is_given_up_and_only_then() {
    let mut house = House::new(small());
    let mut a = house.join("x");
    let hub = house.channels.hub(&key("x")).unwrap();
    let mut stuck = hub.lane_out(P, LinkId(1), MAX_FRAME_BYTES_CEILING);
    let text = format!("\"{}\"", "d".repeat(1000));
    let begun = tokio::time::Instant::now();
    // Its writer is busy, and asks for no more.
    let bell = Arc::new(Bell::default());
    let waker = std::task::Waker::from(Arc::clone(&bell));
    assert!(stuck.poll_stalled(&mut Context::from_waker(&waker)).is_pending());
    let mut sent = 0;
    while sent < 50 {
        if a.broadcast(&text).is_ok() {
            sent += 1;
        } else {
            // On a paused clock.
            tokio::time::sleep(a.seat.judge_interval()).await;
            a.seat.judge();
        }
    }
    let held = begun.elapsed();
    assert!(held >= Duration::from_secs(10) && held < Duration::from_secs(11), "{held:?}");
    assert!(bell.0.load(Ordering::Relaxed));
    let mut cx = Context::from_waker(Waker::noop());
    assert!(stuck.poll_stalled(&mut cx).is_ready());
    assert!(matches!(stuck.poll_next(&mut cx), Poll::Ready(Err(_))));
    assert!(a.take().is_empty());
}

fn said(lane: &mut nws_hub::LaneOut) -> Vec<String> {
    let data = |message| match message {
        Data::Broadcast { payload: Payload::Json(data), .. } | Data::Direct { payload: Payload::Json(data), .. } => {
            Some(data.slice(..data.len().min(4)).iter().map(|byte| char::from(*byte)).collect())
        }
        _ => None,
    };
    lane_takes(lane).unwrap().into_iter().filter_map(data).collect()
}

#[tokio::test]
async fn what_another_proxy_does_not_take_is_said_to_the_others_and_to_its_sender() {
    let mut house = House::new(HubLimits::default());
    let (mut a, mut b) = (house.join("x"), house.join("x"));
    let hub = house.channels.hub(&key("x")).unwrap();
    let mut to_p = hub.lane_out(P, LinkId(1), 70_000);
    let mut to_q = hub.lane_out(Q, LinkId(2), MAX_FRAME_BYTES_CEILING);
    let _in_p = lane(&house, P, 1, vec![list(&[8])]).await;
    let _in_q = lane(&house, Q, 2, vec![list(&[9])]).await;
    lane_takes(&mut to_p);
    lane_takes(&mut to_q);
    a.told();
    b.told();
    let large = format!("\"big{}\"", "x".repeat(70_000));
    // One read of the sender's socket brings several; what is not too large goes everywhere.
    let mut batch = bytes::BytesMut::new();
    for data in ["1", &large, "2", &large, "3"] {
        a.seat.put_broadcast(&mut batch, Some(data));
    }
    a.seat.publish(&batch.freeze()).unwrap();
    assert_eq!(said(&mut to_p), ["1", "2", "3"]);
    assert_eq!(said(&mut to_q), ["1", "\"big", "2", "\"big", "3"]);
    assert_eq!(b.told().len(), 5);
    assert_eq!(a.told(), ["!too_large ", "!too_large "]);
    // Many small ones together are not too large.
    let mut batch = bytes::BytesMut::new();
    (0..2000).for_each(|_| a.seat.put_broadcast(&mut batch, Some("12345678901234567890")));
    a.seat.publish(&batch.freeze()).unwrap();
    assert_eq!(said(&mut to_p).len(), 2000);
    said(&mut to_q);
    // Direct ones likewise; the target is named.
    a.seat.send(&peer(8).to_string(), Some(&large)).unwrap();
    a.seat.send(&peer(9).to_string(), Some(&large)).unwrap();
    assert_eq!(a.told(), [format!("!too_large {}", peer(8))]);
    assert!(said(&mut to_p).is_empty());
    assert_eq!(said(&mut to_q), ["\"big"]);
    // When nobody is behind the small one any more, nobody is missed out.
    drop(to_p);
    a.broadcast(&large).unwrap();
    assert!(a.told().is_empty());
}

#[tokio::test]
async fn a_raw_relay_knows_no_errors_and_closes_who_says_too_much() {
    let mut house = House::new(HubLimits::default());
    let raw = nws_protocol::ChannelKey { kind: nws_protocol::ChannelKind::Broadcast, ..key("x") };
    let mut a = house.join_key(raw.clone());
    let hub = house.channels.hub(&raw).unwrap();
    let mut to_p = hub.lane_out(P, LinkId(1), 70_000);
    lane_takes(&mut to_p);
    let mut frame = bytes::BytesMut::new();
    nws_protocol::wsframe::put_header(&mut frame, nws_protocol::wsframe::Opcode::Binary, 70_000);
    frame.extend_from_slice(&[0; 70_000]);
    a.seat.publish(&frame.freeze()).unwrap();
    a.take();
    assert_eq!(a.closed, Some(nws_protocol::ClientClose::TooBig(70_000 - 1024)));
}
