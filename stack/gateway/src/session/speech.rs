//! What one client says: read as requests, brought to its channel, kept while there is no room.

use bytes::{Bytes, BytesMut};
use nws_hub::{ClientSeat, Full};
use nws_protocol::{
    ChannelKind,
    client::{self, ErrorCode, Request},
    wsframe::{Opcode, put_header},
};
use std::collections::VecDeque;

/// One thing said that there was no room for.
#[derive(Debug)]
enum Held {
    Frames(Bytes),
    Message { target: String, data: Option<String> },
    Status,
    Error { code: ErrorCode, words: String },
}

/// A client's voice in its channel. While something is held the client is not read from, so what is
/// held is at most what one read brought.
#[derive(Debug)]
pub(crate) struct Speech {
    seat: ClientSeat,
    held: VecDeque<Held>,
}

impl Speech {
    pub(crate) const fn new(seat: ClientSeat) -> Self {
        Self { seat, held: VecDeque::new() }
    }

    pub(crate) const fn seat(&self) -> &ClientSeat {
        &self.seat
    }

    pub(crate) const fn seat_mut(&mut self) -> &mut ClientSeat {
        &mut self.seat
    }

    /// Whether the client is held back.
    pub(crate) fn is_held(&self) -> bool {
        !self.held.is_empty()
    }

    /// A text message. Broadcasts are gathered in `batch`, to be published before anything else is said
    /// and when the read is done; it is given room for `hint` bytes at first.
    pub(crate) fn text(&mut self, batch: &mut BytesMut, text: &str, hint: usize) {
        if batch.capacity() == 0 {
            batch.reserve(hint);
        }
        if self.seat.kind() != ChannelKind::Network {
            put_header(batch, Opcode::Text, text.len());
            batch.extend_from_slice(text.as_bytes());
            return;
        }
        match client::parse(text) {
            Ok(Request::Broadcast { data }) => self.seat.put_broadcast(batch, data),
            Ok(Request::Message { target, data }) => {
                self.publish(batch);
                if self.is_held() || self.seat.send(&target, data).is_err() {
                    let (target, data) = (target.into_owned(), data.map(str::to_owned));
                    self.held.push_back(Held::Message { target, data });
                }
            }
            Ok(Request::Status) => {
                self.publish(batch);
                self.say(Held::Status);
            }
            Err(error) => {
                self.publish(batch);
                self.say(Held::Error { code: error.code(), words: error.to_string() });
            }
        }
    }

    /// A binary message.
    pub(crate) fn binary(&mut self, batch: &mut BytesMut, data: &[u8]) {
        if self.seat.kind() == ChannelKind::Network {
            self.publish(batch);
            let words = "this channel takes text frames with one JSON object each".to_owned();
            self.say(Held::Error { code: ErrorCode::TextOnly, words });
        } else {
            put_header(batch, Opcode::Binary, data.len());
            batch.extend_from_slice(data);
        }
    }

    /// Says to all what was gathered.
    pub(crate) fn publish(&mut self, batch: &mut BytesMut) {
        if !batch.is_empty() {
            let frames = if batch.capacity() / 2 > batch.len() {
                // The room was made for all of the read, and what is said may be a small part of it: the channel is not
                // to hold more than it counts.
                let frames = Bytes::copy_from_slice(batch);
                batch.clear();
                frames
            } else {
                std::mem::take(batch).freeze()
            };
            if self.is_held() || self.seat.publish(&frames).is_err() {
                self.held.push_back(Held::Frames(frames));
            }
        }
    }

    fn say(&mut self, what: Held) {
        if self.is_held() || self.try_say(&what).is_err() {
            self.held.push_back(what);
        }
    }

    /// Says what was held, as far as there is room.
    pub(crate) fn go_on(&mut self) {
        while let Some(what) = self.held.pop_front() {
            if self.try_say(&what).is_err() {
                self.held.push_front(what);
                return;
            }
        }
        self.held = VecDeque::new();
    }

    fn try_say(&self, what: &Held) -> Result<(), Full> {
        match what {
            Held::Frames(frames) => self.seat.publish(frames),
            Held::Message { target, data } => self.seat.send(target, data.as_deref()),
            Held::Status => self.seat.status(),
            Held::Error { code, words } => self.seat.error(*code, words, None),
        }
    }
}
