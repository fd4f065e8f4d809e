//! A client's place in its channel: what it says goes in here, what it is to be told comes out.

use crate::{
    hub::Hub,
    log::{Content, Origin},
    reader::Fate,
    render,
    state::{Place, State},
    take::Taken,
};
use bytes::{Bytes, BytesMut};
use nws_membership::roster::Whereabouts;
use nws_protocol::{
    ChannelKind, ClientClose, PeerId,
    client::{self, ErrorCode},
    ids::IdText,
    limits::FRAME_OVERHEAD_BYTES,
    wire::{self, Kind},
    wsframe::{Opcode, put_header},
};
use std::{
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

/// How much of the list of those present is rendered at once, in peers (about 100 bytes each).
const GREETING_STEP: usize = 512;

/// There is no room: wait for [`ClientSeat::poll_room`], then say it again. Never said to one who was thrown out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Full;

/// Whether there was somebody to send to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Sent {
    #[default]
    Yes,
    ToNobody,
}

/// A client in a channel. Dropping it leaves the channel.
#[derive(Debug)]
pub struct ClientSeat {
    hub: Arc<Hub>,
    peer: PeerId,
    text: IdText,
    place: Place,
    /// Who was there when it came and is not told of yet; last first.
    greeting: Vec<PeerId>,
}

impl ClientSeat {
    pub(crate) fn new(hub: Arc<Hub>, peer: PeerId, place: Place, mut here: Vec<PeerId>) -> Self {
        here.reverse();
        Self { hub, peer, text: peer.text(), place, greeting: here }
    }

    /// The client's id.
    #[must_use]
    pub const fn peer(&self) -> PeerId {
        self.peer
    }

    /// The client's id as it is written in messages.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.text
    }

    /// The kind of its channel.
    #[must_use]
    pub fn kind(&self) -> ChannelKind {
        self.hub.kind()
    }

    /// Appends one broadcast of this client to `batch`, as the frame that all receivers get.
    pub fn put_broadcast(&self, batch: &mut BytesMut, data: Option<&str>) {
        let data = data.map(str::as_bytes);
        put_header(batch, Opcode::Text, client::broadcast_bytes(self.id(), data));
        client::put_broadcast(batch, self.id(), data);
    }

    /// Says whole server frames, all broadcasts of this client, to everyone else.
    ///
    /// # Errors
    /// [`Full`] when the channel has no room; nothing was said.
    pub fn publish(&self, frames: &Bytes) -> Result<(), Full> {
        self.say(|state| {
            state.append(Origin::Local(self.peer), Content::Frames(frames.clone()));
            self.tell_of_large(state, frames);
        })
    }

    /// Says something if there is room. Who was thrown out is not heard, and not held either: it learns of it by its close frame,
    /// and would wait for room in vain, since for it [`poll_room`](Self::poll_room) does not wait.
    fn say<T: Default>(&self, what: impl FnOnce(&mut State) -> T) -> Result<T, Full> {
        self.hub.with(|state| {
            if state.reader(self.place).is_none_or(|reader| reader.fate.is_some()) {
                return Ok(T::default());
            }
            if state.has_room() { Ok(what(state)) } else { Err(Full) }
        })
    }

    /// Whoever says more at once than another proxy takes is told so, once for each message; a kind of channel that knows no
    /// errors closes it, for it would not learn otherwise that some did not hear it.
    fn tell_of_large(&self, state: &mut State, frames: &Bytes) {
        let limit = state.least_lane_frame();
        if frames.len() <= limit {
            return;
        }
        let form = render::lane_form(state.kind, self.peer, frames);
        match (render::count_large(&form, limit), state.kind) {
            (0, _) => {}
            (count, ChannelKind::Network) => {
                let told = render::too_large(limit, None);
                (0..count).for_each(|_| state.give(self.place, told.clone()));
            }
            _ => state.throw_out_for(self.place, Fate::SaidTooMuch(limit.saturating_sub(FRAME_OVERHEAD_BYTES))),
        }
    }

    /// Says something to one peer. When there is no such peer, the client is told so.
    ///
    /// # Errors
    /// [`Full`] when the channel has no room; nothing was said.
    pub fn send(&self, target: &str, data: Option<&str>) -> Result<(), Full> {
        let Ok(peer) = target.parse::<PeerId>() else { return self.unknown_target(target) };
        let data = data.map(str::as_bytes);
        let sent = self.say(|state| {
            if let Some(place) = state.place_of(peer) {
                let source: &str = &self.text;
                let mut frame = BytesMut::with_capacity(128 + data.map_or(0, <[u8]>::len));
                put_header(&mut frame, Opcode::Text, client::message_bytes(source, target, data));
                client::put_message(&mut frame, source, target, data);
                state.give(place, frame.freeze());
                return Sent::Yes;
            }
            let Some(Whereabouts::Remote(instance)) = state.roster.locate(peer) else { return Sent::ToNobody };
            let Some(lane) = state.lanes.get(&instance).copied() else { return Sent::ToNobody };
            let mut frame = BytesMut::new();
            wire::put_direct(&mut frame, self.peer, peer, Kind::Json, data.unwrap_or_default());
            let limit = state.reader(lane).map_or(usize::MAX, |reader| reader.max_frame_bytes);
            if render::count_large(&frame, limit) > 0 {
                state.give(self.place, render::too_large(limit, Some(target)));
            } else {
                state.give(lane, frame.freeze());
            }
            Sent::Yes
        })?;
        match sent {
            Sent::Yes => Ok(()),
            Sent::ToNobody => self.unknown_target(target),
        }
    }

    fn unknown_target(&self, target: &str) -> Result<(), Full> {
        self.error(ErrorCode::UnknownTarget, "no such peer in this channel", Some(target))
    }

    /// Answers the client's question who it is.
    ///
    /// # Errors
    /// [`Full`] when too much is waiting for the client already.
    pub fn status(&self) -> Result<(), Full> {
        self.answer(render::text_frame(|text| client::put_status(text, self.id())))
    }

    /// Tells the client what was wrong with what it sent.
    ///
    /// # Errors
    /// [`Full`] when too much is waiting for the client already.
    pub fn error(&self, code: ErrorCode, words: &str, target: Option<&str>) -> Result<(), Full> {
        self.answer(render::text_frame(|text| client::put_error(text, code, words, target)))
    }

    fn answer(&self, frame: Bytes) -> Result<(), Full> {
        self.say(|state| state.give(self.place, frame))
    }

    /// Waits until the channel has room. Cancel safe.
    pub fn poll_room(&self, cx: &mut Context<'_>) -> Poll<()> {
        self.hub.with(|state| {
            if state.has_room() {
                return Poll::Ready(());
            }
            match state.reader(self.place) {
                Some(reader) if reader.fate.is_none() => {
                    reader.held = Some(cx.waker().clone());
                    Poll::Pending
                }
                _ => Poll::Ready(()),
            }
        })
    }

    /// To be called every [`judge_interval`](Self::judge_interval) while held back: closes receivers
    /// that hold everyone up.
    pub fn judge(&self) {
        self.hub.judge();
    }

    /// See [`judge`](Self::judge).
    #[must_use]
    pub fn judge_interval(&self) -> Duration {
        self.hub.judge_interval()
    }

    /// All that was taken has been written; fills `parts`, which is empty, with what is new.
    ///
    /// # Errors
    /// Why the client is to be closed: it was thrown out.
    pub fn poll_take(&mut self, cx: &mut Context<'_>, parts: &mut Vec<Bytes>) -> Poll<Result<(), ClientClose>> {
        if !self.greeting.is_empty() {
            let rest = self.greeting.len().saturating_sub(GREETING_STEP);
            let mut frames = BytesMut::new();
            for peer in self.greeting.drain(rest..).rev() {
                render::put_presence(&mut frames, &self.text, peer, true);
            }
            if rest == 0 {
                self.greeting = Vec::new();
            }
            parts.push(frames.freeze());
            return Poll::Ready(Ok(()));
        }
        self.hub.with(|state| match state.take(self.place, parts) {
            Taken::Some => Poll::Ready(Ok(())),
            Taken::Nothing | Taken::End => {
                if let Some(reader) = state.reader(self.place) {
                    match &reader.asleep {
                        Some(waker) if waker.will_wake(cx.waker()) => {}
                        _ => reader.asleep = Some(cx.waker().clone()),
                    }
                }
                Poll::Pending
            }
            Taken::ThrownOut => Poll::Ready(Err(self.why_thrown_out(state))),
        })
    }

    /// Waits, while what was taken is being written, until the client is thrown out for not reading it.
    /// Cancel safe.
    pub fn poll_thrown_out(&self, cx: &mut Context<'_>) -> Poll<ClientClose> {
        self.hub.with(|state| match state.reader(self.place) {
            Some(reader) if reader.fate.is_none() => {
                reader.busy = Some(cx.waker().clone());
                Poll::Pending
            }
            _ => Poll::Ready(self.why_thrown_out(state)),
        })
    }

    fn why_thrown_out(&self, state: &mut State) -> ClientClose {
        match state.reader(self.place).and_then(|reader| reader.fate) {
            Some(Fate::SaidTooMuch(limit)) => ClientClose::TooBig(limit),
            Some(Fate::TooSlow) | None => ClientClose::SlowConsumer,
        }
    }

    /// Part of what was taken has been written.
    pub fn progress(&self, bytes: usize) {
        self.hub.with(|state| state.progress(self.place, bytes as u64));
    }
}

impl Drop for ClientSeat {
    fn drop(&mut self) {
        self.hub.with(|state| {
            state.part(self.peer);
            state.unseat(self.place);
        });
        if let Some(channels) = self.hub.channels().upgrade() {
            channels.client_left();
        }
    }
}
