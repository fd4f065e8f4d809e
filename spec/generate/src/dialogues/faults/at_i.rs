//! What I does not take.

use super::{IDENTITY, NOT_CANONICAL, query, with_bad};
use crate::{
    control::{elements, example_channel, tags},
    dialogues::play::{I, Play, R, network},
    file::Case,
};
use nws_protocol::{LinkCode, wire::Control};
use std::time::Duration;

/// I, which has asked, and to which these are said, the last one being the fault. What it has to say in between it says.
fn at_i(
    id: &str,
    comment: &str,
    requirements: &'static [&'static str],
    reason: &str,
    code: LinkCode,
    said: Vec<Control>,
) -> Case {
    let mut play = Play::new(101);
    play.join(I, &network("chat"));
    play.mention(I, "Query");
    let last = said.len() - 1;
    for (n, message) in said.into_iter().enumerate() {
        let accept = matches!(message, Control::Answer { .. } | Control::Offer(_));
        play.feed(R, message);
        if n == last {
            assert_eq!(play.refuse(I).code(), code, "{id}");
        } else {
            play.hear(I);
            if accept {
                play.mention(I, "Accept");
            }
        }
    }
    play.faulty(&format!("i-{id}"), comment, requirements, reason, code)
}

pub(crate) fn cases() -> Vec<Case> {
    use LinkCode::{BadElement, Malformed};
    let answer = |seq, evaluated, offer| Control::Answer { seq, evaluated, offer };
    let good = || answer(1, elements(1, 8), tags(0, 8));
    let busy = |seq| Control::Busy { seq, retry_after: Duration::from_secs(1) };
    let size = "a number of entries that is not allowed";
    let turn = "out of turn";
    let number = "seq is not the one that is due";
    let role = "a message that only I says";
    let element = "an element that is not canonical, or the identity";
    let twice = "a tag that is on offer is offered";
    let not_there = "a tag that is not on offer is revoked";
    vec![
        at_i(
            "answer-seq-0",
            "an Answer to another Query",
            &["P-19", "P-36"],
            number,
            Malformed,
            vec![answer(0, elements(1, 8), tags(0, 8))],
        ),
        at_i(
            "answer-seq-2",
            "an Answer to a Query that was not asked",
            &["P-19", "P-36"],
            number,
            Malformed,
            vec![answer(2, elements(1, 8), tags(0, 8))],
        ),
        at_i(
            "answer-again",
            "a second Answer",
            &["P-26", "P-36"],
            turn,
            Malformed,
            vec![good(), answer(1, elements(1, 8), Vec::new())],
        ),
        at_i(
            "answer-few",
            "fewer elements than were asked",
            &["P-10", "P-19"],
            size,
            Malformed,
            vec![answer(1, elements(1, 7), tags(0, 8))],
        ),
        at_i(
            "answer-many",
            "more elements than were asked",
            &["P-10", "P-19"],
            size,
            Malformed,
            vec![answer(1, [elements(1, 8), elements(1, 8)].concat(), tags(0, 8))],
        ),
        at_i("answer-none", "no elements", &["P-10", "P-19"], size, Malformed, vec![answer(1, Vec::new(), tags(0, 8))]),
        at_i(
            "answer-identity",
            "the identity among good elements",
            &["P-3", "P-4", "P-19"],
            element,
            BadElement,
            vec![answer(1, with_bad(IDENTITY), tags(0, 8))],
        ),
        at_i(
            "answer-not-canonical",
            "bytes that are no element",
            &["P-3", "P-4", "P-19"],
            element,
            BadElement,
            vec![answer(1, with_bad(NOT_CANONICAL), tags(0, 8))],
        ),
        at_i(
            "offer-none",
            "a first Answer without an offer",
            &["P-10", "P-28"],
            size,
            Malformed,
            vec![answer(1, elements(1, 8), Vec::new())],
        ),
        at_i(
            "offer-4",
            "an offer of four in the first Answer",
            &["P-10"],
            size,
            Malformed,
            vec![answer(1, elements(1, 8), tags(0, 4))],
        ),
        at_i("offer-9", "an offer of nine", &["P-10"], size, Malformed, vec![answer(1, elements(1, 8), tags(0, 9))]),
        at_i(
            "offer-equal",
            "a tag twice in one offer",
            &["P-29"],
            twice,
            Malformed,
            vec![answer(1, elements(1, 8), vec![[3; 16]; 8])],
        ),
        at_i(
            "offer-early",
            "an Offer before the first Answer",
            &["P-25", "P-36"],
            turn,
            Malformed,
            vec![Control::Offer(tags(0, 8))],
        ),
        at_i(
            "offer-later-2",
            "an Offer of two",
            &["P-10"],
            size,
            Malformed,
            vec![good(), Control::Offer(tags(0x20, 2))],
        ),
        at_i("offer-later-0", "an Offer of none", &["P-10"], size, Malformed, vec![good(), Control::Offer(Vec::new())]),
        at_i(
            "offer-later-6",
            "an Offer of six",
            &["P-10"],
            size,
            Malformed,
            vec![good(), Control::Offer(tags(0x20, 6))],
        ),
        at_i(
            "offer-on-offer",
            "a tag of the first offer again",
            &["P-29"],
            twice,
            Malformed,
            vec![good(), Control::Offer(tags(7, 4))],
        ),
        at_i(
            "revoke-not-on-offer",
            "a tag that was never on offer",
            &["P-31"],
            not_there,
            Malformed,
            vec![good(), Control::Revoke(tags(8, 1))],
        ),
        at_i(
            "revoke-again",
            "a tag is revoked twice",
            &["P-31"],
            not_there,
            Malformed,
            vec![good(), Control::Revoke(tags(2, 2)), Control::Revoke(tags(3, 1))],
        ),
        at_i(
            "revoke-early",
            "a Revoke before the first Answer",
            &["P-25", "P-31"],
            not_there,
            Malformed,
            vec![Control::Revoke(tags(0, 1))],
        ),
        at_i("revoke-none", "a Revoke of none", &["P-10"], size, Malformed, vec![good(), Control::Revoke(Vec::new())]),
        at_i("busy-seq", "Busy to another Query", &["P-36"], number, Malformed, vec![busy(2)]),
        at_i("busy-unasked", "Busy to nothing", &["P-26", "P-36"], turn, Malformed, vec![good(), busy(1)]),
        at_i("busy-again", "Busy twice", &["P-26", "P-36"], turn, Malformed, vec![busy(1), busy(1)]),
        at_i(
            "answer-after-busy",
            "an Answer to a Query that was refused",
            &["P-26", "P-36"],
            turn,
            Malformed,
            vec![busy(1), good()],
        ),
        at_i("role-query", "Query", &["P-8"], role, Malformed, vec![good(), query(1, elements(1, 8))]),
        at_i("role-accept", "Accept", &["P-8"], role, Malformed, vec![good(), Control::Accept(tags(0, 4))]),
        at_i("role-leave", "Leave", &["P-8"], role, Malformed, vec![good(), Control::Leave(example_channel())]),
    ]
}
