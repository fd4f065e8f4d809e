//! What happens when time has passed: credentials that nobody used, servers that did not come back, clients that were not
//! accepted, and channels on which nothing was said.

use super::{
    Core,
    limits::Now,
    model::{Holder, Stage},
};
use nws_protocol::relay::{DisconnectCode, ErrorCode};
use std::collections::BTreeSet;

/// What is looked at again when its time comes. It may have become of no interest meanwhile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Timer {
    Server(u64),
    /// Of one that is not accepted.
    Asked(u64),
    /// Of one on which nothing may have been said.
    Quiet(u64),
    /// Of one that is over.
    Over(u64),
    /// Of those who wait for room.
    Crowd,
}

/// All of them, the next one first.
#[derive(Debug, Default)]
pub(super) struct Timers(BTreeSet<(Now, Timer)>);

impl Timers {
    pub(super) fn set(&mut self, at: Now, timer: Timer) {
        self.0.insert((at, timer));
    }

    pub(super) fn clear(&mut self, at: Now, timer: Timer) {
        self.0.remove(&(at, timer));
    }

    #[cfg(test)]
    pub(super) fn iter(&self) -> impl Iterator<Item = &(Now, Timer)> {
        self.0.iter()
    }

    #[cfg(test)]
    pub(super) fn has(&self, at: Now, timer: Timer) -> bool {
        self.0.contains(&(at, timer))
    }
}

impl Core {
    /// When [`tick`](Self::tick) has something to do.
    pub(crate) fn next_tick(&self) -> Option<Now> {
        self.timers.0.first().map(|(at, _)| *at)
    }

    /// Does what is due.
    pub(crate) fn tick(&mut self, now: Now) {
        self.clock = now;
        while let Some((at, timer)) = self.timers.0.first().copied()
            && at <= now
        {
            self.timers.0.remove(&(at, timer));
            match timer {
                Timer::Server(id) => {
                    let over = self
                        .servers
                        .get(&id)
                        .is_some_and(|server| !matches!(server.holder, Holder::Party(_)) && server.until <= now);
                    if over {
                        self.end_server(
                            now,
                            id,
                            DisconnectCode::Gone,
                            ErrorCode::ServerAway,
                            "the server did not come back",
                        );
                    }
                }
                Timer::Asked(id) => {
                    let asked =
                        self.channels.get(&id).is_some_and(|channel| matches!(channel.stage, Stage::Asked { .. }));
                    if asked {
                        self.give_up(now, id);
                    }
                }
                Timer::Quiet(id) => self.quiet(now, id),
                Timer::Crowd => self.look(now),
                Timer::Over(id) => {
                    let channel = self.channels.get(&id).filter(|channel| matches!(channel.stage, Stage::Over { .. }));
                    let server = channel.and_then(|channel| self.servers.get(&channel.server));
                    if server.is_some_and(|server| server.party().is_some()) {
                        self.forget(now, id);
                    }
                }
            }
        }
    }

    fn quiet(&mut self, now: Now, id: u64) {
        let (Some(channel), Some(limit)) = (self.channels.get_mut(&id), self.limits.channel_idle) else { return };
        channel.quiet_at = None;
        let until = channel.heard.saturating_add(limit);
        if until > now {
            channel.quiet_at = Some(until);
            self.timers.set(until, Timer::Quiet(id));
        } else if channel.stage == Stage::Open {
            self.end_channel(now, id, None, DisconnectCode::Idle);
        }
    }
}
