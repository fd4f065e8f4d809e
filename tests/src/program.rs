//! A process that says lines: started here or on a host of the laboratory, waited for by what it says, and ended for
//! certain when the test lets go of it.

use rustix::{
    io::retry_on_intr,
    process::{Pid, WaitId, WaitIdOptions, waitid},
};
use std::{
    fmt, fs,
    io::{BufRead, BufReader, Read, Write},
    path::PathBuf,
    process::{Child, ChildStdin, Command, ExitStatus, Stdio},
    sync::mpsc::{Receiver, RecvTimeoutError, channel},
    thread,
    time::{Duration, Instant},
};

/// How long to wait for what should take no time: a machine that does much else may be slow, and what comes costs nothing of it.
pub const SOON: Duration = Duration::from_secs(60);

/// How long the last words of a program that has ended are waited for, if its output is not closed.
const LAST_WORDS: Duration = Duration::from_secs(10);

/// A line that a program said.
#[derive(Debug, Clone)]
pub struct Line {
    /// When it was read.
    pub at: Instant,
    /// Whether it came on standard error.
    pub error: bool,
    /// Without its end.
    pub text: String,
}

/// A running program.
pub struct Program {
    name: String,
    child: Child,
    input: Option<ChildStdin>,
    lines: Receiver<Line>,
    /// Told when it has ended.
    end: Receiver<()>,
    /// Everything read so far.
    said: Vec<Line>,
    /// How many of `said` [`wait`](Self::wait) has passed.
    passed: usize,
    started: Instant,
}

impl Program {
    /// Starts it. `name` is for messages.
    ///
    /// # Panics
    /// If it can't be started.
    #[must_use]
    pub fn start(name: impl Into<String>, command: &mut Command) -> Self {
        let name = name.into();
        let started = Instant::now();
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap_or_else(|error| panic!("{name} can't be started: {command:?}: {error}"));
        let input = child.stdin.take();
        let (said, lines) = channel();
        let streams: [(bool, Option<Box<dyn Read + Send>>); 2] = [
            (false, child.stdout.take().map(|out| Box::new(out) as _)),
            (true, child.stderr.take().map(|out| Box::new(out) as _)),
        ];
        for (error, stream) in streams {
            let (said, Some(stream)) = (said.clone(), stream) else { continue };
            // Ends when the program's output does, which is when it has ended.
            thread::spawn(move || {
                let mut stream = BufReader::new(stream);
                let mut bytes = Vec::new();
                while stream.read_until(b'\n', &mut bytes).is_ok_and(|read| read > 0) {
                    let text = String::from_utf8_lossy(&bytes).trim_end_matches(['\n', '\r']).to_owned();
                    if said.send(Line { at: Instant::now(), error, text }).is_err() {
                        break;
                    }
                    bytes.clear();
                }
            });
        }
        let id = Pid::from_child(&child);
        let (ended, end) = channel();
        // It leaves the child to be waited for, so that its id is nobody else's as long as it may be killed.
        thread::spawn(move || {
            let _ = retry_on_intr(|| waitid(WaitId::Pid(id), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT));
            let _ = ended.send(());
        });
        Self { name, child, input, lines, end, said: Vec::new(), passed: 0, started }
    }

    /// Its process id. On a host of the laboratory too this is the program itself, not a wrapper.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// When it was started.
    #[must_use]
    pub const fn started(&self) -> Instant {
        self.started
    }

    /// Writes a line to its standard input.
    ///
    /// # Panics
    /// If it doesn't take it.
    pub fn send(&mut self, line: &str) {
        let Some(input) = &mut self.input else { panic!("the input of {} is closed", self.name) };
        if let Err(error) = writeln!(input, "{line}").and_then(|()| input.flush()) {
            panic!("{} takes no input: {error}\n{self:?}", self.name);
        }
    }

    /// Closes its standard input.
    pub fn close_input(&mut self) {
        self.input = None;
    }

    /// The next line not passed yet that `wanted` makes something of; lines before it are passed.
    ///
    /// # Errors
    /// The words of a failure, if there is none `within` this time or the program ends before.
    pub fn try_wait<T>(&mut self, within: Duration, mut wanted: impl FnMut(&Line) -> Option<T>) -> Result<T, String> {
        let deadline = Instant::now() + within;
        loop {
            while let Some(line) = self.said.get(self.passed) {
                self.passed += 1;
                if let Some(found) = wanted(line) {
                    return Ok(found);
                }
            }
            match self.lines.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(line) => self.said.push(line),
                Err(RecvTimeoutError::Timeout) => return Err(format!("not said within {within:?}")),
                Err(RecvTimeoutError::Disconnected) => return Err("ended without having said it".to_owned()),
            }
        }
    }

    /// As [`try_wait`](Self::try_wait).
    ///
    /// # Panics
    /// With all that the program has said, if it doesn't say `what` in time.
    #[track_caller]
    pub fn wait<T>(&mut self, what: &str, within: Duration, wanted: impl FnMut(&Line) -> Option<T>) -> T {
        match self.try_wait(within, wanted) {
            Ok(found) => found,
            Err(why) => panic!("{}: {what}: {why}\n{self:?}", self.name),
        }
    }

    /// The next wait begins with the first line again.
    pub const fn rewind(&mut self) {
        self.passed = 0;
    }

    /// Makes sure that nothing of this kind is said for a while.
    ///
    /// # Panics
    /// If it is.
    #[track_caller]
    pub fn never(&mut self, what: &str, during: Duration, unwanted: impl Fn(&Line) -> bool) {
        let deadline = Instant::now() + during;
        let found = self.try_wait(during, |line| unwanted(line).then(|| line.text.clone()));
        if let Ok(line) = found {
            panic!("{}: {what}, {:?} early: {line}\n{self:?}", self.name, deadline - Instant::now());
        }
    }

    /// Everything it has said so far, one line after the other.
    pub fn output(&mut self) -> String {
        self.said.extend(self.lines.try_iter());
        self.said.iter().map(|line| format!("{}\n", line.text)).collect()
    }

    /// Waits for its end.
    ///
    /// # Panics
    /// If it doesn't end in time.
    #[track_caller]
    pub fn ended(&mut self, within: Duration) -> ExitStatus {
        self.try_ended(within).unwrap_or_else(|| panic!("{} did not end within {within:?}\n{self:?}", self.name))
    }

    /// Waits for its end; `None` if it doesn't end in time.
    pub fn try_ended(&mut self, within: Duration) -> Option<ExitStatus> {
        // Told once: later there is nobody to tell it any more.
        if self.end.recv_timeout(within) == Err(RecvTimeoutError::Timeout) {
            return None;
        }
        let status = self.child.wait().ok()?;
        self.hear_the_rest();
        Some(status)
    }

    /// What it said last is under way when it has ended. A child of its own may hold the output open, which nobody waits for.
    fn hear_the_rest(&mut self) {
        let deadline = Instant::now() + LAST_WORDS;
        while let Ok(line) = self.lines.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            self.said.push(line);
        }
    }

    /// Whether it is running.
    pub fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Sends it a signal, by name without SIG.
    ///
    /// # Panics
    /// If there is no such signal or program.
    #[track_caller]
    pub fn signal(&self, signal: &str) {
        let sent = Command::new("kill").args([format!("-{signal}"), "--".to_owned(), self.id().to_string()]).status();
        assert!(sent.is_ok_and(|status| status.success()), "{}: no {signal} could be sent", self.name);
    }

    /// `kill -9`, and waits until it is gone.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Physical memory in use, in KiB; 0 when it has ended.
    #[must_use]
    pub fn resident_kib(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.id())).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(0)
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        self.kill();
    }
}

impl fmt::Debug for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} (process {}) said:", self.name, self.id())?;
        for line in &self.said {
            let mark = if line.error { '!' } else { '|' };
            writeln!(f, "{:>9.3} {mark} {}", line.at.duration_since(self.started).as_secs_f64(), line.text)?;
        }
        Ok(())
    }
}

/// Where a program of this workspace was built: beside the test that runs.
///
/// # Panics
/// If it isn't there.
#[must_use]
pub fn built(name: &str) -> PathBuf {
    let test = std::env::current_exe().unwrap_or_else(|error| panic!("the running test is unknown: {error}"));
    let built = test.ancestors().skip(1).take(2).map(|folder| folder.join(name)).find(|path| path.is_file());
    built.unwrap_or_else(|| panic!("{name} is not built: cargo build --workspace, then run the tests again"))
}
