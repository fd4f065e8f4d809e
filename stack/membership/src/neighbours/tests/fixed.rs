//! Peers that the user named: dialled at once and for ever, and one link to each proxy all the same.

use super::*;

#[test]
fn a_fixed_peer_that_is_ourselves_is_reported_once_and_left_alone() {
    let mut bench = Bench::new();
    let peer = bench.it.add_fixed(vec!["me"], bench.now).unwrap();
    let dial = bench.dial("me");
    assert_eq!(bench.dialled(dial, US).1, Verdict::Close(LinkCode::SelfDial));
    assert_eq!(bench.actions(), [Action::Ourselves { peer }]);
    assert_eq!(bench.it.next_timeout(), None);
}

#[test]
fn a_fixed_peer_is_dialled_at_once_and_for_ever() {
    let mut bench = Bench::new();
    bench.it.add_fixed(vec!["quic", "tcp"], bench.now).unwrap();
    for _ in 0..20 {
        let dial = bench.dial("quic");
        bench.fail(dial);
        let dial = bench.dial("tcp");
        bench.fail(dial);
        bench.step();
    }
    let dial = bench.dial("quic");
    let (link, verdict) = bench.dialled(dial, SMALL);
    assert_eq!(verdict, Verdict::Keep);
    bench.pass(Duration::from_secs(60));
    bench.nothing();
    bench.down(link, LinkCode::GoingAway);
    within(bench.step(), START);
    let dial = bench.dial("quic");
    assert_eq!(bench.dialled(dial, LARGE).1, Verdict::Keep, "another run of the proxy, with another id");
}

#[test]
fn two_fixed_peers_that_lead_to_one_proxy_share_one_link() {
    let mut bench = Bench::new();
    bench.it.add_fixed(vec!["a"], bench.now).unwrap();
    let a = bench.dial("a");
    bench.it.add_fixed(vec!["b"], bench.now).unwrap();
    let b = bench.dial("b");
    let (link, _) = bench.dialled(a, LARGE);
    assert_eq!(bench.dialled(b, LARGE).1, DUPLICATE);
    assert_eq!(bench.it.next_timeout(), None, "satisfied");
    bench.down(link, LinkCode::Silent);
    bench.step();
    bench.step();
    let redialled = bench.actions().into_iter().filter(|action| matches!(action, Action::Dial { .. })).count();
    assert_eq!(redialled, 2, "both are dialled again");
}

#[test]
fn a_fixed_peer_whose_proxy_dials_us_is_left_in_peace() {
    let mut bench = Bench::new();
    bench.it.add_fixed(vec!["a"], bench.now).unwrap();
    let dial = bench.dial("a");
    let (link, _) = bench.dialled(dial, SMALL);
    bench.down(link, LinkCode::Silent);
    bench.step();
    let dial = bench.dial("a");
    assert_eq!(bench.accepted(SMALL).1, Verdict::Keep);
    assert_eq!(bench.actions(), [Action::Abandon { dial }]);
    assert_eq!(bench.dialled(dial, SMALL).1, DUPLICATE, "too late");
    assert_eq!(bench.it.next_timeout(), None);
}
