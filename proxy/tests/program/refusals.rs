//! Every way to start it wrongly gets words that help, on standard error, and its exit code.

use crate::process::{Ended, finish, nws, run};
use std::{
    fs,
    net::{Ipv4Addr, TcpListener, UdpSocket},
};

#[track_caller]
fn refused(ended: &Ended, code: i32, words: &[&str]) {
    assert_eq!(ended.code, Some(code), "{ended:?}");
    assert_eq!(ended.stdout, "", "{ended:?}");
    for word in words {
        assert!(ended.stderr.contains(word), "no {word:?} in {ended:?}");
    }
}

#[test]
fn bad_flags_and_values_are_usage() {
    for (arguments, words) in [
        (&["--prot", "1"][..], &["--prot", "--port"][..]),
        (&["--port"], &["--port"]),
        (&["--port", "1", "--port", "2"], &["--port", "multiple"]),
        (&["serve"], &["serve"]),
        (&["--port", "65536"], &["--port", "65536", "65535"]),
        (&["--transport", "udp"], &["--transport", "auto, quic, tcp"]),
        (&["--link-listen", "::"], &["--link-listen", "[::]:0"]),
        (&["--discovery", "on"], &["--discovery", "mdns, off"]),
        (&["--interface", ""], &["--interface", "eth0"]),
        (&["--peer", "host"], &["--peer", "HOST:PORT"]),
        (&["--peer", "ftp://host:1"], &["--peer", "quic://"]),
        (&["--network-key-file", ""], &["--network-key-file", "path"]),
        (&["--log", "nws=loud"], &["--log", "debug"]),
        (&["--log-format", "xml"], &["--log-format", "text, json"]),
        (&["--allow-origin", "example.org"], &["--allow-origin", "https://example.org"]),
        (&["--allow-host", "a:1"], &["--allow-host", "without scheme and port"]),
        (&["--max-message-bytes", "1MB"], &["--max-message-bytes", "1MiB"]),
        (&["--max-clients", "0"], &["--max-clients", "at least 1"]),
        (&["--client-stall", "2"], &["--client-stall", "500ms"]),
        (&["--link-guesses", "many"], &["--link-guesses", "1024+0.5/s"]),
        (&["--workers", "none"], &["--workers", "auto"]),
    ] {
        refused(&run(arguments), 64, words);
    }
}

#[test]
fn a_bad_variable_is_usage_and_an_unknown_one_a_warning() {
    let mut command = nws(&[]);
    command.env("NWS_LINK_PING", "soon");
    refused(&finish(command), 64, &["NWS_LINK_PING", "500ms"]);

    let mut command = nws(&["--check"]);
    command.env("NWS_TRANPORT", "quic").env("UNRELATED", "1");
    let ended = finish(command);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.stderr.contains("NWS_TRANPORT") && ended.stderr.contains("NWS_TRANSPORT"), "{ended:?}");
    assert!(!ended.stderr.contains("UNRELATED"), "{ended:?}");
}

#[test]
fn contradictions_are_configuration() {
    for (arguments, words) in [
        (["--channel-log-bytes", "1MiB"], &["channel-log-bytes is 1MiB", "max-message-bytes is 1MiB", "1025KiB"][..]),
        (["--max-message-bytes", "0"], &["max-message-bytes", "at least"]),
        (["--client-stall", "2m"], &["client-stall is 2m", "lane-stall is 1m"]),
        (["--link-silence", "5s"], &["link-silence is 5s", "link-ping is 5s"]),
        (["--ping-interval", "0s"], &["ping-interval", "at least"]),
    ] {
        refused(&run(&arguments), 78, words);
    }
}

#[test]
fn a_file_that_can_not_be_read_is_input() {
    let folder = tempfile::tempdir().unwrap();
    let nowhere = folder.path().join("nowhere");
    let folder = folder.path().to_str().unwrap();
    for path in [nowhere.to_str().unwrap(), folder] {
        refused(&run(&["--config", path]), 66, &["settings file", path]);
        refused(&run(&["--network-key-file", path, "--check"]), 66, &["network key file", path]);
    }
}

#[test]
fn a_bad_settings_file_is_configuration() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("nws.toml");
    for (content, words) in [
        ("port = 1\nprot = 2", &["line 2", "no setting prot", "port"][..]),
        ("port = ", &["line 1", "not TOML"]),
        ("\n\nport = \"high\"", &["line 3: port", "high"]),
        ("port = [1, 2]", &["line 1", "port"]),
        ("[limits]\nmax-clients = 1", &["no setting limits"]),
        ("client-stall = 2", &["line 1: client-stall", "500ms"]),
        ("config = 'other.toml'", &["config", "flag only"]),
    ] {
        fs::write(&path, content).unwrap();
        refused(&run(&["--config", path.to_str().unwrap()]), 78, &[&["nws.toml"], words].concat());
    }
    fs::write(&path, [0xff, 0xfe]).unwrap();
    refused(&run(&["--config", path.to_str().unwrap()]), 78, &["nws.toml"]);
}

#[test]
fn a_port_in_use_is_unavailable() {
    let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let ended = run(&["--port", &port, "--discovery", "off", "--link-listen", "127.0.0.1:0"]);
    refused(&ended, 69, &[&port, "another nws", "--port"]);
}

#[test]
fn a_link_port_in_use_is_unavailable() {
    let tcp = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let udp = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    for (transport, taken) in [("tcp", tcp.local_addr()), ("quic", udp.local_addr()), ("auto", udp.local_addr())] {
        let taken = taken.unwrap().to_string();
        let ended = run(&["--port", "0", "--discovery", "off", "--transport", transport, "--link-listen", &taken]);
        refused(&ended, 69, &[&taken, "--link-listen"]);
    }
}

#[test]
fn an_address_of_another_machine_is_unavailable() {
    // An address of the block for documentation (RFC 5737), which no machine has.
    let ended = run(&["--port", "0", "--discovery", "off", "--link-listen", "192.0.2.1:0"]);
    refused(&ended, 69, &["192.0.2.1", "does not have this address"]);
}
