//! Which value counts, and that `--check` says so without starting anything.

use crate::process::{finish, nws, run};
use std::fs;

#[test]
fn flags_beat_the_environment_beats_the_file_beats_the_default() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("nws.toml");
    fs::write(
        &path,
        "port = 1001\nmax-clients = 1001\nlog-format = \"json\"\npeer = [\"file:1\", \"file:2\"]\ninterface = [\"file0\"]\n",
    )
    .unwrap();
    let mut command = nws(&["--check", "--port", "3003", "--peer", "flag:1"]);
    command.env("NWS_CONFIG", &path).env("NWS_PORT", "2002").env("NWS_MAX_CLIENTS", "2002");
    command.env("NWS_PEER", "variable:1").env("NWS_INTERFACE", "variable0,variable1");
    let ended = finish(command);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    for line in [
        "port = 3003",
        "max-clients = 2002",
        "log-format = \"json\"",
        "peer = [\"flag:1\"]",
        "interface = [\"variable0\", \"variable1\"]",
        "ping-interval = \"54s\"",
    ] {
        assert!(ended.stdout.lines().any(|l| l == line), "no {line} in {ended:?}");
    }
}

#[test]
fn the_flag_config_beats_its_variable() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("nws.toml");
    fs::write(&path, "port = 1001").unwrap();
    let mut command = nws(&["--check", "--config", path.to_str().unwrap()]);
    command.env("NWS_CONFIG", "/nowhere/at/all");
    let ended = finish(command);
    assert!(ended.code == Some(0) && ended.stdout.contains("port = 1001\n"), "{ended:?}");
}

#[test]
fn what_check_prints_is_a_settings_file() {
    let first = run(&["--check", "--peer", "tcp://[::1]:7", "--client-stall", "500ms", "--allow-origin", "null"]);
    assert_eq!(first.code, Some(0), "{first:?}");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("nws.toml");
    fs::write(&path, &first.stdout).unwrap();
    let second = run(&["--check", "--config", path.to_str().unwrap()]);
    assert_eq!(second.stdout, first.stdout);
}

#[test]
fn help_and_version_are_no_failure() {
    let help = run(&["--help"]);
    assert_eq!((help.code, help.stderr.as_str()), (Some(0), ""));
    for words in ["--max-message-bytes <SIZE>", "[default: 1MiB]", "Exit codes:", "NWS_LOG_FORMAT", "500ms"] {
        assert!(help.stdout.contains(words), "no {words} in {}", help.stdout);
    }
    let version = run(&["--version"]);
    assert_eq!((version.code, version.stdout), (Some(0), format!("nws {}\n", env!("CARGO_PKG_VERSION"))));
}
