//! Proxies whose record is gone, or who said goodbye: who is dialled after that, and who is not.

use super::*;

#[test]
fn a_proxy_lost_while_linked_stays_linked_and_is_not_dialled_after() {
    let mut bench = Bench::new();
    bench.found(LARGE, &["a"]);
    let dial = bench.dial("a");
    let (link, _) = bench.dialled(dial, LARGE);
    bench.it.lost(LARGE, bench.now);
    bench.nothing();
    assert_eq!(bench.it.link_to(LARGE), Some(link));
    bench.down(link, LinkCode::Silent);
    assert_eq!((bench.it.next_timeout(), bench.it.known()), (None, 0));
    bench.nothing();
}

#[test]
fn a_proxy_lost_and_found_while_linked_is_dialled_after_the_link() {
    let mut bench = Bench::new();
    bench.found(LARGE, &["a"]);
    let dial = bench.dial("a");
    let (link, _) = bench.dialled(dial, LARGE);
    bench.it.lost(LARGE, bench.now);
    bench.found(LARGE, &["b"]);
    bench.nothing();
    bench.down(link, LinkCode::Silent);
    bench.step();
    bench.dial("b");
}

#[test]
fn a_proxy_lost_while_waiting_or_dialled_is_forgotten() {
    let mut bench = Bench::new();
    bench.found(SMALL, &["a"]);
    bench.it.lost(SMALL, bench.now);
    assert_eq!((bench.it.next_timeout(), bench.it.known()), (None, 0));

    bench.found(LARGE, &["a", "b"]);
    let dial = bench.dial("a");
    bench.it.lost(LARGE, bench.now);
    bench.nothing();
    bench.fail(dial);
    assert_eq!((bench.it.next_timeout(), bench.it.known()), (None, 0));
    bench.nothing();
}

#[test]
fn a_dial_in_progress_when_the_record_is_lost_may_get_through() {
    let mut bench = Bench::new();
    bench.found(LARGE, &["a"]);
    let dial = bench.dial("a");
    bench.it.lost(LARGE, bench.now);
    assert_eq!(bench.dialled(dial, LARGE).1, Verdict::Keep);
}

#[test]
fn who_said_goodbye_is_not_dialled_unless_found_again() {
    let mut bench = Bench::new();
    bench.found(LARGE, &["a"]);
    let dial = bench.dial("a");
    let (link, _) = bench.dialled(dial, LARGE);
    bench.down(link, LinkCode::GoingAway);
    assert_eq!((bench.it.next_timeout(), bench.it.known()), (None, 0));
    bench.found(LARGE, &["a"]);
    bench.dial("a");
}
