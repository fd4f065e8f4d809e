//! What becomes of a link that knows who is at the other end: it is up, or refused, or not believed yet.

use super::{Actor, Entry, Place, Stage, Up};
use crate::{life::Meeting, status::short};
use nws_hub::LinkId;
use nws_membership::neighbours::{self, Idle, Verdict};
use nws_protocol::limits::PROBE_TIMEOUT;
use nws_transports::BoxLink;
use rand_core::OsRng;
use std::{net::IpAddr, sync::Arc, time::Duration};
use tokio::time::{Instant, sleep};

/// One host has one IPv4 address, however it is written.
fn host(link: &BoxLink) -> IpAddr {
    link.remote_addr().ip().to_canonical()
}

impl Actor {
    /// A link knows who is at the other end.
    pub(super) fn meet(&mut self, meeting: Meeting) {
        // It gave up waiting, and may be buried already: then nobody would ever say that it is down.
        if meeting.answer.is_closed() {
            return;
        }
        let now = self.now();
        self.make_way(&meeting, now);
        let id = neighbours::LinkId(meeting.id.0);
        let verdict = match meeting.dial {
            Some(dial) => self.neighbours.dialled(dial, id, meeting.peer, now, &mut OsRng),
            None => self.neighbours.accepted(id, meeting.peer, now),
        };
        let (link, peer) = (meeting.id, meeting.peer);
        self.settle(meeting, verdict);
        // Before this one takes up its work: others may have to stop theirs.
        self.act();
        if verdict == Verdict::Prove
            && let Some(old) = self.neighbours.link_to(peer).map(|old| LinkId(old.0))
        {
            let needed = self.up(old).map(|up| up.in_common.all()).unwrap_or_default();
            self.trials.insert(link, (old, needed));
            self.judge_trials();
        }
    }

    /// Puts out a link with nothing in common, if this one is to have its place.
    fn make_way(&mut self, meeting: &Meeting, now: Duration) {
        let idle = self.links.iter().filter_map(|(id, entry)| {
            let Stage::Up(up) = &entry.stage else { return None };
            let since = up.in_common.idle_since()?.saturating_duration_since(self.start);
            Some(Idle { link: neighbours::LinkId(id.0), host: host(&up.link), since })
        });
        let idle = idle.collect();
        let way = self.neighbours.make_way(meeting.peer, &host(&meeting.link), idle, now, &mut OsRng);
        if let Some(neighbours::LinkId(link)) = way
            && let Some(Entry { stage: Stage::Up(up), .. }) = self.links.get_mut(&LinkId(link))
        {
            tracing::debug!(link, address = %up.link.remote_addr(), "link makes way: nothing is in common on it");
            up.put_out = true;
        }
    }

    /// Tells a link what is to become of it, unless that is open.
    fn settle(&mut self, meeting: Meeting, verdict: Verdict) {
        let Some(entry) = self.links.get_mut(&meeting.id) else { return };
        if let Stage::Dialling(_, Place::Named(peer)) = &entry.stage {
            self.complaints.remove(peer);
        }
        match verdict {
            Verdict::Wait => {
                entry.stage = Stage::Waiting(meeting);
                return;
            }
            Verdict::Close(_) => entry.stage = Stage::Refused,
            Verdict::Keep | Verdict::Prove => {
                tracing::info!(
                    instance = short(meeting.peer),
                    transport = %meeting.link.kind(),
                    address = %meeting.link.remote_addr(),
                    dialled = meeting.dial.is_some(),
                    on_trial = verdict == Verdict::Prove,
                    "link up"
                );
                if verdict == Verdict::Keep {
                    entry.admitted.cancel();
                }
                entry.stage = Stage::Up(Up {
                    peer: meeting.peer,
                    link: meeting.link,
                    since: Instant::now(),
                    in_common: meeting.in_common,
                    activity: meeting.activity,
                    put_out: false,
                });
            }
        }
        let _ = meeting.answer.send(verdict);
    }

    fn up(&self, link: LinkId) -> Option<&Up> {
        match &self.links.get(&link)?.stage {
            Stage::Up(up) => Some(up),
            _ => None,
        }
    }

    /// A link that was not believed is in use now.
    pub(super) fn admit(&mut self, link: LinkId) {
        self.trials.remove(&link);
        let Some(entry) = self.links.get_mut(&link) else { return };
        entry.admitted.cancel();
        if matches!(entry.stage, Stage::Waiting(_))
            && let Stage::Waiting(meeting) = std::mem::replace(&mut entry.stage, Stage::Refused)
        {
            self.settle(meeting, Verdict::Keep);
        }
    }

    /// Asks a link for a sign of life. One on which nothing is matched is of no use, alive or not: nobody behind it is known here.
    pub(super) fn probe(&mut self, link: LinkId) {
        let (activity, asked) = match self.links.get(&link) {
            Some(entry) => match &entry.stage {
                Stage::Up(up) if up.in_common.count() > 0 => (Arc::clone(&up.activity), Arc::clone(&entry.probe)),
                _ => return self.probed(link, false),
            },
            None => return self.probed(link, false),
        };
        let before = activity.reads();
        self.probes.spawn(async move {
            asked.notify_one();
            sleep(PROBE_TIMEOUT).await;
            (link, activity.reads() != before)
        });
    }

    pub(super) fn probed(&mut self, link: LinkId, of_use: bool) {
        tracing::debug!(link = link.0, of_use, "link probed");
        self.neighbours.probed(neighbours::LinkId(link.0), of_use, self.now());
        self.act();
    }

    /// Something was matched or unmatched somewhere: whoever is to prove itself may have done so.
    pub(super) fn judge_trials(&mut self) {
        let mut proved = Vec::new();
        let mut trials = std::mem::take(&mut self.trials);
        for (link, (old, needed)) in &mut trials {
            let (Some(on_trial), Some(in_use)) = (self.up(*link), self.up(*old)) else { continue };
            // What was matched on the old one later is not waited for, or it might never end.
            in_use.in_common.narrow(needed);
            if needed.is_empty() {
                *needed = in_use.in_common.all();
            }
            if on_trial.in_common.has(needed) {
                proved.push(*link);
            }
        }
        self.trials = trials;
        for link in proved {
            self.neighbours.proved(neighbours::LinkId(link.0), self.now());
        }
        self.act();
    }
}
