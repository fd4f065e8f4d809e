//! The relay's messages: what is read is written and read again as the same, and a text's length is that of what it says.
//! Binary frames are cut where they should be.

use bytes::{Bytes, BytesMut};
use nws_protocol::relay::{Asked, Event, FromRelay, Request, Text, split_binary};

pub(crate) fn run(input: &[u8]) {
    if let Ok((channel, payload)) = split_binary(Bytes::copy_from_slice(input)) {
        assert_eq!([&channel.to_be_bytes()[..], &payload].concat(), input);
    }
    let Ok(text) = std::str::from_utf8(input) else { return };
    let is_json = serde_json::from_str::<&serde_json::value::RawValue>(text).is_ok();
    match Asked::parse(text) {
        Ok(asked) => {
            assert!(is_json);
            assert!(asked.id.is_some() || !asked.request.needs_id());
            if let Request::Data { data, .. } = &asked.request {
                same_text(data);
            }
            let mut again = BytesMut::new();
            asked.put(&mut again);
            let again = std::str::from_utf8(&again).expect("what is written is text");
            assert_eq!(Asked::parse(again).expect("what is written is a request"), asked);
        }
        Err(error) => {
            assert!(is_json || error.code().as_str() == "bad_json");
            assert!(error.to_string().len() < 1000);
        }
    }
    if let Ok(message) = FromRelay::parse(text) {
        assert!(is_json);
        if let FromRelay::Event(Event::Data { data, .. }) = &message {
            same_text(data);
        }
        if message == FromRelay::Unknown {
            return;
        }
        let mut again = BytesMut::new();
        message.put(&mut again);
        let again = std::str::from_utf8(&again).expect("what is written is text");
        let again = FromRelay::parse(again).expect("what is written is what a relay says");
        // A word that is not known is written as such, and reads as such.
        assert_eq!(again, message);
    }
}

/// A text has one length, whether it is decoded, passed on as it came, or written anew.
fn same_text(text: &Text<'_>) {
    let decoded = text.decode();
    assert_eq!(decoded.len(), text.bytes());
    let mut anew = BytesMut::new();
    Text::new(&decoded).put(&mut anew);
    assert_eq!(serde_json::from_slice::<String>(&anew).expect("what is written is a string"), *decoded);
}
