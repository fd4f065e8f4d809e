//! The initiator's side: asks for its channels, and looks them up in what the responder offers.
//!
//! Why Leave follows *the last word said* and not what is matched: a Revoke can cross an Accept while the responder
//! joins again. The responder then takes the old Accept for the new beginning, and only a Leave takes it back.

use super::{
    Charge, LeftBy, LinkSecret, MIN_RETRY, MatchEvent, MatchFault, Secrets, dummy_input,
    offered::Offered,
    oprf::{Blinded, Element, Evaluated},
    padding::{self, padded, shuffle},
    remembered::Remembered,
    tags::TagIndex,
};
use crate::{
    channel::ChannelKey,
    ids::ChannelId,
    limits::MAX_ELEMENTS,
    wire::{Control, Tag},
};
use rand_core::{CryptoRng, RngCore};
use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    fmt,
    time::Duration,
};

/// A channel held here.
#[derive(Default)]
struct Held {
    /// Known from an Answer on.
    secrets: Option<Secrets>,
    matched: bool,
}

/// The one Query that may be outstanding.
struct Query {
    /// In the order of the elements; `None` is a dummy.
    asked: Vec<(Option<ChannelKey>, Blinded)>,
    keys: BTreeSet<ChannelKey>,
    elements: Vec<Element>,
    stage: Stage,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// To be said under the next number.
    Due,
    /// Said.
    Asked,
    /// The responder was busy: to be said again then.
    Waits(Duration),
}

/// The initiator's state machine. Driven through [`Matcher`](super::Matcher).
pub struct Initiator {
    secret: LinkSecret,
    held: BTreeMap<ChannelKey, Held>,
    /// Held, not known, not being asked for.
    unasked: BTreeSet<ChannelKey>,
    query: Option<Query>,
    seq: u32,
    /// The first Answer has come.
    answered: bool,
    /// `tag_R` of what is held and known.
    by_tag: TagIndex<ChannelKey>,
    left: Remembered,
    offered: Offered,
    /// Channels about which the last word was Accept, whether held or not, matched or not.
    accepted: BTreeMap<ChannelKey, ChannelId>,
    /// Of which the first Leave comes before the next Accept. Each was accepted, so they are no more than those.
    leaves: BTreeSet<ChannelId>,
    /// Matched, not accepted yet.
    accepts: BTreeSet<ChannelKey>,
    /// Each offer and each Answer is followed by an Accept, with hits or without, so that a listener can't tell.
    owes_accept: bool,
    accepted_once: bool,
    events: VecDeque<MatchEvent>,
}

impl Initiator {
    pub(super) fn new(secret: LinkSecret, rng: &mut (impl CryptoRng + RngCore)) -> Self {
        Self {
            secret,
            held: BTreeMap::new(),
            unasked: BTreeSet::new(),
            query: None,
            seq: 0,
            answered: false,
            by_tag: TagIndex::new(rng),
            left: Remembered::default(),
            offered: Offered::new(rng),
            accepted: BTreeMap::new(),
            leaves: BTreeSet::new(),
            accepts: BTreeSet::new(),
            owes_accept: false,
            accepted_once: false,
            events: VecDeque::new(),
        }
    }

    pub(super) fn join(&mut self, key: &ChannelKey) {
        if key.kind.matching_label().is_none() || self.held.contains_key(key) {
            return;
        }
        self.held.insert(key.clone(), Held::default());
        if let Some(secrets) = self.left.take(key) {
            self.learn(key, secrets);
        } else if !self.query.as_ref().is_some_and(|query| query.keys.contains(key)) {
            self.unasked.insert(key.clone());
        }
    }

    pub(super) fn leave(&mut self, key: &ChannelKey) {
        let Some(held) = self.held.remove(key) else { return };
        self.unasked.remove(key);
        self.accepts.remove(key);
        if let Some(id) = self.accepted.remove(key) {
            self.leaves.insert(id);
        }
        let Some(secrets) = held.secrets else { return };
        self.by_tag.remove(&secrets.tag_r);
        if held.matched {
            let (key, channel_id) = (key.clone(), secrets.channel_id);
            self.events.push_back(MatchEvent::Unmatched { key, channel_id, by: LeftBy::Here });
        }
        self.left.put(key.clone(), secrets);
    }

    pub(super) fn handle(
        &mut self,
        message: Control,
        charge: &mut dyn Charge,
        now: Duration,
    ) -> Result<(), MatchFault> {
        match message {
            Control::Answer { seq, evaluated, offer } => self.answer(seq, &evaluated, &offer)?,
            Control::Offer(tags) => {
                if !self.answered {
                    return Err(MatchFault::OutOfTurn);
                }
                padding::check("tags", tags.len(), padding::LATER)?;
                self.offered.add(&tags)?;
            }
            Control::Revoke(tags) => return self.revoke(&tags),
            Control::Busy { seq, retry_after } => return self.busy(seq, retry_after, now),
            _ => return Err(MatchFault::WrongRole),
        }
        self.look(charge, now);
        Ok(())
    }

    pub(super) fn timeout(&mut self, charge: &mut dyn Charge, now: Duration) {
        if let Some(query) = &mut self.query
            && matches!(query.stage, Stage::Waits(until) if until <= now)
        {
            query.stage = Stage::Due;
        }
        self.look(charge, now);
    }

    pub(super) fn next_timeout(&self) -> Option<Duration> {
        let busy = self.query.as_ref().and_then(|query| match query.stage {
            Stage::Waits(until) => Some(until),
            Stage::Due | Stage::Asked => None,
        });
        [busy, self.offered.next_look()].into_iter().flatten().min()
    }

    pub(super) fn transmit(&mut self, rng: &mut (impl CryptoRng + RngCore)) -> Option<Control> {
        // Leave before Accept: of a channel that was left and joined again both are due.
        if let Some(id) = self.leaves.pop_first() {
            return Some(Control::Leave(id));
        }
        if self.owes_accept || !self.accepts.is_empty() {
            return Some(self.accept(rng));
        }
        let query = match &mut self.query {
            Some(query) => query,
            none if self.seq == 0 || !self.unasked.is_empty() => {
                let fewest = if self.answered { padding::LATER } else { padding::FIRST };
                none.insert(Query::of(&mut self.unasked, fewest, &self.secret, rng))
            }
            None => return None,
        };
        if query.stage != Stage::Due {
            return None;
        }
        query.stage = Stage::Asked;
        self.seq = self.seq.wrapping_add(1);
        Some(Control::Query { seq: self.seq, blinded: query.elements.clone() })
    }

    pub(super) fn event(&mut self) -> Option<MatchEvent> {
        self.events.pop_front()
    }

    fn accept(&mut self, rng: &mut (impl CryptoRng + RngCore)) -> Control {
        let fewest = if self.accepted_once { padding::LATER } else { padding::FIRST };
        let mut tags = Vec::with_capacity(padded(self.accepts.len(), fewest));
        while tags.len() < MAX_ELEMENTS
            && let Some(key) = self.accepts.pop_first()
        {
            if let Some(secrets) = self.held.get(&key).and_then(|held| held.secrets.as_ref()) {
                tags.push(secrets.tag_i);
                self.accepted.insert(key, secrets.channel_id);
            }
        }
        tags.resize_with(padded(tags.len(), fewest), || {
            let mut tag = Tag::default();
            rng.fill_bytes(&mut tag);
            tag
        });
        shuffle(&mut tags, rng);
        self.owes_accept = false;
        self.accepted_once = true;
        Control::Accept(tags)
    }

    fn asked(&self, seq: u32) -> Result<&Query, MatchFault> {
        let query = self.query.as_ref().filter(|query| query.stage == Stage::Asked).ok_or(MatchFault::OutOfTurn)?;
        if seq == self.seq { Ok(query) } else { Err(MatchFault::Sequence(seq)) }
    }

    fn answer(&mut self, seq: u32, evaluated: &[Element], offer: &[Tag]) -> Result<(), MatchFault> {
        let asked = self.asked(seq)?.asked.len();
        if evaluated.len() != asked {
            return Err(MatchFault::Count { field: "evaluated", count: evaluated.len() });
        }
        if !self.answered {
            padding::check("offer", offer.len(), padding::FIRST)?;
        } else if !offer.is_empty() {
            return Err(MatchFault::Count { field: "offer", count: offer.len() });
        }
        let evaluated = evaluated.iter().map(Evaluated::check).collect::<Result<Vec<_>, _>>()?;
        self.answered = true;
        self.owes_accept = true;
        for ((key, blinded), evaluated) in self.query.take().into_iter().flat_map(|query| query.asked).zip(&evaluated) {
            let secrets = Secrets::derive(&self.secret, &blinded.finalize(evaluated));
            match key {
                Some(key) => self.learn(&key, secrets),
                // Only for the time it takes: a dummy is like a channel.
                None => drop(self.offered.was_seen(&secrets.tag_r)),
            }
        }
        self.offered.add(offer)
    }

    fn busy(&mut self, seq: u32, retry_after: Duration, now: Duration) -> Result<(), MatchFault> {
        self.asked(seq)?;
        // The responder kept nothing, so the same elements may be shown again.
        if let Some(query) = &mut self.query {
            query.stage = Stage::Waits(now.saturating_add(retry_after.max(MIN_RETRY)));
        }
        Ok(())
    }

    fn revoke(&mut self, tags: &[Tag]) -> Result<(), MatchFault> {
        if tags.is_empty() || tags.len() > MAX_ELEMENTS {
            return Err(MatchFault::Count { field: "tags", count: tags.len() });
        }
        for tag in tags {
            self.offered.remove(tag)?;
            let Some(key) = self.by_tag.get(tag) else { continue };
            let Some(held) = self.held.get_mut(key).filter(|held| held.matched) else { continue };
            held.matched = false;
            self.accepts.remove(key);
            if let Some(Secrets { channel_id, .. }) = held.secrets {
                self.events.push_back(MatchEvent::Unmatched { key: key.clone(), channel_id, by: LeftBy::There });
            }
        }
        Ok(())
    }

    /// The secrets of a channel are known, of one held or of one left meanwhile.
    fn learn(&mut self, key: &ChannelKey, secrets: Secrets) {
        let Some(held) = self.held.get_mut(key) else {
            self.left.put(key.clone(), secrets);
            return;
        };
        let on_offer = self.offered.was_seen(&secrets.tag_r);
        self.by_tag.insert(secrets.tag_r, key.clone());
        held.secrets = Some(secrets);
        if on_offer {
            self.matched(&key.clone());
        }
    }

    /// Looks up what is on offer and was not looked up yet, as far as the budget goes.
    fn look(&mut self, charge: &mut dyn Charge, now: Duration) {
        while let Some(tags) = self.offered.next(charge, now) {
            self.owes_accept = true;
            for tag in tags {
                if let Some(key) = self.by_tag.get(&tag).cloned() {
                    self.matched(&key);
                }
            }
        }
    }

    fn matched(&mut self, key: &ChannelKey) {
        let Some(held) = self.held.get_mut(key) else { return };
        let Some(secrets) = &held.secrets else { return };
        held.matched = true;
        self.accepts.insert(key.clone());
        self.events.push_back(MatchEvent::Matched {
            key: key.clone(),
            channel_id: secrets.channel_id,
            channel_key: secrets.channel_key.clone(),
        });
    }
}

impl Query {
    /// Of as many channels as one message may ask for, taken from `unasked`, and dummies.
    fn of(
        unasked: &mut BTreeSet<ChannelKey>,
        fewest: usize,
        secret: &LinkSecret,
        rng: &mut (impl CryptoRng + RngCore),
    ) -> Self {
        let mut inputs = Vec::with_capacity(padded(unasked.len().min(MAX_ELEMENTS), fewest));
        let mut keys = BTreeSet::new();
        while inputs.len() < MAX_ELEMENTS
            && let Some(key) = unasked.pop_first()
        {
            if let Some(input) = secret.channel_input(&key) {
                keys.insert(key.clone());
                inputs.push((Some(key), input));
            }
        }
        inputs.resize_with(padded(inputs.len(), fewest), || (None, dummy_input(rng)));
        shuffle(&mut inputs, rng);
        let (asked, elements) = inputs
            .into_iter()
            .map(|(key, input)| {
                let (blinded, element) = Blinded::new(input, rng);
                ((key, blinded), element)
            })
            .unzip();
        Self { asked, keys, elements, stage: Stage::Due }
    }
}

/// Counts alone: names, tags and secrets stay out of logs.
impl fmt::Debug for Initiator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Initiator")
            .field("held", &self.held.len())
            .field("matched", &self.held.values().filter(|held| held.matched).count())
            .field("unasked", &self.unasked.len())
            .field("outstanding", &self.query.as_ref().map(|query| query.asked.len()))
            .field("seq", &self.seq)
            .field("offered", &self.offered.len())
            .field("remembered", &self.left.len())
            .finish_non_exhaustive()
    }
}
