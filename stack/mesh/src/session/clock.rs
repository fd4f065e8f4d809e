//! What happens when nothing happens: pings and silence, lanes held too long, and the end of a link that gives way.

use super::Session;
use crate::{over::Over, rounds::Input};
use nws_protocol::{LinkCode, wire::Control};
use std::time::Duration;
use tokio::time::Instant;

impl Session {
    pub(super) fn next_timeout(&self) -> Instant {
        let heard = self.activity.last_heard();
        let ping = self.pinged_at.map_or(heard, |at| at.max(heard)) + self.config.ping_after;
        let silent = heard + self.config.silence_limit;
        let held = self.pen.front().map(|held| held.until);
        let leaving = self.leaving.front().map(|leaving| leaving.until);
        let kept = self.kept.front().map(|(until, _)| *until);
        let drained = self.drained_by();
        // While something waits to be sent nothing is matched, and nothing needs to be woken for it.
        let matching = if self.outbox.is_empty() { self.rounds.timeout() } else { None };
        [Some(ping.min(silent)), held, leaving, kept, drained, matching].into_iter().flatten().min().unwrap_or(silent)
    }

    pub(super) fn timeout(&mut self) -> Option<Over> {
        let now = Instant::now();
        let heard = self.activity.last_heard();
        if now >= heard + self.config.silence_limit {
            return Some(Over::ours(LinkCode::Silent));
        }
        if now >= self.pinged_at.map_or(heard, |at| at.max(heard)) + self.config.ping_after {
            self.ping();
        }
        while self.pen.front().is_some_and(|held| now >= held.until) {
            if let Some(mut held) = self.pen.pop_front() {
                held.opened.lane.stop(LinkCode::Unmatched);
            }
        }
        while self.leaving.front().is_some_and(|leaving| now >= leaving.until) {
            if let Some(leaving) = self.leaving.pop_front() {
                leaving.left.cancel();
            }
        }
        self.attached.retain(|_, last| last.stopped.is_none_or(|until| now < until));
        self.begun.retain(|_, begun| !begun.is_cancelled());
        while self.kept.front().is_some_and(|(until, _)| now >= *until) {
            self.kept.pop_front();
        }
        if self.rounds.timeout().is_some_and(|at| now >= at) && self.inputs.is_empty() {
            self.inputs.push_back(Input::Timeout);
        }
        None
    }

    pub(super) fn ping(&mut self) {
        self.pinged_at = Some(Instant::now());
        // One that waits already says the same.
        if !self.outbox.iter().any(|message| matches!(message, Control::Ping(_))) {
            self.outbox.push_back(Control::Ping(self.id.0));
        }
    }

    // Giving way to another link.

    fn drained_by(&self) -> Option<Instant> {
        let since = self.drains_since?;
        Some(since.max(self.activity.last_moved()) + self.config.drain_patience)
    }

    pub(super) fn drained(&self) -> Option<Over> {
        let by = self.drained_by()?;
        let done = self.lanes.is_empty() && self.pen.is_empty();
        (done || Instant::now() >= by).then(|| Over::ours(LinkCode::Duplicate))
    }

    /// The other end may still be reading what was written last; how long to wait until it says that it is done.
    pub(super) fn drain_patience_left(&self, over: &Over) -> Option<Duration> {
        let by = self.drained_by()?;
        let waits = matches!(over, Over::Ours(LinkCode::Duplicate, _)) && !self.peer_is_done;
        waits.then(|| by.saturating_duration_since(Instant::now()))
    }
}
