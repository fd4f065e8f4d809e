//! The root, from its upgrade to its end. It is sent requests and heartbeats; what it says means nothing.

use crate::{
    close::Close,
    counters::Counters,
    exchange::{RootSeat, Undelivered},
    limits::Limits,
    mailbox::{Mail, Mailbox},
    message::{self, HEARTBEAT_JSON},
    socket,
};
use futures::StreamExt;
use nws_listen::Socket;
use std::{pin::pin, time::Duration};
use tokio::{
    task::coop::consume_budget,
    time::{Instant, MissedTickBehavior, interval_at},
};
use tokio_tungstenite::tungstenite::Message;
use tokio_util::sync::CancellationToken;

/// As the original.
const HEARTBEAT_EVERY: Duration = Duration::from_secs(15);

/// Serves a root until it leaves, or another one comes.
pub(crate) async fn run(mut socket: Socket, seat: RootSeat, limits: &Limits, shutdown: &CancellationToken) {
    let close = live(&mut socket, &seat, limits, shutdown).await;
    close.count(&seat.exchange.counters);
    tracing::info!(?close, "a root is closed");
    // From now on it gets nothing more.
    drop(seat);
    socket::part(&mut socket, close, limits, drop).await;
    nws_listen::linger(socket, limits.close).await;
}

async fn live(socket: &mut Socket, seat: &RootSeat, limits: &Limits, shutdown: &CancellationToken) -> Close {
    let counters = &seat.exchange.counters;
    let mut batch = Vec::new();
    let mut heartbeats = interval_at(Instant::now() + HEARTBEAT_EVERY, HEARTBEAT_EVERY);
    heartbeats.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut stopped = pin!(shutdown.cancelled());
    loop {
        tokio::select! {
            biased;
            () = &mut stopped => return Close::ShuttingDown,
            _ = heartbeats.tick() => {
                if let Err(close) = socket::say(socket, HEARTBEAT_JSON, limits.stall).await {
                    return close;
                }
                Counters::add(&counters.heartbeats_sent);
            }
            taken = take_all(&seat.mailbox, &mut batch) => {
                let written = match taken {
                    Ok(()) => socket::write(socket, &mut batch, limits.stall).await,
                    Err(close) => Err(close),
                };
                if let Err(close) = written {
                    for mail in batch {
                        seat.exchange.undelivered(&mail, Undelivered::Gone);
                    }
                    return close;
                }
            }
            message = socket.next() => {
                let heard = match message {
                    Some(Ok(message)) => hear(&message, counters),
                    Some(Err(error)) => Err(Close::of(&error, limits.message_bytes)),
                    None => Err(Close::Theirs),
                };
                if let Err(close) = heard {
                    return close;
                }
                // Much may have been read at once; the others have their turn before all of it is heard.
                consume_budget().await;
            }
        }
    }
}

/// Lets everyone speak who is about to, so that one write has it all. Cancel safe.
async fn take_all(mailbox: &Mailbox, batch: &mut Vec<Mail>) -> Result<(), Close> {
    mailbox.has_some().await;
    tokio::task::yield_now().await;
    mailbox.take(batch).await
}

fn hear(message: &Message, counters: &Counters) -> Result<(), Close> {
    let (text, otherwise) = match message {
        Message::Text(text) => (text.as_str(), None),
        Message::Binary(bytes) => (str::from_utf8(bytes).map_err(|_| Close::NotText)?, Some(Close::NotText)),
        Message::Close(_) => return Err(Close::Theirs),
        _ => return Ok(()),
    };
    if message::check(text).map_err(|fault| otherwise.unwrap_or(Close::NotJson(fault)))? {
        Counters::add(&counters.heartbeats_received);
    } else {
        Counters::add(&counters.ignored);
        tracing::debug!(bytes = text.len(), "the root said something, which means nothing");
    }
    Ok(())
}
