//! The programs beside the proxy in this one: each is chosen by the first word of the command line.

use crate::{bootstrap, conformance, exit::Failure, relay, tunnel};
use std::{ffi::OsString, process::ExitCode};

/// Runs with all words from its own name on.
type Run = fn(Vec<OsString>) -> Result<ExitCode, Failure>;

/// Each with its name, and what it is.
const PROGRAMS: [(&str, &str, Run); 4] = [
    (bootstrap::NAME, "a signalling server for WebRTC", bootstrap::run),
    (relay::NAME, "a relay through which pages and programs are servers", relay::run),
    (tunnel::NAME, "local TCP services through such a relay", tunnel::run),
    (conformance::NAME, "proves another proxy against the specification", conformance::run),
];

/// The one that the first word names, if it does.
pub(crate) fn named(first: Option<&OsString>) -> Option<Run> {
    let first = first?;
    PROGRAMS.iter().find(|(name, ..)| first == name).map(|(.., run)| *run)
}

/// What `nws --help` says of them.
pub(crate) fn list() -> String {
    let lines: Vec<_> = PROGRAMS.iter().map(|(name, about, _)| format!("  nws {name:<12} {about}")).collect();
    format!("Other programs in this one, each with --help of its own:\n{}", lines.join("\n"))
}
