//! Strings of the relay's messages: the text of `data`, which is seldom looked into, the credential, which is never shown,
//! and how a JSON string is read and written.

use super::MAX_REASON_BYTES;
use bytes::{BufMut, BytesMut};
use serde::de::{self, Deserializer as _, Visitor};
use std::{borrow::Cow, fmt};

/// The text of a `data` message. What was read keeps the form in which it came, so that it can be passed on without being
/// decoded and written anew.
///
/// JSON can say half of a surrogate pair, which no text can hold: it counts, and decodes, as U+FFFD, as a WebSocket does with it.
#[derive(Clone, Copy)]
pub struct Text<'a>(Form<'a>);

#[derive(Clone, Copy)]
enum Form<'a> {
    Plain(&'a str),
    /// A valid JSON string with its quotes.
    Literal(&'a str),
}

impl<'a> Text<'a> {
    /// This text.
    #[must_use]
    pub const fn new(plain: &'a str) -> Self {
        Self(Form::Plain(plain))
    }

    /// A JSON string with its quotes, such as [`literal`](Self::literal) gave: it is written as it is.
    ///
    /// The caller answers for it being one; what else is given makes the message that it is written into no JSON.
    #[must_use]
    pub const fn from_literal(literal: &'a str) -> Self {
        Self(Form::Literal(literal))
    }

    /// The JSON string as it came, with its quotes, if it was read: a part of the text that was parsed, so that
    /// `Bytes::slice_ref` finds it there.
    #[must_use]
    pub const fn literal(&self) -> Option<&'a str> {
        match self.0 {
            Form::Plain(_) => None,
            Form::Literal(literal) => Some(literal),
        }
    }

    /// What it says; a copy only if the JSON holds escapes.
    #[must_use]
    pub fn decode(&self) -> Cow<'a, str> {
        match self.0 {
            Form::Plain(plain) => Cow::Borrowed(plain),
            Form::Literal(literal) => string(literal).unwrap_or_default(),
        }
    }

    /// How many bytes of UTF-8 it has, for its cost. Copies nothing.
    #[must_use]
    pub fn bytes(&self) -> usize {
        match self.0 {
            Form::Plain(plain) => plain.len(),
            Form::Literal(literal) => decoded_bytes(inside(literal).unwrap_or_default()),
        }
    }

    /// Appends it as a JSON string with quotes.
    pub fn put(&self, dst: &mut BytesMut) {
        match self.0 {
            Form::Plain(plain) => put_string(dst, plain),
            Form::Literal(literal) => dst.put_slice(literal.as_bytes()),
        }
    }
}

impl fmt::Debug for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Text({} bytes)", self.bytes())
    }
}

impl PartialEq for Text<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.decode() == other.decode()
    }
}

impl Eq for Text<'_> {}

/// What proves that a party may be a certain server: decimal digits. `Debug` does not show them.
#[derive(Clone, PartialEq, Eq)]
pub struct Credential<'a>(Cow<'a, str>);

impl<'a> Credential<'a> {
    /// A string of decimal digits; `None` if it is none.
    #[must_use]
    pub fn new(digits: impl Into<Cow<'a, str>>) -> Option<Self> {
        let digits = digits.into();
        (!digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())).then_some(Self(digits))
    }

    /// The digits, for whoever must compare or send them. Not to be logged.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// Its own copy.
    #[must_use]
    pub fn into_owned(self) -> Credential<'static> {
        Credential(Cow::Owned(self.0.into_owned()))
    }
}

impl fmt::Debug for Credential<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credential(…)")
    }
}

/// Cuts a reason to the 123 bytes that may travel, at a character border.
#[must_use]
pub fn cut_reason(reason: &str) -> &str {
    let mut end = reason.len().min(MAX_REASON_BYTES);
    while !reason.is_char_boundary(end) {
        end -= 1;
    }
    reason.get(..end).unwrap_or_default()
}

/// What a JSON string says; `None` when the JSON text, which is known to be valid, is no string.
pub(super) fn string(json: &str) -> Option<Cow<'_, str>> {
    let inside = inside(json)?;
    if !inside.contains('\\') {
        return Some(Cow::Borrowed(inside));
    }
    serde_json::Deserializer::from_str(json).deserialize_bytes(Unescaped).ok().map(Cow::Owned)
}

fn inside(json: &str) -> Option<&str> {
    json.strip_prefix('"')?.strip_suffix('"')
}

/// Takes a string as the bytes that serde_json makes of it, where half of a surrogate pair is three bytes that are not UTF-8.
struct Unescaped;

impl Visitor<'_> for Unescaped {
    type Value = String;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_bytes<E: de::Error>(self, bytes: &[u8]) -> Result<String, E> {
        let mut bytes = bytes.to_vec();
        // In UTF-8 no other character begins with these two bytes, and U+FFFD has as many.
        for at in 0..bytes.len() {
            if let Some(half @ [0xed, 0xa0..=0xff, _]) = bytes.get_mut(at..at.saturating_add(3)) {
                half.copy_from_slice("\u{fffd}".as_bytes());
            }
        }
        String::from_utf8(bytes).map_err(E::custom)
    }
}

/// How many bytes the inside of a valid JSON string has when it is decoded.
fn decoded_bytes(inside: &str) -> usize {
    let mut pieces = inside.split('\\');
    let mut bytes = pieces.next().map_or(0, str::len);
    // Whether the last thing was an escaped first half of a surrogate pair.
    let mut half = false;
    while let Some(piece) = pieces.next() {
        let hex = piece.strip_prefix('u').and_then(|rest| u16::from_str_radix(rest.get(..4)?, 16).ok());
        let (escape, character) = match hex {
            Some(0xdc00..=0xdfff) if half => (5, 1),
            Some(..0x80) => (5, 1),
            Some(..0x800) => (5, 2),
            Some(_) => (5, 3),
            None => (1, 1),
        };
        // A first half counts three bytes by itself; the second one makes four of them.
        let rest = piece.len().saturating_sub(escape);
        bytes = bytes.saturating_add(character).saturating_add(rest);
        half = rest == 0 && matches!(hex, Some(0xd800..=0xdbff));
        // An escaped backslash is followed by a piece that is no escape.
        if piece.is_empty() {
            bytes = bytes.saturating_add(pieces.next().map_or(0, str::len));
        }
    }
    bytes
}

/// What RFC 8259 section 7 asks to be escaped.
const fn needs_escape(byte: u8) -> bool {
    byte < 0x20 || byte == b'"' || byte == b'\\'
}

/// So many bytes are looked at with one step, which compilers make vector code of.
const BLOCK_BYTES: usize = 64;

/// Appends a text as a JSON string with its quotes.
pub(super) fn put_string(dst: &mut BytesMut, text: &str) {
    dst.reserve(text.len().saturating_add(2));
    dst.put_u8(b'"');
    // Of blocks without anything to escape, as many as possible are copied at once.
    let plain = |block: &[u8]| !block.iter().fold(false, |found, byte| found | needs_escape(*byte));
    for run in text.as_bytes().chunks(BLOCK_BYTES) {
        if plain(run) { dst.put_slice(run) } else { run.iter().for_each(|byte| put_byte(dst, *byte)) }
    }
    dst.put_u8(b'"');
}

fn put_byte(dst: &mut BytesMut, byte: u8) {
    const HEX: [u8; 16] = *b"0123456789abcdef";
    match byte {
        b'"' => dst.put_slice(b"\\\""),
        b'\\' => dst.put_slice(b"\\\\"),
        b'\n' => dst.put_slice(b"\\n"),
        0..0x20 => {
            let low = HEX.get(usize::from(byte & 0xf)).copied().unwrap_or_default();
            dst.put_slice(&[b'\\', b'u', b'0', b'0', b'0' + (byte >> 4), low]);
        }
        plain => dst.put_u8(plain),
    }
}
