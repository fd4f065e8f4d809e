//! The responder's side: evaluates what it is asked, offers its own channels, and learns from Accept which of them the
//! initiator holds.
//!
//! The dummies of an offer are revoked with the channels that they were offered with. So what is on offer, which both
//! ends remember, does not grow with time, and a Revoke does not tell how many channels were left.

use super::{
    Charge, LeftBy, LinkSecret, MAX_HASTY_QUERIES, MAX_OFFERED, MIN_RETRY, MatchEvent, MatchFault, Secrets,
    dummy_input,
    oprf::{Element, Key},
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
    /// Known from the offer on, or from before it was left.
    secrets: Option<Secrets>,
    offered: bool,
    /// Revoked when it is.
    dummies: Vec<Tag>,
    matched: bool,
}

/// What a Query gets. There is at most one, as it must be taken before the next Query may come.
enum Reply {
    Answer(Vec<Element>),
    Busy(Duration),
}

/// The responder's state machine. Driven through [`Matcher`](super::Matcher).
pub struct Responder {
    secret: LinkSecret,
    key: Key,
    held: BTreeMap<ChannelKey, Held>,
    /// Held, not offered.
    unoffered: BTreeSet<ChannelKey>,
    /// Offered, and to be taken back before anything is offered. Each was on offer, so they are no more than that.
    revokes: VecDeque<Tag>,
    /// Tags on offer in the initiator's eyes.
    on_offer: usize,
    /// `tag_I` of what is on offer and not to be taken back.
    by_tag: TagIndex<ChannelKey>,
    /// What is matched. The other end knows these ids, so that finding one tells it nothing.
    by_id: BTreeMap<ChannelId, ChannelKey>,
    left: Remembered,
    seq: u32,
    reply: Option<Reply>,
    /// The first Answer was said.
    answered: bool,
    busy_until: Option<Duration>,
    /// Queries in a row that came before then.
    hasty: u32,
    events: VecDeque<MatchEvent>,
}

impl Responder {
    pub(super) fn new(secret: LinkSecret, rng: &mut (impl CryptoRng + RngCore)) -> Self {
        Self {
            secret,
            key: Key::random(rng),
            held: BTreeMap::new(),
            unoffered: BTreeSet::new(),
            revokes: VecDeque::new(),
            on_offer: 0,
            by_tag: TagIndex::new(rng),
            by_id: BTreeMap::new(),
            left: Remembered::default(),
            seq: 0,
            reply: None,
            answered: false,
            busy_until: None,
            hasty: 0,
            events: VecDeque::new(),
        }
    }

    pub(super) fn join(&mut self, key: &ChannelKey) {
        if key.kind.matching_label().is_none() || self.held.contains_key(key) {
            return;
        }
        self.held.insert(key.clone(), Held { secrets: self.left.take(key), ..Held::default() });
        self.unoffered.insert(key.clone());
    }

    pub(super) fn leave(&mut self, key: &ChannelKey) {
        let Some(held) = self.held.remove(key) else { return };
        self.unoffered.remove(key);
        let Some(secrets) = held.secrets else { return };
        if held.offered {
            self.by_tag.remove(&secrets.tag_i);
            self.revokes.push_back(secrets.tag_r);
            self.revokes.extend(held.dummies);
        }
        if held.matched {
            self.by_id.remove(&secrets.channel_id);
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
            Control::Query { seq, blinded } => self.query(seq, &blinded, charge, now),
            Control::Accept(tags) => self.accept(&tags),
            Control::Leave(id) => {
                // One that is not matched was left here meanwhile: the Revoke is on its way.
                if let Some(key) = self.by_id.remove(&id) {
                    if let Some(held) = self.held.get_mut(&key) {
                        held.matched = false;
                    }
                    self.events.push_back(MatchEvent::Unmatched { key, channel_id: id, by: LeftBy::There });
                }
                Ok(())
            }
            _ => Err(MatchFault::WrongRole),
        }
    }

    pub(super) fn transmit(&mut self, rng: &mut (impl CryptoRng + RngCore)) -> Option<Control> {
        match self.reply.take() {
            Some(Reply::Busy(retry_after)) => return Some(Control::Busy { seq: self.seq, retry_after }),
            Some(Reply::Answer(evaluated)) => {
                let offer = if self.answered { None } else { self.offer(padding::FIRST, rng) };
                self.answered = true;
                return Some(Control::Answer { seq: self.seq, evaluated, offer: offer.unwrap_or_default() });
            }
            None => {}
        }
        if !self.answered {
            return None;
        }
        if !self.revokes.is_empty() {
            let mut tags: Vec<Tag> = self.revokes.drain(..self.revokes.len().min(MAX_ELEMENTS)).collect();
            self.on_offer = self.on_offer.saturating_sub(tags.len());
            shuffle(&mut tags, rng);
            return Some(Control::Revoke(tags));
        }
        if self.unoffered.is_empty() { None } else { self.offer(padding::LATER, rng).map(Control::Offer) }
    }

    pub(super) fn event(&mut self) -> Option<MatchEvent> {
        self.events.pop_front()
    }

    fn query(
        &mut self,
        seq: u32,
        blinded: &[Element],
        charge: &mut dyn Charge,
        now: Duration,
    ) -> Result<(), MatchFault> {
        if self.reply.is_some() {
            return Err(MatchFault::OutOfTurn);
        }
        if seq != self.seq.wrapping_add(1) {
            return Err(MatchFault::Sequence(seq));
        }
        padding::check("blinded", blinded.len(), if self.answered { padding::LATER } else { padding::FIRST })?;
        self.seq = seq;
        if self.busy_until.is_some_and(|until| now < until) {
            self.hasty += 1;
            if self.hasty > MAX_HASTY_QUERIES {
                return Err(MatchFault::Hasty);
            }
        }
        // Before any group operation, and checking an element is one.
        if let Err(wait) = charge.charge(u32::try_from(blinded.len()).unwrap_or(u32::MAX), now) {
            let wait = whole_milliseconds(wait.max(MIN_RETRY));
            self.busy_until = Some(now.saturating_add(wait));
            self.reply = Some(Reply::Busy(wait));
            return Ok(());
        }
        self.hasty = 0;
        self.busy_until = None;
        let evaluated = blinded.iter().map(|element| self.key.evaluate_blinded(element)).collect::<Result<_, _>>()?;
        self.reply = Some(Reply::Answer(evaluated));
        Ok(())
    }

    fn accept(&mut self, tags: &[Tag]) -> Result<(), MatchFault> {
        if !self.answered {
            return Err(MatchFault::OutOfTurn);
        }
        padding::check("tags", tags.len(), padding::LATER)?;
        for tag in tags {
            // Most are random.
            let Some(key) = self.by_tag.get(tag) else { continue };
            let Some(held) = self.held.get_mut(key).filter(|held| !held.matched) else { continue };
            let Some(Secrets { channel_id, channel_key, .. }) = held.secrets.as_ref() else { continue };
            let (channel_id, channel_key) = (*channel_id, channel_key.clone());
            held.matched = true;
            self.by_id.insert(channel_id, key.clone());
            self.events.push_back(MatchEvent::Matched { key: key.clone(), channel_id, channel_key });
        }
        Ok(())
    }

    /// Offers as many channels as one message and [`MAX_OFFERED`] allow, and dummies. `None` when there is no room now.
    fn offer(&mut self, fewest: usize, rng: &mut (impl CryptoRng + RngCore)) -> Option<Vec<Tag>> {
        let mut count = self.unoffered.len().min(MAX_ELEMENTS);
        while self.on_offer + padded(count, fewest) > MAX_OFFERED {
            count /= 2;
            if count == 0 {
                return None;
            }
        }
        let size = padded(count, fewest);
        let dummies: Vec<Tag> =
            (count..size).map(|_| Secrets::derive(&self.secret, &self.key.evaluate(&dummy_input(rng))).tag_r).collect();
        let mut tags = dummies.clone();
        for place in 0..count {
            let Some(key) = self.unoffered.pop_first() else { break };
            let Some(held) = self.held.get_mut(&key) else { continue };
            if held.secrets.is_none() {
                held.secrets = self
                    .secret
                    .channel_input(&key)
                    .map(|input| Secrets::derive(&self.secret, &self.key.evaluate(&input)));
            }
            let Some(secrets) = &held.secrets else { continue };
            held.offered = true;
            // Dealt out, so that each is revoked once.
            held.dummies = dummies.iter().skip(place).step_by(count).copied().collect();
            tags.push(secrets.tag_r);
            self.by_tag.insert(secrets.tag_i, key);
        }
        self.on_offer += tags.len();
        shuffle(&mut tags, rng);
        Some(tags)
    }
}

/// Rounded up to what travels, so that nobody is told to come too early.
fn whole_milliseconds(time: Duration) -> Duration {
    let milliseconds = time.as_nanos().div_ceil(1_000_000);
    Duration::from_millis(u64::from(u32::try_from(milliseconds).unwrap_or(u32::MAX)))
}

/// Counts alone: names, tags and secrets stay out of logs.
impl fmt::Debug for Responder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Responder")
            .field("held", &self.held.len())
            .field("matched", &self.by_id.len())
            .field("unoffered", &self.unoffered.len())
            .field("seq", &self.seq)
            .field("on_offer", &self.on_offer)
            .field("busy_until", &self.busy_until)
            .field("remembered", &self.left.len())
            .finish_non_exhaustive()
    }
}
