//! What must not be seen is not seen, even in the most talkative log.

use crate::{
    client::Client,
    process::{Running, run},
};
use rustix::process::Signal;
use std::{fs, os::unix::fs::PermissionsExt, path::Path};

fn key_file(folder: &Path, content: &str, mode: u32) -> String {
    let path = folder.join("nws.key");
    fs::write(&path, content).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn a_bad_key_is_refused_without_showing_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = key_file(folder.path(), "correct-horse-battery-staple", 0o600);
    let ended = run(&["--network-key-file", &path, "--log", "trace"]);
    assert_eq!(ended.code, Some(78), "{ended:?}");
    assert!(ended.stderr.contains(&path) && ended.stderr.contains("openssl rand -hex 32"), "{ended:?}");
    assert!(!ended.stderr.contains("horse"), "{ended:?}");
}

#[test]
fn a_key_that_others_can_read_is_warned_about() {
    let folder = tempfile::tempdir().unwrap();
    let key = "00112233445566778899aabbccddeeff0123456789abcdef0123456789abcdef";
    for (mode, warned) in [(0o600, false), (0o400, false), (0o640, true), (0o644, true)] {
        let path = key_file(folder.path(), key, mode);
        let ended = run(&["--network-key-file", &path, "--check"]);
        assert_eq!(ended.code, Some(0), "{ended:?}");
        assert_eq!(ended.stderr.contains("chmod 600"), warned, "{ended:?}");
        assert!(!ended.stderr.contains("00112233") && !ended.stdout.contains("00112233"), "{ended:?}");
        fs::remove_file(&path).unwrap();
    }
}

#[test]
fn names_keys_and_messages_are_not_in_the_log() {
    let folder = tempfile::tempdir().unwrap();
    let key = "5e".repeat(32);
    let path = key_file(folder.path(), &key, 0o600);
    let mut running = Running::start(&["--log", "trace", "--log-format", "json", "--network-key-file", &path]);
    let mut one = Client::join(running.port(), "hush-hush");
    let mut other = Client::join(running.port(), "hush-hush");
    other.say(r#"{"action":"broadcast","data":"whisper"}"#);
    while !String::from_utf8(one.frame().1).unwrap().contains("whisper") {}
    let (_, answer) = Client::ask(running.port(), "hush%20hush-hush");
    assert!(answer.starts_with("HTTP/1.1 404 "), "{answer}");
    running.signal(Signal::INT);
    assert_eq!((one.closed(), other.closed()), (1001, 1001));
    drop((one, other));
    let ended = running.end();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let all = format!("{:?}\n{}\n{}", running.said, ended.stdout, ended.stderr);
    assert!(ended.stderr.lines().count() > 3, "trace says more: {ended:?}");
    assert!(ended.stderr.lines().all(|line| line.starts_with('{') && line.ends_with('}')), "not JSON: {ended:?}");
    for secret in ["hush", "whisper", key.as_str(), "5e5e5e5e"] {
        assert!(!all.contains(secret), "{secret} in {all}");
    }
}
