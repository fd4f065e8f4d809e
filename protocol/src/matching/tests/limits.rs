//! Budgets, Busy, what is remembered, and what may be seen in a log.

use super::*;

#[test]
fn busy_is_waited_out_and_the_query_comes_again_under_a_new_number() {
    let mut pair = Pair::new(14);
    pair.ends[I].join(&network("chat"));
    pair.ends[R].join(&network("chat"));
    let mut budget = Budget::new(BudgetLimits { burst: 16, refill: seconds(1) });
    budget.charge(10, pair.now).unwrap();

    pair.take(I);
    let Some(Control::Query { seq: 1, blinded: first }) = pair.deliver(I, &mut budget) else { panic!() };
    pair.take(R);
    assert_eq!(pair.said[R], [Control::Busy { seq: 1, retry_after: seconds(2) }]);
    pair.deliver(R, &mut budget);
    pair.ends[I].join(&network("meanwhile"));
    pair.take(I);
    assert!(pair.said[I].is_empty());
    assert_eq!(pair.ends[I].next_timeout(), Some(pair.now + seconds(2)));

    pair.now += seconds(1);
    pair.ends[I].timeout(&mut budget, pair.now);
    pair.take(I);
    assert!(pair.said[I].is_empty(), "too early");

    pair.now += seconds(1);
    pair.ends[I].timeout(&mut budget, pair.now);
    assert_eq!(pair.ends[I].next_timeout(), None);
    pair.take(I);
    let Some(Control::Query { seq: 2, blinded: second }) = pair.deliver(I, &mut budget) else { panic!() };
    assert_eq!(first, second);
    assert_eq!(shapes(&pair.settle()), ["R Answer 8+8", "I Accept 8", "I Query 4", "R Answer 4+0", "I Accept 4"]);
    assert_eq!(pair.names(R), [network("chat")]);
}

#[test]
fn tags_over_budget_wait_and_are_found_when_it_refills() {
    let mut pair = Pair::new(15);
    for n in 0..32 {
        pair.ends[R].join(&network(&format!("{n}")));
        pair.ends[I].join(&network(&format!("{n}")));
    }
    pair.take(I);
    pair.deliver(I, &mut Free::default());
    pair.take(R);
    let mut budget = Budget::new(BudgetLimits { burst: 40, refill: seconds(2) });
    budget.charge(20, pair.now).unwrap();
    pair.deliver(R, &mut budget);
    pair.take(I);
    // 16, then 4 of the other 16.
    assert_eq!(pair.matched[I].len(), 20);
    let mut seen = 20;
    while let Some(at) = pair.ends[I].next_timeout() {
        assert_eq!(at, pair.now + seconds(2));
        pair.now = at;
        pair.ends[I].timeout(&mut budget, pair.now);
        pair.take(I);
        seen += 1;
        assert_eq!(pair.matched[I].len(), seen);
    }
    assert_eq!(seen, 32);
    pair.settle();
    assert_eq!(pair.matched[I], pair.matched[R]);
}

#[test]
fn a_tag_revoked_while_it_waits_costs_nothing() {
    let mut pair = Pair::new(16);
    pair.settle();
    let mut budget = Budget::new(BudgetLimits { burst: 1, refill: seconds(1) });
    budget.charge(1, pair.now).unwrap();
    pair.ends[R].join(&network("chat"));
    pair.take(R);
    pair.deliver(R, &mut budget);
    assert!(pair.ends[I].next_timeout().is_some());
    pair.ends[R].leave(&network("chat"));
    pair.take(R);
    pair.deliver(R, &mut budget);
    assert_eq!(pair.ends[I].next_timeout(), None);
}

#[test]
fn guesses_are_charged_for_each_element_and_each_tag() {
    let mut pair = Pair::new(17);
    for n in 0..9 {
        pair.ends[I].join(&network(&format!("i{n}")));
    }
    let mut charges = [Free::default(), Free::default()];
    pair.take(I);
    pair.deliver(I, &mut charges[R]);
    pair.take(R);
    pair.deliver(R, &mut charges[I]);
    assert_eq!((charges[R].charged, charges[I].charged), (16, 8));
}

#[test]
fn remembered_channels_are_bounded_and_the_oldest_is_asked_for_again() {
    let mut pair = Pair::new(18);
    let keys: Vec<_> = (0..=MAX_REMEMBERED).map(|n| network(&format!("{n}"))).collect();
    for key in &keys {
        pair.ends[I].join(key);
        pair.ends[R].join(key);
    }
    pair.settle();
    for key in &keys {
        pair.ends[I].leave(key);
    }
    pair.settle();
    pair.ends[I].join(&keys[1]);
    assert_eq!(shapes(&pair.settle()), ["I Accept 4"]);
    pair.ends[I].join(&keys[0]);
    assert_eq!(shapes(&pair.settle()), ["I Query 4", "R Answer 4+0", "I Accept 4"]);
    assert_eq!(pair.matched[I], pair.matched[R]);
}

#[test]
fn nothing_that_can_be_logged_shows_a_name_or_a_secret() {
    let mut pair = Pair::new(19);
    for end in [I, R] {
        pair.ends[end].join(&network("hush-hush"));
    }
    pair.settle();
    let Some(MatchEvent::Matched { channel_key, .. }) = pair.events[I].first() else { panic!() };
    let secrets = Secrets::derive(&secret(1), &[7; 64]);
    let shown = format!("{:?} {:?} {:?} {secrets:?} {:?}", pair.ends[I], pair.ends[R], pair.events, secret(1));
    assert!(!shown.contains("hush"), "{shown}");
    assert!(!shown.contains(&format!("{:?}", channel_key.reveal())), "{shown}");
    assert!(shown.contains("matched: 1"), "{shown}");
}

#[test]
fn a_matcher_can_work_on_another_thread() {
    fn can<T: Send + 'static>() {}
    can::<Matcher>();
}
