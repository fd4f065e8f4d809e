//! Which lane is for which hub, and what is to be done when one ends.

use super::{Attached, Held, LaneEnd, Session};
use crate::{
    lane_in::{self, InEnd, LastWords, Opened},
    lane_out::{self, OutEnd, Turn, Wait},
    over::Over,
};
use nws_protocol::{
    ChannelId, LinkCode,
    limits::{PROOF_TIMEOUT, UNMATCHED_LANE_TIMEOUT},
};
use std::{sync::Arc, time::Duration};
use tokio::time::Instant;

/// A lane that the other end stopped, of a channel that is still matched, is opened again after this long. Mostly the
/// channel was closed there and the word of it is on its way. A guess.
const REOPEN_AFTER: Duration = Duration::from_secs(1);

/// Most lanes of which the end was read that are kept for their successors; beyond them the oldest are let go.
const MAX_KEPT: usize = 256;

impl Session {
    /// Opens a lane, after a `rest`; one that is open for the channel already ends when it has said what it had.
    pub(super) fn feed(&mut self, channel: ChannelId, rest: Duration) {
        let Some(matched) = self.matched.get_mut(&channel) else { return };
        self.feeds += 1;
        matched.feed = self.feeds;
        let feed = matched.feed;
        let out = matched.hub.lane_out(self.peer, self.id, self.peer_max_frame_bytes);
        let (link, activity) = (Arc::clone(&self.link), Arc::clone(&self.activity));
        let (stall, left) = (self.config.lane_stall, matched.left.clone());
        let before = self.begun.get(&channel).cloned();
        let (turn, cue) =
            Turn::after(Wait { before, heard: matched.heard.clone(), patience: UNMATCHED_LANE_TIMEOUT, rest });
        self.begun.insert(channel, turn.begun());
        // Ends the one before, if it waits for its cue still.
        matched.turn = Some(turn);
        self.in_common.has_lanes(true);
        self.lanes.spawn(async move {
            LaneEnd::Out(channel, feed, lane_out::feed(link, channel, out, cue, stall, activity, left).await)
        });
    }

    pub(super) fn lane_opened(&mut self, opened: Opened) {
        let Some(matched) = self.matched.get(&opened.channel).filter(|matched| !matched.idle) else {
            // Where this link is not believed yet, the other end may have moved lanes here already.
            let patience = if self.moves_lanes { UNMATCHED_LANE_TIMEOUT } else { PROOF_TIMEOUT };
            self.pen.push_back(Held { opened, until: Instant::now() + patience });
            return;
        };
        matched.heard.cancel();
        let lane_in = matched.hub.lane_in(self.peer, self.id);
        let channel = opened.channel;
        let last_words = LastWords { left: matched.left.clone(), patience: self.config.drain_patience };
        self.lanes_opened += 1;
        let lane = self.lanes_opened;
        self.attached.insert(channel, Attached { lane, epoch: matched.hub.epoch(), stopped: None });
        let (max_frame_bytes, activity) = (self.max_frame_bytes, Arc::clone(&self.activity));
        self.lanes_in += 1;
        self.in_common.has_lanes(true);
        self.lanes.spawn(async move {
            LaneEnd::In(channel, lane, lane_in::read(opened, lane_in, max_frame_bytes, activity, last_words).await)
        });
    }

    /// Opens the lane of a channel that is matched, and attaches those that came for it.
    pub(super) fn begin_lanes(&mut self, channel: ChannelId) {
        self.feed(channel, Duration::ZERO);
        let (now, rest): (Vec<Held>, Vec<Held>) = self.pen.drain(..).partition(|held| held.opened.channel == channel);
        self.pen = rest.into();
        for held in now {
            self.lane_opened(held.opened);
        }
    }

    /// This link is believed now: the lanes of all that was matched on it move here.
    pub(super) fn is_admitted(&mut self) {
        self.moves_lanes = true;
        let until = Instant::now() + UNMATCHED_LANE_TIMEOUT;
        self.pen.iter_mut().for_each(|held| held.until = until);
        let channels: Vec<ChannelId> = self.matched.keys().copied().collect();
        for channel in channels {
            if let Some(matched) = self.matched.get_mut(&channel) {
                matched.idle = false;
            }
            self.begin_lanes(channel);
        }
    }

    pub(super) fn lane_ended(&mut self, end: LaneEnd) -> Option<Over> {
        if let LaneEnd::In(channel, lane, end) = &end {
            self.lanes_in = self.lanes_in.saturating_sub(1);
            if let Some(last) = self.attached.get_mut(channel).filter(|last| last.lane == *lane) {
                if matches!(end, InEnd::Stopped) {
                    last.stopped = Some(Instant::now() + self.config.drain_patience);
                } else {
                    self.attached.remove(channel);
                }
            }
        }
        match end {
            LaneEnd::In(_, _, InEnd::Fault(over)) => return Some(over),
            LaneEnd::In(_, _, InEnd::Finished(lane)) => {
                if self.kept.len() >= MAX_KEPT {
                    self.kept.pop_front();
                }
                self.kept.push_back((Instant::now() + self.config.drain_patience, lane));
            }
            LaneEnd::Out(_, _, OutEnd::Stalled) => return Some(Over::ours(LinkCode::Stalled)),
            // The next one takes its place in the hub at once: whoever is seen there meanwhile is spoken to.
            LaneEnd::Out(channel, feed, OutEnd::Stopped) if self.is_current(channel, feed) => {
                self.feed(channel, REOPEN_AFTER);
            }
            LaneEnd::In(_, _, InEnd::GivenUp | InEnd::Stopped) | LaneEnd::Out(..) => {}
        }
        None
    }

    fn is_current(&self, channel: ChannelId, feed: u64) -> bool {
        self.drains_since.is_none() && self.matched.get(&channel).is_some_and(|matched| matched.feed == feed)
    }
}
