//! What feeds the lane to another proxy: what this proxy's clients do in one channel.

use crate::{hub::Hub, state::Place, take::Taken};
use bytes::{Bytes, BytesMut};
use nws_protocol::{InstanceId, PeerId, limits::MAX_MEMBERS_PER_FRAME, wire::Data};
use std::{
    sync::Arc,
    task::{Context, Poll},
};

/// The lane made no progress for too long: its link is to be closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the lane made no progress for too long")]
pub struct LaneStalled;

/// The sending side of a data lane. Dropping it takes it off the hub.
#[derive(Debug)]
pub struct LaneOut {
    hub: Arc<Hub>,
    place: Place,
}

impl LaneOut {
    pub(crate) fn new(hub: Arc<Hub>, to: InstanceId, max_frame_bytes: usize) -> Self {
        let place = hub.with(|state| {
            let place = state.add_lane(to, max_frame_bytes);
            let locals: Vec<PeerId> = state.roster.locals().collect();
            state.give(place, members(&locals));
            place
        });
        Self { hub, place }
    }

    /// What was taken before has been written in full; answers with encoded frames of the data lane
    /// to write next, or `None` when the lane is to be finished. The first frames are the member
    /// list; `Open` is the caller's business. Cancel safe.
    ///
    /// # Errors
    /// [`LaneStalled`] when the lane was given up.
    pub fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Vec<Bytes>>, LaneStalled>> {
        let mut parts = Vec::new();
        self.hub.with(|state| match state.take(self.place, &mut parts) {
            Taken::Some => Poll::Ready(Ok(Some(std::mem::take(&mut parts)))),
            Taken::Nothing => {
                if let Some(reader) = state.reader(self.place) {
                    reader.asleep = Some(cx.waker().clone());
                }
                Poll::Pending
            }
            Taken::End => Poll::Ready(Ok(None)),
            Taken::ThrownOut => Poll::Ready(Err(LaneStalled)),
        })
    }

    /// Waits, while what was taken is being written, until the lane is given up for making no progress. Cancel safe.
    pub fn poll_stalled(&self, cx: &mut Context<'_>) -> Poll<LaneStalled> {
        self.hub.with(|state| match state.reader(self.place) {
            Some(reader) if reader.fate.is_none() => {
                reader.busy = Some(cx.waker().clone());
                Poll::Pending
            }
            _ => Poll::Ready(LaneStalled),
        })
    }

    /// Part of what was taken has been written: the lane is alive.
    pub fn advance(&self, bytes: usize) {
        self.hub.with(|state| state.progress(self.place, bytes as u64));
    }
}

impl Drop for LaneOut {
    fn drop(&mut self) {
        self.hub.with(|state| state.unseat(self.place));
    }
}

/// The member list as one or more frames.
fn members(peers: &[PeerId]) -> Bytes {
    let mut frames = BytesMut::new();
    let mut rest = peers;
    loop {
        let (now, later) = rest.split_at(rest.len().min(MAX_MEMBERS_PER_FRAME));
        rest = later;
        Data::Members { peers: now.to_vec(), more: !rest.is_empty() }.encode(&mut frames);
        if rest.is_empty() {
            return frames.freeze();
        }
    }
}
