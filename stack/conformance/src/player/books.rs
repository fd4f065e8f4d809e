//! The books of matching, and the rules that hold for every message of the target, whatever the check is about.

use super::{Player, Role, name};
use crate::verdict::{Verdict, ensure, failed};
use nws_protocol::wire::{Control, Tag};
use std::collections::BTreeSet;

impl Player {
    pub(super) fn keep_books(&mut self, message: &Control) -> Verdict {
        let role = self.role;
        let wrong = |expected: &str| Err(failed(expected, name(message)));
        match message {
            Control::Hello(_) => wrong("Hello is sent exactly once"),
            Control::Query { .. } | Control::Accept(_) | Control::Leave(_) if role == Role::Initiator => {
                wrong("R sends no message of I's role")
            }
            Control::Answer { .. } | Control::Offer(_) | Control::Revoke(_) | Control::Busy { .. }
                if role == Role::Responder =>
            {
                wrong("I sends no message of R's role")
            }
            Control::Answer { offer, .. } => {
                if self.answered {
                    ensure(offer.is_empty(), "no offer in a later Answer", name(message))?;
                } else {
                    ensure(power(offer.len(), 8), "an offer of 8 to 1024 tags, a power of two", name(message))?;
                }
                self.answered = true;
                self.offered(offer)
            }
            Control::Offer(tags) => {
                ensure(self.answered, "no Offer before the first Answer", name(message))?;
                ensure(power(tags.len(), 4), "an Offer of 4 to 1024 tags, a power of two", name(message))?;
                self.offered(tags)
            }
            Control::Revoke(tags) => {
                ensure(self.answered, "no Revoke before the first Answer", name(message))?;
                ensure((1..=1024).contains(&tags.len()), "a Revoke of 1 to 1024 tags", name(message))?;
                for tag in tags {
                    ensure(self.on_offer.remove(tag), "only tags on offer are revoked", "a tag that is not on offer")?;
                }
                Ok(())
            }
            Control::Query { seq, blinded } => {
                let fewest = if self.answered { 4 } else { 8 };
                let expected = format!("a Query of {fewest} to 1024 elements, a power of two");
                ensure(power(blinded.len(), fewest), expected, name(message))?;
                ensure(*seq == self.seq + 1, format!("Query {}", self.seq + 1), name(message))?;
                let distinct: BTreeSet<_> = blinded.iter().collect();
                ensure(
                    distinct.len() == blinded.len(),
                    "a blind of its own for each element",
                    "the same element twice",
                )?;
                for element in blinded {
                    self.key.evaluate_blinded(element)?;
                }
                self.seq = *seq;
                self.asked.clone_from(blinded);
                Ok(())
            }
            Control::Accept(tags) => {
                ensure(self.answered, "no Accept before the first Answer", name(message))?;
                let fewest = if self.accepted { 4 } else { 8 };
                let expected = format!("an Accept of {fewest} to 1024 tags, a power of two");
                ensure(power(tags.len(), fewest), expected, name(message))?;
                self.accepted = true;
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn offered(&mut self, tags: &[Tag]) -> Verdict {
        for tag in tags {
            ensure(self.on_offer.insert(*tag), "no tag is offered that is on offer", "a tag twice")?;
        }
        ensure(self.on_offer.len() <= 16384, "at most 16384 tags on offer", format!("{}", self.on_offer.len()))?;
        if !tags.is_empty() {
            self.offers.push(tags.to_vec());
        }
        Ok(())
    }
}

const fn power(count: usize, fewest: usize) -> bool {
    count.is_power_of_two() && count >= fewest && count <= 1024
}
