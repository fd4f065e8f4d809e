//! The sections of the Autobahn test suite: framing, pings, reserved bits, opcodes, fragmentation, UTF-8, close, limits; and
//! headers that no client may send.

use super::*;

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
