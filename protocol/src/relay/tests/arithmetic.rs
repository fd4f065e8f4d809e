//! Credit, and what is kept for a resumption.

use super::*;

#[test]
fn a_message_may_cost_more_than_is_left_but_nothing_follows_it() {
    let mut credit = SendCredit::new(100);
    assert_eq!(credit.send(item_cost(80)), Ok(()));
    assert_eq!((credit.left(), credit.may_send()), (4, true));
    assert_eq!(credit.send(item_cost(1000)), Ok(()));
    assert_eq!((credit.left(), credit.may_send()), (0, false));
    assert_eq!(credit.send(item_cost(0)), Err(FlowError::NoCredit));
    credit.finish();
    assert_eq!(credit.sent(), 96 + 1016 + 16);
    assert_eq!(credit.consume(1029), Ok(true));
    assert!(credit.may_send());
    assert_eq!(credit.consume(96), Ok(false));
    assert_eq!(credit.consumed(), 1029);
    assert_eq!(credit.consume(1129), Err(FlowError::ConsumedUnsent));
    assert_eq!(credit.in_flight(), 99);
}

#[test]
fn what_is_used_up_exactly_is_no_credit() {
    let mut credit = SendCredit::new(96);
    assert_eq!(credit.send(96), Ok(()));
    assert!(!credit.may_send());
    assert_eq!(credit.consume(1), Ok(true));
    assert!(credit.may_send());
}

#[test]
fn consumed_is_said_when_it_has_grown_by_half_of_the_window() {
    let mut credit = ReceiveCredit::new(100);
    credit.receive(30, true).unwrap();
    credit.receive(30, true).unwrap();
    assert_eq!(credit.take(30), None);
    assert_eq!(credit.take(30), Some(60));
    credit.receive(60, true).unwrap();
    assert_eq!(credit.take(49), None);
    assert_eq!(credit.take(1), Some(110));
    assert_eq!((credit.items(), credit.received(), credit.consumed()), (3, 120, 110));
    // More than arrived is never said.
    credit.take(1000);
    assert_eq!(credit.tell(), 120);
}

#[test]
fn a_receiver_sees_that_credit_is_not_kept_to() {
    let mut credit = ReceiveCredit::new(100);
    credit.receive(100, true).unwrap();
    assert_eq!(credit.receive(16, true), Err(FlowError::NoCredit));
    assert_eq!(credit.receive(16, false), Ok(()));
    assert_eq!((credit.items(), credit.received()), (2, 116));
    credit.take(100);
    assert_eq!(credit.receive(16, true), Ok(()));
}

#[test]
fn huge_amounts_do_not_overflow() {
    let mut credit = SendCredit::new(u64::MAX);
    credit.send(u64::MAX).unwrap();
    credit.finish();
    assert_eq!(credit.sent(), u64::MAX);
    assert_eq!(credit.consume(u64::MAX), Ok(true));
    assert_eq!(credit.left(), u64::MAX);
    let mut credit = ReceiveCredit::new(u64::MAX);
    credit.receive(u64::MAX, true).unwrap();
    credit.receive(u64::MAX, false).unwrap();
    credit.take(u64::MAX);
    credit.take(u64::MAX);
    assert_eq!(credit.consumed(), u64::MAX);
}

#[test]
fn what_was_not_received_is_sent_again() {
    let mut kept = Retained::new();
    for item in 0..5 {
        kept.push(item, 100);
    }
    let after = |kept: &Retained<i32>, received| kept.after(received).map(|items| items.copied().collect::<Vec<_>>());
    assert_eq!(after(&kept, 0), Some(vec![0, 1, 2, 3, 4]));
    kept.consume(250);
    assert_eq!((kept.len(), kept.sent()), (3, 5));
    assert_eq!(after(&kept, 1), None);
    assert_eq!(after(&kept, 2), Some(vec![2, 3, 4]));
    assert_eq!(after(&kept, 5), Some(vec![]));
    assert_eq!(after(&kept, 6), None);
    kept.consume(500);
    assert!(kept.is_empty());
    assert_eq!((kept.sent(), after(&kept, 5)), (5, Some(vec![])));
}

proptest! {
    /// A sender that keeps to its credit and a receiver that says what it took never stop, and never break a rule.
    #[test]
    fn two_ends_never_block_each_other(window in 1..1000_u64, costs in prop::collection::vec(16..500_u64, 1..60)) {
        let (mut sender, mut receiver) = (SendCredit::new(window), ReceiveCredit::new(window));
        let mut kept = Retained::new();
        let mut under_way = std::collections::VecDeque::new();
        for cost in costs {
            while !sender.may_send() {
                // The receiver takes one more item; it has one, or the sender would have credit.
                let taken = under_way.pop_front().unwrap();
                if let Some(consumed) = receiver.take(taken) {
                    sender.consume(consumed).unwrap();
                    kept.consume(consumed);
                }
            }
            sender.send(cost).unwrap();
            receiver.receive(cost, true).unwrap();
            kept.push((), cost);
            under_way.push_back(cost);
            assert_eq!(kept.sent(), receiver.items());
            assert!(sender.in_flight() < window + cost);
        }
    }
}
