//! The tunnel relay, beside the proxy and by itself.

use crate::{
    client::get,
    process::{Running, nws, run},
    tls::{self, Files},
};
use rustix::process::Signal;
use rustls::pki_types::CertificateDer;
use std::{
    fs,
    io::{BufRead, BufReader},
};

const SECRET: &str = "7b495b71-ebe3-4428-942e-18827846ce6c";

/// The port in a line like `… on 127.0.0.1:8087`.
fn port(line: &str) -> u16 {
    line.rsplit_once(':').unwrap().1.parse().unwrap()
}

#[test]
fn a_section_of_the_settings_runs_it_beside_the_proxy_and_the_bootstrap_server() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("nws.toml");
    let section = format!("[relay]\nsecret = \"{SECRET}\"\nport = 0\nlisten = \"127.0.0.1\"\ngrace = \"1m\"\n");
    let bootstrap = "[bootstrap]\nsecret = \"EMpGMQADK1oR5n8xffrx\"\nport = 0\nlisten = \"127.0.0.1\"\n";
    fs::write(&file, format!("max-clients = 7\n{section}{bootstrap}")).unwrap();
    let mut running = Running::start(&["--config", file.to_str().unwrap(), "--log", "trace"]);
    assert_eq!(get(running.port(), "/health", "").0, 200);
    let (relay, bootstrap) = (port(running.line("relay")), port(running.line("bootstrap")));
    assert_ne!(relay, bootstrap);
    assert_eq!(get(relay, "/health", "").0, 200);
    assert_eq!(get(bootstrap, "/health", "").0, 200);
    assert_eq!(get(relay, "/any/path", "").0, 404);
    running.signal(rustix::process::Signal::HUP);
    assert_eq!(get(relay, "/metrics", "").0, 200);
    running.signal(rustix::process::Signal::TERM);
    let ended = running.end();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(!ended.stderr.contains(SECRET) && !ended.stdout.contains(SECRET));
}

#[test]
fn a_bad_section_is_refused_with_words_and_without_the_secret() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("nws.toml");
    for (section, words) in [
        ("secret = \"s3cr3t\"\nprot = 1", "prot: there is no such setting"),
        ("grace = \"30\"", "grace: \"30\" is not a length of time"),
        ("tls-cert = \"x\"", "tls-key"),
        ("secret = [\"s3cr3t\"]", "[relay]"),
    ] {
        fs::write(&file, format!("[relay]\n{section}\n")).unwrap();
        let ended = run(&["--config", file.to_str().unwrap(), "--port", "0", "--discovery", "off"]);
        assert_eq!(ended.code, Some(78), "{ended:?}");
        assert!(ended.stderr.contains(words) && !ended.stderr.contains("s3cr3t"), "{ended:?}");
    }
}

#[test]
fn it_runs_by_itself_and_ends_when_asked() {
    let mut command = nws(&["relay", "--port", "0", "--listen", "127.0.0.1", "--max-servers", "3"]);
    let mut child = command.env("NWS_RELAY_SECRET", SECRET).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    let line = lines.next().unwrap();
    assert!(line.starts_with("relay: "), "{line}");
    let at = port(&line);
    assert_eq!(lines.next().unwrap(), "ready");
    assert_eq!(get(at, "/health", "").0, 200);
    let id = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(id, rustix::process::Signal::TERM).unwrap();
    assert!(child.wait().unwrap().success());
}

/// A relay with the first certificate reads the second at SIGHUP, and keeps it when what is there then is none.
fn reads_its_certificate_again(mut running: Running, files: &Files, first: &CertificateDer<'static>) {
    let at = port(running.line("relay"));
    let upgrade = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
        Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: nws-relay-1\r\n";
    assert!(tls::ask(at, first, "/", upgrade).unwrap().starts_with("HTTP/1.1 101 "));
    let second = tls::write(files.folder.path());
    assert!(tls::ask(at, &second, "/health", "").is_err());
    running.signal(Signal::HUP);
    running.logs("was read again");
    assert!(tls::ask(at, &second, "/", upgrade).unwrap().starts_with("HTTP/1.1 101 "));
    assert!(tls::ask(at, first, "/health", "").is_err());
    fs::write(&files.certificate, "nonsense").unwrap();
    running.signal(Signal::HUP);
    running.logs("the old certificate stays");
    assert!(tls::ask(at, &second, "/health", "").unwrap().starts_with("HTTP/1.1 200 "));
    running.signal(Signal::TERM);
    let ended = running.end();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(!ended.stderr.contains("PRIVATE"), "{ended:?}");
}

#[test]
fn by_itself_it_is_wss_and_reads_a_new_certificate_at_sighup() {
    let files = tls::files();
    let first = tls::write(files.folder.path());
    let words =
        ["relay", "--port", "0", "--listen", "127.0.0.1", "--tls-cert", &files.certificate, "--tls-key", &files.key];
    reads_its_certificate_again(Running::start_command(nws(&words)), &files, &first);
}

#[test]
fn beside_the_proxy_it_is_wss_and_reads_a_new_certificate_at_sighup() {
    let files = tls::files();
    let first = tls::write(files.folder.path());
    let settings = files.folder.path().join("nws.toml");
    let Files { certificate, key, .. } = &files;
    let section = "[relay]\nport = 0\nlisten = \"127.0.0.1\"\n";
    fs::write(&settings, format!("{section}tls-cert = {certificate:?}\ntls-key = {key:?}\n")).unwrap();
    let running = Running::start(&["--config", settings.to_str().unwrap()]);
    // The proxy's own port has no TLS.
    assert_eq!(get(running.port(), "/health", "").0, 200);
    reads_its_certificate_again(running, &files, &first);
}

#[test]
fn what_is_wrong_ends_it_with_the_code_and_words() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    for (words, code, said) in [
        (&["--secret", SECRET, "--listen", "127.0.0.1", "--port", &port][..], 69, "--port"),
        (&["--grace", "soon"], 64, "--grace"),
        (&["--fly"], 64, "--fly"),
        (&["/no/such/file"], 66, "/no/such/file"),
        (&["--tls-cert", "/no/such/file"], 78, "tls-key"),
        (&["--tls-cert", "/no/such/file", "--tls-key", "/no/such/file", "--port", "0"], 66, "/no/such/file"),
    ] {
        let ended = run(&[&["relay"], words].concat());
        assert_eq!(ended.code, Some(code), "{ended:?}");
        assert!(ended.stderr.contains(said) && !ended.stderr.contains(SECRET), "{ended:?}");
    }
    let help = run(&["relay", "--help"]);
    assert_eq!(help.code, Some(0));
    // What it says is for users, who have no source.
    assert!(!help.stdout.contains("guess") && !help.stdout.contains("tests/"), "{}", help.stdout);
    for flag in ["--port", "--delimiter", "--max-channels-per-server", "--channel-idle", "--log-format"] {
        assert!(help.stdout.contains(flag), "{flag}");
    }
}
