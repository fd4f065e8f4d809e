//! Room for connections: a system starts programs with little of it.

use crate::process::nws;
use std::{
    fs,
    io::{BufRead, BufReader},
    process::{Command, Stdio},
};

#[test]
fn the_proxy_and_the_servers_beside_it_ask_for_room_for_all_their_connections_together() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("nws.toml");
    let servers = "[relay]\nport = 0\nlisten = \"127.0.0.1\"\nmax-parties = 200\n\
                   [bootstrap]\nport = 0\nlisten = \"127.0.0.1\"\nsecret = \"EMpGMQADK1oR5n8xffrx\"\nmax-joiners = 300\n";
    fs::write(&file, format!("max-clients = 100\nmax-links = 10\n{servers}")).unwrap();
    let own =
        nws(&["--config", file.to_str().unwrap(), "--port", "0", "--discovery", "off", "--link-listen", "127.0.0.1:0"]);
    let mut shell = Command::new("sh");
    shell.args(["-c", "ulimit -Sn 64 && exec \"$0\" \"$@\""]).arg(own.get_program()).args(own.get_args());
    for (name, _) in own.get_envs() {
        shell.env_remove(name);
    }
    let mut child = shell.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
    let ready = BufReader::new(child.stdout.take().unwrap()).lines().any(|line| line.unwrap() == "ready");
    let limits = fs::read_to_string(format!("/proc/{}/limits", child.id()));
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(ready);
    let limits = limits.unwrap();
    let files = limits.lines().find(|line| line.starts_with("Max open files")).unwrap();
    // 1024 for itself, and 100 clients, 10 links, 200 parties, 300 joiners.
    assert_eq!(files.split_whitespace().nth(3), Some("1634"), "{files}");
}
