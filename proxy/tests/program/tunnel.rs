//! The ends of a tunnel: what they refuse and in which words, how they start and end.

use crate::process::{nws, run};
use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    process::Child,
    sync::mpsc::{Receiver, channel},
};

/// A program that is ended with the test.
struct Program {
    child: Child,
    lines: std::io::Lines<BufReader<std::process::ChildStdout>>,
}

impl Program {
    fn start(words: &[&str]) -> Self {
        let mut child = nws(words).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, lines }
    }

    /// What stands behind these words in the first line that begins with them.
    fn says(&mut self, words: &str) -> String {
        let line = self.lines.by_ref().map(Result::unwrap).find(|line| line.starts_with(words));
        line.unwrap_or_else(|| panic!("it never said {words:?}"))[words.len()..].to_owned()
    }

    /// All that it writes to its log, when it has ended.
    fn log(&mut self) -> Receiver<String> {
        let mut stderr = self.child.stderr.take().unwrap();
        let (sender, log) = channel();
        std::thread::spawn(move || {
            let mut text = String::new();
            stderr.read_to_string(&mut text).unwrap();
            let _ = sender.send(text);
        });
        log
    }

    /// Asks it to end in good order.
    fn end(&mut self) -> Option<i32> {
        let id = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(id, rustix::process::Signal::TERM).unwrap();
        self.child.wait().unwrap().code()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_service_is_reached_through_both_ends_which_end_when_asked() {
    let service = TcpListener::bind("127.0.0.1:0").unwrap();
    let target = format!("80={}", service.local_addr().unwrap());
    let mut relay = Program::start(&["relay", "--listen", "127.0.0.1", "--port", "0"]);
    let url = format!("ws://{}/any/path", relay.says("relay: servers and clients at any path, on "));
    let mut serve = Program::start(&["tunnel", "serve", "--relay", &url, "--port", &target]);
    assert_eq!(serve.says("port "), target.replace('=', ": "));
    let server = serve.says("server: ");
    serve.says("ready");
    let ports = ["--port", "80", "--listen", "0", "--port", "81", "--listen", "127.0.0.1:0"];
    let words = ["tunnel", "connect", "--relay", &url, "--server", &server];
    let mut connect = Program::start(&[&words[..], &ports].concat());
    let local = connect.says("port 80: ");
    connect.says("port 81: ");
    connect.says("ready");
    let mut client = TcpStream::connect(local).unwrap();
    client.write_all(b"hello").unwrap();
    client.shutdown(std::net::Shutdown::Write).unwrap();
    let (mut stream, _) = service.accept().unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    stream.write_all(text.to_uppercase().as_bytes()).unwrap();
    drop(stream);
    text.clear();
    client.read_to_string(&mut text).unwrap();
    assert_eq!(text, "HELLO");
    for program in [&mut connect, &mut serve, &mut relay] {
        assert_eq!(program.end(), Some(0));
    }
}

#[test]
fn the_credential_is_in_no_log_of_either_side() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("server");
    let log = ["--log", "trace,tungstenite::protocol=trace"];
    let mut relay = Program::start(&[&["relay", "--listen", "127.0.0.1", "--port", "0"][..], &log].concat());
    let relay_log = relay.log();
    let url = format!("ws://{}/", relay.says("relay: servers and clients at any path, on "));
    let words = ["tunnel", "serve", "--relay", &url, "--port", "80=127.0.0.1:9", "--resume-file"];
    // A new server, and then one that resumes.
    for _ in 0..2 {
        let mut serve = Program::start(&[&words[..], &[file.to_str().unwrap()], &log].concat());
        let log = serve.log();
        serve.says("ready");
        assert_eq!(serve.end(), Some(0));
        let kept = std::fs::read_to_string(&file).unwrap();
        let credential = kept.trim_end().split_once(' ').unwrap().1;
        let log = log.recv().unwrap();
        assert!(log.contains("tungstenite") && !log.contains(credential), "{log}");
    }
    assert_eq!(relay.end(), Some(0));
    let kept = std::fs::read_to_string(&file).unwrap();
    let credential = kept.trim_end().split_once(' ').unwrap().1;
    let relay_log = relay_log.recv().unwrap();
    assert!(!relay_log.is_empty() && !relay_log.contains(credential), "{relay_log}");
}

#[test]
fn what_is_wrong_is_said_in_words_and_by_the_exit_code() {
    let folder = tempfile::tempdir().unwrap();
    let (no_file, junk) = (folder.path().join("none"), folder.path().join("junk"));
    std::fs::write(&junk, "junk").unwrap();
    let (no_file, junk) = (no_file.to_str().unwrap(), junk.to_str().unwrap());
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken_address = taken.local_addr().unwrap().to_string();
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let nobody = format!("ws://{free}/");
    let serve = |more: &[&str]| run(&[&["tunnel", "serve", "--relay", &nobody], more].concat());
    let connect = |more: &[&str]| run(&[&["tunnel", "connect", "--relay", &nobody], more].concat());
    for (ended, code, words) in [
        (run(&["tunnel"]), 64, "nws tunnel serve"),
        (run(&["tunnel", "dig"]), 64, "dig"),
        (serve(&[]), 64, "--port"),
        (serve(&["--port", "80=here"]), 64, "80=127.0.0.1:8080"),
        (serve(&["--port", "80", "--log", "="]), 64, "--log"),
        (serve(&["--port", "80"]), 69, "cannot be reached"),
        (serve(&["--port", "80", "--resume-file", junk]), 66, "junk"),
        (connect(&["--server", "x", "--port", "1", "--listen", "0"]), 64, "--server"),
        (connect(&["--server", "1", "--port", "1", "--listen", "0", "--port", "2"]), 64, "--listen"),
        (connect(&["--server", "1", "--port", "1", "--listen", &taken_address]), 69, "--listen"),
        (connect(&["--server", "1", "--port", "1", "--listen", "0"]), 69, "cannot be reached"),
        (run(&["tunnel", "serve", "--relay", "http://x/", "--port", "80"]), 64, "ws://"),
        (run(&["tunnel", "serve", "--relay", "wss://x/", "--relay-ca", no_file, "--port", "80"]), 66, "none"),
    ] {
        assert_eq!(ended.code, Some(code), "{ended:?}");
        assert!(ended.stderr.contains(words), "{words}: {ended:?}");
    }
}
