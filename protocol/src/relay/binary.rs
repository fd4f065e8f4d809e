//! Binary data: 8 bytes with the number of the channel, big-endian, and then the payload (section 6).

use bytes::{Buf, Bytes};

/// The bytes before the payload.
pub const BINARY_HEAD_BYTES: usize = 8;

/// A binary frame that has no room for the number of a channel; to be answered with `bad_message`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a binary frame begins with 8 bytes, the number of its channel")]
pub struct TooShort;

/// What stands before a payload for this channel.
#[must_use]
pub const fn binary_head(channel: u64) -> [u8; BINARY_HEAD_BYTES] {
    channel.to_be_bytes()
}

/// The channel and the payload of a binary frame. The payload stays where it is. The number may be one that no channel
/// can have.
///
/// # Errors
/// If it is too short.
pub fn split_binary(mut frame: Bytes) -> Result<(u64, Bytes), TooShort> {
    let channel = frame.try_get_u64().map_err(|_| TooShort)?;
    Ok((channel, frame))
}
