//! How many dials, links, known proxies and addresses there may be.

use super::*;

#[test]
fn there_is_a_limit_to_dials_at_once() {
    let mut bench = Bench::with(Config { settle: Duration::ZERO, max_dials: 2, ..Config::default() });
    for n in 10..14 {
        bench.found(InstanceId::from_bytes([n; 16]), &["a"]);
    }
    let dials = bench.actions();
    assert_eq!(dials.len(), 2);
    assert_eq!(bench.it.next_timeout(), None, "no use in waking before there is room");
    let Action::Dial { dial, .. } = dials[0] else { panic!() };
    bench.fail(dial);
    assert_eq!(bench.actions().len(), 1);
}

#[test]
fn there_is_a_limit_to_links() {
    let mut bench = Bench::with(Config { max_links: 1, ..Config::default() });
    let (link, _) = bench.accepted(SMALL);
    assert_eq!(bench.accepted(SMALL_2).1, Verdict::Close(LinkCode::Limit));
    assert_eq!(bench.accepted(SMALL).1, Verdict::Wait, "one that takes another's place is no more");
    bench.down(link, LinkCode::Silent);
    assert_eq!(bench.it.linked().count(), 1);
}

#[test]
fn there_is_a_limit_to_known_proxies_and_the_unreachable_make_room() {
    let mut bench = Bench::with(Config { settle: Duration::ZERO, max_neighbours: 2, ..Config::default() });
    let id = |n| InstanceId::from_bytes([n; 16]);
    bench.found(id(20), &["a"]);
    let dial = bench.dial("a");
    bench.found(id(21), &["b"]);
    let b = bench.dial("b");
    assert!(!bench.it.found(id(22), vec!["c"], bench.now), "full");
    bench.fail(dial);
    bench.found(id(22), &["c"]);
    bench.dial("c");
    assert_eq!(bench.it.known(), 2);
    assert_eq!(bench.dialled(b, id(21)).1, Verdict::Keep);
    assert_eq!(bench.accepted(SMALL).1, Verdict::Keep, "who is linked goes before who is only found");
    assert!(matches!(bench.actions()[..], [Action::Abandon { .. }]));
    assert_eq!(bench.accepted(SMALL_2).1, Verdict::Close(LinkCode::Limit));
    assert_eq!(bench.it.known(), 2);
    assert_eq!(bench.it.next_timeout(), None);
}

#[test]
fn one_proxy_can_name_only_so_many_addresses() {
    let mut bench = Bench::with(Config { settle: Duration::ZERO, max_addresses: 1, ..Config::default() });
    bench.found(LARGE, &["a", "b"]);
    let dial = bench.dial("a");
    bench.fail(dial);
    bench.nothing();
}
