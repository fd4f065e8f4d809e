//! What a party says to the relay.

use super::{
    Credential, ErrorCode, Position, Text,
    members::{Bad, Member, Members, Object},
};
use bytes::BytesMut;
use std::borrow::Cow;

/// A request, and the id by which its answer is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked<'a> {
    /// Always there in requests that need one ([`Request::needs_id`]).
    pub id: Option<u64>,
    /// What is asked.
    pub request: Request<'a>,
}

/// What a party asks for: section 3.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request<'a> {
    /// Become a new server.
    Register,
    /// Become this server again.
    Resume {
        /// Its id.
        server: u64,
        /// Its credential.
        credential: Credential<'a>,
        /// All channels that it holds open.
        channels: Vec<Position>,
    },
    /// End the server.
    Unregister,
    /// Ask a server for a channel.
    Connect {
        /// The server.
        server: u64,
        /// The port.
        port: u16,
    },
    /// Take a client.
    Accept {
        /// The channel.
        channel: u64,
    },
    /// Do not take a client.
    Refuse {
        /// The channel.
        channel: u64,
        /// Why, for the client.
        reason: Option<Cow<'a, str>>,
    },
    /// A text message to the other end.
    Data {
        /// The channel.
        channel: u64,
        /// The text.
        data: Text<'a>,
    },
    /// So much was taken.
    Consumed {
        /// The channel.
        channel: u64,
        /// The cost of all items that the program is done with.
        bytes: u64,
    },
    /// This end sends nothing more.
    Finish {
        /// The channel.
        channel: u64,
    },
    /// End the channel in both directions.
    Close {
        /// The channel.
        channel: u64,
        /// As in a WebSocket's close.
        status: Option<u16>,
        /// Why, for the other end.
        reason: Option<Cow<'a, str>>,
    },
    /// Are you there?
    Ping,
}

/// Why a text is no request, and what the answer needs.
#[derive(Debug, thiserror::Error)]
#[error("{kind}")]
pub struct RequestError {
    /// The request's id, if it could be read.
    pub id: Option<u64>,
    /// The channel that it was about, if it could be read.
    pub channel: Option<u64>,
    kind: Kind,
}

#[derive(Debug, thiserror::Error)]
enum Kind {
    #[error("{0}")]
    Bad(#[from] Bad),
    #[error("no request has the type {0:?}")]
    UnknownType(String),
}

impl RequestError {
    /// The word for it. The sentence is this error's `Display`: it names the member.
    #[must_use]
    pub const fn code(&self) -> ErrorCode {
        match &self.kind {
            Kind::Bad(Bad::Json(_) | Bad::NoObject) => ErrorCode::BadJson,
            Kind::Bad(_) => ErrorCode::BadMessage,
            Kind::UnknownType(_) => ErrorCode::UnknownType,
        }
    }
}

/// Characters of an unknown type that the error repeats; a guess at what a person still reads.
const MAX_TYPE_CHARS: usize = 64;

impl<'a> Asked<'a> {
    /// Reads one text frame. What can be borrowed is: the text of `data` always, other strings unless they hold escapes.
    ///
    /// # Errors
    /// When the text is not one JSON object, when a member is missing or not what it should be, or when the type is unknown.
    pub fn parse(text: &'a str) -> Result<Self, RequestError> {
        let error = |kind| RequestError { id: None, channel: None, kind };
        let members = Members::of(text).map_err(|bad| error(bad.into()))?;
        read(&members).map_err(|kind| RequestError {
            id: members.number_if_any(Member::Id).ok().flatten(),
            channel: members.number_if_any(Member::Channel).ok().flatten(),
            kind,
        })
    }

    /// Appends it as JSON.
    pub fn put(&self, dst: &mut BytesMut) {
        let object = Object::begin(dst, self.request.kind(), self.id);
        match &self.request {
            Request::Register | Request::Unregister | Request::Ping => object,
            Request::Resume { server, credential, channels } => object
                .number(Member::Server, *server)
                .string(Member::Credential, credential.reveal())
                .positions(channels),
            Request::Connect { server, port } => {
                object.number(Member::Server, *server).number(Member::Port, u64::from(*port))
            }
            Request::Accept { channel } | Request::Finish { channel } => object.number(Member::Channel, *channel),
            Request::Refuse { channel, reason } => {
                object.number(Member::Channel, *channel).string_if_any(Member::Reason, reason.as_deref())
            }
            Request::Data { channel, data } => object.number(Member::Channel, *channel).data(data),
            Request::Consumed { channel, bytes } => {
                object.number(Member::Channel, *channel).number(Member::Bytes, *bytes)
            }
            Request::Close { channel, status, reason } => object
                .number(Member::Channel, *channel)
                .number_if_any(Member::Status, status.map(u64::from))
                .string_if_any(Member::Reason, reason.as_deref()),
        }
        .end();
    }
}

impl Request<'_> {
    /// The word as it travels.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Register => "register",
            Self::Resume { .. } => "resume",
            Self::Unregister => "unregister",
            Self::Connect { .. } => "connect",
            Self::Accept { .. } => "accept",
            Self::Refuse { .. } => "refuse",
            Self::Data { .. } => "data",
            Self::Consumed { .. } => "consumed",
            Self::Finish { .. } => "finish",
            Self::Close { .. } => "close",
            Self::Ping => "ping",
        }
    }

    /// Whether its type makes no sense without an answer (`[R-3]`).
    #[must_use]
    pub const fn needs_id(&self) -> bool {
        matches!(self, Self::Register | Self::Resume { .. } | Self::Unregister | Self::Connect { .. } | Self::Ping)
    }
}

fn read<'a>(members: &Members<'a>) -> Result<Asked<'a>, Kind> {
    let kind = members.string(Member::Type)?;
    let channel = || members.number(Member::Channel);
    let request = match &*kind {
        "data" => Request::Data { channel: channel()?, data: members.data()? },
        "consumed" => Request::Consumed { channel: channel()?, bytes: members.number(Member::Bytes)? },
        "register" => Request::Register,
        "resume" => Request::Resume {
            server: members.number(Member::Server)?,
            credential: members.credential()?,
            channels: members.positions()?,
        },
        "unregister" => Request::Unregister,
        "connect" => Request::Connect { server: members.number(Member::Server)?, port: members.port()? },
        "accept" => Request::Accept { channel: channel()? },
        "refuse" => Request::Refuse { channel: channel()?, reason: members.reason()? },
        "finish" => Request::Finish { channel: channel()? },
        "close" => Request::Close { channel: channel()?, status: members.status()?, reason: members.reason()? },
        "ping" => Request::Ping,
        other => return Err(Kind::UnknownType(other.chars().take(MAX_TYPE_CHARS).collect())),
    };
    let id = members.number_if_any(Member::Id)?;
    if id.is_none() && request.needs_id() {
        return Err(Bad::Missing(Member::Id.as_str()).into());
    }
    Ok(Asked { id, request })
}
