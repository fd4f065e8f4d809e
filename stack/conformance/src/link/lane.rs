//! Lanes of either transport, and frames cut from them.

use super::{FIN, Mux, RST, ReadEnd, gone};
use crate::verdict::Trouble;
use bytes::{Bytes, BytesMut};
use nws_protocol::frame::FrameCodec;
use quinn::{ReadError, RecvStream, SendStream, VarInt};
use std::{sync::Arc, time::Duration};
use tokio::time::{Instant, timeout};
use tokio_util::codec::Decoder;

/// The sending half.
#[derive(Debug)]
pub(crate) enum Sender {
    Tcp { mux: Arc<Mux>, id: u32 },
    Quic(SendStream),
}

impl Sender {
    pub(crate) const fn tcp(mux: Arc<Mux>, id: u32) -> Self {
        Self::Tcp { mux, id }
    }

    /// Sends bytes as they are.
    pub(crate) async fn write(&mut self, bytes: &[u8]) -> Result<(), Trouble> {
        self.try_write(bytes).await.map_err(|why| gone(&why))
    }

    /// As [`write`](Self::write), where the end may be what is wanted.
    pub(crate) async fn try_write(&mut self, bytes: &[u8]) -> Result<(), String> {
        match self {
            Self::Tcp { mux, id } => mux.send(*id, bytes).await,
            Self::Quic(stream) => stream.write_all(bytes).await.map_err(|error| error.to_string()),
        }
    }

    pub(crate) async fn finish(&mut self) {
        match self {
            Self::Tcp { mux, id } => mux.flag(*id, FIN).await,
            Self::Quic(stream) => {
                let _ = stream.finish();
            }
        }
    }

    pub(crate) async fn reset(&mut self, code: u32) {
        match self {
            Self::Tcp { mux, id } => mux.flag(*id, RST).await,
            Self::Quic(stream) => {
                let _ = stream.reset(VarInt::from_u32(code));
            }
        }
    }

    /// Waits until the receiver wants no more; the code, which TCP doesn't carry.
    pub(crate) async fn stopped(&mut self, within: Duration) -> Option<Option<u64>> {
        match self {
            Self::Tcp { mux, id } => mux.reset_of(*id, within).await.then_some(None),
            Self::Quic(stream) => match timeout(within, stream.stopped()).await.ok()? {
                Ok(Some(code)) => Some(Some(code.into_inner())),
                _ => None,
            },
        }
    }
}

/// The receiving half.
#[derive(Debug)]
pub(crate) enum Receiver {
    Tcp { mux: Arc<Mux>, id: u32 },
    Quic(RecvStream),
}

impl Receiver {
    pub(crate) const fn tcp(mux: Arc<Mux>, id: u32) -> Self {
        Self::Tcp { mux, id }
    }

    /// The yamux id of the stream.
    pub(crate) const fn id(&self) -> Option<u32> {
        match self {
            Self::Tcp { id, .. } => Some(*id),
            Self::Quic(_) => None,
        }
    }

    async fn read(&mut self, within: Duration) -> Result<Bytes, ReadEnd> {
        match self {
            Self::Tcp { mux, id } => mux.read(*id, within).await,
            Self::Quic(stream) => match timeout(within, stream.read_chunk(64 * 1024, true)).await {
                Err(_) => Err(ReadEnd::Nothing),
                Ok(Ok(Some(chunk))) => Ok(chunk.bytes),
                Ok(Ok(None)) => Err(ReadEnd::Finished),
                Ok(Err(ReadError::Reset(code))) => Err(ReadEnd::Reset(code.into_inner())),
                Ok(Err(ReadError::ConnectionLost(error))) => Err(ReadEnd::Gone(error.to_string())),
                Ok(Err(error)) => Err(ReadEnd::Gone(error.to_string())),
            },
        }
    }

    /// Wants no more.
    pub(crate) async fn stop(&mut self, code: u32) {
        match self {
            Self::Tcp { mux, id } => mux.flag(*id, RST).await,
            Self::Quic(stream) => {
                let _ = stream.stop(VarInt::from_u32(code));
            }
        }
    }
}

/// What comes next on a lane.
#[derive(Debug)]
pub(crate) enum Next {
    /// A frame without its length prefix.
    Frame(Bytes),
    /// Finished after a whole frame.
    Finished,
    /// Reset, cut within a frame, or gone.
    Lost(String),
    /// Nothing in this time.
    Nothing,
    /// Bytes that are no frame.
    Bad(String),
}

/// Cuts frames.
#[derive(Debug)]
pub(crate) struct Reader {
    pub(crate) lane: Receiver,
    buffer: BytesMut,
    codec: FrameCodec,
}

impl Reader {
    /// Takes frames of at most this many bytes.
    pub(crate) fn new(lane: Receiver, limit: usize) -> Self {
        Self { lane, buffer: BytesMut::new(), codec: FrameCodec::new(limit) }
    }

    pub(crate) const fn limit(&mut self, limit: usize) {
        self.codec.set_max_frame_bytes(limit);
    }

    /// The next frame, or why there is none. Cancel safe.
    pub(crate) async fn next(&mut self, within: Duration) -> Next {
        let deadline = Instant::now() + within;
        loop {
            match self.codec.decode(&mut self.buffer) {
                Ok(Some(frame)) => return Next::Frame(frame),
                Ok(None) => {}
                Err(error) => return Next::Bad(error.to_string()),
            }
            match self.lane.read(deadline.saturating_duration_since(Instant::now())).await {
                Ok(bytes) => self.buffer.extend_from_slice(&bytes),
                Err(ReadEnd::Nothing) => return Next::Nothing,
                Err(ReadEnd::Finished) if self.buffer.is_empty() => return Next::Finished,
                Err(ReadEnd::Finished) => return Next::Lost("finished within a frame".to_owned()),
                Err(ReadEnd::Reset(code)) => return Next::Lost(format!("reset with code {code}")),
                Err(ReadEnd::Gone(why)) => return Next::Lost(why),
            }
        }
    }
}
