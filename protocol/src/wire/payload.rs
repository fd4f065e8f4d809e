//! The two messages that carry payloads, written and read by hand: straight from the client's bytes into the lane's
//! buffer, and without a step between when they are spelled as every writer here spells them. Any other spelling is
//! left to prost, and the tests hold both to the same bytes and the same reading.

use super::Kind;
use crate::{frame::put_length, ids::PeerId, limits::MAX_VARINT_BYTES};
use bytes::{BufMut, BytesMut};

// A key is `number << 3 | 2` for what has a length and `number << 3` for a number (protobuf encoding, "Message
// structure").
const BODY_BROADCAST: u8 = 5 << 3 | 2;
const BODY_DIRECT: u8 = 6 << 3 | 2;
const SOURCE: u8 = 1 << 3 | 2;
const DIRECT_TARGET: u8 = 2 << 3 | 2;
const BROADCAST_KIND: u8 = 2 << 3;
const DIRECT_KIND: u8 = 3 << 3;
const BROADCAST_DATA: u8 = 3 << 3 | 2;
const DIRECT_DATA: u8 = 4 << 3 | 2;

const ID_BYTES: u8 = 16;
const ID_FIELD_BYTES: usize = 2 + ID_BYTES as usize;
/// The most that a frame has beside its data: three lengths, the keys of body and data, two ids, a kind.
const MAX_HEAD_BYTES: usize = 3 * MAX_VARINT_BYTES + 2 + 2 * ID_FIELD_BYTES + 2;

/// Appends a Broadcast as one length-prefixed frame: the same bytes as [`super::Data::encode`], with one copy of `data`.
pub fn put_broadcast(dst: &mut BytesMut, source: PeerId, kind: Kind, data: &[u8]) {
    dst.reserve(MAX_HEAD_BYTES + data.len());
    put_heads(dst, BODY_BROADCAST, ID_FIELD_BYTES + payload_field_bytes(kind, data));
    put_id(dst, SOURCE, source);
    put_payload(dst, BROADCAST_KIND, kind, BROADCAST_DATA, data);
}

/// Appends a Direct as one length-prefixed frame: the same bytes as [`super::Data::encode`], with one copy of `data`.
pub fn put_direct(dst: &mut BytesMut, source: PeerId, target: PeerId, kind: Kind, data: &[u8]) {
    dst.reserve(MAX_HEAD_BYTES + data.len());
    put_heads(dst, BODY_DIRECT, 2 * ID_FIELD_BYTES + payload_field_bytes(kind, data));
    put_id(dst, SOURCE, source);
    put_id(dst, DIRECT_TARGET, target);
    put_payload(dst, DIRECT_KIND, kind, DIRECT_DATA, data);
}

/// The frame's length, then key and length of its body.
fn put_heads(dst: &mut BytesMut, body: u8, body_bytes: usize) {
    put_length(dst, 1 + varint_bytes(body_bytes) + body_bytes);
    dst.put_u8(body);
    put_length(dst, body_bytes);
}

fn put_id(dst: &mut BytesMut, key: u8, peer: PeerId) {
    dst.put_slice(&[key, ID_BYTES]);
    dst.put_slice(peer.as_bytes());
}

fn put_payload(dst: &mut BytesMut, kind_key: u8, kind: Kind, data_key: u8, data: &[u8]) {
    if kind.number() != 0 {
        dst.put_slice(&[kind_key, kind.number()]);
    }
    if !data.is_empty() {
        dst.put_u8(data_key);
        put_length(dst, data.len());
        dst.put_slice(data);
    }
}

impl Kind {
    /// The number that travels; 0 is left out.
    const fn number(self) -> u8 {
        match self {
            Self::Json => 0,
            Self::Text => 1,
            Self::Binary => 2,
        }
    }
}

const fn payload_field_bytes(kind: Kind, data: &[u8]) -> usize {
    let kind_bytes = if kind.number() == 0 { 0 } else { 2 };
    let data_bytes = if data.is_empty() { 0 } else { 1 + varint_bytes(data.len()) + data.len() };
    kind_bytes + data_bytes
}

/// Bytes that [`put_length`] writes: one for each seven bits, and one for zero.
const fn varint_bytes(length: usize) -> usize {
    ((usize::BITS - (length | 1).leading_zeros()) as usize).div_ceil(7)
}

/// What stands before the data of a Broadcast, or of a Direct, which has a target.
pub(super) struct Head {
    pub(super) source: PeerId,
    pub(super) target: Option<PeerId>,
    /// As it travels, not checked.
    pub(super) kind: i32,
    /// The bytes of the frame that are not data; all the others are.
    pub(super) bytes: usize,
}

/// Reads what [`put_broadcast`] and [`put_direct`] write, after the frame's length. `None` for anything else, which may
/// still be a message.
pub(super) fn read_head(frame: &[u8]) -> Option<Head> {
    let (&body, rest) = frame.split_first()?;
    let (kind_key, data_key) = match body {
        BODY_BROADCAST => (BROADCAST_KIND, BROADCAST_DATA),
        BODY_DIRECT => (DIRECT_KIND, DIRECT_DATA),
        _ => return None,
    };
    let rest = read_last_length(rest)?;
    let (source, rest) = read_id(SOURCE, rest)?;
    let (target, rest) = match body {
        BODY_DIRECT => read_id(DIRECT_TARGET, rest).map(|(target, rest)| (Some(target), rest))?,
        _ => (None, rest),
    };
    let (kind, rest) = match rest {
        [key, kind @ 0..0x80, rest @ ..] if *key == kind_key => (i32::from(*kind), rest),
        rest => (0, rest),
    };
    let data = match rest.split_first() {
        Some((key, rest)) if *key == data_key => read_last_length(rest)?,
        Some(_) => return None,
        None => rest,
    };
    Some(Head { source, target, kind, bytes: frame.len() - data.len() })
}

fn read_id(key: u8, bytes: &[u8]) -> Option<(PeerId, &[u8])> {
    let (head, rest) = bytes.split_first_chunk::<2>()?;
    let (id, rest) = rest.split_first_chunk::<16>()?;
    (*head == [key, ID_BYTES]).then_some((PeerId::from_bytes(*id), rest))
}

/// What follows a length, if it is exactly as long as that says.
fn read_last_length(bytes: &[u8]) -> Option<&[u8]> {
    let mut length = 0usize;
    // Four bytes hold more than any frame.
    for (i, byte) in bytes.iter().take(4).enumerate() {
        length |= usize::from(byte & 0x7f) << (7 * i);
        if byte & 0x80 == 0 {
            return bytes.get(i + 1..).filter(|rest| rest.len() == length);
        }
    }
    None
}
