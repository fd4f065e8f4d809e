//! What goes out to parties, and how an item of a channel looks in either dialect.

use super::model::Dialect;
use bytes::{Bytes, BytesMut};
use nws_protocol::relay::{Answer, Event, FromRelay, Text};
use std::borrow::Cow;
use tokio_tungstenite::tungstenite::Utf8Bytes;

/// What a frame that waits needs beside its bytes, about.
pub(super) const OVERHEAD_BYTES: usize = 96;

/// A shorter one gets memory of its own when it has to wait, as it may be a small part of a much larger buffer, all of which
/// it would keep.
const OWN_BYTES: usize = 16 * 1024;

/// Of what is only repeated to who sent it, so much is. A guess.
const BRIEF_BYTES: usize = 256;

/// The beginning of a longer text.
pub(super) fn brief(text: &str) -> Cow<'_, str> {
    if text.len() <= BRIEF_BYTES {
        return Cow::Borrowed(text);
    }
    // A character has four bytes at most.
    let head = (0..4).find_map(|less| text.get(..BRIEF_BYTES - less)).unwrap_or_default();
    Cow::Owned(format!("{head}…"))
}

/// One frame to a party.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Frame {
    Text(Utf8Bytes),
    Binary(Bytes),
}

impl Frame {
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::Binary(bytes) => bytes.len(),
        }
    }

    pub(super) fn event(event: &Event<'_>) -> Self {
        Self::put(|dst| event.put(dst))
    }

    pub(super) fn answer(id: u64, answer: &Answer<'_>) -> Self {
        Self::put(|dst| answer.put(id, dst))
    }

    pub(super) fn words(words: impl Into<String>) -> Self {
        Self::Text(words.into().into())
    }

    pub(super) const fn fixed(words: &'static str) -> Self {
        Self::Text(Utf8Bytes::from_static(words))
    }

    fn put(write: impl FnOnce(&mut BytesMut)) -> Self {
        let mut dst = BytesMut::new();
        write(&mut dst);
        // All that is put is text, so this never takes the other way.
        Self::Text(Utf8Bytes::try_from(dst).unwrap_or_default())
    }
}

/// An item of a channel, in the form in which it came or was first needed.
#[derive(Debug, Clone)]
pub(super) enum Payload {
    /// The event `data` of this channel.
    Event(Utf8Bytes),
    /// Text.
    Plain(Utf8Bytes),
    /// The number of the channel, and data.
    Binary(Bytes),
    Finish,
}

impl Payload {
    /// The data of a request, which is this text. If the event would be the same, it is.
    pub(super) fn of(request: &Utf8Bytes, channel: u64, data: Text<'_>) -> Self {
        if data.literal().is_some_and(|literal| is_event(request, channel, literal)) {
            return Self::Event(own_text(request));
        }
        let Frame::Text(event) = Frame::event(&Event::Data { channel, data }) else { return Self::Finish };
        Self::Event(event)
    }

    pub(super) fn plain(text: String) -> Self {
        Self::Plain(text.into())
    }

    pub(super) fn binary(frame: &Bytes) -> Self {
        Self::Binary(if frame.len() < OWN_BYTES { Bytes::copy_from_slice(frame) } else { frame.clone() })
    }

    /// As a party of this dialect gets it; nothing if it can't be told. `called` is what the sender is called in the
    /// first dialect.
    pub(super) fn frame(&self, dialect: Dialect, channel: u64, called: u64, delimiter: &str) -> Option<Frame> {
        let plain = |text: &str| Frame::words(format!("from:data: {called}{delimiter}{text}"));
        match (self, dialect) {
            (Self::Event(event), Dialect::Own) => Some(Frame::Text(event.clone())),
            (Self::Plain(text), Dialect::Own) => Some(Frame::event(&Event::Data { channel, data: Text::new(text) })),
            (Self::Binary(frame), Dialect::Own) => Some(Frame::Binary(frame.clone())),
            (Self::Finish, Dialect::Own) => Some(Frame::event(&Event::Finished { channel })),
            (Self::Plain(text), Dialect::First) => Some(plain(text)),
            (Self::Event(event), Dialect::First) => match FromRelay::parse(event) {
                Ok(FromRelay::Event(Event::Data { data, .. })) => Some(plain(&data.decode())),
                _ => None,
            },
            (Self::Binary(_) | Self::Finish, Dialect::First) => None,
        }
    }
}

/// The bytes of the data in an event of it.
pub(super) fn data_bytes(event: &str) -> usize {
    match FromRelay::parse(event) {
        Ok(FromRelay::Event(Event::Data { data, .. })) => data.bytes(),
        _ => 0,
    }
}

fn own_text(text: &Utf8Bytes) -> Utf8Bytes {
    if text.len() < OWN_BYTES { text.as_str().to_owned().into() } else { text.clone() }
}

/// Whether this request is written as the event with the same data is.
fn is_event(request: &str, channel: u64, literal: &str) -> bool {
    let Some(head) = request.strip_suffix('}').and_then(|rest| rest.strip_suffix(literal)) else { return false };
    let number = head.strip_prefix(r#"{"type":"data","channel":"#).and_then(|rest| rest.strip_suffix(r#","data":"#));
    // The one form that a number has in what is written, without a leading zero.
    number.is_some_and(|number| number.parse() == Ok(channel) && (number == "0" || !number.starts_with(['0', '+'])))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

    use super::*;
    use nws_protocol::relay::{Asked, Request};

    fn payload(request: &str) -> String {
        let text = Utf8Bytes::from(request);
        let asked = Asked::parse(&text).unwrap();
        let Request::Data { channel, data } = asked.request else { panic!() };
        match Payload::of(&text, channel, data) {
            Payload::Event(event) => event.as_str().to_owned(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn every_way_to_write_a_request_gives_the_event_in_its_one_form() {
        let event = r#"{"type":"data","channel":7,"data":"a\n\"é"}"#;
        for request in [
            event,
            r#" {"type":"data","channel":7,"data":"a\n\"é"}"#,
            r#"{"type":"data","id":1,"channel":7,"data":"a\n\"é"}"#,
            r#"{"channel":7,"type":"data","data":"a\n\"é","more":"\"}"}"#,
            r#"{"type":"data","channel":6,"data":"no","channel":7,"data":"a\n\"é"}"#,
        ] {
            assert_eq!(payload(request), event, "{request}");
        }
        let other = r#"{"type":"data","channel":7,"data":"x","a":"x"}"#;
        assert_eq!(payload(other), r#"{"type":"data","channel":7,"data":"x"}"#);
    }
}
