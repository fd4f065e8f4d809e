//! The members of one JSON object, in one pass and without a copy: each stays the JSON text that it is until somebody asks
//! for it. And the other way round: an object is written member after member.

use super::{MAX_NUMBER, MAX_REASON_BYTES, Position, is_status, text};
use bytes::{BufMut, BytesMut};
use serde::de::{Deserializer as _, MapAccess, Visitor};
use serde_json::value::RawValue;
use std::{borrow::Cow, fmt};

macro_rules! names {
    ($($member:ident = $name:literal,)*) => {
        /// A member that means something in some message.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(super) enum Member { $($member,)* }

        impl Member {
            const COUNT: usize = [$(Self::$member),*].len();

            pub(super) const fn as_str(self) -> &'static str {
                match self { $(Self::$member => $name,)* }
            }

            fn named(name: &str) -> Option<Self> {
                match name { $($name => Some(Self::$member),)* _ => None }
            }
        }
    };
}

names! {
    Type = "type",
    Id = "id",
    Channel = "channel",
    Server = "server",
    Port = "port",
    Credential = "credential",
    Channels = "channels",
    Data = "data",
    Bytes = "bytes",
    Status = "status",
    Reason = "reason",
    Window = "window",
    MessageBytes = "message_bytes",
    GraceMs = "grace_ms",
    Address = "address",
    Code = "code",
    Message = "message",
    Received = "received",
    Consumed = "consumed",
}

/// Why a text is no object, or a member not what it should be. `Display` is the sentence for whoever wrote the program.
#[derive(Debug, thiserror::Error)]
pub(super) enum Bad {
    #[error("this is not JSON: {0}")]
    Json(#[source] serde_json::Error),
    #[error("a message must be a JSON object")]
    NoObject,
    #[error("the member \"{0}\" is missing")]
    Missing(&'static str),
    #[error("\"{0}\" must be {1}")]
    Not(&'static str, &'static str),
}

const NUMBER: &str = "an integer from 0 to 9007199254740991";
const POSITIONS: &str =
    "an array of objects with \"channel\", \"received\" and \"consumed\", integers from 0 to 9007199254740991";

/// Each known member as the JSON text that stands there. Of members with the same name the last one counts.
#[derive(Default)]
pub(super) struct Members<'a>([Option<&'a str>; Member::COUNT]);

impl<'a> Members<'a> {
    pub(super) fn of(json: &'a str) -> Result<Self, Bad> {
        let mut reader = serde_json::Deserializer::from_str(json);
        if json.trim_ascii_start().starts_with('{') {
            let members = reader.deserialize_map(MembersVisitor).map_err(Bad::Json)?;
            reader.end().map_err(Bad::Json)?;
            Ok(members)
        } else {
            serde_json::from_str::<&RawValue>(json).map_err(Bad::Json)?;
            Err(Bad::NoObject)
        }
    }

    fn raw(&self, member: Member) -> Option<&'a str> {
        self.0.get(member as usize).copied().flatten()
    }

    /// A member that may be missing.
    fn optional<T>(
        &self,
        member: Member,
        what: &'static str,
        read: impl FnOnce(&'a str) -> Option<T>,
    ) -> Result<Option<T>, Bad> {
        self.raw(member).map(|json| read(json).ok_or(Bad::Not(member.as_str(), what))).transpose()
    }

    fn needed<T>(value: Result<Option<T>, Bad>, member: Member) -> Result<T, Bad> {
        value?.ok_or(Bad::Missing(member.as_str()))
    }

    pub(super) fn number_if_any(&self, member: Member) -> Result<Option<u64>, Bad> {
        self.optional(member, NUMBER, number)
    }

    pub(super) fn number(&self, member: Member) -> Result<u64, Bad> {
        Self::needed(self.number_if_any(member), member)
    }

    pub(super) fn port(&self) -> Result<u16, Bad> {
        let port = self.optional(Member::Port, "an integer from 0 to 65535", |json| json.parse().ok());
        Self::needed(port, Member::Port)
    }

    pub(super) fn string(&self, member: Member) -> Result<Cow<'a, str>, Bad> {
        Self::needed(self.optional(member, "a string", text::string), member)
    }

    pub(super) fn data(&self) -> Result<text::Text<'a>, Bad> {
        let literal = |json: &'a str| json.starts_with('"').then_some(text::Text::from_literal(json));
        Self::needed(self.optional(Member::Data, "a string", literal), Member::Data)
    }

    pub(super) fn credential(&self) -> Result<text::Credential<'a>, Bad> {
        let digits = |json: &'a str| text::Credential::new(text::string(json)?);
        Self::needed(self.optional(Member::Credential, "a string of decimal digits", digits), Member::Credential)
    }

    pub(super) fn status(&self) -> Result<Option<u16>, Bad> {
        let read = |json: &'a str| json.parse().ok().filter(|status| is_status(*status));
        self.optional(Member::Status, "an integer: 1000, or from 3000 to 4999", read)
    }

    pub(super) fn reason(&self) -> Result<Option<Cow<'a, str>>, Bad> {
        let read = |json: &'a str| text::string(json).filter(|reason| reason.len() <= MAX_REASON_BYTES);
        self.optional(Member::Reason, "a string of at most 123 bytes of UTF-8", read)
    }

    pub(super) fn positions(&self) -> Result<Vec<Position>, Bad> {
        Self::needed(self.optional(Member::Channels, POSITIONS, positions), Member::Channels)
    }
}

fn number(json: &str) -> Option<u64> {
    json.parse().ok().filter(|number| *number <= MAX_NUMBER)
}

fn positions(json: &str) -> Option<Vec<Position>> {
    let entries: Vec<&RawValue> = serde_json::from_str(json).ok()?;
    let position = |entry: &&RawValue| {
        let members = Members::of(entry.get()).ok()?;
        let number = |member| members.number(member).ok();
        Some(Position {
            channel: number(Member::Channel)?,
            received: number(Member::Received)?,
            consumed: number(Member::Consumed)?,
        })
    };
    entries.iter().map(position).collect()
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
            let member = text::string(name.get()).and_then(|name| Member::named(&name));
            if let Some(place) = member.and_then(|member| members.0.get_mut(member as usize)) {
                *place = Some(value.get());
            }
        }
        Ok(members)
    }
}

/// Appends one JSON object.
pub(super) struct Object<'d>(&'d mut BytesMut);

impl<'d> Object<'d> {
    /// With its type, and an id if there is one.
    pub(super) fn begin(dst: &'d mut BytesMut, kind: &str, id: Option<u64>) -> Self {
        dst.put_slice(b"{\"type\":\"");
        dst.put_slice(kind.as_bytes());
        dst.put_u8(b'"');
        Self(dst).number_if_any(Member::Id, id)
    }

    fn name(self, member: Member) -> Self {
        self.0.put_slice(b",\"");
        self.0.put_slice(member.as_str().as_bytes());
        self.0.put_slice(b"\":");
        self
    }

    pub(super) fn number(self, member: Member, number: u64) -> Self {
        let object = self.name(member);
        put_number(object.0, number);
        object
    }

    pub(super) fn number_if_any(self, member: Member, number: Option<u64>) -> Self {
        match number {
            Some(number) => self.number(member, number),
            None => self,
        }
    }

    pub(super) fn string(self, member: Member, string: &str) -> Self {
        let object = self.name(member);
        text::put_string(object.0, string);
        object
    }

    pub(super) fn string_if_any(self, member: Member, string: Option<&str>) -> Self {
        match string {
            Some(string) => self.string(member, string),
            None => self,
        }
    }

    pub(super) fn data(self, data: &text::Text<'_>) -> Self {
        let object = self.name(Member::Data);
        data.put(object.0);
        object
    }

    pub(super) fn positions(self, positions: &[Position]) -> Self {
        let object = self.name(Member::Channels);
        let mut before = b'[';
        for position in positions {
            object.0.put_u8(before);
            before = b',';
            for (name, number) in [
                (&b"{\"channel\":"[..], position.channel),
                (b",\"received\":", position.received),
                (b",\"consumed\":", position.consumed),
            ] {
                object.0.put_slice(name);
                put_number(object.0, number);
            }
            object.0.put_u8(b'}');
        }
        object.0.put_slice(if positions.is_empty() { b"[]" } else { b"]" });
        object
    }

    pub(super) fn end(self) {
        self.0.put_u8(b'}');
    }
}

fn put_number(dst: &mut BytesMut, number: u64) {
    use std::fmt::Write;
    // Writing to memory that grows doesn't fail.
    let _ = write!(dst, "{number}");
}
