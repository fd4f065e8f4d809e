//! The few frames that a session makes by itself; all others come ready-made from the hub.

use bytes::{BufMut, Bytes, BytesMut};
use nws_protocol::wsframe::{self, MAX_CONTROL_BYTES, Opcode};

/// A ping without payload, as the original sent it.
pub const PING: &[u8] = &[0x89, 0x00];

/// Appends one text frame.
pub fn put_text(dst: &mut BytesMut, text: &str) {
    dst.reserve(wsframe::header_bytes(text.len()) + text.len());
    wsframe::put_header(dst, Opcode::Text, text.len());
    dst.put_slice(text.as_bytes());
}

/// A close frame with a code and a reason, which is cut at a character border if it has more than 123
/// bytes.
#[must_use]
pub fn close_frame(code: u16, reason: &str) -> Bytes {
    let mut end = reason.len().min(MAX_CONTROL_BYTES - 2);
    while !reason.is_char_boundary(end) {
        end -= 1;
    }
    let reason = reason.get(..end).unwrap_or_default();
    let mut frame = BytesMut::with_capacity(4 + reason.len());
    wsframe::put_header(&mut frame, Opcode::Close, 2 + reason.len());
    frame.put_u16(code);
    frame.put_slice(reason.as_bytes());
    frame.freeze()
}

/// The answer to a client's close: its own code back, or an empty close for an empty one.
#[must_use]
pub fn close_reply(code: Option<u16>) -> Bytes {
    code.map_or(Bytes::from_static(&[0x88, 0x00]), |code| close_frame(code, ""))
}

/// The answer to a ping; a payload that no control frame can hold is cut to what it can.
#[must_use]
pub fn pong(payload: &[u8]) -> Bytes {
    let payload = payload.get(..MAX_CONTROL_BYTES).unwrap_or(payload);
    let mut frame = BytesMut::with_capacity(2 + payload.len());
    wsframe::put_header(&mut frame, Opcode::Pong, payload.len());
    frame.put_slice(payload);
    frame.freeze()
}
