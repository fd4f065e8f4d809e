//! Somebody who sends by multicast DNS more than anybody asked for, to be remembered for 68 years.

use crate::finder::Finder;
use nws_tests::{
    netns::Lab,
    program::{Program, SOON, built},
};
use std::time::{Duration, Instant};

/// Many times what is kept at most, at up to 80,000 a second.
const RECORDS: u32 = 600_000;
const PAUSE_MICROSECONDS: u32 = 250;

/// Over what it has at rest: 40 MiB of records, what comes until it is looked at and ended, and what the allocator holds for the
/// next ones. All the records would take over 350 MiB.
const MOST_KIB: u64 = 280 * 1024;

/// Its daemon held more than it may, and another one took its place.
fn began_anew(finder: &mut Finder) -> bool {
    finder.program.output().matches("health starting").count() > 1
}

#[test]
fn a_flood_of_records_does_not_fill_the_memory_and_displaces_nobody() {
    let lab = Lab::new(4);
    let mut finder = Finder::both(&lab.host(1)).visible();
    let there = Finder::both(&lab.host(2)).visible();
    finder.finds(&there, SOON);
    let at_rest = finder.program.resident_kib();

    // Where the finder gets little of the machine's time, its socket takes in little of one flood.
    for _ in 0..3 {
        let mut command = lab.host(3).command(built("mdns-stranger"));
        command.args(["flood", &RECORDS.to_string(), &PAUSE_MICROSECONDS.to_string()]);
        let mut flood = Program::start("flood", &mut command);
        let (start, mut most) = (Instant::now(), 0);
        while flood.is_running() && start.elapsed() < Duration::from_secs(60) {
            most = most.max(finder.program.resident_kib().saturating_sub(at_rest));
            finder.program.never("loses anybody", Duration::from_millis(100), |line| line.text.starts_with("lost"));
        }
        assert!(flood.ended(SOON).success(), "{flood:?}");
        println!("in {:?} {RECORDS} records; {at_rest} KiB at rest and {most} KiB more at most", start.elapsed());
        assert!(most < MOST_KIB, "{most} KiB: {finder:?}", finder = finder.program);
        if began_anew(&mut finder) {
            break;
        }
    }
    assert!(began_anew(&mut finder), "{:?}", finder.program);

    // The daemon that came last finds those who come and is found by them, and takes nobody back.
    let mut new = Finder::both(&lab.host(4));
    finder.finds(&new, SOON);
    // In whichever order.
    let mut missing = vec![finder.id.clone(), there.id.clone()];
    new.program.wait("finds both", SOON, |line| {
        missing.retain(|id| !line.text.starts_with(&format!("found {id} ")));
        missing.is_empty().then_some(())
    });
    finder.program.never("loses anybody", Duration::from_secs(12), |line| line.text.starts_with("lost"));
}
