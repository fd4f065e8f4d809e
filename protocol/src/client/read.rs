//! What a client sent, in one pass over the text and without a copy unless an action or target holds escapes.

use super::ErrorCode;
use serde::de::{self, Deserializer as _, MapAccess, Visitor};
use serde_json::value::RawValue;
use std::{borrow::Cow, fmt};

/// What a client asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request<'a> {
    /// Say this to all others in the channel.
    Broadcast {
        /// The JSON text as sent; `None` when the member is missing.
        data: Option<&'a str>,
    },
    /// Say this to one peer.
    Message {
        /// The peer's id, as the client wrote it: it may be no id at all.
        target: Cow<'a, str>,
        /// The JSON text as sent; `None` when the member is missing.
        data: Option<&'a str>,
    },
    /// Who am I?
    Status,
}

/// Why a text is no request. `Display` is the sentence for the person who wrote the client.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RequestError {
    /// Not JSON.
    #[error("this is not JSON: {0}")]
    BadJson(#[source] serde_json::Error),
    /// JSON, but no message.
    #[error("{0}")]
    BadMessage(&'static str),
    /// An action that is none of a client's.
    #[error("unknown action \"{action}\": a client may send \"broadcast\", \"message\" and \"status\"")]
    UnknownAction {
        /// The action, cut to 64 characters.
        action: String,
    },
}

impl RequestError {
    /// The stable word for it.
    #[must_use]
    pub const fn code(&self) -> ErrorCode {
        match self {
            Self::BadJson(_) => ErrorCode::BadJson,
            Self::BadMessage(_) => ErrorCode::BadMessage,
            Self::UnknownAction { .. } => ErrorCode::UnknownAction,
        }
    }
}

/// Characters of an unknown action that the error repeats; a guess at what a person still reads.
const MAX_ACTION_CHARS: usize = 64;

/// Reads one message of a client. Of members with the same name the last one counts; unknown members are ignored. Names
/// are compared without regard to ASCII case, as the original did.
///
/// # Errors
/// When the text is not JSON, is no message, or asks for an unknown action.
pub fn parse(text: &str) -> Result<Request<'_>, RequestError> {
    let members = Members::of(text)?;
    let action = members.action.ok_or(RequestError::BadMessage("the member \"action\" is missing"))?;
    let action = string(action).ok_or(RequestError::BadMessage("\"action\" must be a string"))?;
    match &*action {
        "broadcast" => Ok(Request::Broadcast { data: members.data }),
        "message" => {
            let target = members.target.ok_or(RequestError::BadMessage("a message needs the member \"target\""))?;
            let target = string(target).ok_or(RequestError::BadMessage("\"target\" must be a string"))?;
            Ok(Request::Message { target, data: members.data })
        }
        "status" => Ok(Request::Status),
        other => Err(RequestError::UnknownAction { action: other.chars().take(MAX_ACTION_CHARS).collect() }),
    }
}

/// The members that mean something, each as the JSON text that stands there.
#[derive(Default)]
struct Members<'a> {
    action: Option<&'a str>,
    target: Option<&'a str>,
    data: Option<&'a str>,
}

impl<'a> Members<'a> {
    fn of(text: &'a str) -> Result<Self, RequestError> {
        let mut json = serde_json::Deserializer::from_str(text);
        if text.trim_ascii_start().starts_with('{') {
            let members = json.deserialize_map(MembersVisitor).map_err(RequestError::BadJson)?;
            json.end().map_err(RequestError::BadJson)?;
            Ok(members)
        } else {
            serde_json::from_str::<&RawValue>(text).map_err(RequestError::BadJson)?;
            Err(RequestError::BadMessage("a message must be a JSON object"))
        }
    }
}

struct MembersVisitor;

impl<'de> Visitor<'de> for MembersVisitor {
    type Value = Members<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut members = Members::default();
        // Names are read raw, as one with half of a surrogate pair is JSON, but no text.
        while let Some((name, value)) = map.next_entry::<&RawValue, &RawValue>()? {
            if let Some(member) = members.named(name.get()) {
                *member = Some(value.get());
            }
        }
        Ok(members)
    }
}

impl<'a> Members<'a> {
    /// The place for the member whose name is this JSON string.
    fn named(&mut self, name: &str) -> Option<&mut Option<&'a str>> {
        match name {
            "\"action\"" => Some(&mut self.action),
            "\"target\"" => Some(&mut self.target),
            "\"data\"" => Some(&mut self.data),
            _ => {
                let name = string(name)?;
                if name.eq_ignore_ascii_case("action") {
                    Some(&mut self.action)
                } else if name.eq_ignore_ascii_case("target") {
                    Some(&mut self.target)
                } else if name.eq_ignore_ascii_case("data") {
                    Some(&mut self.data)
                } else {
                    None
                }
            }
        }
    }
}

/// What a JSON string says; `None` when the JSON text, which is known to be valid, is no string. Half of a surrogate
/// pair, which no text can hold, reads as U+FFFD.
fn string(json: &str) -> Option<Cow<'_, str>> {
    let inner = json.strip_prefix('"')?.strip_suffix('"')?;
    if !inner.contains('\\') {
        return Some(Cow::Borrowed(inner));
    }
    serde_json::Deserializer::from_str(json).deserialize_bytes(Unescaped).ok().map(Cow::Owned)
}

/// Takes a string as the bytes that serde_json makes of it, in which half a surrogate pair is not UTF-8.
struct Unescaped;

impl Visitor<'_> for Unescaped {
    type Value = String;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_bytes<E: de::Error>(self, bytes: &[u8]) -> Result<String, E> {
        let mut text = String::with_capacity(bytes.len());
        for chunk in bytes.utf8_chunks() {
            text.push_str(chunk.valid());
            // Half a pair has three bytes, of which only the first is this one: one character for all of them.
            if chunk.invalid().starts_with(&[0xed]) {
                text.push(char::REPLACEMENT_CHARACTER);
            }
        }
        Ok(text)
    }
}
