//! Turns what a client sent into whole messages.
//!
//! A message that lies whole and unfragmented in the bytes just read is unmasked there and handed out
//! from there. Only one that spans reads is gathered in a buffer of the reader's own, which is given
//! back as soon as the message is out: a client that says nothing holds no memory but this struct.

use super::{
    header::{self, Header, Kind, Parsed},
    mask,
};
use nws_protocol::ClientClose;
use std::{fmt, mem, ops::ControlFlow};

/// How much is reserved on the word of a header alone; more comes by doubling, as bytes arrive.
const MAX_PROMISED_BYTES: usize = 64 * 1024;

/// One message or control frame of a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Incoming<'a> {
    /// A whole text message; checked to be UTF-8.
    Text(&'a str),
    /// A whole binary message.
    Binary(&'a [u8]),
    /// Wants a pong with the same payload, of at most 125 bytes.
    Ping(&'a [u8]),
    /// An answer to a ping, or a sign of life of its own.
    Pong(&'a [u8]),
    /// The client closes, with this code if it gave one. Nothing is handed out after it.
    Close(Option<u16>),
}

/// Reads the frames of one client. See the module for what it holds when.
pub struct Reader {
    max_message_bytes: usize,
    stage: Stage,
    /// The kind of the data message that has begun, until it is out.
    message: Option<DataKind>,
    /// What arrived of that message in earlier reads or earlier frames.
    data: Vec<u8>,
    /// What arrived of a control frame in earlier reads; apart from `data`, as control frames come
    /// between the fragments of a message.
    control: Vec<u8>,
}

#[derive(Clone, Copy)]
enum DataKind {
    Text,
    Binary,
}

#[derive(Clone, Copy)]
enum Stage {
    /// So many bytes of the next header were read.
    Header { bytes: [u8; header::MAX_BYTES], filled: u8 },
    /// The payload of this frame; `payload_bytes` and `key` are those of what is still to come.
    Payload(Header),
    /// After Close or an error: what follows is ignored.
    Ended,
}

impl Stage {
    const START: Self = Self::Header { bytes: [0; header::MAX_BYTES], filled: 0 };
}

impl Reader {
    /// A reader for one client, whose messages may have at most `max_message_bytes` of payload, all
    /// fragments together.
    #[must_use]
    pub const fn new(max_message_bytes: usize) -> Self {
        Self { max_message_bytes, stage: Stage::START, message: None, data: Vec::new(), control: Vec::new() }
    }

    /// Takes in bytes just read and hands every message that is whole to `each`, in order. `input` is
    /// unmasked in place as far as it is used. When `each` breaks, the bytes after that message are
    /// left as they were, and are to be fed again later.
    ///
    /// Returns how many bytes were used: all, unless `each` broke.
    ///
    /// # Errors
    /// With what to close the connection, when the client broke RFC 6455 or the limit. The messages
    /// before the fault have been handed out; nothing is after it.
    pub fn feed(
        &mut self,
        input: &mut [u8],
        each: &mut impl FnMut(Incoming<'_>) -> ControlFlow<()>,
    ) -> Result<usize, ClientClose> {
        let total = input.len();
        let fed = self.frames(input, each);
        if fed.is_err() {
            self.end();
        }
        fed.map(|left| total - left)
    }

    /// Whether a message or a frame has begun and is not whole: the end of the stream here is a cut,
    /// not an end.
    #[must_use]
    pub const fn is_partial(&self) -> bool {
        self.message.is_some() || !matches!(self.stage, Stage::Header { filled: 0, .. } | Stage::Ended)
    }

    /// Bytes reserved for what is not whole; none while nothing is.
    #[must_use]
    pub const fn held_bytes(&self) -> usize {
        self.data.capacity() + self.control.capacity()
    }

    /// Returns how many bytes are left over.
    fn frames(
        &mut self,
        mut rest: &mut [u8],
        each: &mut impl FnMut(Incoming<'_>) -> ControlFlow<()>,
    ) -> Result<usize, ClientClose> {
        loop {
            let mut frame = match self.stage {
                Stage::Ended => return Ok(0),
                Stage::Payload(frame) => frame,
                Stage::Header { .. } => match self.header(&mut rest)? {
                    Some(frame) => self.begin(frame)?,
                    None => return Ok(0),
                },
            };
            let here = frame.payload_bytes.min(rest.len());
            let Some((now, later)) = mem::take(&mut rest).split_at_mut_checked(here) else { return Ok(0) };
            rest = later;
            mask::apply(now, frame.key);
            frame.key = mask::advance(frame.key, here);
            frame.payload_bytes -= here;
            let whole = frame.payload_bytes == 0;
            self.stage = if whole { Stage::START } else { Stage::Payload(frame) };
            let flow = match (frame.kind.is_control(), whole) {
                (true, true) if self.control.is_empty() => self.control_frame(frame.kind, now, each)?,
                (true, _) => {
                    self.control.extend_from_slice(now);
                    if !whole {
                        return Ok(0);
                    }
                    let control = mem::take(&mut self.control);
                    self.control_frame(frame.kind, &control, each)?
                }
                (false, true) if frame.last && self.data.is_empty() => self.data_message(now, each)?,
                (false, _) => {
                    self.keep(now, &frame);
                    if !whole {
                        return Ok(0);
                    }
                    if !frame.last {
                        continue;
                    }
                    let data = mem::take(&mut self.data);
                    self.data_message(&data, each)?
                }
            };
            if flow.is_break() {
                return Ok(rest.len());
            }
        }
    }

    /// Reads a header from what is stashed and what is new. `None` when more is needed; then all of
    /// `rest` is stashed.
    fn header(&mut self, rest: &mut &mut [u8]) -> Result<Option<Header>, ClientClose> {
        let Stage::Header { mut bytes, filled } = self.stage else { return Ok(None) };
        let room = self.max_message_bytes.saturating_sub(self.data.len());
        if filled == 0
            && let Parsed::Whole(header, used) = header::parse(rest, room, self.max_message_bytes)?
        {
            skip(rest, used);
            return Ok(Some(header));
        }
        // It spans reads: stash as much as may belong to it, and give back what it does not use.
        let stashed = usize::from(filled);
        let fresh = bytes.get_mut(stashed..).unwrap_or_default();
        let taken = fresh.len().min(rest.len());
        for (to, from) in fresh.iter_mut().zip(rest.iter()) {
            *to = *from;
        }
        match header::parse(bytes.get(..stashed + taken).unwrap_or_default(), room, self.max_message_bytes)? {
            Parsed::Whole(header, used) => {
                skip(rest, used - stashed);
                Ok(Some(header))
            }
            Parsed::Partial => {
                let filled = u8::try_from(stashed + taken).unwrap_or(filled);
                self.stage = Stage::Header { bytes, filled };
                Ok(None)
            }
        }
    }

    /// Checks a frame's place in the order of frames.
    fn begin(&mut self, frame: Header) -> Result<Header, ClientClose> {
        let begun = match (frame.kind, self.message) {
            (Kind::Text, None) => Some(DataKind::Text),
            (Kind::Binary, None) => Some(DataKind::Binary),
            (Kind::Text | Kind::Binary, Some(_)) => {
                return Err(ClientClose::Protocol("a new message began inside a fragmented one"));
            }
            (Kind::Continuation, None) => return Err(ClientClose::Protocol("a continuation of nothing")),
            (_, message) => message,
        };
        self.message = begun;
        Ok(frame)
    }

    /// Keeps a part of a message. The buffer grows with what arrives, at most to what is promised.
    fn keep(&mut self, now: &[u8], frame: &Header) {
        let needed = self.data.len() + now.len();
        if needed > self.data.capacity() {
            let promised = needed.saturating_add(frame.payload_bytes);
            let doubled = self.data.capacity().saturating_mul(2).min(self.max_message_bytes);
            let mut capacity = doubled.max(promised.min(MAX_PROMISED_BYTES));
            if frame.last {
                capacity = capacity.min(promised);
            }
            self.data.reserve_exact(capacity.max(needed) - self.data.len());
        }
        self.data.extend_from_slice(now);
    }

    fn data_message(
        &mut self,
        payload: &[u8],
        each: &mut impl FnMut(Incoming<'_>) -> ControlFlow<()>,
    ) -> Result<ControlFlow<()>, ClientClose> {
        Ok(match self.message.take() {
            Some(DataKind::Text) => {
                each(Incoming::Text(std::str::from_utf8(payload).map_err(|_| ClientClose::NotUtf8)?))
            }
            Some(DataKind::Binary) => each(Incoming::Binary(payload)),
            None => ControlFlow::Continue(()),
        })
    }

    fn control_frame(
        &mut self,
        kind: Kind,
        payload: &[u8],
        each: &mut impl FnMut(Incoming<'_>) -> ControlFlow<()>,
    ) -> Result<ControlFlow<()>, ClientClose> {
        Ok(match kind {
            Kind::Ping => each(Incoming::Ping(payload)),
            Kind::Pong => each(Incoming::Pong(payload)),
            _ => {
                let code = close_code(payload)?;
                self.end();
                each(Incoming::Close(code))
            }
        })
    }

    fn end(&mut self) {
        *self = Self { stage: Stage::Ended, ..Self::new(self.max_message_bytes) };
    }
}

fn skip(rest: &mut &mut [u8], bytes: usize) {
    *rest = mem::take(rest).get_mut(bytes..).unwrap_or_default();
}

/// The code in a Close, RFC 6455 section 7.4 and the IANA registry, as of 2025 up to 1014.
fn close_code(payload: &[u8]) -> Result<Option<u16>, ClientClose> {
    match payload {
        [] => Ok(None),
        [_] => Err(ClientClose::Protocol("a close code has two bytes")),
        [high, low, reason @ ..] => {
            let code = u16::from_be_bytes([*high, *low]);
            if !matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999) {
                return Err(ClientClose::Protocol("a close code that must not be sent"));
            }
            std::str::from_utf8(reason).map_err(|_| ClientClose::NotUtf8)?;
            Ok(Some(code))
        }
    }
}

impl fmt::Debug for Reader {
    /// Shows no content.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reader")
            .field("max_message_bytes", &self.max_message_bytes)
            .field("partial", &self.is_partial())
            .field("held_bytes", &self.held_bytes())
            .finish_non_exhaustive()
    }
}
