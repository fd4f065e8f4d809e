//! A running `discover`, and what it says.

use nws_tests::{
    netns::Host,
    program::{Line, Program, SOON, built},
};
use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

/// What the proxy promises: found and linked within 1.5 s of the start. Discovery must leave time for the link.
pub(crate) const FOUND_WITHIN: Duration = Duration::from_millis(1400);

/// Who is not lost in this time will not be: a verification takes 2 s.
pub(crate) const VERIFIED: Duration = Duration::from_millis(3500);

/// A running `discover`.
pub(crate) struct Finder {
    pub(crate) program: Program,
    pub(crate) id: String,
}

impl Finder {
    #[track_caller]
    pub(crate) fn start(host: &Host, more: &str) -> Self {
        let mut command = host.command(built("discover"));
        command.args(more.split_whitespace());
        let mut program = Program::start(format!("discover on host {}", host.number()), &mut command);
        let id = program.wait("its id", SOON, |line| Some(line.text.strip_prefix("instance ")?.to_owned()));
        Self { program, id }
    }

    /// Announces both transports, on a port made from the host's number.
    #[track_caller]
    pub(crate) fn both(host: &Host) -> Self {
        let port = 4000 + u16::from(host.number());
        Self::start(host, &format!("--quic {port} --tcp {port}"))
    }

    #[track_caller]
    pub(crate) fn visible(mut self) -> Self {
        self.health("visible", SOON);
        self
    }

    #[track_caller]
    pub(crate) fn health(&mut self, state: &str, within: Duration) -> Instant {
        self.program.wait(state, within, |line| {
            line.text.strip_prefix("health ").is_some_and(|health| health.starts_with(state)).then_some(line.at)
        })
    }

    /// The next find of this instance in which both transports, or as many as are said, have appeared.
    #[track_caller]
    pub(crate) fn finds_kinds(&mut self, id: &str, kinds: &[&str], within: Duration) -> Found {
        self.program.wait(&format!("finds {id}"), within, |line| {
            let found = found(line, id)?;
            kinds.iter().all(|kind| found.candidates.iter().any(|(one, _)| one == kind)).then_some(found)
        })
    }

    #[track_caller]
    pub(crate) fn finds(&mut self, other: &Self, within: Duration) -> Found {
        self.finds_kinds(&other.id, &["quic", "tcp"], within)
    }

    #[track_caller]
    pub(crate) fn loses(&mut self, id: &str, within: Duration) -> Instant {
        self.program
            .wait(&format!("loses {id}"), within, |line| (line.text.strip_prefix("lost ")? == id).then_some(line.at))
    }

    #[track_caller]
    pub(crate) fn never_finds(&mut self, id: &str, during: Duration) {
        self.program.never(&format!("finds {id}"), during, |line| found(line, id).is_some());
    }

    pub(crate) fn verify(&mut self, id: &str) {
        self.program.send(&format!("verify {id}"));
    }

    #[track_caller]
    pub(crate) fn loses_any(&mut self, ids: &[&str]) -> String {
        self.program.wait("loses one of them", SOON, |line| {
            let lost = line.text.strip_prefix("lost ")?;
            ids.contains(&lost).then(|| lost.to_owned())
        })
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) at: Instant,
    pub(crate) candidates: Vec<(String, SocketAddr)>,
}

impl Found {
    pub(crate) fn text(&self) -> Vec<String> {
        self.candidates.iter().map(|(kind, addr)| format!("{kind} {addr}")).collect()
    }
}

pub(crate) fn found(line: &Line, id: &str) -> Option<Found> {
    let mut words = line.text.strip_prefix("found ")?.split(' ');
    if words.next() != Some(id) {
        return None;
    }
    let mut candidates = Vec::new();
    while let (Some(kind), Some(addr)) = (words.next(), words.next()) {
        candidates.push((kind.to_owned(), addr.parse().unwrap()));
    }
    Some(Found { at: line.at, candidates })
}

pub(crate) fn found_with(line: &Line, id: &str, candidates: usize) -> Option<Found> {
    found(line, id).filter(|found| found.candidates.len() == candidates)
}

/// When it was first found with both transports, looking through all that was said from the beginning.
#[track_caller]
pub(crate) fn finds_in_any_order(finder: &mut Finder, id: &str) -> Instant {
    finder.program.rewind();
    finder.finds_kinds(id, &["quic", "tcp"], SOON).at
}

/// Printed with the test's output, for those who want the figures.
pub(crate) fn took(what: &str, since: Instant, at: Instant) {
    println!("{what}: {:.1} ms", at.saturating_duration_since(since).as_secs_f64() * 1000.0);
}
