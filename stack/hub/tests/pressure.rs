//! Back-pressure among the clients of one proxy: who is held, when they are let go, and who is closed for holding the others.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may stop at the first surprise")]

mod support;

use nws_hub::{Full, HubLimits};
use nws_protocol::ClientClose;
use std::{
    task::{Context, Waker},
    time::Duration,
};
use support::{House, small};

#[test]
fn a_full_channel_takes_no_more_and_goes_on_when_it_is_read() {
    let mut house = House::new(small());
    let (mut a, mut b) = (house.join("x"), house.join("x"));
    a.take();
    b.take();
    let data = format!("\"{}\"", "d".repeat(1000));
    let mut sent = 0;
    while a.broadcast(&data).is_ok() {
        sent += 1;
    }
    assert!((8..=9).contains(&sent), "{sent}");
    assert_eq!(a.seat.send(&b.id(), None), Err(Full));
    assert_eq!(b.take().len(), sent);
    assert_eq!(a.broadcast(&data), Ok(()));
}

#[test]
fn senders_are_let_go_only_when_an_eighth_of_the_log_is_free() {
    // A receiver takes 256 KiB at once, so this is more than an eighth in two steps and not in one.
    let limit = 4 << 20;
    let mut house = House::new(HubLimits { channel_log_bytes: limit, ..HubLimits::default() });
    let (mut a, mut b) = (house.join("x"), house.join("x"));
    a.take();
    b.take();
    let data = format!("\"{}\"", "d".repeat(16 << 10));
    while a.broadcast(&data).is_ok() {}
    let mut taken = 0;
    while a.broadcast(&data).is_err() {
        // What was taken the time before is written now.
        taken += b.take_some().len();
        assert!(taken < 100, "never let go");
    }
    let freed = taken * data.len();
    assert!(freed >= limit / 8 + (256 << 10) && freed < limit / 8 + (600 << 10), "{freed}");
    // And it is not full at once again.
    assert_eq!(a.broadcast(&data), Ok(()));
}

#[test]
fn what_is_for_one_client_alone_holds_the_senders_when_it_is_not_read() {
    let mut house = House::new(HubLimits { client_queue_bytes: 10_000, ..HubLimits::default() });
    let (mut a, mut b) = (house.join("x"), house.join("x"));
    a.take();
    b.take();
    let data = format!("\"{}\"", "d".repeat(1000));
    let mut sent = 0;
    while a.seat.send(&b.id(), Some(&data)).is_ok() {
        sent += 1;
    }
    assert!((8..=11).contains(&sent), "{sent}");
    assert_eq!(a.broadcast("1"), Err(Full));
    assert_eq!(b.take().len(), sent);
    assert_eq!(a.broadcast("1"), Ok(()));
    // Its own answers likewise.
    let mut answers = 0;
    while a.seat.status().is_ok() {
        answers += 1;
    }
    assert!((50..=400).contains(&answers), "{answers}");
    assert_eq!(b.broadcast("2"), Err(Full));
    assert_eq!(a.take().len(), answers);
    assert_eq!(b.broadcast("2"), Ok(()));
}

#[test]
fn senders_are_let_go_when_half_of_what_is_for_one_alone_is_read() {
    let mut house = House::new(HubLimits { client_queue_bytes: 1 << 20, ..HubLimits::default() });
    let (a, mut b) = (house.join("x"), house.join("x"));
    b.take();
    let data = format!("\"{}\"", "d".repeat(16 << 10));
    let mut sent = 0;
    while a.seat.send(&b.id(), Some(&data)).is_ok() {
        sent += 1;
    }
    let mut taken = 0;
    while a.broadcast("1") == Err(Full) {
        // A quarter each time; what was taken the time before is written now.
        taken += b.take_some().len();
        assert!(taken <= sent, "never let go");
    }
    assert!(taken >= sent / 2 + sent / 5, "{taken} of {sent}");
}

#[test]
fn what_is_taken_at_once_has_so_many_parts_at_most() {
    let mut house = House::new(HubLimits::default());
    let (a, mut b) = (house.join("x"), house.join("x"));
    b.take();
    for _ in 0..600 {
        a.broadcast("1").unwrap();
    }
    assert_eq!([b.take_some().len(), b.take_some().len(), b.take_some().len()], [256, 256, 88]);
}

#[test]
fn what_waited_for_one_who_leaves_is_gone_with_it() {
    let mut house = House::new(small());
    let (mut a, mut reads, stuck) = (house.join("x"), house.join("x"), house.join("x"));
    a.take();
    let data = format!("\"{}\"", "d".repeat(1000));
    while a.broadcast(&data).is_ok() {}
    reads.take();
    assert_eq!(a.broadcast(&data), Err(Full));
    drop(stuck);
    assert_eq!(a.broadcast(&data), Ok(()));
}

#[tokio::test(start_paused = true)]
async fn a_receiver_that_stops_is_closed_after_the_stall_time_and_nobody_else_loses() {
    let mut house = House::new(small());
    let (mut a, mut stuck, mut good) = (house.join("x"), house.join("x"), house.join("x"));
    a.take();
    stuck.take();
    good.take();
    let data = format!("\"{}\"", "d".repeat(1000));
    let begun = tokio::time::Instant::now();
    let (mut sent, mut got, mut told) = (0, 0, Vec::new());
    while sent < 100 {
        told.extend(a.told());
        if a.broadcast(&data).is_ok() {
            sent += 1;
        } else {
            // On a paused clock.
            tokio::time::sleep(a.seat.judge_interval()).await;
            a.seat.judge();
        }
        got += good.take().iter().filter(|message| message["action"] == "broadcast").count();
    }
    assert_eq!(got, 100);
    let held = begun.elapsed();
    assert!(held >= Duration::from_secs(2) && held < Duration::from_millis(2600), "{held:?}");
    assert!(stuck.take_some().is_empty());
    assert_eq!(stuck.closed, Some(ClientClose::SlowConsumer));
    assert_eq!(told, [format!("-{}", stuck.id())]);
}

#[tokio::test(start_paused = true)]
async fn who_is_thrown_out_waits_for_room_no_more_though_there_is_none() {
    let mut house = House::new(small());
    let (mut stuck, mut slow, talker) = (house.join("x"), house.join("x"), house.join("x"));
    stuck.take();
    slow.take();
    let data = format!("\"{}\"", "d".repeat(1000));
    while talker.broadcast(&data).is_ok() {}
    // All three are held, and none reads; the second comes so far that it is watched from later on.
    talker.seat.judge();
    slow.take();
    while talker.broadcast(&data).is_ok() {}
    tokio::time::advance(Duration::from_secs(3)).await;
    talker.seat.judge();
    while talker.broadcast(&data).is_ok() {}
    assert_eq!(stuck.take_some().len(), 0);
    assert_eq!(stuck.closed, Some(ClientClose::SlowConsumer));

    let mut cx = Context::from_waker(Waker::noop());
    assert!(slow.seat.poll_room(&mut cx).is_pending(), "there is room");
    assert!(stuck.seat.poll_room(&mut cx).is_ready());
    // What it says is dropped, as its end is told; were it told that there is no room, it would ask for ever.
    assert_eq!(stuck.broadcast(&data), Ok(()));
    assert_eq!(stuck.seat.send(&slow.id(), None), Ok(()));
    assert_eq!(stuck.seat.send("nobody", None), Ok(()));
    assert_eq!(stuck.seat.status(), Ok(()));
    let heard = slow.take();
    assert!(heard.iter().all(|message| message["source"] != stuck.id().as_str()), "{heard:?}");
}

#[tokio::test(start_paused = true)]
async fn who_has_caught_up_is_watched_anew() {
    let mut house = House::new(small());
    let (mut a, mut slow) = (house.join("x"), house.join("x"));
    a.take();
    slow.take();
    let data = format!("\"{}\"", "d".repeat(1000));
    for _ in 0..2 {
        while a.broadcast(&data).is_ok() {}
        a.seat.judge();
        let got = slow.take().len();
        assert!(got > 7 && slow.closed.is_none(), "{got} {:?}", slow.closed);
        tokio::time::advance(Duration::from_secs(3600)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_slow_receiver_above_the_least_rate_stays() {
    let limits = HubLimits { client_min_rate: 1000, ..small() };
    let mut house = House::new(limits);
    let (mut a, mut slow) = (house.join("x"), house.join("x"));
    a.take();
    slow.take();
    let data = format!("\"{}\"", "d".repeat(950));
    let mut sent = 0;
    for _ in 0..200 {
        while a.broadcast(&data).is_ok() {
            sent += 1;
        }
        // On a paused clock.
        tokio::time::sleep(Duration::from_millis(250)).await;
        slow.seat.progress(300);
        a.seat.judge();
    }
    assert!(slow.closed.is_none());
    let got = slow.take().len();
    assert_eq!(got, sent);
}

#[test]
fn joining_and_leaving_for_ever_in_front_of_a_reader_that_sleeps_is_bounded() {
    let mut house = House::new(small());
    let mut stuck = house.join("x");
    for _ in 0..1000 {
        drop(house.join("x"));
    }
    assert!(stuck.take().is_empty());
    assert_eq!(stuck.closed, Some(ClientClose::SlowConsumer));
}
