//! Which lane is for which hub, and what is to be done when one ends.

use super::{Held, LaneEnd, Session};
use crate::{
    lane_in::{self, InEnd, Opened},
    lane_out::{self, OutEnd},
    over::Over,
};
use nws_protocol::{ChannelId, LinkCode, limits::UNMATCHED_LANE_TIMEOUT};
use std::{sync::Arc, time::Duration};
use tokio::time::{Instant, sleep};

/// A lane that the other end stopped, of a channel that is still matched, is opened again after this long. Mostly the
/// channel was closed there and the word of it is on its way. A guess.
const REOPEN_AFTER: Duration = Duration::from_secs(1);

/// Most lanes of which the end was read that are kept for their successors; beyond them the oldest are let go.
const MAX_KEPT: usize = 256;

impl Session {
    /// Opens a lane; one that is open for the channel already ends when it has said what it had.
    pub(super) fn feed(&mut self, channel: ChannelId) {
        let Some(matched) = self.matched.get_mut(&channel) else { return };
        self.feeds += 1;
        matched.feed = self.feeds;
        let feed = matched.feed;
        let out = matched.hub.lane_out(self.peer, self.id);
        let (link, activity) = (Arc::clone(&self.link), Arc::clone(&self.activity));
        let (stall, left) = (self.config.lane_stall, matched.left.clone());
        self.lanes.spawn(async move {
            LaneEnd::Out(channel, feed, lane_out::feed(link, channel, out, stall, activity, left).await)
        });
    }

    pub(super) fn lane_opened(&mut self, opened: Opened) {
        let Some(matched) = self.matched.get(&opened.channel) else {
            self.pen.push_back(Held { opened, until: Instant::now() + UNMATCHED_LANE_TIMEOUT });
            return;
        };
        let lane_in = matched.hub.lane_in(self.peer, self.id);
        let left = matched.left.clone();
        let (max_frame_bytes, activity) = (self.max_frame_bytes, Arc::clone(&self.activity));
        self.lanes_in += 1;
        self.lanes
            .spawn(async move { LaneEnd::In(lane_in::read(opened, lane_in, max_frame_bytes, activity, left).await) });
    }

    pub(super) fn lane_ended(&mut self, end: LaneEnd) -> Option<Over> {
        if let LaneEnd::In(_) = end {
            self.lanes_in = self.lanes_in.saturating_sub(1);
        }
        match end {
            LaneEnd::In(InEnd::Fault(over)) => return Some(over),
            LaneEnd::In(InEnd::Finished(lane)) => {
                if self.kept.len() >= MAX_KEPT {
                    self.kept.pop_front();
                }
                self.kept.push_back((Instant::now() + self.config.drain_patience, lane));
            }
            LaneEnd::Out(_, _, OutEnd::Stalled) => return Some(Over::ours(LinkCode::Stalled)),
            LaneEnd::Out(channel, feed, OutEnd::Stopped) if self.is_current(channel, feed) => {
                self.lanes.spawn(async move {
                    sleep(REOPEN_AFTER).await;
                    LaneEnd::Reopen(channel, feed)
                });
            }
            LaneEnd::Reopen(channel, feed) if self.is_current(channel, feed) => self.feed(channel),
            LaneEnd::In(InEnd::Done) | LaneEnd::Out(..) | LaneEnd::Reopen(..) => {}
        }
        None
    }

    fn is_current(&self, channel: ChannelId, feed: u64) -> bool {
        self.drains_since.is_none() && self.matched.get(&channel).is_some_and(|matched| matched.feed == feed)
    }
}
