//! The frame of a lane: an unsigned varint length, then that many bytes.

use crate::limits::MAX_VARINT_BYTES;
use bytes::{Buf, BufMut, Bytes, BytesMut};
use tokio_util::codec::{Decoder, Encoder};

/// Why bytes on a lane are not a frame. All are the sender's fault but `Io`.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FrameError {
    /// The length is over the agreed limit.
    #[error("a frame of {length} bytes is over the limit of {limit}")]
    TooLarge {
        /// The length that the prefix names.
        length: u64,
        /// The limit in force.
        limit: usize,
    },
    /// A length of more than five bytes or 32 bits, or one that is not in its shortest form.
    #[error("a frame's length is not a canonical varint of 32 bits")]
    BadLength,
    /// The stream ended inside a frame.
    #[error("the stream ended inside a frame")]
    Truncated,
    /// The stream itself failed.
    #[error(transparent)]
    Io(#[from] std::io::Error),
}

/// Cuts a stream into frames and puts frames onto one.
#[derive(Debug, Clone)]
pub struct FrameCodec {
    max_frame_bytes: usize,
}

impl FrameCodec {
    /// A codec that accepts and sends frames of at most this many bytes, the prefix not counted.
    #[must_use]
    pub const fn new(max_frame_bytes: usize) -> Self {
        Self { max_frame_bytes }
    }

    /// Changes the limit, as when Hello has named another.
    pub const fn set_max_frame_bytes(&mut self, max_frame_bytes: usize) {
        self.max_frame_bytes = max_frame_bytes;
    }
}

/// The length prefix at the head of `src`: `(length, bytes it takes)`, or `None` when it is not whole.
fn peek_length(src: &[u8]) -> Result<Option<(u64, usize)>, FrameError> {
    let mut length = 0u64;
    for (i, byte) in src.iter().take(MAX_VARINT_BYTES).enumerate() {
        // The fifth byte has four bits of the 32, and nothing follows it.
        if i + 1 == MAX_VARINT_BYTES && *byte > 0x0f {
            return Err(FrameError::BadLength);
        }
        length |= u64::from(byte & 0x7f) << (7 * i);
        if byte & 0x80 == 0 {
            // A last byte of zero after others would be a second spelling of the same number.
            return if i > 0 && *byte == 0 { Err(FrameError::BadLength) } else { Ok(Some((length, i + 1))) };
        }
    }
    Ok(None)
}

/// Writes `length` as an unsigned varint.
pub fn put_length(dst: &mut BytesMut, mut length: usize) {
    while length >= 0x80 {
        dst.put_u8((length & 0x7f) as u8 | 0x80);
        length >>= 7;
    }
    dst.put_u8((length & 0x7f) as u8);
}

impl Decoder for FrameCodec {
    type Item = Bytes;
    type Error = FrameError;

    fn decode(&mut self, src: &mut BytesMut) -> Result<Option<Bytes>, FrameError> {
        let Some((length, prefix)) = peek_length(src)? else { return Ok(None) };
        let limit = self.max_frame_bytes;
        let body = match usize::try_from(length) {
            Ok(body) if body <= limit => body,
            _ => return Err(FrameError::TooLarge { length, limit }),
        };
        let whole = prefix + body;
        if src.len() < whole {
            // Grow with what arrives, not with what a prefix promises.
            src.reserve((whole - src.len()).min(64 * 1024));
            return Ok(None);
        }
        src.advance(prefix);
        Ok(Some(src.split_to(body).freeze()))
    }

    fn decode_eof(&mut self, src: &mut BytesMut) -> Result<Option<Bytes>, FrameError> {
        match self.decode(src)? {
            Some(frame) => Ok(Some(frame)),
            None if src.is_empty() => Ok(None),
            None => Err(FrameError::Truncated),
        }
    }
}

impl Encoder<Bytes> for FrameCodec {
    type Error = FrameError;

    fn encode(&mut self, frame: Bytes, dst: &mut BytesMut) -> Result<(), FrameError> {
        let limit = self.max_frame_bytes;
        if frame.len() > limit {
            return Err(FrameError::TooLarge { length: frame.len() as u64, limit });
        }
        dst.reserve(MAX_VARINT_BYTES + frame.len());
        put_length(dst, frame.len());
        dst.extend_from_slice(&frame);
        Ok(())
    }
}

#[cfg(test)]
mod tests;
