#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may stop at the first surprise")]

mod control;
mod data;

use super::*;
use crate::{frame::FrameCodec, ids::PeerId};
use bytes::{Bytes, BytesMut};
use proptest::prelude::*;
use prost::Message;
use tokio_util::codec::Decoder;

/// The one frame that was appended, without its prefix.
fn frame_of(encode: impl FnOnce(&mut BytesMut)) -> Bytes {
    let mut wire = BytesMut::from(&b"before"[..]);
    encode(&mut wire);
    let mut wire = wire.split_off(6);
    let frame = FrameCodec::new(usize::MAX).decode(&mut wire).unwrap().unwrap();
    assert!(wire.is_empty(), "more than one frame");
    frame
}

fn peers(most: usize) -> impl Strategy<Value = Vec<PeerId>> {
    prop::collection::vec(peer(), 0..most)
}

fn peer() -> impl Strategy<Value = PeerId> {
    any::<[u8; 16]>().prop_map(PeerId::from_bytes)
}

#[test]
fn what_is_wrong_has_a_code() {
    assert_eq!(WireError::Version(2).code(), LinkCode::Version);
    assert_eq!(WireError::NoBody.code(), LinkCode::Malformed);
    assert_eq!(Data::decode(Bytes::from_static(&[0xff])).unwrap_err().code(), LinkCode::Malformed);
}

#[test]
fn what_is_wrong_is_said_without_the_senders_bytes() {
    let error = Data::decode(frame_of_proto(b"secret".as_slice())).unwrap_err();
    assert_eq!(error.to_string(), "channel_id must come in units of 8 bytes, and has 6");
}

fn frame_of_proto(channel_id: &'static [u8]) -> Bytes {
    let open = proto::Open { channel_id: Bytes::from_static(channel_id) };
    proto::Data { body: Some(proto::data::Body::Open(open)) }.encode_to_vec().into()
}

proptest! {
    #[test]
    fn garbage_never_panics(junk in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = Data::decode(Bytes::from(junk.clone()));
        let _ = Control::decode(Bytes::from(junk));
    }

    /// Nearer to the truth than noise: a message of the schema with a few bytes changed, cut or doubled.
    #[test]
    fn damaged_messages_never_panic(
        control in control::any_control(),
        data in data::any_data(),
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        cut in any::<prop::sample::Index>(),
    ) {
        for frame in [frame_of(|dst| control.encode(dst)), frame_of(|dst| data.encode(dst))] {
            let mut bytes = frame.to_vec();
            for (at, byte) in &damage {
                if !bytes.is_empty() {
                    let at = at.index(bytes.len());
                    bytes[at] = *byte;
                }
            }
            bytes.truncate(cut.index(bytes.len() + 1).max(1));
            // Whatever is accepted must be a message that can be said again in the same way.
            if let Ok(message) = Control::decode(Bytes::from(bytes.clone())) {
                prop_assert_eq!(Control::decode(frame_of(|dst| message.encode(dst))).unwrap(), message);
            }
            if let Ok(message) = Data::decode(Bytes::from(bytes)) {
                prop_assert_eq!(Data::decode(frame_of(|dst| message.encode(dst))).unwrap(), message);
            }
        }
    }
}
