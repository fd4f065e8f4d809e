//! Bytes as they come from a lane, cut as they may come.

use bytes::{Bytes, BytesMut};
use nws_protocol::frame::FrameCodec;
use tokio_util::codec::{Decoder, Encoder};

/// The first byte says how the rest is cut, the second what the limit is.
///
/// # Panics
/// When the codec breaks a promise.
pub(crate) fn run(input: &[u8]) {
    let [cut, limit, wire @ ..] = input else { return };
    let limit = usize::from(*limit) * 4;
    let mut codec = FrameCodec::new(limit);
    let (mut buffer, mut again) = (BytesMut::new(), BytesMut::new());
    for piece in wire.chunks(usize::from(*cut).max(1)) {
        buffer.extend_from_slice(piece);
        loop {
            match codec.decode(&mut buffer) {
                Ok(Some(frame)) => put_again(&mut codec, frame, limit, &mut again),
                Ok(None) => break,
                Err(_) => {
                    assert!(wire.starts_with(&again), "frames were invented");
                    return;
                }
            }
        }
    }
    while let Ok(Some(frame)) = codec.decode_eof(&mut buffer) {
        put_again(&mut codec, frame, limit, &mut again);
    }
    // A length has one spelling, so what was read is what would be written.
    assert!(wire.starts_with(&again), "frames were invented");
    assert_eq!(again.len() + buffer.len(), wire.len(), "bytes were lost");
}

fn put_again(codec: &mut FrameCodec, frame: Bytes, limit: usize, again: &mut BytesMut) {
    assert!(frame.len() <= limit, "a frame over the limit");
    assert!(codec.encode(frame, again).is_ok(), "a frame that may be read may be written");
}
