//! What a hostile or broken other end may send, and what it gets.

use super::*;
use crate::limits::MAX_ELEMENTS;

/// Decodes to nothing: above the field's prime.
const NOT_CANONICAL: [u8; 32] = [0xff; 32];
/// The identity is encoded as zeros.
const IDENTITY: [u8; 32] = [0; 32];
/// A valid element: the group's generator (RFC 9496 appendix A.1).
const GENERATOR: [u8; 32] = [
    0xe2, 0xf2, 0xae, 0x0a, 0x6a, 0xbc, 0x4e, 0x71, 0xa8, 0x84, 0xa9, 0x61, 0xc5, 0x00, 0x51, 0x5f, 0x58, 0xe3, 0x0b,
    0x6a, 0xa5, 0x82, 0xdd, 0x8d, 0xb6, 0xa6, 0x59, 0x45, 0xe0, 0x8d, 0x2d, 0x76,
];

fn rng() -> ChaCha8Rng {
    ChaCha8Rng::seed_from_u64(99)
}

fn handle(end: &mut Matcher, message: Control) -> Result<(), MatchFault> {
    end.handle(message, &mut Free::default(), seconds(1))
}

fn query(seq: u32, blinded: Vec<[u8; 32]>) -> Control {
    Control::Query { seq, blinded }
}

fn responder() -> Matcher {
    let mut end = Matcher::responder(secret(1), &mut rng());
    end.join(&network("chat"));
    end
}

/// One that has answered.
fn asked_responder() -> Matcher {
    let mut end = responder();
    handle(&mut end, query(1, vec![GENERATOR; 8])).unwrap();
    assert!(matches!(end.transmit(&mut rng()), Some(Control::Answer { seq: 1, .. })));
    end
}

/// One that waits for its first Answer.
fn initiator() -> Matcher {
    let mut end = Matcher::initiator(secret(1), &mut rng());
    end.join(&network("chat"));
    assert!(matches!(end.transmit(&mut rng()), Some(Control::Query { seq: 1, .. })));
    end
}

fn answer(seq: u32, evaluated: Vec<[u8; 32]>, offer: Vec<[u8; 16]>) -> Control {
    Control::Answer { seq, evaluated, offer }
}

/// That many different tags, from a number on.
fn tags(from: u32, count: u32) -> Vec<[u8; 16]> {
    (from..from + count)
        .map(|n| {
            let mut tag = [0; 16];
            tag[..4].copy_from_slice(&n.to_le_bytes());
            tag
        })
        .collect()
}

/// One that has been answered; tags 0 to 7 are on offer.
fn answered_initiator() -> Matcher {
    let mut end = initiator();
    handle(&mut end, answer(1, vec![GENERATOR; 8], tags(0, 8))).unwrap();
    end
}

#[test]
fn bad_elements_are_refused_wherever_they_are() {
    for bad in [NOT_CANONICAL, IDENTITY, [1; 32]] {
        for place in [0, 3, 7] {
            let mut elements = vec![GENERATOR; 8];
            elements[place] = bad;
            let fault = handle(&mut responder(), query(1, elements.clone())).unwrap_err();
            assert_eq!((fault, fault.code()), (MatchFault::BadElement, LinkCode::BadElement));
            let fault = handle(&mut initiator(), answer(1, elements, tags(0, 8))).unwrap_err();
            assert_eq!(fault, MatchFault::BadElement);
        }
    }
}

#[test]
fn wrong_counts_are_malformed() {
    for count in [0, 1, 4, 7, 9, 12, MAX_ELEMENTS + 1, 2 * MAX_ELEMENTS] {
        let fault = handle(&mut responder(), query(1, vec![GENERATOR; count])).unwrap_err();
        assert_eq!((fault, fault.code()), (MatchFault::Count { field: "blinded", count }, LinkCode::Malformed));
        let fault = handle(&mut initiator(), answer(1, vec![GENERATOR; count], tags(0, 8))).unwrap_err();
        assert_eq!(fault, MatchFault::Count { field: "evaluated", count });
        let fault = handle(&mut initiator(), answer(1, vec![GENERATOR; 8], tags(0, count as u32))).unwrap_err();
        assert_eq!(fault, MatchFault::Count { field: "offer", count });
    }
    for count in [0, 1, 2, 3, 5, 2 * MAX_ELEMENTS] {
        let list = tags(100, count as u32);
        let expected = Err(MatchFault::Count { field: "tags", count });
        assert_eq!(handle(&mut asked_responder(), Control::Accept(list.clone())), expected);
        assert_eq!(handle(&mut answered_initiator(), Control::Offer(list)), expected);
    }
    for count in [0, MAX_ELEMENTS + 1] {
        let expected = Err(MatchFault::Count { field: "tags", count });
        assert_eq!(handle(&mut answered_initiator(), Control::Revoke(tags(0, count as u32))), expected);
    }
    assert_eq!(handle(&mut asked_responder(), query(2, vec![GENERATOR; 4])), Ok(()));
}

#[test]
fn only_the_first_answer_may_offer() {
    let mut end = answered_initiator();
    end.join(&network("later"));
    while let Some(message) = end.transmit(&mut rng()) {
        drop(message);
    }
    let fault = handle(&mut end, answer(2, vec![GENERATOR; 4], tags(50, 4))).unwrap_err();
    assert_eq!(fault, MatchFault::Count { field: "offer", count: 4 });
}

#[test]
fn numbers_must_follow_each_other() {
    for seq in [0, 2, u32::MAX] {
        assert_eq!(handle(&mut responder(), query(seq, vec![GENERATOR; 8])), Err(MatchFault::Sequence(seq)));
        let wrong = answer(seq, vec![GENERATOR; 8], tags(0, 8));
        assert_eq!(handle(&mut initiator(), wrong), Err(MatchFault::Sequence(seq)));
        let busy = Control::Busy { seq, retry_after: seconds(1) };
        assert_eq!(handle(&mut initiator(), busy), Err(MatchFault::Sequence(seq)));
    }
    assert_eq!(handle(&mut asked_responder(), query(1, vec![GENERATOR; 4])), Err(MatchFault::Sequence(1)));
}

#[test]
fn nothing_may_come_out_of_turn() {
    let out_of_turn = Err(MatchFault::OutOfTurn);
    // A second Query before the first was answered.
    let mut end = responder();
    handle(&mut end, query(1, vec![GENERATOR; 8])).unwrap();
    assert_eq!(handle(&mut end, query(2, vec![GENERATOR; 8])), out_of_turn);
    // An Accept before anything was offered.
    assert_eq!(handle(&mut responder(), Control::Accept(tags(0, 8))), out_of_turn);
    // An Offer before the first Answer; answers to nothing.
    assert_eq!(handle(&mut initiator(), Control::Offer(tags(0, 8))), out_of_turn);
    assert_eq!(handle(&mut answered_initiator(), answer(1, vec![GENERATOR; 8], Vec::new())), out_of_turn);
    let busy = Control::Busy { seq: 1, retry_after: seconds(1) };
    assert_eq!(handle(&mut answered_initiator(), busy.clone()), out_of_turn);
    let mut end = initiator();
    handle(&mut end, busy.clone()).unwrap();
    assert_eq!(handle(&mut end, busy), out_of_turn);
}

#[test]
fn each_role_refuses_what_only_it_says() {
    let id = ChannelId::from_bytes([0; 8]);
    let of_responder = [
        answer(1, vec![GENERATOR; 8], tags(0, 8)),
        Control::Offer(tags(0, 4)),
        Control::Revoke(tags(0, 4)),
        Control::Busy { seq: 1, retry_after: seconds(1) },
        Control::Ping(1),
    ];
    for message in of_responder {
        assert_eq!(handle(&mut asked_responder(), message), Err(MatchFault::WrongRole));
    }
    for message in [query(1, vec![GENERATOR; 8]), Control::Accept(tags(0, 4)), Control::Leave(id), Control::Pong(1)] {
        assert_eq!(handle(&mut answered_initiator(), message), Err(MatchFault::WrongRole));
    }
}

#[test]
fn tags_are_offered_once_and_revoked_once() {
    let twice = Err(MatchFault::OfferedTwice);
    assert_eq!(handle(&mut answered_initiator(), Control::Offer(tags(6, 4))), twice);
    assert_eq!(handle(&mut initiator(), answer(1, vec![GENERATOR; 8], vec![[3; 16]; 8])), twice);
    let mut end = answered_initiator();
    assert_eq!(handle(&mut end, Control::Revoke(tags(2, 3))), Ok(()));
    assert_eq!(handle(&mut end, Control::Offer(tags(1, 4))), twice);
    let mut end = answered_initiator();
    handle(&mut end, Control::Revoke(tags(2, 3))).unwrap();
    assert_eq!(handle(&mut end, Control::Revoke(tags(4, 1))), Err(MatchFault::NotOffered));
}

#[test]
fn what_is_on_offer_is_bounded() {
    struct Never;
    impl Charge for Never {
        fn charge(&mut self, _: u32, _: Duration) -> Result<(), Duration> {
            Err(Duration::MAX)
        }
    }
    let mut end = answered_initiator();
    let mut offers = 0;
    let fault = loop {
        let offer = Control::Offer(tags(1000 + offers * 1024, 1024));
        match end.handle(offer, &mut Never, seconds(1)) {
            Ok(()) => offers += 1,
            Err(fault) => break fault,
        }
    };
    assert_eq!((fault, fault.code(), offers), (MatchFault::TooManyOffered, LinkCode::Limit, 15));
}

#[test]
fn a_responder_offers_no_more_than_is_remembered_and_goes_on_when_it_may() {
    let mut end = asked_responder();
    let mut on_offer = 8;
    for n in 0..MAX_OFFERED {
        end.join(&network(&format!("{n}")));
    }
    while let Some(Control::Offer(tags)) = end.transmit(&mut rng()) {
        on_offer += tags.len();
    }
    assert_eq!(on_offer, MAX_OFFERED);
    end.leave(&network("chat"));
    let mut rng = rng();
    assert!(matches!(end.transmit(&mut rng), Some(Control::Revoke(tags)) if tags.len() == 8));
    assert!(matches!(end.transmit(&mut rng), Some(Control::Offer(tags)) if tags.len() == 8));
    assert_eq!(end.transmit(&mut rng), None);
}

#[test]
fn accepts_and_leaves_that_mean_nothing_change_nothing() {
    let mut end = asked_responder();
    for n in 0..100 {
        handle(&mut end, Control::Accept(tags(n * 1024, 1024))).unwrap();
        handle(&mut end, Control::Leave(ChannelId::from_bytes([n as u8; 8]))).unwrap();
    }
    assert_eq!((end.event(), end.transmit(&mut rng())), (None, None));
}

#[test]
fn asking_again_and_again_before_the_time_is_a_flood() {
    let mut end = responder();
    let mut budget = Budget::new(BudgetLimits { burst: 8, refill: seconds(1) });
    budget.charge(8, seconds(1)).unwrap();
    let mut seq = 0;
    let fault = loop {
        seq += 1;
        match end.handle(query(seq, vec![NOT_CANONICAL; 8]), &mut budget, seconds(1)) {
            // Over budget, so the elements were not even looked at.
            Ok(()) => assert_eq!(end.transmit(&mut rng()), Some(Control::Busy { seq, retry_after: seconds(8) })),
            Err(fault) => break fault,
        }
    };
    assert_eq!((fault, fault.code(), seq), (MatchFault::Hasty, LinkCode::Flood, MAX_HASTY_QUERIES + 2));
}

#[test]
fn busy_for_no_time_does_not_make_the_initiator_spin() {
    let mut end = initiator();
    handle(&mut end, Control::Busy { seq: 1, retry_after: Duration::ZERO }).unwrap();
    assert_eq!(end.next_timeout(), Some(seconds(1) + MIN_RETRY));
    let mut end = initiator();
    handle(&mut end, Control::Busy { seq: 1, retry_after: Duration::MAX }).unwrap();
    end.timeout(&mut Free::default(), seconds(10_000_000));
    assert_eq!(end.transmit(&mut rng()), None);
}

#[test]
fn random_messages_never_panic() {
    for seed in 0..300 {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut ends = [initiator(), answered_initiator(), responder(), asked_responder()];
        for _ in 0..8 {
            let small = rng.next_u32() % 4;
            let count = [4, 8, 16, 5][(rng.next_u32() % 4) as usize];
            let element = [GENERATOR, GENERATOR, IDENTITY, NOT_CANONICAL][(rng.next_u32() % 4) as usize];
            let message = match rng.next_u32() % 7 {
                0 => query(small, vec![element; count as usize]),
                1 => answer(small, vec![element; count as usize], tags(rng.next_u32() % 20, count)),
                2 => Control::Offer(tags(rng.next_u32() % 20, count)),
                3 => Control::Revoke(tags(rng.next_u32() % 20, small)),
                4 => Control::Accept(tags(rng.next_u32() % 20, count)),
                5 => Control::Leave(ChannelId::from_bytes([0; 8])),
                _ => Control::Busy { seq: small, retry_after: Duration::from_millis(u64::from(rng.next_u32())) },
            };
            for end in &mut ends {
                let _ = handle(end, message.clone());
                end.join(&network("chat"));
                let _ = end.transmit(&mut rng);
                end.leave(&network("chat"));
                end.timeout(&mut Free::default(), seconds(2));
            }
        }
    }
}
