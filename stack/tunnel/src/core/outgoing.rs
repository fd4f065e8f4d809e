//! What waits to be written to the relay. Data in it is bounded by the channels' credit; the glue stops taking more from
//! programs while much waits.

use bytes::{Bytes, BytesMut};
use nws_protocol::relay::{Asked, Request};
use std::collections::VecDeque;

/// One WebSocket message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Frame {
    /// JSON.
    Text(Bytes),
    /// Data, with its channel before it.
    Binary(Bytes),
}

impl Frame {
    fn bytes(&self) -> usize {
        match self {
            Self::Text(bytes) | Self::Binary(bytes) => bytes.len(),
        }
    }
}

/// Frames in the order in which they are to be written.
#[derive(Debug, Default)]
pub(crate) struct Outgoing {
    frames: VecDeque<Frame>,
    bytes: usize,
    scratch: BytesMut,
}

impl Outgoing {
    pub(crate) fn data(&mut self, frame: Bytes) {
        self.push(Frame::Binary(frame));
    }

    pub(crate) fn request(&mut self, id: Option<u64>, request: Request<'_>) {
        Asked { id, request }.put(&mut self.scratch);
        let text = self.scratch.split().freeze();
        self.push(Frame::Text(text));
    }

    fn push(&mut self, frame: Frame) {
        self.bytes = self.bytes.saturating_add(frame.bytes());
        self.frames.push_back(frame);
    }

    pub(crate) fn pop(&mut self) -> Option<Frame> {
        let frame = self.frames.pop_front()?;
        self.bytes = self.bytes.saturating_sub(frame.bytes());
        Some(frame)
    }

    /// Payload bytes of what waits.
    pub(crate) const fn bytes(&self) -> usize {
        self.bytes
    }

    /// Forgets everything: the connection that it was for is lost.
    pub(crate) fn clear(&mut self) {
        self.frames.clear();
        self.bytes = 0;
    }
}
