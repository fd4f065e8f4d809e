//! Two links to one proxy: which of them stays, and what it takes to be believed.

use super::*;

/// The link dialled by the smaller id supersedes; seen from the smaller one, with a fixed peer as its second dial.
#[test]
fn of_two_links_the_one_that_the_smaller_id_dialled_stays() {
    let mut bench = Bench::new();
    bench.it.add_fixed(vec!["a"], bench.now).unwrap();
    let dial = bench.dial("a");
    let (old, _) = bench.accepted(LARGE);
    let (by, verdict) = bench.dialled(dial, LARGE);
    assert_eq!(verdict, Verdict::Prove);
    bench.nothing();
    assert_eq!(bench.it.link_to(LARGE), Some(old), "nothing is proved yet");
    bench.it.proved(by, bench.now);
    assert_eq!(bench.actions(), [Action::Supersede { old, by }]);
    assert_eq!(bench.it.link_to(LARGE), Some(by));
    assert_eq!(bench.it.next_timeout(), None);
    bench.down(old, LinkCode::Duplicate);
    bench.nothing();
    assert_eq!(bench.it.link_to(LARGE), Some(by), "the old one went, nothing else");

    // Seen from the larger one.
    let mut bench = Bench::new();
    bench.it.add_fixed(vec!["a"], bench.now).unwrap();
    let dial = bench.dial("a");
    let (old, _) = bench.dialled(dial, SMALL);
    let (by, verdict) = bench.accepted(SMALL);
    assert_eq!((verdict, bench.actions()), (Verdict::Prove, vec![]));
    bench.it.proved(by, bench.now);
    assert_eq!(bench.actions(), vec![Action::Supersede { old, by }]);
}

#[test]
fn of_two_links_the_one_that_the_larger_id_dialled_goes() {
    let mut bench = Bench::new();
    bench.it.add_fixed(vec!["a"], bench.now).unwrap();
    let dial = bench.dial("a");
    let (link, _) = bench.accepted(SMALL);
    assert_eq!(bench.dialled(dial, SMALL).1, DUPLICATE);
    assert_eq!(bench.it.link_to(SMALL), Some(link));

    let mut bench = Bench::new();
    bench.found(LARGE, &["a"]);
    let dial = bench.dial("a");
    let (link, _) = bench.dialled(dial, LARGE);
    assert_eq!(bench.accepted(LARGE).1, DUPLICATE);
    assert_eq!(bench.it.link_to(LARGE), Some(link));
    bench.nothing();
}

const fn close(link: LinkId) -> Act {
    Action::Close { link, code: LinkCode::Duplicate }
}

#[test]
fn who_dials_again_has_lost_the_first_link_if_nothing_comes_on_it() {
    for instance in [SMALL, LARGE] {
        let mut bench = Bench::new();
        let (old, _) = bench.accepted(instance);
        let (new, verdict) = bench.accepted(instance);
        assert_eq!((verdict, bench.actions()), (Verdict::Wait, vec![Action::Probe { link: old }]));
        assert_eq!(bench.it.link_to(instance), Some(old));
        bench.it.probed(old, false, bench.now);
        assert_eq!(bench.actions(), [close(old), Action::Admit { link: new }]);
        assert_eq!(bench.it.link_to(instance), Some(new));
        bench.down(old, LinkCode::Duplicate);
        assert_eq!(bench.it.link_to(instance), Some(new), "the old one is forgotten");
    }
}

#[test]
fn a_link_that_lives_is_not_given_up_for_whoever_claims_its_id() {
    let mut bench = Bench::new();
    let (old, _) = bench.accepted(SMALL);
    let (first, _) = bench.accepted(SMALL);
    assert_eq!(bench.actions(), [Action::Probe { link: old }]);
    // One waits at a time, and one probe is enough.
    let (second, _) = bench.accepted(SMALL);
    assert_eq!(bench.actions(), [close(first)]);
    bench.it.probed(old, true, bench.now);
    assert_eq!(bench.actions(), [close(second)]);
    assert_eq!(bench.it.link_to(SMALL), Some(old));
    for link in [first, second] {
        bench.down(link, LinkCode::Duplicate);
    }
    bench.it.probed(old, false, bench.now);
    bench.nothing();
    assert_eq!(bench.it.link_to(SMALL), Some(old), "nobody waits for this word");
}

#[test]
fn whoever_waits_comes_in_when_the_link_in_use_goes_by_itself() {
    let mut bench = Bench::new();
    let (old, _) = bench.accepted(LARGE);
    let (gone, _) = bench.accepted(LARGE);
    bench.down(gone, LinkCode::Silent);
    let (new, _) = bench.accepted(LARGE);
    bench.actions();
    bench.down(old, LinkCode::None);
    assert_eq!(bench.actions(), [Action::Admit { link: new }]);
    assert_eq!((bench.it.link_to(LARGE), bench.it.next_timeout()), (Some(new), None));
}

/// A link dialled by us to the smaller id, and one that it dialled: on trial.
fn trial() -> (Bench, LinkId, LinkId) {
    let mut bench = Bench::new();
    bench.it.add_fixed(vec!["a"], bench.now).unwrap();
    let dial = bench.dial("a");
    let (old, _) = bench.dialled(dial, SMALL);
    let (by, verdict) = bench.accepted(SMALL);
    assert_eq!(verdict, Verdict::Prove);
    bench.nothing();
    (bench, old, by)
}

#[test]
fn a_link_that_proves_nothing_is_closed_and_the_old_one_stays() {
    let (mut bench, old, by) = trial();
    assert_eq!(bench.step(), Config::default().prove_within);
    assert_eq!(bench.actions(), [close(by)]);
    assert_eq!((bench.it.link_to(SMALL), bench.it.next_timeout()), (Some(old), None));
    bench.it.proved(by, bench.now);
    bench.down(by, LinkCode::Duplicate);
    bench.nothing();

    // Of two on trial the newer one stays.
    let (mut bench, old, by) = trial();
    let (newer, _) = bench.accepted(SMALL);
    assert_eq!(bench.actions(), [close(by)]);
    bench.it.proved(newer, bench.now);
    assert_eq!(bench.actions(), [Action::Supersede { old, by: newer }]);

    // It may go by itself.
    let (mut bench, old, by) = trial();
    bench.down(by, LinkCode::None);
    bench.nothing();
    assert_eq!((bench.it.link_to(SMALL), bench.it.next_timeout()), (Some(old), None));
}

#[test]
fn a_link_on_trial_takes_the_place_of_one_that_is_gone() {
    let (mut bench, old, by) = trial();
    bench.down(old, LinkCode::Silent);
    assert_eq!(bench.actions(), [Action::Admit { link: by }]);
    assert_eq!((bench.it.link_to(SMALL), bench.it.next_timeout()), (Some(by), None));
}

#[test]
fn a_superseded_link_goes_with_its_successor() {
    for replaced in [false, true] {
        let (mut bench, old, by) = trial();
        bench.it.proved(by, bench.now);
        assert_eq!(bench.actions(), [Action::Supersede { old, by }]);
        if replaced {
            let (new, _) = bench.accepted(SMALL);
            assert_eq!(bench.actions(), [Action::Probe { link: by }]);
            bench.it.probed(by, false, bench.now);
            assert_eq!(bench.actions(), [close(old), close(by), Action::Admit { link: new }]);
            assert_eq!(bench.it.link_to(SMALL), Some(new));
        } else {
            bench.down(by, LinkCode::Silent);
            assert_eq!(bench.actions(), [close(old)]);
            assert_eq!(bench.it.link_to(SMALL), None);
            assert!(bench.it.next_timeout().is_some(), "dialled again");
        }
    }
}

#[test]
fn a_superseded_link_that_is_lost_before_its_lanes_moved_takes_its_successor_along() {
    let (mut bench, old, by) = trial();
    bench.it.proved(by, bench.now);
    bench.actions();
    bench.down(old, LinkCode::Silent);
    assert_eq!(bench.actions(), [Action::Close { link: by, code: LinkCode::Stalled }]);
    assert_eq!(bench.it.link_to(SMALL), None);
    within(bench.step(), START);
    bench.dial("a");
}
