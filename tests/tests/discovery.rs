//! Multicast DNS discovery between hosts of the laboratory, through the same code as in the proxy.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may stop at the first surprise")]

use nws_tests::{
    netns::{Addresses, Host, Lab},
    program::{Line, Program, SOON, built},
};
use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

/// What the proxy promises: found and linked within 1.5 s of the start. Discovery must leave time for the link.
const FOUND_WITHIN: Duration = Duration::from_millis(1400);

/// A verification takes 2 s.
const VERIFIED_WITHIN: Duration = Duration::from_millis(3500);

/// A running `discover`.
struct Finder {
    program: Program,
    id: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Found {
    at: Instant,
    candidates: Vec<(String, SocketAddr)>,
}

impl Found {
    fn text(&self) -> Vec<String> {
        self.candidates.iter().map(|(kind, addr)| format!("{kind} {addr}")).collect()
    }
}

impl Finder {
    #[track_caller]
    fn start(host: &Host, more: &str) -> Self {
        let mut command = host.command(built("discover"));
        command.args(more.split_whitespace());
        let mut program = Program::start(format!("discover on host {}", host.number()), &mut command);
        let id = program.wait("its id", SOON, |line| Some(line.text.strip_prefix("instance ")?.to_owned()));
        Self { program, id }
    }

    /// Announces both transports, on a port made from the host's number.
    #[track_caller]
    fn both(host: &Host) -> Self {
        let port = 4000 + u16::from(host.number());
        Self::start(host, &format!("--quic {port} --tcp {port}"))
    }

    #[track_caller]
    fn visible(mut self) -> Self {
        self.health("visible", SOON);
        self
    }

    #[track_caller]
    fn health(&mut self, state: &str, within: Duration) -> Instant {
        self.program.wait(state, within, |line| {
            line.text.strip_prefix("health ").is_some_and(|health| health.starts_with(state)).then_some(line.at)
        })
    }

    /// The next find of this instance in which both transports, or as many as are said, have appeared.
    #[track_caller]
    fn finds_kinds(&mut self, id: &str, kinds: &[&str], within: Duration) -> Found {
        self.program.wait(&format!("finds {id}"), within, |line| {
            let found = found(line, id)?;
            kinds.iter().all(|kind| found.candidates.iter().any(|(one, _)| one == kind)).then_some(found)
        })
    }

    #[track_caller]
    fn finds(&mut self, other: &Self, within: Duration) -> Found {
        self.finds_kinds(&other.id, &["quic", "tcp"], within)
    }

    #[track_caller]
    fn loses(&mut self, id: &str, within: Duration) -> Instant {
        self.program
            .wait(&format!("loses {id}"), within, |line| (line.text.strip_prefix("lost ")? == id).then_some(line.at))
    }

    #[track_caller]
    fn never_finds(&mut self, id: &str, during: Duration) {
        self.program.never(&format!("finds {id}"), during, |line| found(line, id).is_some());
    }

    fn verify(&mut self, id: &str) {
        self.program.send(&format!("verify {id}"));
    }
}

fn found(line: &Line, id: &str) -> Option<Found> {
    let mut words = line.text.strip_prefix("found ")?.split(' ');
    if words.next() != Some(id) {
        return None;
    }
    let mut candidates = Vec::new();
    while let (Some(kind), Some(addr)) = (words.next(), words.next()) {
        candidates.push((kind.to_owned(), addr.parse().unwrap()));
    }
    Some(Found { at: line.at, candidates })
}

/// Printed with the test's output, for those who want the figures.
fn took(what: &str, since: Instant, at: Instant) {
    println!("{what}: {:.1} ms", at.saturating_duration_since(since).as_secs_f64() * 1000.0);
}

#[test]
fn two_hosts_find_each_other_with_all_their_addresses() {
    let lab = Lab::new(2);
    let mut old = Finder::both(&lab.host(1)).visible();
    let mut new = Finder::both(&lab.host(2));
    let started = new.program.started();
    let by_old = old.finds(&new, FOUND_WITHIN);
    let by_new = new.finds(&old, FOUND_WITHIN);
    took("the older host finds the newer one after its start", started, by_old.at);
    took("the newer host finds the older one after its own start", started, by_new.at);
    new.program.rewind();
    let seen = new.health("visible", Duration::from_secs(3));
    took("the newer host sees its own announcement after its start", started, seen);
    new.program.rewind();

    // Addresses of one host may come with several packets.
    let complete = |found: Found, finder: &mut Finder, id: &str| {
        if found.candidates.len() == 6 {
            return found;
        }
        finder.program.wait("all addresses", SOON, |line| found_with(line, id, 6))
    };
    let by_new = complete(by_new, &mut new, &old.id);
    let text = by_new.text();
    assert_eq!(text[..2], ["quic 10.77.0.1:4001", "quic [fd77::1]:4001"]);
    assert!(text[2].starts_with("quic [fe80::") && text[2].contains('%'), "{text:?}");
    assert_eq!(text[3..5], ["tcp 10.77.0.1:4001", "tcp [fd77::1]:4001"]);
}

fn found_with(line: &Line, id: &str, candidates: usize) -> Option<Found> {
    found(line, id).filter(|found| found.candidates.len() == candidates)
}

#[test]
fn five_hosts_that_start_together_and_a_late_one_all_find_each_other() {
    let mut lab = Lab::new(5);
    let mut finders: Vec<Finder> = lab.hosts().iter().map(Finder::both).collect();
    let started = finders.iter().map(|finder| finder.program.started()).max().unwrap();
    let mut last = started;
    for at in 0..finders.len() {
        for other in 0..finders.len() {
            if at != other {
                let id = finders[other].id.clone();
                last = last.max(finds_in_any_order(&mut finders[at], &id));
            }
        }
    }
    took("five hosts all know each other after the last one's start", started, last);

    let mut late = Finder::both(&lab.add_host(Addresses::Both));
    let started = late.program.started();
    let mut last = started;
    for finder in &mut finders {
        last = last.max(finder.finds(&late, FOUND_WITHIN).at);
        let by_late = finds_in_any_order(&mut late, &finder.id.clone());
        last = last.max(by_late);
    }
    took("a late sixth host and all others know each other after its start", started, last);
    assert!(last - started < FOUND_WITHIN);
}

/// When it was first found with both transports, looking through all that was said from the beginning.
#[track_caller]
fn finds_in_any_order(finder: &mut Finder, id: &str) -> Instant {
    finder.program.rewind();
    finder.finds_kinds(id, &["quic", "tcp"], SOON).at
}

#[test]
fn a_goodbye_is_heard_once_for_both_transports() {
    let lab = Lab::new(2);
    let mut stays = Finder::both(&lab.host(1)).visible();
    let mut goes = Finder::both(&lab.host(2)).visible();
    stays.finds(&goes, SOON);
    goes.finds(&stays, SOON);
    let begin = Instant::now();
    goes.program.close_input();
    goes.program.wait("over", Duration::from_secs(2), |line| (line.text == "over").then_some(()));
    took("saying goodbye", begin, Instant::now());
    let lost = stays.loses(&goes.id, Duration::from_secs(3));
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
    let lost = finders[0].loses(&killed, VERIFIED_WITHIN);
    took("a killed instance is lost after verification", begin, lost);
    finders[0].program.never("loses one that is there", VERIFIED_WITHIN, |line| line.text == format!("lost {there}"));
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
    stays.loses(&flaps.id, VERIFIED_WITHIN);
    flaps.loses(&stays.id, Duration::from_secs(5));
    stays.never_finds(&flaps.id, Duration::from_secs(18));
    let begin = Instant::now();
    lab.host(2).interface_up();
    let again = Duration::from_secs(8);
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
    one.loses(&three.id, VERIFIED_WITHIN);
    two.loses(&three.id, VERIFIED_WITHIN);
    let lost = [three.loses_any(&[&one.id, &two.id]), three.loses_any(&[&one.id, &two.id])];
    assert_ne!(lost[0], lost[1]);
    one.never_finds(&three.id, Duration::from_secs(6));
    let begin = Instant::now();
    lab.host(3).join_again();
    let again = Duration::from_secs(8);
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

impl Finder {
    #[track_caller]
    fn loses_any(&mut self, ids: &[&str]) -> String {
        self.program.wait("loses one of them", VERIFIED_WITHIN, |line| {
            let lost = line.text.strip_prefix("lost ")?;
            ids.contains(&lost).then(|| lost.to_owned())
        })
    }
}

#[test]
fn each_transport_can_be_announced_alone() {
    let lab = Lab::new(3);
    let mut quic = Finder::start(&lab.host(1), "--quic 4001");
    let mut tcp = Finder::start(&lab.host(2), "--tcp 4002");
    let mut neither = Finder::start(&lab.host(3), "");
    for finder in [&mut quic, &mut neither] {
        let found = finder.finds_kinds(&tcp.id, &["tcp"], SOON);
        assert!(found.candidates.iter().all(|(kind, addr)| kind == "tcp" && addr.port() == 4002), "{found:?}");
    }
    let found = tcp.finds_kinds(&quic.id, &["quic"], SOON);
    assert!(found.candidates.iter().all(|(kind, addr)| kind == "quic" && addr.port() == 4001), "{found:?}");
    quic.program.rewind();
    quic.health("visible", SOON);
    // Who announces nothing has nothing to be seen.
    neither.program.never("misses itself", Duration::from_secs(4), |line| line.text.contains("visible"));
    let nobody = neither.id.clone();
    quic.never_finds(&nobody, Duration::from_millis(100));
}

#[test]
fn hosts_with_one_kind_of_address() {
    for (addresses, first) in [(Addresses::V4, "quic 10.77.0.1:4001"), (Addresses::V6, "quic [fd77::1]:4001")] {
        let lab = Lab::with(&[addresses, addresses]);
        let mut one = Finder::both(&lab.host(1)).visible();
        let mut two = Finder::both(&lab.host(2)).visible();
        one.finds(&two, SOON);
        finds_in_any_order(&mut two, &one.id);
        two.program.rewind();
        let expected = if addresses == Addresses::V4 { 2 } else { 4 };
        let found = two.program.wait("all addresses", SOON, |line| found_with(line, &one.id, expected));
        assert_eq!(found.text()[0], first);
    }
}

#[test]
fn two_on_one_host_without_a_network_use_loopback() {
    let lab = Lab::new(1);
    lab.host(1).interface_down();
    let mut one = Finder::both(&lab.host(1)).visible();
    let mut two = Finder::both(&lab.host(1)).visible();
    assert_eq!(one.finds(&two, SOON).text(), ["quic 127.0.0.1:4001", "tcp 127.0.0.1:4001"]);
    finds_in_any_order(&mut two, &one.id);
}

#[test]
fn only_the_named_interfaces_are_used() {
    let lab = Lab::new(3);
    let mut one = Finder::start(&lab.host(1), "--quic 4001 --tcp 4001 --interface lab0").visible();
    let mut elsewhere = Finder::start(&lab.host(2), "--quic 4002 --tcp 4002 --interface lo");
    let mut absent = Finder::start(&lab.host(3), "--quic 4003 --tcp 4003 --interface later0");
    absent.health("not visible", Duration::from_secs(5));
    let mut witness = Finder::both(&lab.host(3));
    witness.finds(&one, SOON);
    one.finds(&witness, SOON);
    for id in [elsewhere.id.clone(), absent.id.clone()] {
        one.never_finds(&id, Duration::from_millis(500));
    }
    let id = one.id.clone();
    elsewhere.never_finds(&id, Duration::from_millis(100));
    absent.never_finds(&id, Duration::from_millis(100));
}

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
        let reported = finder.health("not visible", Duration::from_secs(5));
        took("the report comes after the start", starting, reported);
        let after = reported - starting;
        assert!(after >= Duration::from_millis(2900) && after < Duration::from_secs(4), "{after:?}");
        finder.program.never("says it again", Duration::from_secs(4), |line| line.text.contains("visible"));

        host.script("echo 20 >/proc/sys/net/ipv4/igmp_max_memberships");
        let begin = Instant::now();
        let seen = finder.health("visible", Duration::from_secs(6));
        took("it is seen after multicast works again", begin, seen);
    }
}

#[test]
fn a_host_without_a_network_says_so_when_it_loses_it() {
    let lab = Lab::new(1);
    let mut finder = Finder::start(&lab.host(1), "--quic 4001 --interface lab0").visible();
    lab.host(1).interface_down();
    finder.health("not visible", Duration::from_secs(7));
    lab.host(1).interface_up();
    finder.health("visible", Duration::from_secs(6));
}

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
