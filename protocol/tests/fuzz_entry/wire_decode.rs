//! One frame, taken for a message of either lane.

use bytes::{Buf, Bytes, BytesMut};
use nws_protocol::wire::{Control, Data, Kind};

/// A field that no message has: key 20, a number. Fields that are not known change nothing.
const UNKNOWN_FIELD: [u8; 3] = [0xa0, 0x01, 0x07];

/// # Panics
/// When a message that was accepted cannot be said again, or its payload is not what its kind says.
pub(crate) fn run(input: &[u8]) {
    let frame = Bytes::copy_from_slice(input);
    if let Ok(message) = Control::decode(frame.clone()) {
        assert_eq!(Control::decode(said(|dst| message.encode(dst))).ok(), Some(message), "said again, it differs");
    }
    // What is cut short may swallow the added field, so only a whole message must read alike.
    let Ok(message) = Data::decode(frame) else { return };
    check_payload(&message);
    // Where there is a short way to read a frame, the long way must say the same.
    let decorated = Data::decode([input, &UNKNOWN_FIELD].concat().into());
    assert_eq!(decorated.ok().as_ref(), Some(&message), "an unknown field changed the message");
    assert_eq!(Data::decode(said(|dst| message.encode(dst))).ok(), Some(message), "said again, it differs");
}

fn check_payload(message: &Data) {
    let (Data::Broadcast { payload, .. } | Data::Direct { payload, .. }) = message else { return };
    let bytes = payload.bytes();
    match payload.kind() {
        Kind::Json => {
            let value = serde_json::from_slice::<&serde_json::value::RawValue>(bytes);
            assert!(bytes.is_empty() || value.is_ok(), "not JSON");
        }
        Kind::Text => assert!(std::str::from_utf8(bytes).is_ok(), "not text"),
        Kind::Binary => {}
    }
}

/// The frame without its length, which is the varint before the first byte without the high bit.
fn said(encode: impl FnOnce(&mut BytesMut)) -> Bytes {
    let mut wire = BytesMut::new();
    encode(&mut wire);
    let prefix = wire.iter().take_while(|byte| **byte & 0x80 != 0).count() + 1;
    wire.advance(prefix);
    wire.freeze()
}
