//! Systems take data for a slow reader in bursts: who reads above the least rate stays however large they are, as far as they
//! are allowed for, and who does not read is closed in a stated time.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may stop at the first surprise")]

mod support;

use nws_hub::HubLimits;
use nws_protocol::ClientClose;
use std::time::Duration;
use support::{Client, House};
use tokio::time::{Instant, advance};

/// Says as much as there is room for, once; then those who are held judge.
fn flood(sender: &Client, data: &str) {
    while sender.broadcast(data).is_ok() {}
    sender.seat.judge();
}

/// A receiver to which so many bytes a second are written, in bursts of so many; for how long it stays within two minutes.
async fn stays(rate: u64, burst: u64) -> Option<Duration> {
    let mut house = House::new(HubLimits::default());
    let (mut sender, mut slow) = (house.join("x"), house.join("x"));
    sender.take();
    slow.take();
    let data = format!("\"{}\"", "d".repeat(60_000));
    let begun = Instant::now();
    let step = sender.seat.judge_interval();
    let (mut read, mut in_hand) = (0, 0);
    while begun.elapsed() < Duration::from_secs(120) {
        flood(&sender, &data);
        advance(step).await;
        read += rate * step.as_millis() as u64 / 1000;
        // The system has room again, for all that was read since.
        if read >= burst && rate > 0 {
            while read > 0 {
                if in_hand == 0 {
                    in_hand = slow.take_some().iter().map(|said| said.to_string().len() as u64 + 4).sum();
                    if let Some(ClientClose::SlowConsumer) = slow.closed {
                        return Some(begun.elapsed());
                    }
                }
                let some = read.min(in_hand);
                slow.seat.progress(some as usize);
                (read, in_hand) = (read - some, in_hand - some);
            }
        }
        if slow.seat.poll_thrown_out(&mut std::task::Context::from_waker(std::task::Waker::noop())).is_ready() {
            return Some(begun.elapsed());
        }
    }
    None
}

#[tokio::test(start_paused = true)]
async fn who_reads_at_the_least_rate_or_faster_stays_however_it_comes_in_bursts() {
    for rate in [64 << 10, 80 << 10, 128 << 10, 256 << 10, 512 << 10, 2 << 20] {
        for burst in [1, 64 << 10, 160 << 10, 445 << 10] {
            assert_eq!(stays(rate, burst).await, None, "{rate} bytes/s in bursts of {burst}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn who_does_not_read_is_closed_after_the_time_that_the_allowance_lasts() {
    let held = stays(0, 1).await.unwrap();
    assert!(held >= Duration::from_secs(8) && held <= Duration::from_millis(8600), "{held:?}");
}

#[tokio::test(start_paused = true)]
async fn who_reads_below_the_least_rate_is_closed_in_the_end() {
    let held = stays(32 << 10, 1).await.unwrap();
    assert!(held >= Duration::from_secs(8) && held <= Duration::from_secs(20), "{held:?}");
}
