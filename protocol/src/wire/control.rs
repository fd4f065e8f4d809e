//! Messages of the control lane.

use super::{WireError, field, proto};
use crate::{
    error::{LinkCode, cut_reason},
    ids::{ChannelId, InstanceId},
    limits::{
        MAX_AGENT_BYTES, MAX_CAPABILITIES, MAX_CAPABILITY_BYTES, MAX_ELEMENTS, MAX_FRAME_BYTES_CEILING,
        MAX_REASON_BYTES, MIN_FRAME_BYTES,
    },
};
use bytes::{Bytes, BytesMut};
use prost::Message;
use proto::control::Body;
use std::time::Duration;

/// The version of the link protocol that is spoken here.
pub const PROTOCOL_VERSION: u32 = 1;

/// What one side shows of a channel so that the other can recognise it; derived by private matching.
pub type Tag = [u8; 16];

/// The first message of each side.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hello {
    /// [`PROTOCOL_VERSION`]; decoding refuses others.
    pub version: u32,
    /// The run of the proxy that speaks.
    pub instance_id: InstanceId,
    /// Optional behaviours it can take part in; unknown ones mean nothing here.
    pub capabilities: Vec<String>,
    /// Name and version of the program, for people. Not to be trusted, and may hold any character.
    pub agent: String,
    /// The largest frame it accepts, in bytes without the length prefix.
    pub max_frame_bytes: usize,
}

/// One frame of the control lane.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs, reason = "the fields are what the schema says of them")]
pub enum Control {
    /// The first message of each side.
    Hello(Hello),
    /// I → R: evaluate these blinded elements.
    Query { seq: u32, blinded: Vec<[u8; 32]> },
    /// R → I: the evaluations, in the order asked, and in the first one the responder's tags.
    Answer { seq: u32, evaluated: Vec<[u8; 32]>, offer: Vec<Tag> },
    /// R → I: channels that R joined later.
    Offer(Vec<Tag>),
    /// R → I: channels that R left.
    Revoke(Vec<Tag>),
    /// I → R: the channels that I holds of those offered.
    Accept(Vec<Tag>),
    /// I → R: I left this channel, or takes back an Accept.
    Leave(ChannelId),
    /// R → I: over budget, nothing was evaluated; ask again later.
    Busy { seq: u32, retry_after: Duration },
    /// Are you there?
    Ping(u64),
    /// Yes; the number of the Ping.
    Pong(u64),
    /// The sender is about to close the link.
    Goodbye { code: LinkCode, reason: String },
}

impl Control {
    /// Reads one frame, without its length prefix.
    ///
    /// # Errors
    /// When the bytes are no message, or a field breaks a limit of [`crate::limits`].
    pub fn decode(frame: Bytes) -> Result<Self, WireError> {
        let body = proto::Control::decode(frame)?.body.ok_or(WireError::NoBody)?;
        Ok(match body {
            Body::Hello(hello) => Self::Hello(Hello::check(hello)?),
            Body::Query(query) => {
                Self::Query { seq: query.seq, blinded: field::list("blinded", &query.blinded, MAX_ELEMENTS)? }
            }
            Body::Answer(answer) => Self::Answer {
                seq: answer.seq,
                evaluated: field::list("evaluated", &answer.evaluated, MAX_ELEMENTS)?,
                offer: field::list("offer", &answer.offer, MAX_ELEMENTS)?,
            },
            Body::Offer(offer) => Self::Offer(field::list("tags", &offer.tags, MAX_ELEMENTS)?),
            Body::Revoke(revoke) => Self::Revoke(field::list("tags", &revoke.tags, MAX_ELEMENTS)?),
            Body::Accept(accept) => Self::Accept(field::list("tags", &accept.tags, MAX_ELEMENTS)?),
            Body::Leave(leave) => Self::Leave(ChannelId::from_bytes(field::id("channel_id", &leave.channel_id)?)),
            Body::Busy(busy) => {
                Self::Busy { seq: busy.seq, retry_after: Duration::from_millis(u64::from(busy.retry_after_ms)) }
            }
            Body::Ping(ping) => Self::Ping(ping.nonce),
            Body::Pong(pong) => Self::Pong(pong.nonce),
            Body::Goodbye(goodbye) => {
                field::no_longer("reason", &goodbye.reason, MAX_REASON_BYTES)?;
                Self::Goodbye { code: LinkCode::from_number(goodbye.code), reason: goodbye.reason }
            }
        })
    }

    /// Appends this message as one length-prefixed frame. A reason is cut to what may travel, a time to what 32 bits of
    /// milliseconds hold; staying within the other limits is the caller's part.
    pub fn encode(&self, dst: &mut BytesMut) {
        let body = match self {
            Self::Hello(hello) => Body::Hello(hello.to_proto()),
            Self::Query { seq, blinded } => Body::Query(proto::Query { seq: *seq, blinded: field::concat(blinded) }),
            Self::Answer { seq, evaluated, offer } => Body::Answer(proto::Answer {
                seq: *seq,
                evaluated: field::concat(evaluated),
                offer: field::concat(offer),
            }),
            Self::Offer(tags) => Body::Offer(proto::Offer { tags: field::concat(tags) }),
            Self::Revoke(tags) => Body::Revoke(proto::Revoke { tags: field::concat(tags) }),
            Self::Accept(tags) => Body::Accept(proto::Accept { tags: field::concat(tags) }),
            Self::Leave(channel) => {
                Body::Leave(proto::Leave { channel_id: Bytes::copy_from_slice(channel.as_bytes()) })
            }
            Self::Busy { seq, retry_after } => Body::Busy(proto::Busy {
                seq: *seq,
                retry_after_ms: u32::try_from(retry_after.as_millis()).unwrap_or(u32::MAX),
            }),
            Self::Ping(nonce) => Body::Ping(proto::Ping { nonce: *nonce }),
            Self::Pong(nonce) => Body::Pong(proto::Pong { nonce: *nonce }),
            Self::Goodbye { code, reason } => {
                Body::Goodbye(proto::Goodbye { code: code.number(), reason: cut_reason(reason).to_owned() })
            }
        };
        dst.extend_from_slice(&proto::Control { body: Some(body) }.encode_length_delimited_to_vec());
    }
}

impl Hello {
    fn check(hello: proto::Hello) -> Result<Self, WireError> {
        // First, as the limits below are those of this version alone.
        if hello.version != PROTOCOL_VERSION {
            return Err(WireError::Version(hello.version));
        }
        field::at_most("capabilities", hello.capabilities.len(), MAX_CAPABILITIES)?;
        for capability in &hello.capabilities {
            field::no_longer("capabilities", capability, MAX_CAPABILITY_BYTES)?;
            if capability.is_empty() {
                return Err(WireError::EmptyCapability);
            }
        }
        field::no_longer("agent", &hello.agent, MAX_AGENT_BYTES)?;
        let max_frame_bytes = usize::try_from(hello.max_frame_bytes)
            .ok()
            .filter(|bytes| (MIN_FRAME_BYTES..=MAX_FRAME_BYTES_CEILING).contains(bytes))
            .ok_or(WireError::FrameLimit(hello.max_frame_bytes))?;
        Ok(Self {
            version: hello.version,
            instance_id: InstanceId::from_bytes(field::id("instance_id", &hello.instance_id)?),
            capabilities: hello.capabilities,
            agent: hello.agent,
            max_frame_bytes,
        })
    }

    fn to_proto(&self) -> proto::Hello {
        proto::Hello {
            version: self.version,
            instance_id: Bytes::copy_from_slice(self.instance_id.as_bytes()),
            capabilities: self.capabilities.clone(),
            agent: self.agent.clone(),
            max_frame_bytes: u32::try_from(self.max_frame_bytes).unwrap_or(u32::MAX),
        }
    }
}
