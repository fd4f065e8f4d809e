//! What ends a session, while there is always something to read: a system's socket is empty now and then, and hides who is
//! asked first.
#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use super::*;
use crate::Limits;
use std::{net::Ipv4Addr, time::Duration};
use tokio::time::timeout;

/// It never has to be waited for, and takes what it is given, or never does.
struct Flood {
    takes: bool,
    said: Vec<Message>,
}

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

    fn start_send(mut self: Pin<&mut Self>, message: Message) -> Result<(), Error> {
        self.said.push(message);
        Ok(())
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), Error>> {
        if self.takes { Poll::Ready(Ok(())) } else { Poll::Pending }
    }

    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.poll_flush(cx)
    }
}

impl Line for Flood {
    fn written_bytes(&self) -> u64 {
        0
    }
}

/// How a session with it ends, if it does within a few seconds, and what it was told. `then` happens when it is under way.
async fn ending(limits: Limits, takes: bool, then: impl FnOnce(&Shared, &CancellationToken)) -> (Close, Vec<Message>) {
    let shared = Shared::new(limits, None, "|".to_owned());
    let address = Ipv4Addr::LOCALHOST.into();
    let counted = shared.neighbours.count(Some(address)).unwrap();
    let seat = Seat::new(&shared, Dialect::Own, address, counted);
    let mut flood = Flood { takes, said: Vec::new() };
    let stopping = CancellationToken::new();
    let close = {
        let mut living = pin!(Session::new(&seat).live(&mut flood, &stopping));
        // It gives way to others, flood or not.
        assert!(futures::poll!(living.as_mut()).is_pending());
        then(&shared, &stopping);
        timeout(Duration::from_secs(20), living).await.expect("a flood keeps it from its end")
    };
    (close, flood.said)
}

///
#[tokio::test]
async fn the_end_of_the_relay_comes_before_what_is_read() {
    let (close, said) = ending(Limits::DEFAULT, true, |_, stopping| stopping.cancel()).await;
    assert_eq!((close, said.len()), (Close::ShuttingDown, 1));
}

/// Section 10: who takes nothing is closed in its time, whatever it says.
#[tokio::test]
async fn a_time_comes_before_what_is_read() {
    let limits = Limits { stall: Duration::from_millis(50), ..Limits::DEFAULT };
    assert_eq!(ending(limits, false, |_, _| ()).await.0, Close::SlowConsumer);
    let limits = Limits { idle: Duration::from_millis(50), ..Limits::DEFAULT };
    assert_eq!(ending(limits, true, |_, _| ()).await.0, Close::Idle);
}
