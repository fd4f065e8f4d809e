//! Whether the host itself sees what it announces, and what is said when it does not.

use crate::finder::{Finder, took};
use nws_tests::{
    netns::{Addresses, Lab},
    program::SOON,
};
use std::time::{Duration, Instant};

#[test]
fn an_announcement_that_nobody_can_see_is_reported_after_three_seconds() {
    let lab = Lab::with(&[Addresses::V4]);
    let host = lab.host(1);
    // Without a membership in the group the system hears nothing on an interface. The first goes to the loopback interface,
    // where a proxy hears itself, which must not count.
    for memberships in [0, 1] {
        host.script(&format!("echo {memberships} >/proc/sys/net/ipv4/igmp_max_memberships"));
        let mut finder = Finder::both(&host);
        let starting = finder.health("starting", SOON);
        let reported = finder.health("not visible", SOON);
        took("the report comes after the start", starting, reported);
        // When it said that it was starting may have been read late, but not before the program was started.
        let (least, most) = (reported - finder.program.started(), reported - starting);
        assert!(least >= Duration::from_secs(3) && most < Duration::from_secs(9), "{least:?}, {most:?}");
        finder.program.never("says it again", Duration::from_secs(4), |line| line.text.contains("visible"));

        host.script("echo 20 >/proc/sys/net/ipv4/igmp_max_memberships");
        let begin = Instant::now();
        let seen = finder.health("visible", Duration::from_secs(20));
        took("it is seen after multicast works again", begin, seen);
    }
}

#[test]
fn a_host_without_a_network_says_so_when_it_loses_it() {
    let lab = Lab::new(1);
    let mut finder = Finder::start(&lab.host(1), "--quic 4001 --interface lab0").visible();
    lab.host(1).interface_down();
    finder.health("not visible", SOON);
    lab.host(1).interface_up();
    finder.health("visible", SOON);
}
