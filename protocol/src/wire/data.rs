//! Messages of a data lane.

use super::{
    WireError, field,
    payload::{self, put_broadcast, put_direct},
    proto,
};
use crate::{
    ids::{ChannelId, PeerId},
    limits::MAX_MEMBERS_PER_FRAME,
};
use bytes::{Buf, Bytes, BytesMut};
use prost::Message;
use proto::data::Body;
use serde_json::value::RawValue;

/// How the bytes of a payload are to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// One JSON value, or nothing when the client gave no data.
    Json,
    /// Text of a raw relay.
    Text,
    /// Bytes of a raw relay.
    Binary,
}

/// What a client said, checked to be what its kind says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Payload {
    /// One JSON value as its client wrote it, perhaps with white space around; empty when the client gave no data.
    Json(Bytes),
    /// UTF-8.
    Text(Bytes),
    /// Any bytes.
    Binary(Bytes),
}

impl Payload {
    /// How the bytes are to be read.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        match self {
            Self::Json(_) => Kind::Json,
            Self::Text(_) => Kind::Text,
            Self::Binary(_) => Kind::Binary,
        }
    }

    /// The bytes, whatever their kind.
    #[must_use]
    pub const fn bytes(&self) -> &Bytes {
        let (Self::Json(bytes) | Self::Text(bytes) | Self::Binary(bytes)) = self;
        bytes
    }

    fn check(kind: i32, bytes: Bytes) -> Result<Self, WireError> {
        match proto::Kind::try_from(kind).map_err(|_| WireError::UnknownKind(kind))? {
            proto::Kind::Json => {
                if !bytes.is_empty() {
                    let text = std::str::from_utf8(&bytes).map_err(|_| WireError::NotJson)?;
                    // Reads past the value without building it, at any depth.
                    serde_json::from_str::<&RawValue>(text).map_err(|_| WireError::NotJson)?;
                }
                Ok(Self::Json(bytes))
            }
            proto::Kind::Text => match std::str::from_utf8(&bytes) {
                Ok(_) => Ok(Self::Text(bytes)),
                Err(_) => Err(WireError::NotUtf8),
            },
            proto::Kind::Binary => Ok(Self::Binary(bytes)),
        }
    }
}

/// One frame of a data lane.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs, reason = "the fields are what the schema says of them")]
pub enum Data {
    /// The first frame: which channel the lane is for.
    Open(ChannelId),
    /// The sender's own clients in the channel, in full or in parts.
    Members { peers: Vec<PeerId>, more: bool },
    /// A client joined at the sender.
    Join(PeerId),
    /// A client left at the sender.
    Part(PeerId),
    /// A client of the sender said this to all others.
    Broadcast { source: PeerId, payload: Payload },
    /// A client of the sender said this to one client of the receiver.
    Direct { source: PeerId, target: PeerId, payload: Payload },
    /// A Direct came too late: its target is gone.
    Undeliverable { source: PeerId, target: PeerId },
}

impl Data {
    /// Reads one frame, without its length prefix. Payloads share the frame's memory.
    ///
    /// # Errors
    /// When the bytes are no message, or a field is not what the schema says in words.
    pub fn decode(mut frame: Bytes) -> Result<Self, WireError> {
        if let Some(head) = payload::read_head(&frame) {
            frame.advance(head.bytes);
            let (source, payload) = (head.source, Payload::check(head.kind, frame)?);
            return Ok(match head.target {
                None => Self::Broadcast { source, payload },
                Some(target) => Self::Direct { source, target, payload },
            });
        }
        let body = proto::Data::decode(frame)?.body.ok_or(WireError::NoBody)?;
        Ok(match body {
            Body::Open(open) => Self::Open(ChannelId::from_bytes(field::id("channel_id", &open.channel_id)?)),
            Body::Members(members) => {
                let ids = field::list("peer_ids", &members.peer_ids, MAX_MEMBERS_PER_FRAME)?;
                Self::Members { peers: ids.into_iter().map(PeerId::from_bytes).collect(), more: members.more }
            }
            Body::Join(join) => Self::Join(peer("peer_id", &join.peer_id)?),
            Body::Part(part) => Self::Part(peer("peer_id", &part.peer_id)?),
            Body::Broadcast(broadcast) => Self::Broadcast {
                source: peer("source", &broadcast.source)?,
                payload: Payload::check(broadcast.kind, broadcast.data)?,
            },
            Body::Direct(direct) => Self::Direct {
                source: peer("source", &direct.source)?,
                target: peer("target", &direct.target)?,
                payload: Payload::check(direct.kind, direct.data)?,
            },
            Body::Undeliverable(lost) => {
                Self::Undeliverable { source: peer("source", &lost.source)?, target: peer("target", &lost.target)? }
            }
        })
    }

    /// Appends this message as one length-prefixed frame. Keeping a Members list within
    /// [`MAX_MEMBERS_PER_FRAME`] is the caller's part; [`Data::members`] does it.
    pub fn encode(&self, dst: &mut BytesMut) {
        let body = match self {
            Self::Broadcast { source, payload } => return put_broadcast(dst, *source, payload.kind(), payload.bytes()),
            Self::Direct { source, target, payload } => {
                return put_direct(dst, *source, *target, payload.kind(), payload.bytes());
            }
            Self::Open(channel) => Body::Open(proto::Open { channel_id: Bytes::copy_from_slice(channel.as_bytes()) }),
            Self::Members { peers, more } => {
                let ids: Vec<[u8; 16]> = peers.iter().map(|peer| *peer.as_bytes()).collect();
                Body::Members(proto::Members { peer_ids: field::concat(&ids), more: *more })
            }
            Self::Join(peer) => Body::Join(proto::Join { peer_id: id_bytes(*peer) }),
            Self::Part(peer) => Body::Part(proto::Part { peer_id: id_bytes(*peer) }),
            Self::Undeliverable { source, target } => {
                Body::Undeliverable(proto::Undeliverable { source: id_bytes(*source), target: id_bytes(*target) })
            }
        };
        dst.extend_from_slice(&proto::Data { body: Some(body) }.encode_length_delimited_to_vec());
    }

    /// A full member list as the frames it takes: at least one, also when it is empty.
    pub fn members(peers: &[PeerId]) -> impl Iterator<Item = Self> {
        let frames = peers.len().div_ceil(MAX_MEMBERS_PER_FRAME).max(1);
        let mut parts = peers.chunks(MAX_MEMBERS_PER_FRAME);
        (1..=frames)
            .map(move |frame| Self::Members { peers: parts.next().unwrap_or_default().to_vec(), more: frame < frames })
    }
}

fn peer(field: &'static str, bytes: &[u8]) -> Result<PeerId, WireError> {
    Ok(PeerId::from_bytes(field::id(field, bytes)?))
}

fn id_bytes(peer: PeerId) -> Bytes {
    Bytes::copy_from_slice(peer.as_bytes())
}
