#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may stop at the first surprise")]

//! The cases follow the sections of the Autobahn test suite: framing, pings, reserved bits, opcodes,
//! fragmentation, UTF-8, close, limits.

use super::{Incoming, PING, Reader, close_frame, close_reply, mask, pong, put_text};
use bytes::BytesMut;
use nws_protocol::ClientClose;
use proptest::prelude::*;
use std::{
    io::{self, Cursor, Read, Write},
    ops::ControlFlow,
};
use tokio_tungstenite::tungstenite::{
    Message, WebSocket,
    protocol::{CloseFrame, Role},
};

const LIMIT: usize = 1 << 20;
const KEY: [u8; 4] = [0x37, 0xFA, 0x21, 0x3D];

const CONT: u8 = 0x0;
const TEXT: u8 = 0x1;
const BINARY: u8 = 0x2;
const CLOSE: u8 = 0x8;
const PING_OP: u8 = 0x9;
const PONG: u8 = 0xA;
const FIN: u8 = 0x80;

#[derive(Debug, Clone, PartialEq, Eq)]
enum Got {
    Text(String),
    Binary(Vec<u8>),
    Ping(Vec<u8>),
    Pong(Vec<u8>),
    Close(Option<u16>),
    Fault(ClientClose),
}

impl From<Incoming<'_>> for Got {
    fn from(incoming: Incoming<'_>) -> Self {
        match incoming {
            Incoming::Text(text) => Self::Text(text.to_owned()),
            Incoming::Binary(data) => Self::Binary(data.to_vec()),
            Incoming::Ping(data) => Self::Ping(data.to_vec()),
            Incoming::Pong(data) => Self::Pong(data.to_vec()),
            Incoming::Close(code) => Self::Close(code),
        }
    }
}

/// A frame of a client; `first` is the first byte.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    frame_with(first, payload, KEY)
}

fn frame_with(first: u8, payload: &[u8], key: [u8; 4]) -> Vec<u8> {
    let mut bytes = vec![first];
    match payload.len() {
        short @ 0..=125 => bytes.push(0x80 | short as u8),
        medium @ 126..=0xFFFF => {
            bytes.push(0x80 | 126);
            bytes.extend((medium as u16).to_be_bytes());
        }
        long => {
            bytes.push(0x80 | 127);
            bytes.extend((long as u64).to_be_bytes());
        }
    }
    bytes.extend(key);
    bytes.extend(payload.iter().zip(key.iter().cycle()).map(|(byte, key)| byte ^ key));
    bytes
}

/// Feeds the stream in these pieces.
fn read_pieces<'a>(limit: usize, pieces: impl IntoIterator<Item = &'a [u8]>) -> Vec<Got> {
    let mut reader = Reader::new(limit);
    let mut got = Vec::new();
    for piece in pieces {
        let mut scratch = piece.to_vec();
        let fed = reader.feed(&mut scratch, &mut |incoming| {
            got.push(Got::from(incoming));
            ControlFlow::Continue(())
        });
        match fed {
            Ok(used) => assert_eq!(used, piece.len()),
            Err(close) => got.push(Got::Fault(close)),
        }
    }
    got
}

/// Feeds the stream whole and byte by byte, which must come to the same.
fn read(stream: &[u8]) -> Vec<Got> {
    read_limited(LIMIT, stream)
}

fn read_limited(limit: usize, stream: &[u8]) -> Vec<Got> {
    let whole = read_pieces(limit, [stream]);
    assert_eq!(whole, read_pieces(limit, stream.chunks(1)), "byte by byte");
    whole
}

fn text(text: &str) -> Got {
    Got::Text(text.to_owned())
}

/// What the stream ends with must be a fault with this code, and nothing follows it.
fn code_of(got: &[Got]) -> Option<u16> {
    match got.last() {
        Some(Got::Fault(close)) => Some(close.code()),
        _ => None,
    }
}

#[test]
fn section_1_messages_of_every_length() {
    for length in [0, 1, 125, 126, 127, 128, 65_535, 65_536, 65_537, 300_000] {
        let payload = "*".repeat(length);
        assert_eq!(read_pieces(LIMIT, [&*frame(FIN | TEXT, payload.as_bytes())]), [text(&payload)]);
        let binary = vec![0xFE; length];
        let stream = frame(FIN | BINARY, &binary);
        for size in [1, 997, 65_536] {
            assert_eq!(read_pieces(LIMIT, stream.chunks(size)), [Got::Binary(binary.clone())], "{length} by {size}");
        }
    }
}

#[test]
fn section_2_pings_and_pongs() {
    let ping = |payload: &[u8]| frame(FIN | PING_OP, payload);
    assert_eq!(read(&ping(b"")), [Got::Ping(vec![])]);
    assert_eq!(read(&ping(b"Hello, world!")), [Got::Ping(b"Hello, world!".to_vec())]);
    let binary: Vec<u8> = (0..=124).rev().collect();
    assert_eq!(read(&ping(&binary)), [Got::Ping(binary.clone())]);
    assert_eq!(read(&frame(FIN | PONG, b"unasked")), [Got::Pong(b"unasked".to_vec())]);
    let ten: Vec<u8> = (0..10u8).flat_map(|i| ping(&[i])).collect();
    assert_eq!(read(&ten), (0..10u8).map(|i| Got::Ping(vec![i])).collect::<Vec<_>>());
    let mut long = vec![FIN | PING_OP, 0x80 | 126, 0, 126];
    long.extend(KEY);
    long.extend([0; 126]);
    assert_eq!(code_of(&read(&long)), Some(1002));
}

#[test]
fn section_3_reserved_bits() {
    for bits in 1..8u8 {
        for opcode in [CONT, TEXT, BINARY, CLOSE, PING_OP, PONG] {
            let mut stream = frame(FIN | TEXT, b"before");
            stream.extend(frame(FIN | bits << 4 | opcode, b""));
            stream.extend(frame(FIN | PING_OP, b"after"));
            let got = read(&stream);
            assert_eq!(got.len(), 2, "{got:?}");
            assert_eq!(code_of(&got), Some(1002));
        }
    }
}

#[test]
fn section_4_opcodes() {
    for opcode in [3, 4, 5, 6, 7, 11, 12, 13, 14, 15] {
        for payload in [&b""[..], b"x"] {
            let mut stream = frame(FIN | TEXT, b"before");
            stream.extend(frame(FIN | opcode, payload));
            let got = read(&stream);
            assert_eq!((got.len(), code_of(&got)), (2, Some(1002)), "{opcode}");
        }
    }
}

#[test]
fn section_5_fragmentation() {
    let stream =
        |frames: &[(u8, &[u8])]| frames.iter().flat_map(|(first, data)| frame(*first, data)).collect::<Vec<_>>();
    let both = [text("fragment1fragment2")];
    assert_eq!(read(&stream(&[(TEXT, b"fragment1"), (FIN, b"fragment2")])), both);
    assert_eq!(
        read(&stream(&[(TEXT, b"fragment1"), (FIN | PING_OP, b"p"), (FIN, b"fragment2")])),
        [Got::Ping(b"p".to_vec()), text("fragment1fragment2")]
    );
    assert_eq!(read(&stream(&[(TEXT, b""), (CONT, b""), (FIN, b"")])), [text("")]);
    assert_eq!(read(&stream(&[(TEXT, b""), (CONT, b"middle"), (FIN, b"")])), [text("middle")]);
    assert_eq!(read(&stream(&[(BINARY, b"\xFF"), (FIN, b"\xFE")])), [Got::Binary(vec![0xFF, 0xFE])]);
    for wrong in [
        &[(PING_OP, &b"part"[..]), (FIN, b"rest")][..],
        &[(PONG, b"part"), (FIN, b"rest")],
        &[(CLOSE, b""), (FIN, b"")],
        &[(FIN, b"continuation of nothing")],
        &[(CONT, b"continuation of nothing")],
        &[(TEXT, b"one"), (FIN | TEXT, b"two")],
        &[(TEXT, b"one"), (BINARY, b"two")],
        &[(FIN | TEXT, b"one"), (FIN, b"two")],
    ] {
        assert_eq!(code_of(&read(&stream(wrong))), Some(1002), "{wrong:?}");
    }
}

#[test]
fn section_6_utf8() {
    for good in ["Hello-µ@ßöäüàá-UTF-8!!", "κόσμε", "\u{10FFFF}", "\u{FFFF}\0", "\u{D7FF}\u{E000}"] {
        assert_eq!(read(&frame(FIN | TEXT, good.as_bytes())), [text(good)]);
        // One byte to a fragment, so that characters are torn.
        let (last, others) = good.as_bytes().split_last().unwrap();
        let mut stream = frame(TEXT, b"");
        for byte in others {
            stream.extend(frame(CONT, &[*byte]));
        }
        stream.extend(frame(FIN, &[*last]));
        assert_eq!(read(&stream), [text(good)]);
    }
    for bad in [&b"\xCE\xBA\xED\xA0\x80edited"[..], b"\xF4\x90\x80\x80", b"\xC0\xAF", b"\x80", b"\xCE", b"ok\xF0\x9F"] {
        assert_eq!(read(&frame(FIN | TEXT, bad)), [Got::Fault(ClientClose::NotUtf8)], "{bad:?}");
        assert_eq!(read(&frame(FIN | BINARY, bad)), [Got::Binary(bad.to_vec())]);
    }
}

#[test]
fn section_7_close() {
    let close = |payload: &[u8]| frame(FIN | CLOSE, payload);
    let with = |code: u16, reason: &[u8]| close(&[&code.to_be_bytes(), reason].concat());
    assert_eq!(read(&close(b"")), [Got::Close(None)]);
    for code in [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999] {
        assert_eq!(read(&with(code, b"")), [Got::Close(Some(code))]);
        assert_eq!(read(&with(code, "gründe".as_bytes())), [Got::Close(Some(code))]);
    }
    assert_eq!(read(&with(1000, &[b'*'; 123])), [Got::Close(Some(1000))]);
    for code in [0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65_535] {
        assert_eq!(code_of(&read(&with(code, b""))), Some(1002), "{code}");
    }
    assert_eq!(code_of(&read(&close(b"\x03"))), Some(1002));
    assert_eq!(read(&with(1000, b"\xCE\xBA\xED\xA0\x80")), [Got::Fault(ClientClose::NotUtf8)]);
    // Nothing is handed out after a close, not even a fault.
    for after in [frame(FIN | TEXT, b"after"), frame(FIN | CLOSE, b""), b"garbage".to_vec()] {
        assert_eq!(read(&[close(b""), after].concat()), [Got::Close(None)]);
    }
    let mut inside = frame(TEXT, b"never whole");
    inside.extend(close(b""));
    assert_eq!(read(&inside), [Got::Close(None)]);
}

#[test]
fn section_9_limits() {
    let limit = 1000;
    let full = vec![b'x'; limit];
    assert_eq!(read_limited(limit, &frame(FIN | BINARY, &full)), [Got::Binary(full.clone())]);
    assert_eq!(read_limited(limit, &[frame(BINARY, &full), frame(FIN, b"")].concat()), [Got::Binary(full.clone())]);
    let too_big = [Got::Fault(ClientClose::TooBig(limit))];
    assert_eq!(read_limited(limit, &frame(FIN | BINARY, &[0; 1001])), too_big);
    // The length alone is enough, whatever it promises; so is the sum of fragments.
    assert_eq!(read_limited(limit, &[FIN | TEXT, 0x80 | 126, 0x03, 0xE9]), too_big);
    assert_eq!(read_limited(limit, &[FIN | TEXT, 0x80 | 127, 0x7F, 0xFF, 255, 255, 255, 255, 255, 255]), too_big);
    assert_eq!(read_limited(limit, &[frame(BINARY, &full), frame(FIN, b"x")].concat()), too_big);
    // A control frame is not part of a message.
    let between = [frame(BINARY, &full), frame(FIN | PING_OP, b"p"), frame(FIN, b"")].concat();
    assert_eq!(read_limited(limit, &between), [Got::Ping(b"p".to_vec()), Got::Binary(full)]);
}

#[test]
fn headers_that_no_client_may_send() {
    for (header, why) in [
        (&[FIN | TEXT, 0x05][..], "not masked"),
        (&[FIN | PING_OP, 0x00], "not masked"),
        (&[FIN | TEXT, 0x80 | 126, 0, 125], "not the shortest form"),
        (&[FIN | TEXT, 0x80 | 126, 0, 0], "not the shortest form"),
        (&[FIN | TEXT, 0x80 | 127, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF], "not the shortest form"),
        (&[FIN | TEXT, 0x80 | 127, 0x80, 0, 0, 0, 0, 0, 0, 0], "highest bit"),
        (&[FIN | TEXT, 0x80 | 127, 0xFF, 255, 255, 255, 255, 255, 255, 255], "highest bit"),
        (&[FIN | CLOSE, 0x80 | 126], "long control frame"),
        (&[FIN | PONG, 0x80 | 127], "long control frame"),
    ] {
        assert_eq!(code_of(&read(header)), Some(1002), "{why}: {header:?}");
    }
}

#[test]
fn a_whole_message_is_not_copied_and_an_idle_reader_holds_nothing() {
    assert!(size_of::<Reader>() < 100, "{}", size_of::<Reader>());
    let mut reader = Reader::new(LIMIT);
    let mut input = [frame(FIN | TEXT, b"one"), frame_with(FIN | BINARY, b"two", [0; 4])].concat();
    let inside = input.as_ptr_range();
    let mut seen = 0;
    reader
        .feed(&mut input, &mut |incoming| {
            let start = match incoming {
                Incoming::Text(text) => text.as_ptr(),
                Incoming::Binary(data) => data.as_ptr(),
                _ => std::ptr::null(),
            };
            assert!(inside.contains(&start));
            seen += 1;
            ControlFlow::Continue(())
        })
        .unwrap();
    assert_eq!(seen, 2);
    let big = frame(FIN | BINARY, &[7; 200_000]);
    for (index, piece) in big.chunks(1000).enumerate() {
        reader.feed(&mut piece.to_vec(), &mut |_| ControlFlow::Continue(())).unwrap();
        let arrived = (index + 1) * 1000;
        assert!(reader.held_bytes() <= (2 * arrived).max(64 * 1024), "{arrived}: {}", reader.held_bytes());
    }
    assert_eq!(reader.held_bytes(), 0);
    assert!(!reader.is_partial());
}

#[test]
fn a_promise_alone_reserves_little() {
    let mut reader = Reader::new(1 << 30);
    let mut input = vec![FIN | BINARY, 0x80 | 127, 0, 0, 0, 0, 0x40, 0, 0, 0, 1, 2, 3, 4, 5];
    reader.feed(&mut input, &mut |_| ControlFlow::Continue(())).unwrap();
    assert!(reader.is_partial());
    assert!(reader.held_bytes() <= 64 * 1024);
    // Fragments of one byte each: no more than doubling, and not one allocation for each.
    let mut reader = Reader::new(1 << 20);
    let (mut grown, mut last) = (0, 0);
    let firsts = std::iter::once(BINARY).chain(std::iter::repeat_n(CONT, 100_000));
    for (index, first) in firsts.enumerate() {
        reader.feed(&mut frame(first, b"x"), &mut |_| ControlFlow::Continue(())).unwrap();
        if reader.held_bytes() != last {
            (grown, last) = (grown + 1, reader.held_bytes());
        }
        assert!(reader.held_bytes() <= 2 * (index + 1));
    }
    assert!(grown < 20, "{grown}");
}

#[test]
fn a_break_leaves_the_rest_as_it_was() {
    let frames = [frame(FIN | TEXT, b"one"), frame(FIN | TEXT, b"two"), frame(FIN | TEXT, b"three")];
    let mut input = frames.concat();
    let mut reader = Reader::new(LIMIT);
    let mut got = Vec::new();
    let mut used = 0;
    while used < input.len() {
        used += reader
            .feed(&mut input[used..], &mut |incoming| {
                got.push(Got::from(incoming));
                ControlFlow::Break(())
            })
            .unwrap();
    }
    assert_eq!(got, [text("one"), text("two"), text("three")]);
    assert_eq!(input.len(), frames.concat().len());
}

#[test]
fn masking_is_its_own_reverse_at_every_phase() {
    let plain: Vec<u8> = (0..100).collect();
    for cut in 0..plain.len() {
        let mut data = plain.clone();
        let (front, back) = data.split_at_mut(cut);
        mask::apply(front, KEY);
        mask::apply(back, mask::advance(KEY, cut));
        let expected: Vec<u8> = plain.iter().zip(KEY.iter().cycle()).map(|(byte, key)| byte ^ key).collect();
        assert_eq!(data, expected);
    }
}

/// A stream for the other library: what it writes is collected, what it reads is given.
struct Wire {
    written: Vec<u8>,
    given: Cursor<Vec<u8>>,
}

impl Wire {
    fn giving(given: Vec<u8>) -> Self {
        Self { written: Vec::new(), given: Cursor::new(given) }
    }
}

impl Read for Wire {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.given.read(buf)
    }
}

impl Write for Wire {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.written.write(buf)
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn foreign_client(given: Vec<u8>) -> WebSocket<Wire> {
    WebSocket::from_raw_socket(Wire::giving(given), Role::Client, None)
}

#[test]
fn what_we_write_another_library_reads() {
    let mut frames = BytesMut::new();
    for length in [0, 5, 125, 126, 65_535, 65_536] {
        put_text(&mut frames, &"é".repeat(length / 2));
    }
    frames.extend_from_slice(PING);
    frames.extend_from_slice(&pong(b"back"));
    frames.extend_from_slice(&close_frame(1013, &"é".repeat(100)));
    let mut client = foreign_client(frames.to_vec());
    for length in [0, 5, 125, 126, 65_535, 65_536] {
        assert_eq!(client.read().unwrap(), Message::text("é".repeat(length / 2)));
    }
    assert!(matches!(client.read().unwrap(), Message::Ping(payload) if payload.is_empty()));
    assert_eq!(client.read().unwrap(), Message::Pong("back".into()));
    let Message::Close(Some(CloseFrame { code, reason })) = client.read().unwrap() else { panic!("no close") };
    assert_eq!((u16::from(code), reason.as_str()), (1013, "é".repeat(61).as_str()));
    assert_eq!(close_reply(None)[..], [0x88, 0]);
    assert_eq!(close_reply(Some(1000))[..], [0x88, 2, 0x03, 0xE8]);
}

fn any_message() -> impl Strategy<Value = Got> {
    let payload = prop_oneof![
        8 => proptest::collection::vec(any::<u8>(), 0..300),
        1 => proptest::collection::vec(any::<u8>(), 65_500..66_000),
    ];
    prop_oneof![
        4 => ".{0,200}".prop_map(Got::Text),
        4 => payload.prop_map(Got::Binary),
        1 => proptest::collection::vec(any::<u8>(), 0..=125).prop_map(Got::Ping),
        1 => proptest::collection::vec(any::<u8>(), 0..=125).prop_map(Got::Pong),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    #[test]
    fn what_another_library_writes_we_read(messages in proptest::collection::vec(any_message(), 0..8)) {
        let mut client = foreign_client(Vec::new());
        for message in &messages {
            let message = match message.clone() {
                Got::Text(text) => Message::text(text),
                Got::Binary(data) => Message::binary(data),
                Got::Ping(data) => Message::Ping(data.into()),
                Got::Pong(data) => Message::Pong(data.into()),
                Got::Close(_) | Got::Fault(_) => continue,
            };
            client.send(message).unwrap();
        }
        prop_assert_eq!(read_pieces(LIMIT, [&*client.get_ref().written]), messages);
    }

    #[test]
    fn any_cutting_gives_the_same(
        messages in proptest::collection::vec((any_message(), any::<[u8; 4]>(), 1..5usize), 1..6),
        sizes in proptest::collection::vec(1..400usize, 1..20),
    ) {
        let mut stream = Vec::new();
        let mut expected = Vec::new();
        for (message, key, fragments) in &messages {
            let (opcode, payload) = match message {
                Got::Text(text) => (TEXT, text.as_bytes()),
                Got::Binary(data) => (BINARY, data.as_slice()),
                Got::Ping(data) => (PING_OP, data.as_slice()),
                Got::Pong(data) => (PONG, data.as_slice()),
                Got::Close(_) | Got::Fault(_) => continue,
            };
            expected.push(message.clone());
            let parts: Vec<&[u8]> = if opcode < CLOSE && !payload.is_empty() {
                payload.chunks(payload.len().div_ceil(*fragments)).collect()
            } else {
                vec![payload]
            };
            for (index, part) in parts.iter().enumerate() {
                let first = if index == 0 { opcode } else { CONT };
                let last = if index + 1 == parts.len() { FIN } else { 0 };
                stream.extend(frame_with(first | last, part, *key));
            }
        }
        prop_assert_eq!(&read_pieces(LIMIT, [&*stream]), &expected);
        let mut pieces = Vec::new();
        let mut rest = &*stream;
        for size in sizes.iter().cycle() {
            let (piece, after) = rest.split_at((*size).min(rest.len()));
            pieces.push(piece);
            rest = after;
            if rest.is_empty() {
                break;
            }
        }
        prop_assert_eq!(&read_pieces(LIMIT, pieces), &expected);
    }

    #[test]
    fn garbage_never_panics_and_cutting_it_changes_nothing(
        garbage in proptest::collection::vec(any::<u8>(), 0..600),
        size in 1..20usize,
    ) {
        prop_assert_eq!(read_pieces(500, [&*garbage]), read_pieces(500, garbage.chunks(size)));
    }

    /// Garbage that gets past the first checks more often.
    #[test]
    fn likely_frames_never_panic(
        frames in proptest::collection::vec((any::<bool>(), 0..16u8, proptest::collection::vec(any::<u8>(), 0..200)), 0..10),
        size in 1..50usize,
    ) {
        let stream: Vec<u8> =
            frames.iter().flat_map(|(last, opcode, data)| frame(if *last { FIN } else { 0 } | opcode, data)).collect();
        prop_assert_eq!(read_pieces(500, [&*stream]), read_pieces(500, stream.chunks(size)));
    }
}
