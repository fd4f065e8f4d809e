//! Which channels both ends of a link hold, as private matching would tell them: the same messages in
//! the same order on the control lane, without the cryptography. It relies on nothing but that order.
//!
//! An Accept says here which Offer it answers, so that a late one can't match a channel that was left and
//! joined again meanwhile. Without that a message was lost in silence in one of the first 3,000 seeds (in none of
//! the first 300): the responder's new lane overtook its Revoke, while the initiator still fed the lane that
//! had been stopped.

use crate::net::{Chan, Control};
use std::collections::{BTreeMap, BTreeSet};

#[derive(Debug)]
pub(crate) struct Matching {
    initiator: bool,
    /// I: the number of the Query for each channel held here. R: of the Offer.
    held: BTreeMap<Chan, u64>,
    numbers: u64,
    answered: BTreeSet<Chan>,
    offered: BTreeMap<Chan, u64>,
    accepted: BTreeSet<Chan>,
    pub(crate) matched: BTreeSet<Chan>,
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum Change {
    Matched(Chan),
    Unmatched(Chan),
}

impl Matching {
    pub(crate) fn new(initiator: bool) -> Self {
        Self {
            initiator,
            held: BTreeMap::new(),
            numbers: 0,
            answered: BTreeSet::new(),
            offered: BTreeMap::new(),
            accepted: BTreeSet::new(),
            matched: BTreeSet::new(),
        }
    }

    pub(crate) fn join(&mut self, chan: Chan) -> Control {
        self.numbers += 1;
        self.held.insert(chan, self.numbers);
        if self.initiator { Control::Query(chan, self.numbers) } else { Control::Offer(chan, self.numbers) }
    }

    pub(crate) fn leave(&mut self, chan: Chan) -> Option<Control> {
        self.held.remove(&chan);
        self.answered.remove(&chan);
        self.matched.remove(&chan);
        if !self.initiator {
            return Some(Control::Revoke(chan));
        }
        self.accepted.remove(&chan).then_some(Control::Leave(chan))
    }

    pub(crate) fn handle(&mut self, message: Control) -> (Option<Change>, Option<Control>) {
        match message {
            Control::Query(chan, number) => return (None, Some(Control::Answer(chan, number))),
            Control::Answer(chan, number) if self.held.get(&chan) == Some(&number) => {
                self.answered.insert(chan);
                return self.look(chan);
            }
            Control::Offer(chan, number) => {
                self.offered.insert(chan, number);
                return self.look(chan);
            }
            Control::Revoke(chan) => {
                self.offered.remove(&chan);
                return (self.matched.remove(&chan).then_some(Change::Unmatched(chan)), None);
            }
            Control::Accept(chan, number) if self.held.get(&chan) == Some(&number) => {
                return (self.matched.insert(chan).then_some(Change::Matched(chan)), None);
            }
            Control::Leave(chan) => return (self.matched.remove(&chan).then_some(Change::Unmatched(chan)), None),
            _ => {}
        }
        (None, None)
    }

    fn look(&mut self, chan: Chan) -> (Option<Change>, Option<Control>) {
        match self.offered.get(&chan) {
            Some(number) if self.answered.contains(&chan) && self.matched.insert(chan) => {
                self.accepted.insert(chan);
                (Some(Change::Matched(chan)), Some(Control::Accept(chan, *number)))
            }
            _ => (None, None),
        }
    }
}
