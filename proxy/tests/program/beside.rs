//! Servers beside the proxy: where their settings come from, and when they are looked at.

use crate::{
    client::Client,
    process::{Running, run},
};
use rustix::process::Signal;
use std::{fs, path::PathBuf};
use tempfile::TempDir;

const LONG: &str = "EMpGMQADK1oR5n8xffrx";
const SHORT: &str = "s3cr3t";

fn settings(sections: &str) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("nws.toml");
    fs::write(&file, sections).unwrap();
    (folder, file)
}

#[test]
fn the_environment_beats_the_secret_in_the_section_of_the_relay() {
    for (in_file, variable, is_short) in
        [(LONG, Some(SHORT), true), (SHORT, Some(LONG), false), (SHORT, Some(""), true), (LONG, None, false)]
    {
        let (_folder, file) = settings(&format!("[relay]\nsecret = \"{in_file}\"\nport = 0\nlisten = \"127.0.0.1\"\n"));
        let environment: Vec<_> = variable.map(|value| ("NWS_RELAY_SECRET", value)).into_iter().collect();
        let mut running = Running::start_with(&["--config", file.to_str().unwrap()], &environment);
        running.signal(Signal::TERM);
        let ended = running.end();
        assert_eq!(ended.code, Some(0), "{ended:?}");
        assert_eq!(ended.stderr.contains("the secret is short"), is_short, "{in_file} {variable:?}: {ended:?}");
        assert!(!ended.stderr.contains(SHORT) && !ended.stderr.contains(LONG), "{ended:?}");
    }
}

#[test]
fn the_environment_beats_the_secret_in_the_section_of_the_bootstrap_server() {
    const OTHER: &str = "QQpGMQADK1oR5n8xffrx";
    for (variable, root) in [(Some(OTHER), OTHER), (Some(""), LONG), (None, LONG)] {
        let (_folder, file) =
            settings(&format!("[bootstrap]\nsecret = \"{LONG}\"\nport = 0\nlisten = \"127.0.0.1\"\n"));
        let environment: Vec<_> = variable.map(|value| ("SECRET", value)).into_iter().collect();
        let mut running = Running::start_with(&["--config", file.to_str().unwrap()], &environment);
        let port = running.line("bootstrap").rsplit_once(':').unwrap().1.parse().unwrap();
        for secret in [LONG, OTHER] {
            let (_, head) = Client::ask(port, &format!("{secret}/webrtc-bootstrap-root"));
            assert_eq!(head.contains(" 101 "), secret == root, "{variable:?} {secret}: {head}");
        }
        running.signal(Signal::TERM);
        assert_eq!(running.end().code, Some(0));
    }
}

#[test]
fn check_looks_at_the_sections_too() {
    for (sections, words) in [
        ("[relay]\ntls-cert = \"x\"\n", "[relay]: "),
        ("[bootstrap]\nport = 0\n", "[bootstrap]: there is no secret"),
        ("[bootstrap]\nsecret = \"EMpGMQADK1oR5n8xffrx\"\ntls-key = \"x\"\n", "[bootstrap]: "),
    ] {
        let (_folder, file) = settings(sections);
        let ended = run(&["--config", file.to_str().unwrap(), "--check"]);
        assert_eq!(ended.code, Some(78), "{ended:?}");
        assert!(ended.stderr.contains(words), "{ended:?}");
    }
}
