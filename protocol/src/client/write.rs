//! What a client is sent: each function appends one JSON object. Members stand in the order action, source, target,
//! data, which is the original's.
//!
//! Ids are written as they are: the text form of a [`crate::PeerId`] needs no escaping.

use super::ErrorCode;
use bytes::{BufMut, BytesMut};

const BROADCAST: &[u8] = br#"{"action":"broadcast","source":""#;
const MESSAGE: &[u8] = br#"{"action":"message","source":""#;
const CONNECT: &[u8] = br#"{"action":"connect","source":""#;
const DISCONNECT: &[u8] = br#"{"action":"disconnect","source":""#;
const STATUS: &[u8] = br#"{"action":"status","source":""#;
const TARGET: &[u8] = br#"","target":""#;
const DATA: &[u8] = br#"","data":"#;
const END_OF_TEXT: &[u8] = br#""}"#;

/// A peer is there.
pub fn put_connect(dst: &mut BytesMut, you: &str, peer: &str) {
    put_pair(dst, CONNECT, you, peer);
}

/// A peer is gone.
pub fn put_disconnect(dst: &mut BytesMut, you: &str, peer: &str) {
    put_pair(dst, DISCONNECT, you, peer);
}

/// Who the client is.
pub fn put_status(dst: &mut BytesMut, you: &str) {
    put_pair(dst, STATUS, you, you);
}

/// A peer said this to all. `data` is one JSON value, copied as it is; without it there is no such member.
pub fn put_broadcast(dst: &mut BytesMut, source: &str, data: Option<&[u8]>) {
    debug_assert!(is_plain(source));
    dst.reserve(broadcast_bytes(source, data));
    dst.put_slice(BROADCAST);
    dst.put_slice(source.as_bytes());
    put_data(dst, data);
}

/// A peer said this to you, who are its target. `data` is one JSON value, copied as it is; without it there is no such
/// member.
pub fn put_message(dst: &mut BytesMut, source: &str, target: &str, data: Option<&[u8]>) {
    debug_assert!(is_plain(source) && is_plain(target));
    dst.reserve(message_bytes(source, target, data));
    dst.put_slice(MESSAGE);
    dst.put_slice(source.as_bytes());
    dst.put_slice(TARGET);
    dst.put_slice(target.as_bytes());
    put_data(dst, data);
}

/// The bytes that [`put_broadcast`] appends: a frame's head, which names them, comes first.
#[must_use]
pub const fn broadcast_bytes(source: &str, data: Option<&[u8]>) -> usize {
    BROADCAST.len() + source.len() + data_bytes(data)
}

/// The bytes that [`put_message`] appends.
#[must_use]
pub const fn message_bytes(source: &str, target: &str, data: Option<&[u8]>) -> usize {
    MESSAGE.len() + source.len() + TARGET.len() + target.len() + data_bytes(data)
}

/// What was wrong with what the client sent. `message` is for people; `target` is the one that was meant, if that was
/// what was wrong. Both may hold any character.
pub fn put_error(dst: &mut BytesMut, code: ErrorCode, message: &str, target: Option<&str>) {
    dst.reserve(64 + message.len() + target.map_or(0, str::len));
    dst.put_slice(br#"{"action":"error","code":""#);
    dst.put_slice(code.as_str().as_bytes());
    dst.put_slice(br#"","message":""#);
    put_escaped(dst, message);
    if let Some(target) = target {
        dst.put_slice(TARGET);
        put_escaped(dst, target);
    }
    dst.put_slice(END_OF_TEXT);
}

fn put_pair(dst: &mut BytesMut, head: &[u8], source: &str, target: &str) {
    debug_assert!(is_plain(source) && is_plain(target));
    dst.reserve(head.len() + source.len() + TARGET.len() + target.len() + END_OF_TEXT.len());
    dst.put_slice(head);
    dst.put_slice(source.as_bytes());
    dst.put_slice(TARGET);
    dst.put_slice(target.as_bytes());
    dst.put_slice(END_OF_TEXT);
}

fn put_data(dst: &mut BytesMut, data: Option<&[u8]>) {
    match data {
        Some(json) => {
            dst.put_slice(DATA);
            dst.put_slice(json);
            dst.put_u8(b'}');
        }
        None => dst.put_slice(END_OF_TEXT),
    }
}

const fn data_bytes(data: Option<&[u8]>) -> usize {
    match data {
        Some(json) => DATA.len() + json.len() + 1,
        None => END_OF_TEXT.len(),
    }
}

/// Whether a text may stand in a JSON string as it is.
fn is_plain(text: &str) -> bool {
    !text.bytes().any(needs_escape)
}

/// What RFC 8259 section 7 asks to be escaped.
const fn needs_escape(byte: u8) -> bool {
    byte < 0x20 || byte == b'"' || byte == b'\\'
}

/// Appends the inside of a JSON string.
fn put_escaped(dst: &mut BytesMut, text: &str) {
    const HEX: [char; 16] = ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f'];
    for plain in text.as_bytes().chunk_by(|left, right| !needs_escape(*left) && !needs_escape(*right)) {
        match plain {
            [b'"'] => dst.put_slice(b"\\\""),
            [b'\\'] => dst.put_slice(b"\\\\"),
            [control @ 0..0x20] => {
                let low = HEX.get(usize::from(control & 0xf)).map_or(b'0', |digit| *digit as u8);
                dst.put_slice(&[b'\\', b'u', b'0', b'0', b'0' + (control >> 4), low]);
            }
            plain => dst.put_slice(plain),
        }
    }
}
