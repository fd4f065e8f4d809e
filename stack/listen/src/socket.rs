//! A WebSocket of a server, from its 101 to its end.

use crate::ahead::Ahead;
use futures::{SinkExt, StreamExt};
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use std::time::Duration;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    time::timeout,
};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{
        Message,
        protocol::{CloseFrame, Role, WebSocketConfig},
    },
};

/// A WebSocket that a request became: a `Stream` of messages, and a `Sink` for them.
pub type Socket = WebSocketStream<Ahead<TokioIo<Upgraded>>>;

/// Bytes that the library takes at once, and that are held by each client that waits. All that is there was read
/// before, by [`Ahead`].
const READ_BYTES: usize = 2 * 1024;

/// Bytes that are gathered before a write. Not held by who waits.
const WRITE_BYTES: usize = 64 * 1024;

/// After the end, what the other side still sends is read this far. A guess.
const LINGER_BYTES: usize = 4 * 1024 * 1024;

/// Waits until the 101 is sent; `None` if the other side has gone before.
pub(crate) async fn open(on_upgrade: OnUpgrade, message_bytes: usize) -> Option<Socket> {
    let upgraded = match on_upgrade.await {
        Ok(upgraded) => Ahead::new(TokioIo::new(upgraded)),
        Err(error) => {
            tracing::debug!(%error, "gone before it was upgraded");
            return None;
        }
    };
    let config = WebSocketConfig::default()
        .read_buffer_size(READ_BYTES)
        .write_buffer_size(WRITE_BYTES)
        .max_message_size(Some(message_bytes))
        .max_frame_size(Some(message_bytes));
    Some(WebSocketStream::from_raw_socket(upgraded, Role::Server, Some(config)).await)
}

/// Says why a WebSocket ends, if there is something to say, and hears until the other side has closed too, or the
/// deadline. What it still says goes to `hear`. The frame in `close` may be an empty one.
pub async fn part(
    socket: &mut Socket,
    close: Option<Option<CloseFrame>>,
    deadline: Duration,
    mut hear: impl FnMut(Message),
) {
    let parting = timeout(deadline, async {
        if let Some(frame) = close
            && socket.send(Message::Close(frame)).await.is_err()
        {
            return;
        }
        while let Some(Ok(message)) = socket.next().await {
            hear(message);
            // Much may have been read at once; the others have their turn before all of it is heard.
            tokio::task::consume_budget().await;
        }
    });
    drop(parting.await);
}

/// Closes the connection. What can't be understood is read all the same, as the system would otherwise destroy the
/// close frame with a reset.
pub async fn linger(socket: Socket, deadline: Duration) {
    let mut stream = socket.into_inner();
    let lingering = timeout(deadline, async {
        if stream.shutdown().await.is_err() {
            return;
        }
        let mut sink = [0; 1024];
        let mut left = LINGER_BYTES;
        while let Ok(read @ 1..) = stream.read(&mut sink).await
            && left > 0
        {
            left = left.saturating_sub(read);
        }
    });
    drop(lingering.await);
}
