//! Runs the program, either to its end or until it is ready.

use rustix::{
    io::retry_on_intr,
    process::{Pid, Signal, WaitId, WaitIdOptions, kill_process, waitid},
};
use std::{
    io::{BufRead, BufReader, Read},
    process::{Child, Command, ExitStatus, Stdio},
    sync::mpsc::{Receiver, RecvTimeoutError, channel},
    thread::{self, JoinHandle},
    time::Duration,
};

/// Longer than anything here takes on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// The program with nothing of this test's own environment that it would read.
pub(crate) fn nws(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_nws"));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("NWS_") {
            command.env_remove(name);
        }
    }
    command.env_remove("SECRET").args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// How it ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// Runs it to its end, which must come by itself.
pub(crate) fn finish(mut command: Command) -> Ended {
    let mut child = command.spawn().unwrap();
    let stdout = read_all(child.stdout.take().unwrap());
    let stderr = read_all(child.stderr.take().unwrap());
    let status = wait(&mut child);
    Ended { code: status.code(), stdout: stdout.join().unwrap(), stderr: stderr.join().unwrap() }
}

/// Runs it with these arguments to its end.
pub(crate) fn run(arguments: &[&str]) -> Ended {
    finish(nws(arguments))
}

fn read_all(mut from: impl Read + Send + 'static) -> JoinHandle<String> {
    thread::spawn(move || {
        let mut text = String::new();
        from.read_to_string(&mut text).unwrap();
        text
    })
}

fn read_lines(from: impl Read + Send + 'static) -> Receiver<String> {
    let (sender, lines) = channel();
    thread::spawn(move || {
        for line in BufReader::new(from).lines() {
            if sender.send(line.unwrap()).is_err() {
                break;
            }
        }
    });
    lines
}

fn wait(child: &mut Child) -> ExitStatus {
    let id = Pid::from_child(child);
    let (ended, end) = channel();
    // It leaves the child to be waited for, so that its id is nobody else's as long as it may be killed.
    thread::spawn(move || {
        let _ = retry_on_intr(|| waitid(WaitId::Pid(id), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT));
        let _ = ended.send(());
    });
    if end.recv_timeout(PATIENCE).is_err() {
        child.kill().unwrap();
        panic!("it did not end");
    }
    child.wait().unwrap()
}

/// The program while it runs. Killed when dropped.
#[derive(Debug)]
pub(crate) struct Running {
    child: Child,
    lines: Receiver<String>,
    log: Receiver<String>,
    /// What was read of the log.
    logged: Vec<String>,
    /// What it said until it was ready.
    pub(crate) said: Vec<String>,
}

impl Running {
    /// Starts it without discovery, on free ports of loopback, and waits until it is ready.
    pub(crate) fn start(arguments: &[&str]) -> Self {
        Self::start_with(arguments, &[])
    }

    /// As [`start`](Self::start), with these variables in its environment.
    pub(crate) fn start_with(arguments: &[&str], environment: &[(&str, &str)]) -> Self {
        let mut all = vec!["--port", "0", "--discovery", "off"];
        if !arguments.contains(&"--link-listen") {
            all.extend(["--link-listen", "127.0.0.1:0"]);
        }
        all.extend(arguments);
        let mut command = nws(&all);
        command.envs(environment.iter().copied());
        Self::start_command(command)
    }

    /// Starts one of its programs as it is given, and waits until it is ready.
    pub(crate) fn start_command(mut command: Command) -> Self {
        let mut child = command.spawn().unwrap();
        let lines = read_lines(child.stdout.take().unwrap());
        let log = read_lines(child.stderr.take().unwrap());
        let mut running = Self { child, lines, log, logged: Vec::new(), said: Vec::new() };
        loop {
            match running.lines.recv_timeout(PATIENCE) {
                Ok(line) if line == "ready" => return running,
                Ok(line) => running.said.push(line),
                Err(RecvTimeoutError::Timeout) => panic!("not ready: {:?}", running.said),
                Err(RecvTimeoutError::Disconnected) => panic!("{:?}", running.end()),
            }
        }
    }

    /// What stands after a word at the beginning of a line, such as `console`.
    pub(crate) fn line(&self, word: &str) -> &str {
        let found = self.said.iter().find_map(|line| line.strip_prefix(word)?.strip_prefix(": "));
        found.unwrap_or_else(|| panic!("no line {word} in {:?}", self.said))
    }

    /// The port for clients.
    pub(crate) fn port(&self) -> u16 {
        let url = self.line("console");
        url.trim_end_matches('/').rsplit_once(':').unwrap().1.parse().unwrap()
    }

    /// Sends it a signal.
    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Waits until it logs a line with these words.
    pub(crate) fn logs(&mut self, words: &str) {
        loop {
            match self.log.recv_timeout(PATIENCE) {
                Ok(line) => self.logged.push(line),
                Err(_) => panic!("it did not log {words:?}: {:?}", self.logged),
            }
            if self.logged.last().is_some_and(|line| line.contains(words)) {
                return;
            }
        }
    }

    /// Waits for its end.
    pub(crate) fn end(&mut self) -> Ended {
        let status = wait(&mut self.child);
        let stdout = self.lines.iter().collect::<Vec<_>>().join("\n");
        self.logged.extend(self.log.iter());
        Ended { code: status.code(), stdout, stderr: self.logged.join("\n") }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
