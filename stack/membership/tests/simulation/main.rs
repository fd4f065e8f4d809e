//! Many proxies, each with the state machines of this crate, in a network that delays, reorders between lanes,
//! loses links and is parted, while clients come, talk and go. What clients see is held against the promises.
//!
//! `NWS_SEED=n` replays one seed and prints all its events if it fails. `NWS_SEEDS=n` runs so many instead of [`DEFAULT_SEEDS`].
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may stop at the first surprise")]

mod chance;
mod hub;
mod matching;
mod mesh;
mod net;
mod witness;
mod world;

use world::{Sabotage, World};

/// Enough to take a few seconds in a debug build.
const DEFAULT_SEEDS: u64 = 120;

fn number(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name} must be a number, not {text:?}")))
}

#[test]
fn promises_hold_whatever_happens_to_the_network() {
    let replay = number("NWS_SEED");
    let seeds = match replay {
        Some(seed) => seed..seed + 1,
        None => 0..number("NWS_SEEDS").unwrap_or(DEFAULT_SEEDS),
    };
    let (mut runs, mut delivered, mut handed_over) = (0, 0, 0);
    for seed in seeds {
        let mut world = World::new(seed, None);
        if replay.is_some() {
            world.trace_length = usize::MAX;
        }
        match world.run() {
            Ok(outcome) => {
                runs += 1;
                delivered += outcome.delivered;
                handed_over += outcome.handed_over;
            }
            Err(broken) => panic!("{broken}\n\nreplay it, with all its events, with NWS_SEED={seed}"),
        }
    }
    println!("{runs} runs, {delivered} messages delivered, {handed_over} lanes handed over");
    assert!(delivered > 0);
    assert!(handed_over > 0 || runs < 20, "the simulation must come to hand-overs");
}

#[test]
fn a_seed_replays_exactly() {
    let run = || format!("{:?}", World::new(7, None).run());
    assert_eq!(run(), run());
}

/// Breaks a rule and wants the simulation to notice, in the words that fit.
fn is_noticed(sabotage: Sabotage, words: &[&str]) {
    let broken = (0..300).find_map(|seed| World::new(seed, Some(sabotage)).run().err());
    let broken = broken.unwrap_or_else(|| panic!("{sabotage:?} went unnoticed"));
    let last = broken.lines().last().unwrap_or_default();
    assert!(words.iter().any(|words| last.contains(words)), "{sabotage:?} was noticed as: {last}");
}

#[test]
fn a_lane_attached_before_the_older_one_ended_is_noticed() {
    is_noticed(Sabotage::AttachEarly, &["is missing between", "did not come to", "after quiet"]);
}

#[test]
fn an_undeliverable_message_that_is_not_answered_is_noticed() {
    is_noticed(Sabotage::SwallowUndeliverable, &["vanished"]);
}

#[test]
fn lost_members_that_are_not_announced_gone_are_noticed() {
    is_noticed(Sabotage::KeepTheLost, &["is missing between", "after quiet", "announced", "did not come to"]);
}
