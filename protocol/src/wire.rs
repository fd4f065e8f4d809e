//! The messages of a link, typed and checked, beside the protobuf code that they travel as.
//!
//! Decoding is where bytes from the network become trusted: ids have their length, lists their limits, and payloads
//! are what their kind says. Nothing here knows which message is allowed when; that is the link's and the lane's affair.

mod control;
mod data;
mod field;
mod payload;

/// What `spec/proto` generates, as it travels. Checked in; `tests/generated.rs` keeps it true.
#[allow(missing_docs, clippy::all, clippy::pedantic, reason = "generated")]
pub mod proto {
    include!("gen/nws.v1.rs");
}

pub use control::{Control, Hello, PROTOCOL_VERSION, Tag};
pub use data::{Data, Kind, Payload};
pub use payload::{put_broadcast, put_direct};

use crate::error::LinkCode;

/// Why a frame is no message. Each is the sender's fault.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WireError {
    /// Not protobuf, or a field of another type than the schema says.
    #[error("not a message: {0}")]
    NotProtobuf(#[from] prost::DecodeError),
    /// No body, or one that this version does not know.
    #[error("a message without a body known here")]
    NoBody,
    /// An id, or a list of ids or elements, whose bytes do not come out even.
    #[error("{field} must come in units of {unit} bytes, and has {length}")]
    BadLength {
        /// The field, as the schema names it.
        field: &'static str,
        /// What it has.
        length: usize,
        /// Bytes of one id or element.
        unit: usize,
    },
    /// A list with more entries than a message may carry.
    #[error("{field} has {count} entries, and may have {limit}")]
    TooMany {
        /// The field, as the schema names it.
        field: &'static str,
        /// What it has.
        count: usize,
        /// What it may have.
        limit: usize,
    },
    /// A text with more bytes than it may have.
    #[error("{field} has {length} bytes, and may have {limit}")]
    TooLong {
        /// The field, as the schema names it.
        field: &'static str,
        /// What it has.
        length: usize,
        /// What it may have.
        limit: usize,
    },
    /// A capability without a name.
    #[error("a capability without a name")]
    EmptyCapability,
    /// A `max_frame_bytes` that no side may ask for.
    #[error("max_frame_bytes of {0} is out of range")]
    FrameLimit(u32),
    /// A Hello of another version of the link protocol.
    #[error("protocol version {0} is not spoken here")]
    Version(u32),
    /// A payload of a kind that this version does not know.
    #[error("unknown kind {0} of payload")]
    UnknownKind(i32),
    /// A JSON payload that is not one JSON value.
    #[error("a JSON payload that is not one JSON value")]
    NotJson,
    /// A text payload that is not UTF-8.
    #[error("a text payload that is not UTF-8")]
    NotUtf8,
}

impl WireError {
    /// The code with which the link or the lane is closed.
    #[must_use]
    pub const fn code(&self) -> LinkCode {
        match self {
            Self::Version(_) => LinkCode::Version,
            _ => LinkCode::Malformed,
        }
    }
}

#[cfg(test)]
mod tests;
