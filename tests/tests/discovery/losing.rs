//! Who is lost, how soon, and found again; and who is not lost.

use crate::finder::{Finder, VERIFIED, finds_in_any_order, found, took};
use nws_tests::{netns::Lab, program::SOON};
use std::time::{Duration, Instant};

#[test]
fn a_goodbye_is_heard_once_for_both_transports() {
    let lab = Lab::new(2);
    let mut stays = Finder::both(&lab.host(1)).visible();
    let mut goes = Finder::both(&lab.host(2)).visible();
    stays.finds(&goes, SOON);
    goes.finds(&stays, SOON);
    let begin = Instant::now();
    goes.program.close_input();
    goes.program.wait("over", SOON, |line| (line.text == "over").then_some(()));
    took("saying goodbye", begin, Instant::now());
    // Unsaid, it would stay for the two minutes that its addresses live.
    let lost = stays.loses(&goes.id, SOON);
    took("a goodbye is heard", begin, lost);
    stays.program.never("is told twice", Duration::from_secs(1), |line| line.text.contains(&goes.id));
}

#[test]
fn verification_finds_out_who_was_killed_and_spares_who_is_there() {
    let lab = Lab::new(3);
    let mut finders: Vec<Finder> = lab.hosts().iter().map(|host| Finder::both(host).visible()).collect();
    let [there, killed] = [finders[1].id.clone(), finders[2].id.clone()];
    for id in [&there, &killed] {
        finds_in_any_order(&mut finders[0], id);
    }
    finders[2].program.kill();
    let begin = Instant::now();
    finders[0].verify(&there);
    finders[0].verify(&killed);
    let lost = finders[0].loses(&killed, SOON);
    took("a killed instance is lost after verification", begin, lost);
    finders[0].program.never("loses one that is there", VERIFIED, |line| line.text == format!("lost {there}"));
}

#[test]
fn an_interface_that_is_down_for_twenty_seconds_is_used_again() {
    let lab = Lab::new(2);
    let mut stays = Finder::both(&lab.host(1)).visible();
    let mut flaps = Finder::both(&lab.host(2)).visible();
    stays.finds(&flaps, SOON);
    flaps.finds(&stays, SOON);
    lab.host(2).interface_down();
    // As the mesh does when the link breaks.
    stays.verify(&flaps.id);
    stays.loses(&flaps.id, SOON);
    flaps.loses(&stays.id, SOON);
    stays.never_finds(&flaps.id, Duration::from_secs(18));
    let begin = Instant::now();
    lab.host(2).interface_up();
    let again = Duration::from_secs(20);
    let [one, two] = [stays.finds(&flaps, again).at, flaps.finds(&stays, again).at];
    took("after the interface is up, both are found again", begin, one.max(two));
}

#[test]
fn a_network_that_was_cut_in_two_heals_though_no_host_noticed() {
    let lab = Lab::new(3);
    let mut one = Finder::both(&lab.host(1)).visible();
    let mut two = Finder::both(&lab.host(2)).visible();
    let mut three = Finder::both(&lab.host(3)).visible();
    for (finder, id) in [(&mut one, &three.id), (&mut two, &three.id)] {
        finds_in_any_order(finder, id);
    }
    for id in [&one.id, &two.id] {
        finds_in_any_order(&mut three, id);
    }
    lab.host(3).cut_off();
    one.verify(&three.id);
    two.verify(&three.id);
    three.verify(&one.id);
    three.verify(&two.id);
    one.loses(&three.id, SOON);
    two.loses(&three.id, SOON);
    let lost = [three.loses_any(&[&one.id, &two.id]), three.loses_any(&[&one.id, &two.id])];
    assert_ne!(lost[0], lost[1]);
    one.never_finds(&three.id, Duration::from_secs(6));
    let begin = Instant::now();
    lab.host(3).join_again();
    let again = Duration::from_secs(20);
    let mut last = one.finds(&three, again).at.max(two.finds(&three, again).at);
    for _ in 0..2 {
        let found = three.program.wait("finds the others", again, |line| {
            found(line, &one.id).or_else(|| found(line, &two.id)).filter(|found| found.candidates.len() > 1)
        });
        last = last.max(found.at);
    }
    took("after the cut is mended, all are found again", begin, last);
    // Nobody who was there all the time was lost by asking everybody anew.
    one.program.never("loses the other", Duration::from_secs(11), |line| line.text == format!("lost {}", two.id));
}
