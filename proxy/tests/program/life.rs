//! How it starts and how it ends.

use crate::{
    client::Client,
    process::{PATIENCE, Running, nws},
};
use rustix::process::{Pid, Signal, kill_process};
use std::{
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket},
    sync::atomic::{AtomicU16, Ordering},
    time::{Duration, Instant},
};

/// The transports and addresses of the line `links`.
fn links(running: &Running) -> Vec<(&str, SocketAddr)> {
    let each = running.line("links").split(", ").map(|link| link.split_once(" on ").unwrap());
    each.map(|(transport, address)| (transport, address.parse().unwrap())).collect()
}

/// A port on which nobody listens, over either transport. It is below those that systems give out by themselves, so that none of
/// the other tests is given it meanwhile; each process begins elsewhere.
fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    loop {
        let next = std::process::id().wrapping_mul(16).wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed).into());
        let port = 20_000 + u16::try_from(next % 12_000).unwrap();
        let address = (Ipv4Addr::LOCALHOST, port);
        if TcpListener::bind(address).is_ok() && UdpSocket::bind(address).is_ok() {
            return port;
        }
    }
}

#[test]
fn it_says_where_it_stands() {
    let running = Running::start(&[]);
    let links = links(&running);
    assert_eq!(links.iter().map(|(transport, _)| *transport).collect::<Vec<_>>(), ["quic", "tcp"]);
    assert_eq!(links[0].1, links[1].1, "one port number for both");
    assert!(running.line("discovery").starts_with("off"), "{:?}", running.said);
    assert!(UdpSocket::bind(links[0].1).is_err(), "nobody listens at {}", links[0].1);
    assert!(TcpListener::bind(links[1].1).is_err(), "nobody listens at {}", links[1].1);
}

#[test]
fn one_transport_alone_listens_alone() {
    for transport in ["quic", "tcp"] {
        let running = Running::start(&["--transport", transport]);
        let links = links(&running);
        assert_eq!(links.len(), 1);
        assert_eq!(links[0].0, transport);
    }
}

#[test]
fn links_are_accepted_on_the_port_that_was_asked_for() {
    let free = SocketAddr::from((Ipv4Addr::LOCALHOST, free_port()));
    let running = Running::start(&["--link-listen", &free.to_string()]);
    assert!(links(&running).iter().all(|(_, address)| *address == free), "{:?}", running.said);
}

#[test]
fn peers_are_named() {
    let running = Running::start(&["--peer", "127.0.0.1:9", "--peer", "tcp://localhost:9"]);
    let line = running.line("peers");
    assert_eq!(line, "127.0.0.1:9, tcp://localhost:9");
}

#[test]
fn a_client_joins_until_the_limit_of_clients() {
    let running = Running::start(&["--max-clients", "1"]);
    let mut first = Client::join(running.port(), "room");
    first.say(r#"{"action":"status"}"#);
    let (kind, text) = first.frame();
    assert_eq!(kind, 0x81);
    assert!(text.starts_with(br#"{"action":"status""#));
    let (_, answer) = Client::ask(running.port(), "room");
    assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
}

#[test]
fn clients_of_two_proxies_meet_over_each_transport() {
    for transport in ["quic", "tcp", "auto"] {
        let one = Running::start(&["--transport", transport]);
        let peer = links(&one)[0].1.to_string();
        let mut other = Running::start(&["--transport", transport, "--peer", &peer]);
        let mut here = Client::join(one.port(), "room");
        let mut there = Client::join(other.port(), "room");
        assert!(here.text().contains(r#""connect""#));
        assert!(there.text().contains(r#""connect""#));
        there.say(r#"{"action":"broadcast","data":[1,{"two":null}]}"#);
        let said = here.text();
        assert!(said.contains(r#""broadcast""#) && said.contains(r#"[1,{"two":null}]"#), "{said}");
        // A proxy that ends says so: its peers are gone at once, not after the silence that links may keep.
        let begun = Instant::now();
        other.signal(Signal::TERM);
        assert_eq!(there.closed(), 1001);
        drop(there);
        assert!(here.text().contains(r#""disconnect""#));
        assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
        assert_eq!(other.end().code, Some(0));
    }
}

#[test]
fn either_signal_ends_it_in_good_order() {
    for signal in [Signal::INT, Signal::TERM] {
        let mut running = Running::start(&[]);
        running.signal(signal);
        let ended = running.end();
        assert_eq!(ended.code, Some(0), "{ended:?}");
    }
}

#[test]
fn clients_are_told_and_those_that_do_not_answer_are_cut_off_at_the_deadline() {
    let mut running = Running::start(&["--shutdown-deadline", "300ms"]);
    let mut client = Client::join(running.port(), "room");
    let begun = Instant::now();
    running.signal(Signal::TERM);
    assert_eq!(client.closed(), 1001);
    let ended = running.end();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
}

#[test]
fn a_second_signal_ends_it_at_once() {
    for (signal, code) in [(Signal::INT, 130), (Signal::TERM, 143)] {
        let mut running = Running::start(&["--shutdown-deadline", "10m"]);
        // It never answers the close, so good order would take ten minutes.
        let mut client = Client::join(running.port(), "room");
        running.signal(Signal::TERM);
        assert_eq!(client.closed(), 1001);
        running.signal(signal);
        assert_eq!(running.end().code, Some(code));
    }
}

#[test]
fn nobody_reading_what_it_says_is_no_reason_to_end() {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let port = free_port();
    let mut command = nws(&["--port", &port.to_string(), "--discovery", "off", "--link-listen", "127.0.0.1:0"]);
    let mut child = command.stdout(writer).spawn().unwrap();
    let begun = Instant::now();
    while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
        assert!(child.try_wait().unwrap().is_none() && begun.elapsed() < PATIENCE, "nobody listens");
        std::thread::yield_now();
    }
    // It has nothing to say to a client unless it lives.
    let mut client = Client::join(port, "room");
    kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
    assert_eq!(client.closed(), 1001);
    drop(client);
    assert_eq!(child.wait().unwrap().code(), Some(0));
}
