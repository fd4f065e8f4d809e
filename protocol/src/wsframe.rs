//! The header of a WebSocket frame as a server writes it (RFC 6455 section 5.2): final, without a
//! mask, without extensions. It lives here because both the hub, which encodes a broadcast once for
//! everyone, and the gateway write frames. Reading frames is the gateway's business.

use bytes::{BufMut, BytesMut};

/// What a frame is, RFC 6455 section 11.8. `Continuation` is absent: we never fragment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Opcode {
    /// UTF-8 text.
    Text = 0x1,
    /// Bytes.
    Binary = 0x2,
    /// The end of the conversation, with an optional code and reason.
    Close = 0x8,
    /// Asks for a pong.
    Ping = 0x9,
    /// Answers a ping.
    Pong = 0xA,
}

impl Opcode {
    /// The four bits that travel.
    #[must_use]
    pub const fn bits(self) -> u8 {
        self as u8
    }
}

/// The longest header that [`put_header`] writes, in bytes.
pub const MAX_HEADER_BYTES: usize = 10;

/// The longest payload of a control frame, in bytes (RFC 6455 section 5.5).
pub const MAX_CONTROL_BYTES: usize = 125;

/// How many bytes [`put_header`] writes for a payload of this size.
#[must_use]
pub const fn header_bytes(payload_bytes: usize) -> usize {
    match payload_bytes {
        0..=125 => 2,
        126..=0xFFFF => 4,
        _ => 10,
    }
}

/// Appends the header of one whole frame with `payload_bytes` of payload, which the caller appends
/// next. The length takes the shortest form, as the RFC demands.
pub fn put_header(dst: &mut BytesMut, opcode: Opcode, payload_bytes: usize) {
    let first = 0x80 | opcode.bits();
    match (u8::try_from(payload_bytes), u16::try_from(payload_bytes)) {
        (Ok(short @ 0..=125), _) => dst.put_slice(&[first, short]),
        (_, Ok(medium)) => {
            let [high, low] = medium.to_be_bytes();
            dst.put_slice(&[first, 126, high, low]);
        }
        _ => {
            let [a, b, c, d, e, f, g, h] = (payload_bytes as u64).to_be_bytes();
            dst.put_slice(&[first, 127, a, b, c, d, e, f, g, h]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(opcode: Opcode, payload_bytes: usize) -> Vec<u8> {
        let mut dst = BytesMut::new();
        put_header(&mut dst, opcode, payload_bytes);
        assert_eq!(dst.len(), header_bytes(payload_bytes));
        dst.to_vec()
    }

    #[test]
    fn lengths_take_the_shortest_form() {
        assert_eq!(header(Opcode::Ping, 0), [0x89, 0]);
        assert_eq!(header(Opcode::Text, 125), [0x81, 125]);
        assert_eq!(header(Opcode::Text, 126), [0x81, 126, 0, 126]);
        assert_eq!(header(Opcode::Text, 65_535), [0x81, 126, 255, 255]);
        assert_eq!(header(Opcode::Binary, 65_536), [0x82, 127, 0, 0, 0, 0, 0, 1, 0, 0]);
        assert_eq!(header(Opcode::Close, 2), [0x88, 2]);
        assert_eq!(header(Opcode::Pong, 5), [0x8A, 5]);
    }
}
