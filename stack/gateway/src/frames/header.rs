//! The header of a frame as a client sends it (RFC 6455 section 5.2), and all that can be wrong with
//! one frame by itself. What is wrong only in the order of frames is found by the reader.

use nws_protocol::ClientClose;

/// Longest header of a client: two bytes, a length of eight, a key of four.
pub(super) const MAX_BYTES: usize = 14;

/// The opcodes that a client may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Continuation,
    Text,
    Binary,
    Close,
    Ping,
    Pong,
}

impl Kind {
    pub(super) const fn is_control(self) -> bool {
        matches!(self, Self::Close | Self::Ping | Self::Pong)
    }
}

/// One frame's header.
#[derive(Debug, Clone, Copy)]
pub(super) struct Header {
    pub(super) last: bool,
    pub(super) kind: Kind,
    pub(super) key: [u8; 4],
    pub(super) payload_bytes: usize,
}

/// What the bytes at hand amount to.
#[derive(Debug)]
pub(super) enum Parsed {
    /// A whole header, which took so many bytes.
    Whole(Header, usize),
    /// More bytes are needed.
    Partial,
}

/// Reads a header from the front of `bytes`, and finds a fault as soon as its byte is there.
/// `room_bytes` is how much the message may still grow.
pub(super) fn parse(bytes: &[u8], room_bytes: usize, limit_bytes: usize) -> Result<Parsed, ClientClose> {
    let [first, second, rest @ ..] = bytes else { return Ok(Parsed::Partial) };
    if first & 0x70 != 0 {
        return Err(ClientClose::Protocol("reserved bits must be zero"));
    }
    let last = first & 0x80 != 0;
    let kind = match first & 0x0F {
        0x0 => Kind::Continuation,
        0x1 => Kind::Text,
        0x2 => Kind::Binary,
        0x8 => Kind::Close,
        0x9 => Kind::Ping,
        0xA => Kind::Pong,
        _ => return Err(ClientClose::Protocol("unknown opcode")),
    };
    if second & 0x80 == 0 {
        return Err(ClientClose::Protocol("a client must mask its frames"));
    }
    let short = second & 0x7F;
    if kind.is_control() {
        if !last {
            return Err(ClientClose::Protocol("a control frame must not be fragmented"));
        }
        if short > 125 {
            return Err(ClientClose::Protocol("a control frame has at most 125 bytes"));
        }
    }
    let (payload, rest, before_key) = match (short, rest) {
        (126, [a, b, rest @ ..]) => (u64::from(u16::from_be_bytes([*a, *b])), rest, 4),
        (127, [a, b, c, d, e, f, g, h, rest @ ..]) => (u64::from_be_bytes([*a, *b, *c, *d, *e, *f, *g, *h]), rest, 10),
        (126 | 127, _) => return Ok(Parsed::Partial),
        (short, rest) => (u64::from(short), rest, 2),
    };
    if payload >> 63 != 0 {
        return Err(ClientClose::Protocol("a length must not have its highest bit set"));
    }
    if (short == 126 && payload < 126) || (short == 127 && payload <= 0xFFFF) {
        return Err(ClientClose::Protocol("a length must take its shortest form"));
    }
    let payload_bytes = usize::try_from(payload).unwrap_or(usize::MAX);
    if !kind.is_control() && payload_bytes > room_bytes {
        return Err(ClientClose::TooBig(limit_bytes));
    }
    let [a, b, c, d, ..] = rest else { return Ok(Parsed::Partial) };
    let header = Header { last, kind, key: [*a, *b, *c, *d], payload_bytes };
    Ok(Parsed::Whole(header, before_key + 4))
}
