//! How a lane's bytes are cut into frames.

use crate::{
    file::{Case, File},
    json::{Json, Parts, unhex},
};
use bytes::{Bytes, BytesMut};
use nws_protocol::{
    LinkCode,
    frame::{FrameCodec, FrameError},
    limits::MAX_HELLO_FRAME_BYTES,
};
use tokio_util::codec::Decoder;

const BEFORE_HELLO: usize = MAX_HELLO_FRAME_BYTES;

pub(crate) fn file() -> File {
    let mut cases = whole();
    cases.extend(incomplete());
    cases.extend(refused());
    File {
        name: "frames",
        document: "02-links.md",
        sections: &["7", "13"],
        about: &[
            "The bytes of a lane, `stream`, are given to a reader of frames that accepts frames of at most \
             `max_frame_bytes`. However the bytes are cut into pieces on their way, the outcome is the same.",
            "`frames` are the bodies that come out, in order, without their length.",
            "result `valid`: the stream stands at the end of a frame. `incomplete`: it stands within a frame; more \
             is awaited, nothing is wrong yet, and a lane that ends there was given up (L-22). `invalid`: after \
             `frames` the link is closed with `code`.",
            "A frame is taken here for its length only: what its body is belongs to control.json and data.json.",
        ],
        flags: &[
            ("NotShortest", "The length is not in its shortest form."),
            ("TooLarge", "The length is over the limit. It is refused when the length is there, not when the body is."),
            ("TooLong", "The length has more than five bytes, or more than 32 bits."),
        ],
        cases,
    }
}

/// What the codec makes of a stream: the frames, and what became of the rest.
fn read(stream: &[u8], limit: usize) -> (Vec<Bytes>, Result<bool, FrameError>) {
    let (mut codec, mut src, mut frames) = (FrameCodec::new(limit), BytesMut::from(stream), Vec::new());
    loop {
        match codec.decode(&mut src) {
            Ok(Some(frame)) => frames.push(frame),
            Ok(None) => return (frames, Ok(src.is_empty())),
            Err(error) => return (frames, Err(error)),
        }
    }
}

fn case(case: Case, stream: Parts, limit: usize, expected: Result<bool, LinkCode>) -> Case {
    let (frames, rest) = read(&stream.bytes(), limit);
    let found = rest.map_err(|error| match error {
        FrameError::TooLarge { .. } => LinkCode::FrameTooLarge,
        FrameError::BadLength => LinkCode::Malformed,
        other => unreachable!("{other}"),
    });
    assert_eq!(found, expected, "{stream:?}");
    let case = case.input("max_frame_bytes", limit).input("stream", stream.json());
    let case = case.expect("frames", frames.iter().map(|frame| Parts::of(frame).json()).collect::<Json>());
    match expected {
        Ok(_) => case,
        Err(code) => case.code(code),
    }
}

fn plain(text: &str) -> Parts {
    Parts::default().then(unhex(text))
}

fn whole() -> Vec<Case> {
    let valid = |id, comment, requirements, stream| {
        case(Case::valid(id, comment, requirements), stream, BEFORE_HELLO, Ok(true))
    };
    vec![
        valid("nothing", "no bytes, no frame", &[], plain("")),
        valid("ping", "the example of section 7: Ping with the nonce 5", &["L-26"], plain("04 4a020805")),
        valid("empty", "a length of zero is a frame; its body, as a message, is refused", &["L-26"], plain("00")),
        valid("two", "two frames one after the other", &["L-26"], plain("04 4a020805 04 52020805")),
        valid("two-empty-one", "an empty frame between others", &["L-26"], plain("01 aa 00 01 bb")),
        valid("127", "the longest frame with a length of one byte", &["L-26"], plain("7f").times([0xaa], 127)),
        valid("128", "the shortest frame with a length of two bytes", &["L-26"], plain("8001").times([0xaa], 128)),
        valid("limit", "exactly the limit before Hello", &["L-26", "L-27"], plain("8020").times([0xaa], 4096)),
    ]
}

fn incomplete() -> Vec<Case> {
    let incomplete = |id, comment, requirements, stream, limit| {
        case(Case::new(id, comment, requirements, "incomplete"), plain(stream), limit, Ok(false))
    };
    vec![
        incomplete("half-length", "a length of which more bytes must come", &["L-22"], "80", BEFORE_HELLO),
        incomplete("four-of-five", "four bytes of a length of five", &["L-22"], "ffffffff", BEFORE_HELLO),
        incomplete("length-only", "a length without any of the body", &["L-22"], "04", BEFORE_HELLO),
        incomplete("half-body", "a body of which the last byte is missing", &["L-22"], "04 4a0208", BEFORE_HELLO),
        incomplete("frame-then-half", "a frame, and the beginning of another", &["L-22"], "01 aa 02 bb", BEFORE_HELLO),
        incomplete("64-kib", "the limit of the smallest max_frame_bytes", &["L-27", "L-33"], "808004", 65_536),
        incomplete("64-mib", "the limit of the largest max_frame_bytes", &["L-27", "L-33"], "80808020", 67_108_864),
    ]
}

fn refused() -> Vec<Case> {
    let invalid = |id, comment, flag, reason, stream, limit| {
        let (requirements, code): (&'static [&'static str], _) = match flag {
            "TooLarge" => (&["L-27"], LinkCode::FrameTooLarge),
            _ => (&["L-26"], LinkCode::Malformed),
        };
        case(Case::invalid(id, comment, requirements, reason).flag(flag), plain(stream), limit, Err(code))
    };
    let shortest = "a length must be in its shortest form";
    let long = "a length has at most five bytes and 32 bits";
    let large = "a frame over the limit";
    vec![
        invalid("zero-in-two", "0 in two bytes", "NotShortest", shortest, "8000", BEFORE_HELLO),
        invalid("four-in-two", "4 in two bytes, with its body", "NotShortest", shortest, "8400 4a020805", BEFORE_HELLO),
        invalid("four-in-three", "4 in three bytes", "NotShortest", shortest, "848000", BEFORE_HELLO),
        invalid("four-in-five", "4 in five bytes", "NotShortest", shortest, "8480808000", BEFORE_HELLO),
        invalid("127-in-two", "127 in two bytes", "NotShortest", shortest, "ff00", BEFORE_HELLO),
        invalid(
            "after-frames",
            "what came before is taken",
            "NotShortest",
            shortest,
            "01aa 00 01bb 8000",
            BEFORE_HELLO,
        ),
        invalid("six-bytes", "a length in six bytes", "TooLong", long, "808080808001", BEFORE_HELLO),
        invalid("six-zeros", "0 in six bytes", "TooLong", long, "808080808000", BEFORE_HELLO),
        invalid(
            "five-and-more",
            "seen with the fifth byte: more would follow",
            "TooLong",
            long,
            "ffffffffff",
            BEFORE_HELLO,
        ),
        invalid("one-over-4096", "one byte over the limit before Hello", "TooLarge", large, "8120", BEFORE_HELLO),
        invalid("one-over-64-kib", "one byte over the limit that Hello named", "TooLarge", large, "818004", 65_536),
        invalid("one-over-64-mib", "one byte over the largest limit", "TooLarge", large, "81808020", 67_108_864),
        invalid("32-bits", "the largest number of 32 bits", "TooLarge", large, "ffffffff0f", 67_108_864),
        invalid("33-bits", "one more than 32 bits hold", "TooLong", long, "8080808010", 67_108_864),
        invalid("35-bits", "the largest number in five bytes", "TooLong", long, "ffffffff7f", 67_108_864),
        invalid("large-after-frame", "what came before is taken", "TooLarge", large, "01aa 8120", BEFORE_HELLO),
    ]
}
