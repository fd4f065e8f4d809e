//! Links that are not believed yet: one that waits until the link in use was probed, and one that is to prove that it leads to
//! the same proxy. The rules are in [`super`].

use super::{Action, Current, LinkId, Neighbour, Neighbours, Verdict};
use nws_protocol::{InstanceId, LinkCode};
use std::time::Duration;

impl Neighbour {
    /// That link is gone. Whether it was one that is not believed yet.
    pub(super) fn no_more_contends(&mut self, link: LinkId) -> bool {
        let on_trial = self.trial.take_if(|trial| trial.link == link).is_some();
        let waited = self.waiting.take_if(|waiting| *waiting == link).is_some();
        on_trial || waited
    }
}

impl<A: Clone + PartialEq> Neighbours<A> {
    /// [`Action::Probe`] was done: whether that link is of use, which it is when channels are matched on it and something came.
    pub fn probed(&mut self, link: LinkId, of_use: bool, now: Duration) {
        let Some(instance) = self.links.get(&link).copied() else { return };
        let Some(neighbour) = self.neighbours.get_mut(&instance) else { return };
        if neighbour.current.is_none_or(|current| current.link != link) {
            return;
        }
        let Some(waiting) = neighbour.waiting.take() else { return };
        if of_use {
            return self.close_duplicate(waiting);
        }
        neighbour.current = Some(Current { link: waiting, by_us: false, since: now });
        let superseded = neighbour.superseded.take();
        for gone in superseded.into_iter().chain([link]) {
            self.close_duplicate(gone);
        }
        self.actions.push_back(Action::Admit { link: waiting });
    }

    /// A link that was told [`Verdict::Prove`] has matched all channels that are matched on the link in use.
    pub fn proved(&mut self, link: LinkId, now: Duration) {
        let Some(instance) = self.links.get(&link).copied() else { return };
        let Some(neighbour) = self.neighbours.get_mut(&instance) else { return };
        let Some(trial) = neighbour.trial.take_if(|trial| trial.link == link) else { return };
        let old = neighbour.current.replace(Current { since: now, ..trial });
        let older = std::mem::replace(&mut neighbour.superseded, old.map(|old| old.link));
        let waiting = neighbour.waiting.take();
        self.trials.remove(&link);
        for gone in older.into_iter().chain(waiting) {
            self.close_duplicate(gone);
        }
        self.actions.push_back(match old {
            Some(old) => Action::Supersede { old: old.link, by: link },
            None => Action::Admit { link },
        });
    }

    /// The current link is probed before this one may take its place. Of two that wait the newer one does: whoever dials again
    /// has given up the one before.
    pub(super) fn wait(&mut self, link: LinkId, instance: InstanceId) -> Verdict {
        let Some(neighbour) = self.neighbours.get_mut(&instance) else { return Verdict::Close(LinkCode::Internal) };
        let current = neighbour.current.map(|current| current.link);
        match (neighbour.waiting.replace(link), current) {
            (Some(older), _) => self.close_duplicate(older),
            (None, Some(current)) => self.actions.push_back(Action::Probe { link: current }),
            (None, None) => {}
        }
        Verdict::Wait
    }

    /// This link is to prove itself. Of two the newer one is, as above, unless we dialled both.
    pub(super) fn try_out(&mut self, link: LinkId, instance: InstanceId, by_us: bool, now: Duration) -> Verdict {
        let Some(neighbour) = self.neighbours.get_mut(&instance) else { return Verdict::Close(LinkCode::Internal) };
        if by_us && neighbour.trial.is_some() {
            return Verdict::Close(LinkCode::Duplicate);
        }
        let older = neighbour.trial.replace(Current { link, by_us, since: now });
        self.trials.insert(link, now + self.config.prove_within);
        if let Some(older) = older {
            self.close_duplicate(older.link);
        }
        Verdict::Prove
    }

    /// The link in use is gone. Whether there is one to take its place at once.
    pub(super) fn succeed(&mut self, instance: InstanceId, now: Duration) -> bool {
        let Some(neighbour) = self.neighbours.get_mut(&instance) else { return false };
        let waiting = neighbour.waiting.take();
        let next = match (neighbour.trial.take(), waiting) {
            (Some(trial), waiting) => {
                self.trials.remove(&trial.link);
                if let Some(waiting) = waiting {
                    self.close_duplicate(waiting);
                }
                Current { since: now, ..trial }
            }
            (None, Some(waiting)) => Current { link: waiting, by_us: false, since: now },
            (None, None) => return false,
        };
        if let Some(neighbour) = self.neighbours.get_mut(&instance) {
            neighbour.current = Some(next);
        }
        self.actions.push_back(Action::Admit { link: next.link });
        true
    }

    /// Whoever has not proved itself in time is closed.
    pub(super) fn end_trials(&mut self, now: Duration) {
        while let Some(link) = self.trials.iter().find(|(_, until)| **until <= now).map(|(link, _)| *link) {
            let neighbour = self.links.get(&link).and_then(|instance| self.neighbours.get_mut(instance));
            if let Some(neighbour) = neighbour {
                neighbour.trial = None;
            }
            self.close_duplicate(link);
        }
    }

    /// Nothing is known of that link any more.
    pub(super) fn close_duplicate(&mut self, link: LinkId) {
        self.links.remove(&link);
        self.trials.remove(&link);
        self.actions.push_back(Action::Close { link, code: LinkCode::Duplicate });
    }
}
