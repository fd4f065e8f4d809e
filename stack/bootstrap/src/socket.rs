//! Writing to a WebSocket with a deadline, and the end.

use crate::{close::Close, limits::Limits, mailbox::Mail};
use futures::{Sink, SinkExt};
use nws_listen::Socket;
use std::time::Duration;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::{Error, Message};

/// Who offers this subprotocol is told what can't be delivered.
pub(crate) const NOTICES: &str = "nws-bootstrap-1";

/// Writes all mail at once. Not cancel safe. If it fails, the batch still has the mail, but without its text.
pub(crate) async fn write(
    socket: &mut (impl Sink<Message, Error = Error> + Unpin),
    batch: &mut Vec<Mail>,
    stall: Duration,
) -> Result<(), Close> {
    let written = timeout(stall, async {
        for mail in &mut *batch {
            socket.feed(Message::Text(std::mem::take(&mut mail.text))).await?;
        }
        socket.flush().await
    });
    outcome(written.await)?;
    batch.clear();
    Ok(())
}

/// Writes one message.
pub(crate) async fn say(socket: &mut Socket, text: &'static str, stall: Duration) -> Result<(), Close> {
    outcome(timeout(stall, socket.send(Message::text(text))).await)
}

fn outcome(written: Result<Result<(), Error>, tokio::time::error::Elapsed>) -> Result<(), Close> {
    match written {
        Ok(Ok(())) => Ok(()),
        Ok(Err(_)) => Err(Close::Theirs),
        Err(_) => Err(Close::SlowConsumer),
    }
}

/// Says why a WebSocket ends, and hears until the other side has closed too. What it still says goes to `hear`.
pub(crate) async fn part(socket: &mut Socket, close: Close, limits: &Limits, hear: impl FnMut(Message)) {
    let frame = (close != Close::Theirs).then(|| close.frame());
    nws_listen::part(socket, frame, limits.close, hear).await;
}
