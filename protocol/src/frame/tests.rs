#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may stop at the first surprise")]

use super::*;
use proptest::prelude::*;

fn encoded(frames: &[Vec<u8>]) -> BytesMut {
    let mut wire = BytesMut::new();
    for frame in frames {
        FrameCodec::new(1 << 20).encode(Bytes::copy_from_slice(frame), &mut wire).unwrap();
    }
    wire
}

proptest! {
    #[test]
    fn frames_survive_any_cutting(
        frames in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..400), 0..20),
        cuts in prop::collection::vec(1usize..64, 1..200),
    ) {
        let wire = encoded(&frames);
        let (mut codec, mut buffer, mut out, mut at) = (FrameCodec::new(1 << 20), BytesMut::new(), vec![], 0);
        for cut in cuts.iter().cycle() {
            if at == wire.len() { break }
            let end = (at + cut).min(wire.len());
            buffer.extend_from_slice(&wire[at..end]);
            at = end;
            while let Some(frame) = codec.decode(&mut buffer).unwrap() { out.push(frame.to_vec()) }
        }
        prop_assert_eq!(out, frames);
        prop_assert!(codec.decode_eof(&mut buffer).unwrap().is_none());
    }

    #[test]
    fn garbage_never_panics_and_never_exceeds_the_limit(junk in prop::collection::vec(any::<u8>(), 0..2000)) {
        let mut buffer = BytesMut::from(junk.as_slice());
        let mut codec = FrameCodec::new(100);
        while let Ok(Some(frame)) = codec.decode(&mut buffer) { prop_assert!(frame.len() <= 100) }
    }
}

#[test]
fn the_limit_is_inclusive() {
    let mut wire = encoded(&[vec![1; 100]]);
    assert_eq!(FrameCodec::new(100).decode(&mut wire.clone()).unwrap().unwrap().len(), 100);
    assert!(matches!(FrameCodec::new(99).decode(&mut wire), Err(FrameError::TooLarge { length: 100, limit: 99 })));
    assert!(FrameCodec::new(99).encode(Bytes::from(vec![0; 100]), &mut BytesMut::new()).is_err());
}

#[test]
fn an_oversized_prefix_is_refused_before_its_body() {
    let mut wire = BytesMut::from(&[0xff, 0xff, 0xff, 0xff, 0x0f][..]);
    assert!(matches!(FrameCodec::new(1 << 20).decode(&mut wire), Err(FrameError::TooLarge { .. })));
}

#[test]
fn long_and_padded_prefixes_are_refused() {
    let prefixes: [&[u8]; 5] = [
        &[0x80, 0x80, 0x80, 0x80, 0x80, 0x01],
        &[0x81, 0x00],
        &[0xff, 0xff, 0xff, 0xff, 0xff],
        // More than 32 bits.
        &[0x80, 0x80, 0x80, 0x80, 0x10],
        &[0xff, 0xff, 0xff, 0xff, 0x7f],
    ];
    for prefix in prefixes {
        assert!(matches!(FrameCodec::new(1 << 20).decode(&mut BytesMut::from(prefix)), Err(FrameError::BadLength)));
    }
}

#[test]
fn an_end_inside_a_frame_is_an_error_and_between_frames_is_none() {
    let wire = encoded(&[vec![7; 10]]);
    for cut in 1..wire.len() {
        assert!(matches!(
            FrameCodec::new(64).decode_eof(&mut BytesMut::from(&wire[..cut])),
            Err(FrameError::Truncated)
        ));
    }
    assert!(FrameCodec::new(64).decode_eof(&mut BytesMut::new()).unwrap().is_none());
}

#[test]
fn a_promise_of_bytes_reserves_little() {
    let mut wire = BytesMut::new();
    put_length(&mut wire, 60 << 20);
    FrameCodec::new(64 << 20).decode(&mut wire).unwrap();
    assert!(wire.capacity() < 256 * 1024);
}
