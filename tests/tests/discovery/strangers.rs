//! What others say by multicast DNS that is not for us, or has no sense.

use crate::finder::{Finder, finds_in_any_order};
use nws_tests::{
    netns::Lab,
    program::{Program, SOON, built},
};
use std::time::Duration;

#[test]
fn what_is_not_ours_is_not_found() {
    let lab = Lab::new(2);
    let mut finder = Finder::both(&lab.host(1)).visible();
    let stranger = |arguments: &str| {
        let mut command = lab.host(2).command(built("mdns-stranger"));
        let mut stranger = Program::start("stranger", command.args(arguments.split_whitespace()));
        stranger.wait("announced", SOON, |line| (line.text == "announced").then_some(()));
        stranger
    };
    let id = |letter: &str| letter.repeat(26);
    let [newer, none, local, name, good] = ["i", "q", "y", "printer", "a"].map(id);
    let _strangers = [
        stranger(&format!("announce _nws._udp.local. {newer} 10.77.0.2:1 v=2")),
        stranger(&format!("announce _nws._udp.local. {none} 10.77.0.2:1")),
        stranger(&format!("announce _nws._tcp.local. {local} 127.0.0.1:1 v=1")),
        stranger(&format!("announce _nws._tcp.local. {name} 10.77.0.2:1 v=1")),
        // So we know that they can be heard at all.
        stranger(&format!("announce _nws._tcp.local. {good} 10.77.0.2:1 v=1")),
    ];
    assert_eq!(finder.finds_kinds(&good, &["tcp"], SOON).text(), ["tcp 10.77.0.2:1"]);
    finder.program.never("finds another", Duration::from_secs(2), |line| line.text.starts_with("found"));
    assert_eq!(finder.program.output().matches("found ").count(), 1);
}

#[test]
fn packets_without_sense_do_no_harm() {
    let lab = Lab::new(3);
    let mut finder = Finder::both(&lab.host(1)).visible();
    for seed in 0..4 {
        let mut command = lab.host(2).command(built("mdns-stranger"));
        let mut noise = Program::start("noise", command.args(["noise", &seed.to_string(), "2000"]));
        assert!(noise.ended(SOON).success(), "{noise:?}");
    }
    let mut new = Finder::both(&lab.host(3));
    finder.finds(&new, SOON);
    finds_in_any_order(&mut new, &finder.id);
    assert!(finder.program.is_running());
    assert!(!finder.program.output().contains("failed"));
    println!("memory after 8000 packets: {} KiB", finder.program.resident_kib());
}
