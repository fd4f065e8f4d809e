//! What the relay says to a party: answers, which have the id of their request, and events.

use super::{
    Credential, DisconnectCode, ErrorCode, Position, Text,
    members::{Bad, Member, Members, Object},
};
use bytes::BytesMut;
use std::borrow::Cow;

/// One text frame of the relay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FromRelay<'a> {
    /// The answer to a request.
    Answer {
        /// The request's id.
        id: u64,
        /// The answer.
        answer: Answer<'a>,
    },
    /// Something that happened.
    Event(Event<'a>),
    /// A type that this version does not know: to be ignored (`[R-6]`). It is only ever received.
    Unknown,
}

/// The answer to a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer<'a> {
    /// It was done.
    Done,
    /// The party is a server now.
    Registered {
        /// Its id.
        server: u64,
        /// What it can resume with.
        credential: Credential<'a>,
    },
    /// The party is this server again.
    Resumed {
        /// The server.
        server: u64,
        /// The channels that are still there, as the relay sees them.
        channels: Vec<Position>,
    },
    /// The server has accepted.
    Connected {
        /// The channel.
        channel: u64,
    },
    /// Yes.
    Pong,
    /// It failed.
    Error(Failure<'a>),
}

/// What was wrong with a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure<'a> {
    /// The word to decide by.
    pub code: ErrorCode,
    /// For people.
    pub message: Cow<'a, str>,
    /// The channel that it was about.
    pub channel: Option<u64>,
}

/// The relay's limits, which it says first of all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Welcome {
    /// The credit that a channel begins with, in each direction, in bytes.
    pub window: u64,
    /// The largest message, in bytes of a frame's payload.
    pub message_bytes: u64,
    /// How long a server may be away, in milliseconds.
    pub grace_ms: u64,
}

/// How a channel ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Disconnected<'a> {
    /// The channel.
    pub channel: u64,
    /// The word to decide by.
    pub code: DisconnectCode,
    /// What the other end gave.
    pub status: Option<u16>,
    /// What the other end gave.
    pub reason: Option<Cow<'a, str>>,
}

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event<'a> {
    /// The relay's limits.
    Welcome(Welcome),
    /// A client asks a server for a channel.
    Connected {
        /// The channel.
        channel: u64,
        /// The server.
        server: u64,
        /// The port.
        port: u16,
        /// Where the client comes from.
        address: Cow<'a, str>,
    },
    /// A text message of the other end.
    Data {
        /// The channel.
        channel: u64,
        /// The text.
        data: Text<'a>,
    },
    /// The other end took so much.
    Consumed {
        /// The channel.
        channel: u64,
        /// The cost of all items that its program is done with.
        bytes: u64,
    },
    /// The other end sends nothing more.
    Finished {
        /// The channel.
        channel: u64,
    },
    /// A channel ended.
    Disconnected(Disconnected<'a>),
    /// Another party is this server now.
    Replaced {
        /// The server.
        server: u64,
    },
    /// A request without an id failed.
    Error(Failure<'a>),
}

/// Why a text is nothing that a relay says. `Display` is a sentence that names the member.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct EventError(#[from] Bad);

impl<'a> FromRelay<'a> {
    /// Reads one text frame. What can be borrowed is.
    ///
    /// # Errors
    /// When the text is not one JSON object, or a member is missing or not what it should be.
    pub fn parse(text: &'a str) -> Result<Self, EventError> {
        let members = Members::of(text)?;
        let kind = members.string(Member::Type)?;
        let channel = || members.number(Member::Channel);
        if let Some(id) = members.number_if_any(Member::Id)? {
            let answer = match &*kind {
                "done" => Answer::Done,
                "connected" => Answer::Connected { channel: channel()? },
                "pong" => Answer::Pong,
                "error" => Answer::Error(failure(&members)?),
                "registered" => {
                    Answer::Registered { server: members.number(Member::Server)?, credential: members.credential()? }
                }
                "resumed" => {
                    Answer::Resumed { server: members.number(Member::Server)?, channels: members.positions()? }
                }
                _ => return Ok(Self::Unknown),
            };
            return Ok(Self::Answer { id, answer });
        }
        Ok(Self::Event(match &*kind {
            "data" => Event::Data { channel: channel()?, data: members.data()? },
            "consumed" => Event::Consumed { channel: channel()?, bytes: members.number(Member::Bytes)? },
            "connected" => Event::Connected {
                channel: channel()?,
                server: members.number(Member::Server)?,
                port: members.port()?,
                address: members.string(Member::Address)?,
            },
            "finished" => Event::Finished { channel: channel()? },
            "disconnected" => Event::Disconnected(Disconnected {
                channel: channel()?,
                code: DisconnectCode::from_word(&members.string(Member::Code)?),
                status: members.status()?,
                reason: members.reason()?,
            }),
            "replaced" => Event::Replaced { server: members.number(Member::Server)? },
            "error" => Event::Error(failure(&members)?),
            "welcome" => Event::Welcome(Welcome {
                window: members.number(Member::Window)?,
                message_bytes: members.number(Member::MessageBytes)?,
                grace_ms: members.number(Member::GraceMs)?,
            }),
            _ => return Ok(Self::Unknown),
        }))
    }

    /// Appends it as JSON; [`Unknown`](Self::Unknown) is nothing to be said and appends nothing.
    pub fn put(&self, dst: &mut BytesMut) {
        match self {
            Self::Answer { id, answer } => answer.put(*id, dst),
            Self::Event(event) => event.put(dst),
            Self::Unknown => {}
        }
    }
}

fn failure<'a>(members: &Members<'a>) -> Result<Failure<'a>, Bad> {
    Ok(Failure {
        code: ErrorCode::from_word(&members.string(Member::Code)?),
        message: members.string(Member::Message)?,
        channel: members.number_if_any(Member::Channel)?,
    })
}

impl Answer<'_> {
    /// Appends it as JSON, for the request with this id.
    pub fn put(&self, id: u64, dst: &mut BytesMut) {
        let begin = |dst, kind| Object::begin(dst, kind, Some(id));
        match self {
            Self::Done => begin(dst, "done"),
            Self::Pong => begin(dst, "pong"),
            Self::Connected { channel } => begin(dst, "connected").number(Member::Channel, *channel),
            Self::Registered { server, credential } => {
                begin(dst, "registered").number(Member::Server, *server).string(Member::Credential, credential.reveal())
            }
            Self::Resumed { server, channels } => {
                begin(dst, "resumed").number(Member::Server, *server).positions(channels)
            }
            Self::Error(failure) => failure.put(Some(id), dst),
        }
        .end();
    }
}

impl Failure<'_> {
    fn put<'d>(&self, id: Option<u64>, dst: &'d mut BytesMut) -> Object<'d> {
        Object::begin(dst, "error", id)
            .string(Member::Code, self.code.as_str())
            .string(Member::Message, &self.message)
            .number_if_any(Member::Channel, self.channel)
    }
}

impl Event<'_> {
    /// Appends it as JSON.
    pub fn put(&self, dst: &mut BytesMut) {
        let begin = |dst, kind| Object::begin(dst, kind, None);
        match self {
            Self::Welcome(welcome) => begin(dst, "welcome")
                .number(Member::Window, welcome.window)
                .number(Member::MessageBytes, welcome.message_bytes)
                .number(Member::GraceMs, welcome.grace_ms),
            Self::Connected { channel, server, port, address } => begin(dst, "connected")
                .number(Member::Channel, *channel)
                .number(Member::Server, *server)
                .number(Member::Port, u64::from(*port))
                .string(Member::Address, address),
            Self::Data { channel, data } => begin(dst, "data").number(Member::Channel, *channel).data(data),
            Self::Consumed { channel, bytes } => {
                begin(dst, "consumed").number(Member::Channel, *channel).number(Member::Bytes, *bytes)
            }
            Self::Finished { channel } => begin(dst, "finished").number(Member::Channel, *channel),
            Self::Disconnected(end) => begin(dst, "disconnected")
                .number(Member::Channel, end.channel)
                .string(Member::Code, end.code.as_str())
                .number_if_any(Member::Status, end.status.map(u64::from))
                .string_if_any(Member::Reason, end.reason.as_deref()),
            Self::Replaced { server } => begin(dst, "replaced").number(Member::Server, *server),
            Self::Error(failure) => failure.put(None, dst),
        }
        .end();
    }
}
