//! The bootstrap server: beside the proxy, and by itself.

use crate::{
    client::get,
    process::{Running, nws, run},
};
use std::{
    fs,
    io::{BufRead, BufReader},
};

const SECRET: &str = "EMpGMQADK1oR5n8xffrx";

/// The port in a line like `… on 127.0.0.1:5000`.
fn port(line: &str) -> u16 {
    line.rsplit_once(':').unwrap().1.parse().unwrap()
}

#[test]
fn a_section_of_the_settings_runs_it_beside_the_proxy() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("nws.toml");
    let section = format!("[bootstrap]\nsecret = \"{SECRET}\"\nport = 0\nlisten = \"127.0.0.1\"\n");
    fs::write(&file, format!("max-clients = 7\n{section}")).unwrap();
    let mut running = Running::start(&["--config", file.to_str().unwrap(), "--log", "trace"]);
    assert_eq!(get(running.port(), "/health", "").0, 200);
    let beside = port(running.line("bootstrap"));
    assert_ne!(beside, running.port());
    assert_eq!(get(beside, "/health", "").0, 200);
    assert_eq!(get(beside, "/wrong/webrtc-bootstrap-root", "").0, 404);
    running.signal(rustix::process::Signal::TERM);
    let ended = running.end();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    // B-4, of the log.
    assert!(!ended.stderr.contains(SECRET) && !ended.stdout.contains(SECRET));
}

#[test]
fn a_bad_section_is_refused_with_words_and_without_the_secret() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("nws.toml");
    for (section, words) in [("secret = \"s3cr3t/\"", "a secret has"), ("prot = 1", "prot"), ("port = 0", "no secret")]
    {
        fs::write(&file, format!("[bootstrap]\n{section}\n")).unwrap();
        let ended = run(&["--config", file.to_str().unwrap(), "--port", "0", "--discovery", "off"]);
        assert_eq!(ended.code, Some(78), "{ended:?}");
        assert!(ended.stderr.contains(words) && !ended.stderr.contains("s3cr3t"), "{ended:?}");
    }
}

#[test]
fn it_runs_by_itself_and_ends_when_asked() {
    let mut command = nws(&["bootstrap", "--port", "0", "--listen", "127.0.0.1"]);
    let mut child = command.env("SECRET", SECRET).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    let at = port(&lines.next().unwrap());
    assert_eq!(lines.next().unwrap(), "ready");
    assert_eq!(get(at, "/health", "").0, 200);
    let id = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(id, rustix::process::Signal::TERM).unwrap();
    assert!(child.wait().unwrap().success());
}

#[test]
fn a_port_in_use_says_what_to_do() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let ended = run(&["bootstrap", "--secret", SECRET, "--listen", "127.0.0.1", "--port", &port]);
    assert_eq!(ended.code, Some(69), "{ended:?}");
    assert!(ended.stderr.contains("--port") && !ended.stderr.contains(SECRET), "{ended:?}");
}
