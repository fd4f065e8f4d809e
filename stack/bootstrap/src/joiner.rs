//! One joiner, from its upgrade to its end.

use crate::{
    close::Close,
    counters::Counters,
    exchange::{JoinerSeat, Undelivered},
    limits::Limits,
    mailbox::Mail,
    message::{self, Said},
    rate::Rate,
    socket,
};
use futures::{Sink, Stream, StreamExt};
use nws_listen::Socket;
use std::pin::pin;
use tokio::{
    task::coop::consume_budget,
    time::{Instant, sleep_until},
};
use tokio_tungstenite::tungstenite::{Error, Message, Utf8Bytes};
use tokio_util::sync::CancellationToken;

/// The WebSocket of a joiner; a test makes one by hand.
trait Line: Stream<Item = Result<Message, Error>> + Sink<Message, Error = Error> + Unpin {}

impl Line for Socket {}

/// Serves a joiner until it leaves or `until`.
pub(crate) async fn run(
    mut socket: Socket,
    seat: JoinerSeat,
    until: Instant,
    limits: &Limits,
    shutdown: &CancellationToken,
) {
    let now = Instant::now();
    let mut joiner = Joiner {
        origin: seat.id.to_string(),
        rate: Rate::new(limits.message_burst, limits.messages_per_second, now),
        heard: now,
        seat,
        limits,
        held: None,
    };
    let close = joiner.live(&mut socket, until, shutdown).await;
    close.count(&joiner.seat.exchange.counters);
    tracing::debug!(joiner = ?joiner.seat.id, ?close, "a joiner is closed");
    joiner.let_go();
    // It may not have seen the close frame yet when it says something more; but who left, or is not to be heard,
    // makes room at once.
    let mut joiner = Some(joiner).filter(|_| close.is_polite());
    socket::part(&mut socket, close, limits, |message| {
        if let Some(joiner) = &mut joiner
            && joiner.hear(message).is_ok()
        {
            joiner.let_go();
        }
    })
    .await;
    drop(joiner);
    nws_listen::linger(socket, limits.close).await;
}

struct Joiner<'a> {
    seat: JoinerSeat,
    origin: String,
    rate: Rate,
    /// When it last said something.
    heard: Instant,
    limits: &'a Limits,
    /// What the root has no room for; until it has, nothing more is read.
    held: Option<Mail>,
}

impl Joiner<'_> {
    async fn live(&mut self, socket: &mut impl Line, until: Instant, shutdown: &CancellationToken) -> Close {
        let mut batch = Vec::new();
        let mut over = pin!(sleep_until(until));
        let mut stopped = pin!(shutdown.cancelled());
        loop {
            tokio::select! {
                // The end, as no flood is to keep it away; then what is most likely: who is woken by a message polls nothing else.
                biased;
                () = &mut stopped => return Close::ShuttingDown,
                message = socket.next(), if self.held.is_none() => {
                    let heard = match message {
                        Some(Ok(message)) => self.hear(message),
                        Some(Err(error)) => Err(Close::of(&error, self.limits.message_bytes)),
                        None => Err(Close::Theirs),
                    };
                    if let Err(close) = heard {
                        return close;
                    }
                    // It can't put off its end for ever.
                    if self.heard >= until {
                        return Close::TimedOut;
                    }
                    // Much may have been read at once; the others have their turn before all of it is heard.
                    consume_budget().await;
                }
                taken = self.seat.mailbox.take(&mut batch) => {
                    let written = match taken {
                        Ok(()) => socket::write(socket, &mut batch, self.limits.stall).await,
                        Err(close) => Err(close),
                    };
                    if let Err(close) = written {
                        for mail in batch {
                            self.seat.exchange.undelivered(&mail, Undelivered::Gone);
                        }
                        return close;
                    }
                }
                () = self.seat.exchange.pass_when_room(&mut self.held), if self.held.is_some() => {}
                () = &mut over => return Close::TimedOut,
            }
        }
    }

    fn hear(&mut self, message: Message) -> Result<(), Close> {
        if message.is_close() {
            return Err(Close::Theirs);
        }
        // Whatever it is: a ping or a pong means nothing, and is as much work.
        self.heard = Instant::now();
        if !self.rate.take(self.heard) {
            return Err(Close::TooFast(self.limits.messages_per_second));
        }
        match message {
            Message::Text(text) => self.say(&text),
            // The original takes JSON in binary frames too, and passes it on as text.
            Message::Binary(bytes) => match Utf8Bytes::try_from(bytes).map(|text| self.say(&text)) {
                Ok(Err(Close::NotJson(_))) | Err(_) => Err(Close::NotText),
                Ok(said) => said,
            },
            _ => Ok(()),
        }
    }

    /// What is held when nobody waits for room any more can't be delivered.
    fn let_go(&mut self) {
        if let Some(mail) = self.held.take() {
            self.seat.exchange.undelivered(&mail, Undelivered::NoRoom);
        }
    }

    fn say(&mut self, text: &str) -> Result<(), Close> {
        let exchange = &self.seat.exchange;
        match message::read(text, &self.origin)? {
            Said::Heartbeat => Counters::add(&exchange.counters.heartbeats_received),
            Said::Request { destination, text } => {
                self.held = exchange.pass(Mail { text: text.into(), from: Some(self.seat.id) }, destination);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
