//! What another library writes and reads, in any cutting; and garbage.

use super::{
    super::{PING, close_frame, close_reply, pong, put_text},
    *,
};
use bytes::BytesMut;
use proptest::prelude::*;
use std::io::{self, Cursor, Read, Write};
use tokio_tungstenite::tungstenite::{
    Message, WebSocket,
    protocol::{CloseFrame, Role},
};

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
