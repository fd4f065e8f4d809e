//! The laboratory is cut off from the machine, and what speaks multicast DNS refuses to run anywhere else.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may stop at the first surprise")]

use nws_tests::{
    isolation::ensure_isolated,
    netns::Lab,
    program::{Program, SOON, built},
    proxy::Proxy,
};
use std::{
    fs,
    process::Command,
    time::{Duration, Instant},
};

#[test]
fn multicast_dns_is_refused_outside_the_laboratory() {
    let refusal = ensure_isolated().unwrap_err().to_string();
    assert!(refusal.starts_with("refusing to use multicast DNS here: "), "{refusal}");
    for program in ["discover", "mdns-stranger"] {
        let output = Command::new(built(program)).output().unwrap();
        let words = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && words.contains("refusing to use multicast DNS"), "{program}: {words}");
        assert!(output.stdout.is_empty());
    }
}

#[test]
#[should_panic(expected = "would speak multicast DNS on this machine's network")]
fn a_proxy_with_discovery_is_not_started_outside_the_laboratory() {
    // Whatever it is, it is not run.
    let _ = Proxy::start("nws", Command::new("true"));
}

#[test]
fn a_foreign_interface_is_reason_enough() {
    let lab = Lab::new(1);
    lab.host(1)
        .script("ip link add foreign0 type bridge; ip addr add 10.9.9.9/24 dev foreign0; ip link set foreign0 up");
    let output = lab.host(1).command(built("discover")).output().unwrap();
    let words = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && words.contains("foreign0 was not made by a test"), "{words}");
}

#[test]
fn hosts_reach_each_other_and_nobody_else() {
    let lab = Lab::new(3);
    let own = fs::read_link("/proc/self/ns/net").unwrap();
    let mut seen = vec![own.to_str().unwrap().to_owned()];
    for host in lab.hosts() {
        let namespace = host.script("readlink /proc/self/ns/net").trim().to_owned();
        assert!(!seen.contains(&namespace));
        seen.push(namespace);
        let links = host.script("ip -brief link show");
        let names: Vec<&str> = links.lines().filter_map(|line| line.split(['@', ' ']).next()).collect();
        assert_eq!(names, ["lo", "lab0"]);
        assert_eq!(host.script("ip route show default; ip -6 route show default").trim(), "");
    }
    // A neighbour's hardware address is known only after it has answered.
    let [one, two] = [lab.host(1), lab.host(2)];
    let answers = |to: &str, within: Duration| {
        one.script(&format!("bash -c 'echo >/dev/udp/{to}/9'"));
        let begin = Instant::now();
        while begin.elapsed() < within {
            if one.script(&format!("ip neigh show {to}")).contains("lladdr") {
                return true;
            }
        }
        false
    };
    assert!(answers(&two.ipv4().to_string(), SOON));
    assert!(answers(&two.ipv6().to_string(), SOON));
    two.cut_off();
    one.script("ip neigh flush all");
    assert!(!answers(&two.ipv4().to_string(), Duration::from_millis(500)));
    two.join_again();
    one.script("ip neigh flush all");
    assert!(answers(&two.ipv4().to_string(), SOON));
}

#[test]
fn the_end_of_a_laboratory_ends_what_ran_in_it() {
    let lab = Lab::new(1);
    let mut sleeper = Program::start("sleep", lab.host(1).command("sleep").arg("600"));
    // It is the program itself, not something around it.
    let begin = Instant::now();
    let command = format!("/proc/{}/comm", sleeper.id());
    while fs::read_to_string(&command).unwrap_or_default().trim() != "sleep" {
        assert!(begin.elapsed() < SOON);
    }
    drop(lab);
    assert!(!sleeper.ended(SOON).success());
}
