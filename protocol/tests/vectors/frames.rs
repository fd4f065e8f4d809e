//! `frames.json`: however a stream is cut, the same frames come out.

use crate::{bytes, cases, closes_with, id, list, number};
use ::bytes::BytesMut;
use nws_protocol::{
    LinkCode,
    frame::{FrameCodec, FrameError, put_length},
};
use tokio_util::codec::{Decoder, Encoder};

/// What came out of a stream given in pieces of this size, and what became of the rest.
fn read(stream: &[u8], piece: usize, limit: usize) -> (Vec<Vec<u8>>, Result<BytesMut, FrameError>) {
    let (mut codec, mut src, mut frames) = (FrameCodec::new(limit), BytesMut::new(), Vec::new());
    for piece in stream.chunks(piece) {
        src.extend_from_slice(piece);
        loop {
            match codec.decode(&mut src) {
                Ok(Some(frame)) => frames.push(frame.to_vec()),
                Ok(None) => break,
                Err(error) => return (frames, Err(error)),
            }
        }
    }
    (frames, Ok(src))
}

fn code(error: &FrameError) -> LinkCode {
    match error {
        FrameError::TooLarge { .. } => LinkCode::FrameTooLarge,
        FrameError::BadLength => LinkCode::Malformed,
        other => panic!("{other}"),
    }
}

#[test]
fn streams_are_cut_into_frames() {
    for case in cases("frames.json") {
        let (stream, limit) = (bytes(&case["stream"]), number(&case["max_frame_bytes"]));
        let expected: Vec<_> = list(&case["frames"]).iter().map(bytes).collect();
        for piece in [1, 2, 3, 5, usize::MAX] {
            let (frames, rest) = read(&stream, piece, limit);
            assert_eq!(frames, expected, "{}", id(&case));
            match (case["result"].as_str().unwrap(), rest) {
                ("valid", Ok(rest)) => assert!(rest.is_empty(), "{}", id(&case)),
                ("incomplete", Ok(mut rest)) => {
                    assert!(!rest.is_empty(), "{}", id(&case));
                    let end = FrameCodec::new(limit).decode_eof(&mut rest);
                    assert!(matches!(end, Err(FrameError::Truncated)), "{}", id(&case));
                }
                ("invalid", Err(error)) => closes_with(&case, code(&error), id(&case)),
                (result, rest) => panic!("{} is {result}, not {rest:?}", id(&case)),
            }
        }
    }
}

/// Nothing else is written for frames than what is read.
#[test]
fn frames_are_written_as_they_are_read() {
    for case in cases("frames.json").iter().filter(|case| case["result"] == "valid") {
        let mut wire = BytesMut::new();
        for frame in list(&case["frames"]).iter().map(bytes) {
            let mut length = BytesMut::new();
            put_length(&mut length, frame.len());
            let start = wire.len();
            FrameCodec::new(number(&case["max_frame_bytes"])).encode(frame.into(), &mut wire).unwrap();
            assert!(wire[start..].starts_with(&length), "{}", id(case));
        }
        assert_eq!(wire, bytes(&case["stream"]), "{}", id(case));
    }
}
