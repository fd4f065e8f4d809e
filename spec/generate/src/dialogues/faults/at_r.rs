//! What R does not take.

use super::{IDENTITY, NOT_CANONICAL, query, with_bad};
use crate::{
    control::{elements, tags},
    dialogues::{
        play::{I, Play, R, network},
        session::Session,
    },
    file::Case,
    json::unhex,
    multiples::MULTIPLES,
};
use nws_protocol::{LinkCode, matching::BudgetLimits, wire::Control};
use std::time::Duration;

pub(crate) fn cases() -> Vec<Case> {
    let mut cases = wrong();
    cases.push(flood());
    cases
}

/// R, to which these are said, the last one being the fault. Before the last it has answered what it was asked, if `answers`.
fn at_r(
    id: &str,
    comment: &str,
    requirements: &'static [&'static str],
    reason: &str,
    code: LinkCode,
    answers: bool,
    said: Vec<Control>,
) -> Case {
    let mut play = Play::new(100);
    play.join(R, &network("chat"));
    let last = said.len() - 1;
    for (n, message) in said.into_iter().enumerate() {
        play.feed(I, message);
        if n == last {
            assert_eq!(play.refuse(R).code(), code, "{id}");
        } else {
            play.hear(R);
            if answers {
                play.mention(R, "Answer");
            }
        }
    }
    play.faulty(&format!("r-{id}"), comment, requirements, reason, code)
}

fn wrong() -> Vec<Case> {
    use LinkCode::{BadElement, Malformed};
    let first = || query(1, elements(1, 8));
    let size = "a number of entries that is not allowed";
    let turn = "out of turn";
    let number = "seq is not the one that is due";
    let role = "a message that only R says";
    let element = "an element that is not canonical, or the identity";
    let hasty = Control::Busy { seq: 1, retry_after: Duration::from_secs(1) };
    let generator: [u8; 32] = unhex(MULTIPLES[1]).try_into().unwrap();
    vec![
        at_r("query-0", "a first Query of no elements", &["P-10"], size, Malformed, true, vec![query(1, Vec::new())]),
        at_r("query-4", "a first Query of four", &["P-10"], size, Malformed, true, vec![query(1, elements(1, 4))]),
        at_r("query-9", "a first Query of nine", &["P-10"], size, Malformed, true, vec![query(1, elements(1, 9))]),
        at_r("query-12", "no power of two", &["P-10"], size, Malformed, true, vec![query(1, elements(1, 12))]),
        at_r(
            "query-later-2",
            "a later Query of two",
            &["P-10"],
            size,
            Malformed,
            true,
            vec![first(), query(2, elements(1, 2))],
        ),
        at_r(
            "query-later-6",
            "a later Query of six",
            &["P-10"],
            size,
            Malformed,
            true,
            vec![first(), query(2, elements(1, 6))],
        ),
        at_r(
            "query-seq-0",
            "the first number is 1",
            &["P-36"],
            number,
            Malformed,
            true,
            vec![query(0, elements(1, 8))],
        ),
        at_r(
            "query-seq-2",
            "the first number is 1",
            &["P-36"],
            number,
            Malformed,
            true,
            vec![query(2, elements(1, 8))],
        ),
        at_r(
            "query-seq-again",
            "the same number again",
            &["P-36"],
            number,
            Malformed,
            true,
            vec![first(), query(1, elements(1, 4))],
        ),
        at_r(
            "query-seq-gap",
            "a number is left out",
            &["P-36"],
            number,
            Malformed,
            true,
            vec![first(), query(3, elements(1, 4))],
        ),
        at_r(
            "query-early",
            "a second Query before R has answered the first",
            &["P-18", "P-36"],
            turn,
            Malformed,
            false,
            vec![first(), query(2, elements(1, 8))],
        ),
        at_r(
            "query-identity",
            "the identity among good elements; eight guesses are charged all the same",
            &["P-3", "P-4", "P-27"],
            element,
            BadElement,
            true,
            vec![query(1, with_bad(IDENTITY))],
        ),
        at_r(
            "query-not-canonical",
            "bytes that are no element",
            &["P-3", "P-4", "P-27"],
            element,
            BadElement,
            true,
            vec![query(1, with_bad(NOT_CANONICAL))],
        ),
        at_r(
            "query-later-identity",
            "the identity in a later Query",
            &["P-3", "P-4"],
            element,
            BadElement,
            true,
            vec![first(), query(2, vec![generator, generator, generator, IDENTITY])],
        ),
        at_r(
            "accept-first",
            "an Accept before the first Answer",
            &["P-36"],
            turn,
            Malformed,
            true,
            vec![Control::Accept(tags(0, 8))],
        ),
        at_r(
            "accept-0",
            "an Accept of no tags",
            &["P-10"],
            size,
            Malformed,
            true,
            vec![first(), Control::Accept(Vec::new())],
        ),
        at_r(
            "accept-2",
            "an Accept of two",
            &["P-10"],
            size,
            Malformed,
            true,
            vec![first(), Control::Accept(tags(0, 2))],
        ),
        at_r(
            "accept-5",
            "an Accept of five",
            &["P-10"],
            size,
            Malformed,
            true,
            vec![first(), Control::Accept(tags(0, 5))],
        ),
        at_r(
            "role-answer",
            "Answer",
            &["P-8"],
            role,
            Malformed,
            true,
            vec![first(), Control::Answer { seq: 1, evaluated: elements(1, 8), offer: tags(0, 8) }],
        ),
        at_r("role-offer", "Offer", &["P-8"], role, Malformed, true, vec![first(), Control::Offer(tags(0, 4))]),
        at_r("role-revoke", "Revoke", &["P-8"], role, Malformed, true, vec![first(), Control::Revoke(tags(0, 4))]),
        at_r("role-busy", "Busy", &["P-8"], role, Malformed, true, vec![first(), hasty]),
    ]
}

/// I does not wait: eight times it is forgiven.
fn flood() -> Case {
    let limits = BudgetLimits { burst: 8, refill: Duration::from_secs(1) };
    let mut play = Play::with(102, [Session::USUAL; 2], [None, Some(limits)]);
    play.feed(I, query(1, elements(1, 8)));
    play.hear(R);
    play.mention(R, "Answer");
    for seq in 2..11 {
        play.feed(I, query(seq, elements(1, 4)));
        play.hear(R);
        play.mention(R, "Busy");
    }
    play.feed(I, query(11, elements(1, 4)));
    assert_eq!(play.refuse(R).code(), LinkCode::Flood);
    let comment = "I asks again and again before the time that Busy named: the first refusal and eight more are answered, the ninth closes the link";
    play.faulty("r-flood", comment, &["P-39", "P-40"], "asks before the time it was told", LinkCode::Flood)
}
