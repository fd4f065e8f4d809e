//! What ends a joiner, while there is always something to read: a system's socket is empty now and then, and hides who is asked
//! first.
#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use super::*;
use crate::exchange::Exchange;
use std::{
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};
use tokio::time::{advance, timeout};

/// It never has to be waited for, and says nothing that anybody wants to know.
struct Flood;

impl Stream for Flood {
    type Item = Result<Message, Error>;

    fn poll_next(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Poll::Ready(Some(Ok(Message::Pong(Vec::new().into()))))
    }
}

impl Sink<Message> for Flood {
    type Error = Error;

    fn poll_ready(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Poll::Ready(Ok(()))
    }

    fn start_send(self: Pin<&mut Self>, _: Message) -> Result<(), Error> {
        Ok(())
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Poll::Ready(Ok(()))
    }
}

impl Line for Flood {}

const TIME: Duration = Duration::from_secs(50);

/// A joiner may say as much as it can.
const UNLIMITED: Limits = Limits { message_burst: u32::MAX, messages_per_second: u32::MAX, ..Limits::DEFAULT };

/// How a joiner of [`TIME`] ends that floods. `then` happens when it is under way.
async fn ending(limits: &Limits, then: impl AsyncFnOnce(&CancellationToken)) -> Close {
    let now = Instant::now();
    let seat = Exchange::new(None, limits).seat_joiner(None, false).unwrap();
    let rate = Rate::new(limits.message_burst, limits.messages_per_second, now);
    let mut joiner = Joiner { origin: seat.id.to_string(), rate, heard: now, seat, limits, held: None };
    let stopping = CancellationToken::new();
    let mut flood = Flood;
    let mut living = pin!(joiner.live(&mut flood, now + TIME, &stopping));
    // It gives way to others, flood or not.
    assert!(futures::poll!(living.as_mut()).is_pending());
    then(&stopping).await;
    timeout(TIME * 2, living).await.expect("a flood keeps it from its end")
}

/// B-27: its time is over whatever it says.
#[tokio::test(start_paused = true)]
async fn its_time_comes_before_what_is_read() {
    assert_eq!(ending(&UNLIMITED, async |_| advance(TIME).await).await, Close::TimedOut);
}

#[tokio::test(start_paused = true)]
async fn the_end_of_the_server_comes_before_what_is_read() {
    assert_eq!(ending(&UNLIMITED, async |stopping| stopping.cancel()).await, Close::ShuttingDown);
}

/// B-31: what means nothing is work too.
#[tokio::test(start_paused = true)]
async fn pongs_count_as_what_it_says() {
    let limits = Limits::DEFAULT;
    assert_eq!(ending(&limits, async |_| ()).await, Close::TooFast(limits.messages_per_second));
}
