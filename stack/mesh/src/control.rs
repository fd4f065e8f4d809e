//! The control lane: one reader, one writer, each its own task, joined to the session by bounded queues.
//!
//! The reader answers Pings itself, so that a link shows life however busy matching is.

use crate::{activity::Activity, over::Over};
use bytes::{Bytes, BytesMut};
use nws_protocol::{frame::FrameCodec, wire::Control};
use nws_transports::{RecvLane, SendLane};
use std::sync::Arc;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    sync::mpsc,
};
use tokio_util::codec::Decoder;

/// Messages waiting to be written. When it is full the session takes in no more work from the other end.
pub(crate) const OUTGOING: usize = 16;

/// Messages read and waiting to be matched. When it is full the control lane is not read.
pub(crate) const INCOMING: usize = 16;

/// Bytes gathered for one write.
const GATHER_BYTES: usize = 64 * 1024;

/// The reading half, cut into frames.
#[derive(Debug)]
pub(crate) struct ControlReader {
    lane: RecvLane,
    buffer: BytesMut,
    codec: FrameCodec,
    activity: Arc<Activity>,
}

impl ControlReader {
    pub(crate) fn new(lane: RecvLane, max_frame_bytes: usize, activity: Arc<Activity>) -> Self {
        Self { lane, buffer: BytesMut::new(), codec: FrameCodec::new(max_frame_bytes), activity }
    }

    /// Hello was read: larger frames may come.
    pub(crate) const fn set_max_frame_bytes(&mut self, max_frame_bytes: usize) {
        self.codec.set_max_frame_bytes(max_frame_bytes);
    }

    /// The next frame. Cancel safe.
    pub(crate) async fn frame(&mut self) -> Result<Bytes, Over> {
        loop {
            if let Some(frame) = self.codec.decode(&mut self.buffer).map_err(Over::of_frame)? {
                return Ok(frame);
            }
            self.buffer.reserve(1024);
            let read = self.lane.read_buf(&mut self.buffer).await.map_err(|error| Over::of_io(&error))?;
            if read == 0 {
                return Err(Over::Lost("the control lane ended without a goodbye".to_owned()));
            }
            self.activity.heard();
        }
    }

    /// The next message. Cancel safe.
    pub(crate) async fn message(&mut self) -> Result<Control, Over> {
        Control::decode(self.frame().await?).map_err(|error| Over::of_wire(&error))
    }

    /// Reads until the end: liveness is answered here, matching goes to the inbox. Gives itself back, to be kept until the
    /// goodbye is said.
    pub(crate) async fn run(mut self, inbox: mpsc::Sender<Control>, answers: mpsc::Sender<Control>) -> (Over, Self) {
        let over = self.read(inbox, answers).await;
        (over, self)
    }

    async fn read(&mut self, inbox: mpsc::Sender<Control>, answers: mpsc::Sender<Control>) -> Over {
        loop {
            let message = match self.message().await {
                Ok(message) => message,
                Err(over) => return over,
            };
            let sent = match message {
                Control::Ping(nonce) => answers.send(Control::Pong(nonce)).await,
                Control::Pong(_) => Ok(()),
                Control::Goodbye { code, reason } => return Over::Theirs(code, reason),
                Control::Hello(_) => {
                    return Over::Ours(nws_protocol::LinkCode::Malformed, "a second Hello".into());
                }
                matching => inbox.send(matching).await,
            };
            if sent.is_err() {
                // The session is over and says itself why.
                return std::future::pending().await;
            }
        }
    }
}

/// Writes what is queued, several messages at once when they are there. Finishes the lane when the queue's
/// senders are gone, or after Goodbye.
pub(crate) async fn write(mut lane: SendLane, mut queue: mpsc::Receiver<Control>) -> Result<(), Over> {
    let mut buffer = BytesMut::new();
    let mut goodbye = false;
    while !goodbye {
        let Some(first) = queue.recv().await else { break };
        let mut next = Some(first);
        while let Some(message) = next {
            message.encode(&mut buffer);
            goodbye = matches!(message, Control::Goodbye { .. });
            next = if goodbye || buffer.len() >= GATHER_BYTES { None } else { queue.try_recv().ok() };
        }
        let written = async {
            lane.write_all(&buffer).await?;
            lane.flush().await
        };
        written.await.map_err(|error| Over::of_io(&error))?;
        buffer.clear();
        if buffer.capacity() > GATHER_BYTES {
            buffer = BytesMut::new();
        }
    }
    lane.shutdown().await.map_err(|error| Over::of_io(&error))
}
