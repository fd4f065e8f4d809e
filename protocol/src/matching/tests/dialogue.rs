//! What is said in which order, and how long it is.

use super::*;

#[test]
fn a_channel_that_both_hold_is_matched_and_others_are_not() {
    let mut pair = Pair::new(1);
    let both = [network("chat"), key(ChannelKind::Broadcast, "feed")];
    for key in &both {
        pair.ends[I].join(key);
        pair.ends[R].join(key);
    }
    pair.ends[I].join(&network("only-i"));
    pair.ends[R].join(&network("only-r"));
    // One name, two kinds.
    pair.ends[I].join(&network("mixed"));
    pair.ends[R].join(&key(ChannelKind::Broadcast, "mixed"));
    // Never leaves the machine.
    pair.ends[I].join(&key(ChannelKind::Local, "here"));
    pair.ends[R].join(&key(ChannelKind::Local, "here"));

    assert_eq!(shapes(&pair.settle()), ["I Query 8", "R Answer 8+8", "I Accept 8"]);
    assert_eq!(pair.names(I), both);
    assert_eq!(pair.matched[I], pair.matched[R]);
}

#[test]
fn without_any_channel_the_first_round_looks_the_same() {
    let mut pair = Pair::new(2);
    assert_eq!(shapes(&pair.settle()), ["I Query 8", "R Answer 8+8", "I Accept 8"]);
    assert!(pair.events.iter().all(Vec::is_empty));
}

#[test]
fn sizes_are_the_next_power_of_two_at_least_eight_first_and_four_later() {
    for (count, size) in [(0, 8), (1, 8), (8, 8), (9, 16), (16, 16), (17, 32)] {
        let mut pair = Pair::new(count);
        for n in 0..count {
            pair.ends[I].join(&network(&format!("{n}")));
            pair.ends[R].join(&network(&format!("{n}")));
        }
        let expected = [format!("I Query {size}"), format!("R Answer {size}+{size}"), format!("I Accept {size}")];
        assert_eq!(shapes(&pair.settle()), expected);
        assert_eq!(pair.matched[R].len() as u64, count);
    }
    for (count, size) in [(1, 4), (4, 4), (5, 8), (9, 16)] {
        let mut pair = Pair::new(count);
        pair.settle();
        for n in 0..count {
            pair.ends[R].join(&network(&format!("{n}")));
        }
        assert_eq!(shapes(&pair.settle()), [format!("R Offer {size}"), "I Accept 4".to_owned()]);
        for n in 0..count {
            pair.ends[I].join(&network(&format!("{n}")));
        }
        let expected = [format!("I Query {size}"), format!("R Answer {size}+0"), format!("I Accept {size}")];
        assert_eq!(shapes(&pair.settle()), expected);
        assert_eq!(pair.matched[R].len() as u64, count);
    }
}

#[test]
fn a_channel_joined_later_on_either_side_is_found() {
    let mut pair = Pair::new(3);
    pair.ends[I].join(&network("i-first"));
    pair.ends[R].join(&network("r-first"));
    pair.settle();
    pair.ends[R].join(&network("i-first"));
    assert_eq!(shapes(&pair.settle()), ["R Offer 4", "I Accept 4"]);
    pair.ends[I].join(&network("r-first"));
    assert_eq!(shapes(&pair.settle()), ["I Query 4", "R Answer 4+0", "I Accept 4"]);
    assert_eq!(pair.names(R), [network("i-first"), network("r-first")]);
    assert_eq!(pair.matched[I], pair.matched[R]);
}

#[test]
fn a_page_reload_costs_the_initiator_nothing() {
    let mut pair = Pair::new(4);
    let chat = network("chat");
    pair.ends[I].join(&chat);
    pair.ends[R].join(&chat);
    pair.settle();
    pair.ends[I].leave(&chat);
    pair.ends[I].join(&chat);
    let mut charge = Free::default();
    assert_eq!(shapes(&pair.settle_with(&mut charge)), ["I Leave", "I Accept 4"]);
    assert_eq!(charge.charged, 0);
    // Both ends see an end and a new beginning.
    let by = |end: usize| match &pair.events[end][..] {
        [MatchEvent::Matched { .. }, MatchEvent::Unmatched { by, .. }, MatchEvent::Matched { .. }] => Some(*by),
        _ => None,
    };
    assert_eq!((by(I), by(R)), (Some(LeftBy::Here), Some(LeftBy::There)));
}

#[test]
fn a_reload_at_the_responder_ends_the_match_and_begins_a_new_one() {
    let mut pair = Pair::new(5);
    let chat = network("chat");
    pair.ends[I].join(&chat);
    pair.ends[R].join(&chat);
    pair.settle();
    pair.ends[R].leave(&chat);
    pair.ends[R].join(&chat);
    // The channel takes the seven dummies of its offer along.
    assert_eq!(shapes(&pair.settle()), ["R Revoke 8", "R Offer 4", "I Accept 4"]);
    assert_eq!((pair.events[I].len(), pair.events[R].len()), (3, 3));
    assert_eq!(pair.matched[I], pair.matched[R]);
    assert_eq!(pair.names(R), [chat]);
}

#[test]
fn what_is_on_offer_does_not_grow_with_time() {
    let mut pair = Pair::new(6);
    let (chat, other) = (network("chat"), network("other"));
    for _ in 0..50 {
        pair.ends[R].join(&chat);
        pair.ends[R].join(&other);
        pair.settle();
        pair.ends[R].leave(&chat);
        pair.settle();
        pair.ends[R].leave(&other);
        pair.settle();
    }
    let Matcher::Initiator(initiator) = &pair.ends[I] else { panic!() };
    assert!(format!("{initiator:?}").contains("offered: 0,"), "{initiator:?}");
}

#[test]
fn joins_that_come_and_go_before_anything_is_said_cost_nothing() {
    let mut pair = Pair::new(7);
    pair.settle();
    for end in [I, R] {
        pair.ends[end].join(&network("brief"));
        pair.ends[end].join(&network("brief"));
        pair.ends[end].leave(&network("brief"));
        pair.ends[end].leave(&network("brief"));
    }
    assert!(pair.settle().is_empty());
}

#[test]
fn a_channel_left_while_it_is_asked_for_is_not_matched_and_joined_again_not_asked_twice() {
    let mut pair = Pair::new(8);
    let chat = network("chat");
    pair.ends[R].join(&chat);
    pair.ends[I].join(&chat);
    pair.take(I);
    pair.ends[I].leave(&chat);
    assert_eq!(shapes(&pair.settle()), ["I Query 8", "R Answer 8+8", "I Accept 8"]);
    assert!(pair.events.iter().all(Vec::is_empty));
    pair.ends[I].join(&chat);
    assert_eq!(shapes(&pair.settle()), ["I Accept 4"]);

    let mut pair = Pair::new(9);
    pair.ends[R].join(&chat);
    pair.ends[I].join(&chat);
    pair.take(I);
    pair.ends[I].leave(&chat);
    pair.ends[I].join(&chat);
    pair.ends[I].join(&network("meanwhile"));
    pair.ends[I].join(&network("meanwhile too"[..9].trim_end()));
    let expected = ["I Query 8", "R Answer 8+8", "I Accept 8", "I Query 4", "R Answer 4+0", "I Accept 4"];
    assert_eq!(shapes(&pair.settle()), expected);
    assert_eq!(pair.names(R), [chat]);
}

#[test]
fn more_channels_than_one_message_holds_are_matched_in_several() {
    let mut pair = Pair::new(10);
    let keys: Vec<_> = (0..1030).map(|n| network(&format!("c{n}"))).collect();
    for key in &keys {
        pair.ends[I].join(key);
        pair.ends[R].join(key);
    }
    let said = shapes(&pair.settle());
    for expected in ["I Query 1024", "R Answer 1024+1024", "I Accept 1024", "R Offer 8", "I Query 8", "R Answer 8+0"] {
        assert!(said.iter().any(|shape| shape == expected), "{expected} in {said:?}");
    }
    assert_eq!(pair.matched[R].len(), keys.len());
    assert_eq!(pair.matched[I], pair.matched[R]);
    for key in &keys {
        pair.ends[R].leave(key);
    }
    let said = shapes(&pair.settle());
    assert_eq!(said, ["R Revoke 1024", "R Revoke 8"]);
    assert!(pair.matched[I].is_empty());
}

#[test]
fn different_network_keys_match_nothing() {
    let with = |key: NetworkKey| LinkSecret::derive(&key, &[1; 32], b"hello i", b"hello r");
    let keys = [NetworkKey::default(), NetworkKey::new([1; 32]), NetworkKey::new([2; 32])];
    for (a, of_i) in keys.iter().enumerate() {
        for (b, of_r) in keys.iter().enumerate() {
            let mut pair = Pair::with([with(of_i.clone()), with(of_r.clone())], 11);
            pair.ends[I].join(&network("chat"));
            pair.ends[R].join(&network("chat"));
            pair.settle();
            let expected = usize::from(a == b);
            assert_eq!([pair.matched[I].len(), pair.matched[R].len()], [expected; 2], "keys {a} and {b}");
        }
    }
}

#[test]
fn a_man_in_the_middle_with_two_sessions_matches_nothing() {
    // He terminates both sessions, so their exporters differ, and passes every message on.
    let mut pair = Pair::with([secret(1), secret(2)], 12);
    for name in ["chat", "other", "third"] {
        pair.ends[I].join(&network(name));
        pair.ends[R].join(&network(name));
    }
    pair.settle();
    pair.ends[I].join(&network("later"));
    pair.ends[R].join(&network("later"));
    pair.settle();
    assert!(pair.events.iter().all(Vec::is_empty));
}

#[test]
fn a_revoke_that_crosses_an_accept_is_made_up_for_by_leave() {
    let mut pair = Pair::new(13);
    let mut charge = Free::default();
    let chat = network("chat");
    pair.ends[I].join(&chat);
    pair.ends[R].join(&chat);
    // Up to where the Accept is on its way.
    pair.take(I);
    pair.deliver(I, &mut charge);
    pair.take(R);
    pair.deliver(R, &mut charge);
    pair.take(I);
    assert!(pair.matched[I].contains_key(&chat));
    // The responder leaves and joins again; both words are on their way when the Accept arrives.
    pair.ends[R].leave(&chat);
    pair.ends[R].join(&chat);
    pair.take(R);
    pair.deliver(I, &mut charge);
    pair.take(R);
    assert!(pair.matched[R].contains_key(&chat));
    // The initiator hears the Revoke, and leaves before it hears the Offer.
    assert!(matches!(pair.deliver(R, &mut charge), Some(Control::Revoke(_))));
    pair.take(I);
    pair.ends[I].leave(&chat);
    assert!(pair.names(I).is_empty());
    pair.settle();
    assert!(pair.names(R).is_empty(), "the old Accept must have been taken back");
}

#[test]
fn words_that_are_out_of_date_match_nothing() {
    let chat = network("chat");
    let mut charge = Free::default();
    // An Accept that arrives after the channel was left and joined again, and before it is offered again.
    let mut pair = Pair::new(20);
    pair.ends[I].join(&chat);
    pair.ends[R].join(&chat);
    pair.take(I);
    pair.deliver(I, &mut charge);
    pair.take(R);
    pair.deliver(R, &mut charge);
    pair.take(I);
    pair.ends[R].leave(&chat);
    pair.ends[R].join(&chat);
    pair.deliver(I, &mut charge);
    pair.take_events(R);
    assert!(pair.matched[R].is_empty());
    pair.settle();
    assert!(pair.matched[R].contains_key(&chat));

    // A match that ends, by either side, before its Accept is taken.
    for left_by in [I, R] {
        let mut pair = Pair::new(21);
        pair.ends[I].join(&chat);
        pair.settle();
        pair.ends[R].join(&chat);
        pair.take(R);
        pair.deliver(R, &mut charge);
        pair.take_events(I);
        assert!(pair.matched[I].contains_key(&chat));
        pair.ends[R].leave(&chat);
        pair.ends[R].join(&chat);
        pair.take(R);
        if left_by == I {
            pair.ends[I].leave(&chat);
        }
        assert!(matches!(pair.deliver(R, &mut charge), Some(Control::Revoke(_))));
        pair.ends[I].join(&chat);
        pair.take(I);
        assert!(matches!(pair.deliver(I, &mut charge), Some(Control::Accept(_))));
        pair.take_events(R);
        assert!(pair.matched[R].is_empty() && pair.matched[I].is_empty());
        pair.settle();
        assert!(pair.matched[I].contains_key(&chat) && pair.matched[R].contains_key(&chat));
    }
}
