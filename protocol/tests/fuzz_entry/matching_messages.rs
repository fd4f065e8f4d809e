//! Both ends of private matching, driven by a program of one or two bytes a step: joins and leaves at either end,
//! messages delayed and delivered, time, and lies. Without a lie no end may find fault, and in the end both agree.

use bytes::{Buf, BytesMut};
use nws_protocol::{
    ChannelId, ChannelKey, ChannelKind, ChannelName, NetworkKey,
    matching::{Budget, BudgetLimits, Charge, LinkSecret, MatchEvent, Matcher, charge_all},
    wire::Control,
};
use rand_chacha::{ChaCha8Rng, rand_core::SeedableRng};
use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    time::Duration,
};

/// Group operations are dear, so a program is short.
const MAX_STEPS: usize = 48;

struct Purse(Budget);

impl Charge for Purse {
    fn charge(&mut self, guesses: u32, now: Duration) -> Result<(), Duration> {
        charge_all(&mut [&mut self.0], guesses, now)
    }
}

/// One end, and what was found out at it.
struct End {
    matcher: Matcher,
    purse: Purse,
    held: BTreeSet<ChannelKey>,
    matched: BTreeMap<ChannelKey, ChannelId>,
    inbox: VecDeque<Control>,
}

impl End {
    fn new(matcher: Matcher, burst: u8) -> Self {
        let limits = BudgetLimits { burst: u32::from(burst), refill: Duration::from_millis(50) };
        Self {
            matcher,
            purse: Purse(Budget::new(limits)),
            held: BTreeSet::new(),
            matched: BTreeMap::new(),
            inbox: VecDeque::new(),
        }
    }

    fn join(&mut self, key: &ChannelKey) {
        self.matcher.join(key);
        self.held.insert(key.clone());
        self.take_events();
    }

    fn leave(&mut self, key: &ChannelKey) {
        self.matcher.leave(key);
        self.held.remove(key);
        self.take_events();
    }

    /// Whether the message was taken; a matcher that found fault is of no use afterwards.
    fn hear(&mut self, message: Control, now: Duration) -> bool {
        let fine = self.matcher.handle(message, &mut self.purse, now).is_ok();
        self.take_events();
        fine
    }

    fn wait(&mut self, now: Duration) {
        self.matcher.timeout(&mut self.purse, now);
        self.take_events();
    }

    fn speak_to(&mut self, other: &mut Self, rng: &mut ChaCha8Rng) -> bool {
        let mut spoke = false;
        while let Some(message) = self.matcher.transmit(rng) {
            self.take_events();
            let heard = Control::decode(frame(&message).freeze());
            assert_eq!(heard.ok(), Some(message.clone()), "what is said keeps to the limits of the wire");
            other.inbox.push_back(message);
            spoke = true;
        }
        spoke
    }

    fn take_events(&mut self) {
        while let Some(event) = self.matcher.event() {
            match event {
                MatchEvent::Matched { key, channel_id, .. } => {
                    assert_ne!(key.kind, ChannelKind::Local, "what is local stays here");
                    assert!(self.matched.insert(key, channel_id).is_none(), "matched twice");
                }
                MatchEvent::Unmatched { key, channel_id, .. } => {
                    assert_eq!(self.matched.remove(&key), Some(channel_id), "unmatched without a match");
                }
            }
        }
        assert!(self.matched.keys().all(|key| self.held.contains(key)), "matched, but not held");
    }
}

/// Two names, and one name in each kind.
fn channels() -> Vec<ChannelKey> {
    [(ChannelKind::Network, "a"), (ChannelKind::Network, "b"), (ChannelKind::Broadcast, "a"), (ChannelKind::Local, "a")]
        .into_iter()
        .filter_map(|(kind, name)| Some(ChannelKey { kind, name: ChannelName::new(name).ok()? }))
        .collect()
}

/// # Panics
/// When an end says what the wire does not allow, finds what is not there, or honest ends do not agree.
pub(crate) fn run(input: &[u8]) {
    let [burst, seed, program @ ..] = input else { return };
    let rng = &mut ChaCha8Rng::seed_from_u64(u64::from(*seed));
    let secret = || LinkSecret::derive(&NetworkKey::default(), &[*seed; 32], b"hello of I", b"hello of R");
    let mut ends =
        [End::new(Matcher::initiator(secret(), rng), *burst), End::new(Matcher::responder(secret(), rng), *burst)];
    let channels = channels();
    let mut now = Duration::ZERO;
    let mut honest = true;

    let mut steps = program.iter().copied();
    for _ in 0..MAX_STEPS {
        let Some(step) = steps.next() else { break };
        // The lowest bit says at which end, the next three what, the others with which channel.
        let [initiator, responder] = &mut ends;
        let (end, other) = if step & 1 == 0 { (initiator, responder) } else { (responder, initiator) };
        let channel = channels.get(usize::from(step >> 4) % channels.len());
        match (step >> 1) & 7 {
            0 | 1 => channel.into_iter().for_each(|key| end.join(key)),
            2 => channel.into_iter().for_each(|key| end.leave(key)),
            3 => drop(end.speak_to(other, rng)),
            4 | 5 => {
                if let Some(message) = end.inbox.pop_front()
                    && !end.hear(message, now)
                {
                    assert!(!honest, "an honest end was found at fault");
                    return;
                }
            }
            6 => {
                now += Duration::from_millis(50 * u64::from(step >> 4));
                end.wait(now);
            }
            _ => {
                honest = false;
                let Some(lie) = lie(end.inbox.pop_front(), &mut steps) else { continue };
                if !end.hear(lie, now) {
                    return;
                }
            }
        }
    }
    if honest {
        let [initiator, responder] = &mut ends;
        settle(initiator, responder, now, rng);
        let agreed: BTreeSet<_> = initiator
            .held
            .intersection(&responder.held)
            .filter(|key| key.kind != ChannelKind::Local)
            .cloned()
            .collect();
        assert_eq!(initiator.matched, responder.matched, "both ends found the same");
        let found: BTreeSet<_> = initiator.matched.keys().cloned().collect();
        assert_eq!(found, agreed, "and it is what both hold");
    }
}

/// Delivers what is under way, and lets time pass, until nothing more is said.
fn settle(initiator: &mut End, responder: &mut End, mut now: Duration, rng: &mut ChaCha8Rng) {
    for _ in 0..1000 {
        let mut busy = initiator.speak_to(responder, rng) | responder.speak_to(initiator, rng);
        for end in [&mut *initiator, &mut *responder] {
            while let Some(message) = end.inbox.pop_front() {
                busy = true;
                assert!(end.hear(message, now), "an honest end was found at fault");
            }
        }
        let next = initiator.matcher.next_timeout().into_iter().chain(responder.matcher.next_timeout()).min();
        match next {
            Some(at) if !busy => {
                now = now.max(at);
                initiator.wait(now);
                responder.wait(now);
            }
            None if !busy => return,
            _ => {}
        }
    }
    panic!("honest ends never come to rest");
}

/// The next message with one byte changed, or bytes of the program taken for one.
fn lie(honest: Option<Control>, steps: &mut impl Iterator<Item = u8>) -> Option<Control> {
    let first = steps.next()?;
    let bytes = match honest {
        Some(message) if first & 1 == 0 => {
            let mut bytes = frame(&message);
            let (at, byte) = (usize::from(first >> 1) * 5 % bytes.len().max(1), steps.next()?);
            *bytes.get_mut(at)? = byte;
            bytes
        }
        _ => steps.take(2 * usize::from(first)).collect(),
    };
    Control::decode(bytes.freeze()).ok()
}

/// A message without the length before it.
fn frame(message: &Control) -> BytesMut {
    let mut wire = BytesMut::new();
    message.encode(&mut wire);
    let prefix = wire.iter().take_while(|byte| **byte & 0x80 != 0).count() + 1;
    wire.advance(prefix);
    wire
}
