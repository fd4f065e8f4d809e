//! Two lanes to one proxy, while links change over: what becomes of one is nothing to the other.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may stop at the first surprise")]

mod support;

use nws_hub::{HubLimits, LinkId};
use nws_protocol::{limits::MAX_FRAME_BYTES_CEILING, wire::Data};
use std::{
    task::{Context, Poll, Waker},
    time::Duration,
};
use support::{
    House, key,
    lane::{P, lane, list, peer},
    lane_takes, small,
};

#[tokio::test(start_paused = true)]
async fn an_old_lane_that_is_given_up_does_not_take_the_new_one_with_it() {
    let mut house = House::new(HubLimits { channel_log_bytes: 1_000_000, ..small() });
    let mut a = house.join("x");
    let hub = house.channels.hub(&key("x")).unwrap();
    let _remote = lane(&house, P, 1, vec![list(&[7])]).await;
    assert_eq!(a.told(), vec![format!("+{}", peer(7))]);
    let mut old = hub.lane_out(P, LinkId(1), MAX_FRAME_BYTES_CEILING);
    lane_takes(&mut old);
    // Much is said that the old lane does not get rid of, before another takes over.
    a.broadcast(&format!("\"{}\"", "x".repeat(12_000))).unwrap();
    let mut new = hub.lane_out(P, LinkId(2), 5000);
    lane_takes(&mut new);
    // Senders are held, so they judge; after `lane_stall` the old lane is given up.
    for _ in 0..60 {
        a.seat.judge();
        // On a paused clock.
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
    let mut cx = Context::from_waker(Waker::noop());
    assert!(matches!(old.poll_next(&mut cx), Poll::Ready(Err(_))), "the old one is given up");
    drop(old);
    // The peer behind P is there, and so is the new lane: direct messages go to it,
    a.seat.send(&peer(7).to_string(), Some("1")).unwrap();
    assert_eq!(a.told(), Vec::<String>::new(), "the peer was announced and is not gone");
    assert!(
        lane_takes(&mut new).unwrap().iter().any(|data| matches!(data, Data::Direct { .. })),
        "it gets the message"
    );
    // and its limits hold.
    a.broadcast(&format!("\"{}\"", "x".repeat(6000))).unwrap();
    assert_eq!(a.told(), ["!too_large "]);
    let said = (0..100).take_while(|_| a.broadcast(&format!("\"{}\"", "x".repeat(3000))).is_ok()).count();
    assert!(said < 4, "a lane that is full holds its senders");
}

#[test]
fn an_old_lane_that_is_behind_holds_the_senders_as_the_new_one_does() {
    let mut house = House::new(small());
    let mut a = house.join("x");
    let hub = house.channels.hub(&key("x")).unwrap();
    let mut old = hub.lane_out(P, LinkId(1), MAX_FRAME_BYTES_CEILING);
    lane_takes(&mut old);
    a.take();
    // Nearly as much as may wait for it, and then another takes over, which is read.
    let text = format!("\"{}\"", "x".repeat(900));
    (0..8).for_each(|_| a.broadcast(&text).unwrap());
    let mut new = hub.lane_out(P, LinkId(2), MAX_FRAME_BYTES_CEILING);
    let mut said = 0;
    while a.broadcast(&text).is_ok() {
        lane_takes(&mut new);
        said += 1;
        assert!(said < 100, "the old lane is forgotten");
    }
    let heard = lane_takes(&mut old).unwrap();
    assert_eq!(heard.iter().filter(|data| matches!(data, Data::Broadcast { .. })).count(), 8);
    drop(old);
    assert_eq!(a.broadcast(&text), Ok(()));
}
