//! What comes on a data lane from another proxy, brought to this proxy's clients.

use crate::{
    hub::{Hub, LinkId},
    log::{Content, Origin},
    render,
    state::{Inbound, State},
};
use bytes::{Bytes, BytesMut};
use nws_membership::roster::{Change, Misbehaved};
use nws_protocol::{
    ChannelKind, InstanceId, LinkCode, PeerId,
    client::{self, ErrorCode},
    ids::IdText,
    wire::{Data, Payload},
    wsframe::{Opcode, put_header},
};
use std::{
    future::poll_fn,
    sync::Arc,
    task::{Context, Poll},
};
use tokio::time;

/// Why a lane can't go on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LaneFault {
    /// The other proxy broke the rules of membership.
    #[error("the other proxy broke the rules: {0}")]
    Misbehaved(#[from] Misbehaved),
    /// A message that has no place on this lane.
    #[error("unexpected message on a data lane: {0}")]
    Unexpected(&'static str),
    /// The channel has no clients here any more; the lane is to be stopped.
    #[error("the channel is closed here")]
    Closed,
}

impl LaneFault {
    /// What the other proxy is told.
    #[must_use]
    pub const fn code(&self) -> LinkCode {
        match self {
            Self::Misbehaved(fault) => fault.code(),
            Self::Unexpected(_) => LinkCode::Malformed,
            Self::Closed => LinkCode::Unmatched,
        }
    }
}

/// The receiving side of a data lane. Dropping it announces its peers as gone, unless it was handed
/// over and there is a successor.
#[derive(Debug)]
pub struct LaneIn {
    hub: Arc<Hub>,
    from: InstanceId,
    id: u64,
    begun: bool,
}

impl LaneIn {
    pub(crate) fn new(hub: Arc<Hub>, from: InstanceId, link: LinkId) -> Self {
        let id = hub.with(|state| {
            let id = state.inbound.back().map_or(0, |last| last.id + 1);
            state.inbound.push_back(Inbound { id, from, handed_over: false, waker: None });
            id
        });
        tracing::trace!(?link, %from, epoch = hub.epoch(), "data lane announced");
        Self { hub, from, id, begun: false }
    }

    /// Waits until an older lane of the same proxy has ended; to be called once, first. Cancel safe.
    pub async fn begin(&mut self) {
        poll_fn(|cx| {
            self.hub.with(|state| {
                let turn = state
                    .inbound
                    .iter()
                    .take_while(|lane| lane.id != self.id)
                    .all(|older| older.from != self.from || older.handed_over);
                if turn {
                    state.roster.lane_begins(self.from);
                    return Poll::Ready(());
                }
                sleep(state, self.id, cx);
                Poll::Pending
            })
        })
        .await;
        self.begun = true;
    }

    /// Brings messages to the channel, in order; waits while the channel has no room, so that not
    /// reading on carries the pressure to the far sender. Empties `batch`. Cancel safe: what is still in
    /// `batch` was not delivered.
    ///
    /// # Errors
    /// Why the lane can't go on.
    pub async fn deliver(&mut self, batch: &mut Vec<Data>) -> Result<(), LaneFault> {
        loop {
            let room = poll_fn(|cx| self.poll_room(cx));
            match time::timeout(self.hub.judge_interval(), room).await {
                Ok(()) => break,
                Err(_) => self.hub.judge(),
            }
        }
        let from = self.from;
        self.hub.with(|state| {
            if state.closed {
                batch.clear();
                return Err(LaneFault::Closed);
            }
            Delivery { state, from, frames: BytesMut::new(), last: None }.all(batch)
        })
    }

    fn poll_room(&self, cx: &mut Context<'_>) -> Poll<()> {
        self.hub.with(|state| {
            if state.has_room_for_lanes() || state.closed {
                return Poll::Ready(());
            }
            sleep(state, self.id, cx);
            Poll::Pending
        })
    }

    /// Waits until the channel is closed here; the lane is then to be stopped. Cancel safe. Not to be awaited
    /// beside [`begin`](Self::begin) or [`deliver`](Self::deliver) from another task.
    pub async fn closed(&self) {
        poll_fn(|cx| {
            self.hub.with(|state| {
                if state.closed {
                    return Poll::Ready(());
                }
                sleep(state, self.id, cx);
                Poll::Pending
            })
        })
        .await;
    }

    /// The lane ended cleanly because a newer one takes over: its peers stay until that one's list is
    /// there. To be dropped when the newer one must have begun; if none has, the peers are announced as gone then.
    pub fn hand_over(&mut self) {
        self.hub.with(|state| {
            let mut changes = Vec::new();
            if self.begun {
                state.roster.lane_ends(self.from, true, &mut changes);
            }
            for lane in &mut state.inbound {
                if lane.id == self.id {
                    lane.handed_over = true;
                }
            }
            wake_inbound(state);
        });
    }
}

impl Drop for LaneIn {
    fn drop(&mut self) {
        self.hub.with(|state| {
            let mut changes: Vec<Change> = Vec::new();
            let handed_over = state.inbound.iter().any(|lane| lane.id == self.id && lane.handed_over);
            state.inbound.retain(|lane| lane.id != self.id);
            let last = state.inbound.iter().all(|lane| lane.from != self.from);
            // Where it was handed over, the peers are the successor's, as long as there is one.
            if last || (self.begun && !handed_over) {
                state.roster.lane_ends(self.from, false, &mut changes);
            }
            state.announce(self.from, &changes);
            wake_inbound(state);
        });
    }
}

fn sleep(state: &mut State, id: u64, cx: &Context<'_>) {
    if let Some(lane) = state.inbound.iter_mut().find(|lane| lane.id == id) {
        lane.waker = Some(cx.waker().clone());
    }
}

fn wake_inbound(state: &mut State) {
    let wakers: Vec<_> = state.inbound.iter_mut().filter_map(|lane| lane.waker.take()).collect();
    state.wake.extend(wakers);
}

/// One batch on its way in.
struct Delivery<'a> {
    state: &'a mut State,
    from: InstanceId,
    /// Broadcasts rendered and not yet appended.
    frames: BytesMut,
    /// The last source and its text form: mostly the same one again.
    last: Option<(PeerId, IdText)>,
}

impl Delivery<'_> {
    fn all(mut self, batch: &mut Vec<Data>) -> Result<(), LaneFault> {
        let mut changes = Vec::new();
        for message in batch.drain(..) {
            let result = self.one(message, &mut changes);
            self.state.announce(self.from, &changes);
            changes.clear();
            if let Err(fault) = result {
                self.flush();
                return Err(fault);
            }
        }
        self.flush();
        Ok(())
    }

    fn one(&mut self, message: Data, changes: &mut Vec<Change>) -> Result<(), LaneFault> {
        if !matches!(message, Data::Broadcast { .. }) {
            self.flush();
        }
        let roster = &mut self.state.roster;
        match message {
            Data::Open(_) => return Err(LaneFault::Unexpected("a second Open")),
            Data::Members { peers, more } => roster.members(self.from, &peers, more, changes)?,
            Data::Join(peer) => roster.remote_join(self.from, peer, changes)?,
            Data::Part(peer) => roster.remote_part(self.from, peer, changes)?,
            Data::Broadcast { source, payload } => {
                roster.speaks(self.from, source)?;
                let source = self.text(source);
                self.put_broadcast(&source, &payload)?;
            }
            Data::Direct { source, target, payload } => {
                roster.speaks(self.from, source)?;
                self.direct(source, target, &payload)?;
            }
            Data::Undeliverable { .. } if self.state.kind != ChannelKind::Network => {
                return Err(LaneFault::Unexpected("an undeliverable message on a raw relay"));
            }
            Data::Undeliverable { source, target } => {
                roster.listed(self.from)?;
                self.undeliverable(source, target);
            }
        }
        Ok(())
    }

    fn text(&mut self, peer: PeerId) -> IdText {
        match self.last {
            Some((last, text)) if last == peer => text,
            _ => {
                let text = peer.text();
                self.last = Some((peer, text));
                text
            }
        }
    }

    fn put_broadcast(&mut self, source: &str, payload: &Payload) -> Result<(), LaneFault> {
        match (self.state.kind, payload) {
            (ChannelKind::Network, Payload::Json(data)) => {
                let data = given(data);
                put_header(&mut self.frames, Opcode::Text, client::broadcast_bytes(source, data));
                client::put_broadcast(&mut self.frames, source, data);
            }
            (ChannelKind::Broadcast, Payload::Text(data)) => self.put_raw(Opcode::Text, data),
            (ChannelKind::Broadcast, Payload::Binary(data)) => self.put_raw(Opcode::Binary, data),
            _ => return Err(LaneFault::Unexpected("a payload of another kind of channel")),
        }
        Ok(())
    }

    fn put_raw(&mut self, opcode: Opcode, data: &Bytes) {
        put_header(&mut self.frames, opcode, data.len());
        self.frames.extend_from_slice(data);
    }

    fn direct(&mut self, source: PeerId, target: PeerId, payload: &Payload) -> Result<(), LaneFault> {
        let (ChannelKind::Network, Payload::Json(data)) = (self.state.kind, payload) else {
            return Err(LaneFault::Unexpected("a direct message on a raw relay"));
        };
        if let Some(place) = self.state.place_of(target) {
            let (source, target, data) = (source.text(), target.text(), given(data));
            let mut frame = BytesMut::new();
            put_header(&mut frame, Opcode::Text, client::message_bytes(&source, &target, data));
            client::put_message(&mut frame, &source, &target, data);
            self.state.give(place, frame.freeze());
        } else if let Some(lane) = self.state.lanes.get(&self.from).copied() {
            let mut answer = BytesMut::new();
            Data::Undeliverable { source, target }.encode(&mut answer);
            self.state.give(lane, answer.freeze());
        }
        Ok(())
    }

    fn undeliverable(&mut self, source: PeerId, target: PeerId) {
        // The sender may be gone by now; then nobody is left to be told.
        if let Some(place) = self.state.place_of(source) {
            let frame = render::text_frame(|text| {
                client::put_error(text, ErrorCode::UnknownTarget, "no such peer in this channel", Some(&target.text()));
            });
            self.state.give(place, frame);
        }
    }

    fn flush(&mut self) {
        if !self.frames.is_empty() {
            let frames = self.frames.split().freeze();
            self.state.append(Origin::Remote(self.from), Content::Frames(frames));
        }
    }
}

/// Data as the client gave it, if it gave any.
fn given(data: &Bytes) -> Option<&[u8]> {
    if data.is_empty() { None } else { Some(data) }
}
