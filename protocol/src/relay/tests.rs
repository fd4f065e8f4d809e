//! The language of the relay: what was read is what was written, and what bad input is called.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may stop at the first surprise")]

mod arithmetic;
mod bad_input;

use super::*;
use bytes::{Bytes, BytesMut};
use proptest::prelude::*;

fn number() -> impl Strategy<Value = u64> {
    prop_oneof![Just(0), Just(MAX_NUMBER), 0..=MAX_NUMBER]
}

fn id() -> impl Strategy<Value = Option<u64>> {
    prop::option::of(number())
}

fn status() -> impl Strategy<Value = Option<u16>> {
    prop::option::of(prop_oneof![Just(1000), 3000_u16..5000])
}

fn reason() -> impl Strategy<Value = Option<String>> {
    prop::option::of(any::<String>().prop_map(|text| cut_reason(&text).to_owned()))
}

fn positions() -> impl Strategy<Value = Vec<Position>> {
    let position = (number(), number(), number()).prop_map(|(channel, received, consumed)| Position {
        channel,
        received,
        consumed,
    });
    prop::collection::vec(position, 0..5)
}

fn credential() -> impl Strategy<Value = Credential<'static>> {
    "[0-9]{1,39}".prop_map(|digits| Credential::new(digits).unwrap())
}

fn written(put: impl FnOnce(&mut BytesMut)) -> String {
    let mut dst = BytesMut::new();
    put(&mut dst);
    String::from_utf8(dst.to_vec()).unwrap()
}

fn same_request(id: Option<u64>, request: Request<'_>) {
    // Those that need an id get one.
    let id = if request.needs_id() { Some(id.unwrap_or(0)) } else { id };
    let asked = Asked { id, request };
    let text = written(|dst| asked.put(dst));
    assert!(serde_json::from_str::<serde_json::Value>(&text).is_ok(), "{text}");
    assert_eq!(Asked::parse(&text).unwrap(), asked, "{text}");
}

fn same_words(message: &FromRelay<'_>) {
    let text = written(|dst| message.put(dst));
    assert!(serde_json::from_str::<serde_json::Value>(&text).is_ok(), "{text}");
    assert_eq!(FromRelay::parse(&text).unwrap(), *message, "{text}");
}

proptest! {
    #[test]
    fn requests_are_read_as_they_were_written(
        id in id(), channel in number(), number in number(), port: u16, positions in positions(),
        credential in credential(), status in status(), reason in reason(), data: String,
    ) {
        let because = || reason.as_deref().map(Into::into);
        let text = Text::new(&data);
        for request in [
            Request::Register,
            Request::Resume { server: number, credential, channels: positions },
            Request::Unregister,
            Request::Connect { server: number, port },
            Request::Accept { channel },
            Request::Refuse { channel, reason: because() },
            Request::Data { channel, data: text },
            Request::Consumed { channel, bytes: number },
            Request::Finish { channel },
            Request::Close { channel, status, reason: because() },
            Request::Ping,
        ] {
            same_request(id, request);
        }
    }

    #[test]
    fn what_the_relay_says_is_read_as_it_was_written(
        id in number(), channel in number(), number in number(), port: u16, positions in positions(),
        credential in credential(), status in status(), reason in reason(), data: String,
    ) {
        let because = || reason.as_deref().map(Into::into);
        let answers = [
            Answer::Done,
            Answer::Pong,
            Answer::Registered { server: number, credential },
            Answer::Resumed { server: number, channels: positions },
            Answer::Connected { channel },
        ];
        for answer in answers {
            same_words(&FromRelay::Answer { id, answer });
        }
        for code in ErrorCode::KNOWN {
            let failure = Failure { code: *code, message: (&*data).into(), channel: Some(channel) };
            same_words(&FromRelay::Event(Event::Error(failure.clone())));
            same_words(&FromRelay::Answer { id, answer: Answer::Error(failure) });
        }
        for code in DisconnectCode::KNOWN {
            let end = Disconnected { channel, code: *code, status, reason: because() };
            same_words(&FromRelay::Event(Event::Disconnected(end)));
        }
        for event in [
            Event::Welcome(Welcome { window: number, message_bytes: id, grace_ms: channel }),
            Event::Connected { channel, server: number, port, address: "::1".into() },
            Event::Data { channel, data: Text::new(&data) },
            Event::Consumed { channel, bytes: number },
            Event::Finished { channel },
            Event::Replaced { server: number },
        ] {
            same_words(&FromRelay::Event(event));
        }
    }

    #[test]
    fn a_text_has_the_length_and_form_of_what_was_sent(data: String, escaped: bool) {
        // Other programs escape more than ours.
        let inside: String = if escaped {
            data.encode_utf16().map(|unit| format!("\\u{unit:04X}")).collect()
        } else {
            let json = serde_json::to_string(&data).unwrap();
            json[1..json.len() - 1].to_owned()
        };
        let message = Bytes::from(format!("{{\"type\":\"data\",\"channel\":7,\"data\":\"{inside}\"}}"));
        let text = std::str::from_utf8(&message).unwrap();
        let Request::Data { data: read, .. } = Asked::parse(text).unwrap().request else { panic!("{text}") };
        assert_eq!(read.decode(), &*data);
        assert_eq!(read.bytes(), data.len());
        let literal = message.slice_ref(read.literal().unwrap().as_bytes());
        assert_eq!(&*literal, format!("\"{inside}\"").as_bytes());
        assert_eq!(written(|dst| Text::new(&data).put(dst)).parse::<serde_json::Value>().unwrap(), *data);
    }

    #[test]
    fn the_length_of_any_json_string_is_that_of_what_it_says(
        pieces in prop::collection::vec(
            prop::sample::select(vec![
                "\\ud800", "\\udbff", "\\udc00", "\\uDFFF", "\\u0041", "\\u00e9", "\\u20ac", "\\\\", "\\\"", "\\/", "\\n",
                "u0041", "ud800", "é", "€", "😀", "x", "",
            ]),
            0..9,
        ),
    ) {
        let json = format!("\"{}\"", pieces.concat());
        let text = Text::from_literal(&json);
        assert_eq!(text.bytes(), text.decode().len(), "{json}");
        assert!(text.decode().len() >= json.len() / 6);
    }

    #[test]
    fn a_payload_is_found_behind_its_channel(channel: u64, payload: Vec<u8>) {
        let frame = Bytes::from([&binary_head(channel)[..], &payload].concat());
        let (read, rest) = split_binary(frame.clone()).unwrap();
        assert_eq!((read, &*rest), (channel, &*payload));
        assert!(rest.is_empty() || rest.as_ptr() == frame[BINARY_HEAD_BYTES..].as_ptr());
    }
}

#[test]
fn half_of_a_surrogate_pair_is_one_replacement_character() {
    for (json, says) in [
        (r#""\ud800""#, "\u{fffd}"),
        (r#""a\udc00b""#, "a\u{fffd}b"),
        (r#""\ud83d\ude00""#, "😀"),
        (r#""\ud83d\ud83d\ude00""#, "\u{fffd}😀"),
        (r#""\ude00\ud83d""#, "\u{fffd}\u{fffd}"),
        (r#""\ud83dx\ude00""#, "\u{fffd}x\u{fffd}"),
        (r#""\\ud83d""#, "\\ud83d"),
    ] {
        assert_eq!(Text::from_literal(json).decode(), says, "{json}");
        assert_eq!(Text::from_literal(json).bytes(), says.len(), "{json}");
    }
}

#[test]
fn long_texts_are_written_as_they_are() {
    for length in [0, 1, 63, 64, 65, 127, 128, 129, 1000] {
        for (at, odd) in [(0, "\""), (length / 2, "\\"), (length, "\n"), (length, "\u{1f}"), (length, "é")] {
            let mut text = "x".repeat(length);
            text.insert_str(at, odd);
            assert_eq!(written(|dst| Text::new(&text).put(dst)).parse::<serde_json::Value>().unwrap(), *text);
        }
    }
}

#[test]
fn a_frame_without_room_for_a_channel_is_refused() {
    for length in 0..BINARY_HEAD_BYTES {
        assert_eq!(split_binary(Bytes::from(vec![0; length])), Err(TooShort));
    }
    assert_eq!(split_binary(Bytes::from_static(&[0, 0, 0, 0, 0, 0, 1, 2])), Ok((258, Bytes::new())));
}

#[test]
fn the_examples_read_as_the_document_means_them() {
    let asked = Asked::parse(r#" {"type":"connect","id":0,"server":3,"port":80,"new":[{"type":"x"}]} "#).unwrap();
    assert_eq!(asked, Asked { id: Some(0), request: Request::Connect { server: 3, port: 80 } });
    // The last member counts, and names may be written with escapes.
    let asked = Asked::parse(r#"{"channel":"no","type":"ping","t\u0079pe":"accept","channel":9,"channel":7}"#).unwrap();
    assert_eq!(asked, Asked { id: None, request: Request::Accept { channel: 7 } });
    assert_eq!(FromRelay::parse(r#"{"type":"moved","to":5}"#).unwrap(), FromRelay::Unknown);
    assert_eq!(FromRelay::parse(r#"{"type":"moved","id":5}"#).unwrap(), FromRelay::Unknown);
    let text = written(|dst| Asked { id: Some(1), request: Request::Register }.put(dst));
    assert_eq!(text, r#"{"type":"register","id":1}"#);
    let text = written(|dst| Event::Finished { channel: 7 }.put(dst));
    assert_eq!(text, r#"{"type":"finished","channel":7}"#);
}

#[test]
fn a_credential_is_not_shown() {
    let secret = "340282366920938463463374607431768211455";
    let credential = Credential::new(secret).unwrap();
    let shown = format!("{credential:?} {:?}", Answer::Registered { server: 1, credential: credential.clone() });
    assert!(!shown.contains("3402"), "{shown}");
    assert_eq!(credential.into_owned().reveal(), secret);
    assert!(Credential::new("").is_none() && Credential::new("12 3").is_none() && Credential::new("٣").is_none());
}

#[test]
fn words_are_read_back() {
    for code in ErrorCode::KNOWN {
        assert_eq!(ErrorCode::from_word(code.as_str()), *code);
    }
    for code in DisconnectCode::KNOWN {
        assert_eq!(DisconnectCode::from_word(code.as_str()), *code);
    }
    assert_eq!(ErrorCode::from_word("new"), ErrorCode::Unknown);
    assert_eq!(DisconnectCode::from_word("new"), DisconnectCode::Unknown);
}

#[test]
fn reasons_are_cut_at_characters() {
    assert_eq!(cut_reason("fine"), "fine");
    assert_eq!(cut_reason(&"é".repeat(100)).len(), 122);
}
