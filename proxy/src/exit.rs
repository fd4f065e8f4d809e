//! How the program ends: one table of exit codes, and the failure that carries one with words that
//! say what to do. The numbers are those of BSD's sysexits.h, so that scripts and service managers
//! can act on them.

use std::{fmt, process::ExitCode};

/// Why the program ended. The value is the exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Exit {
    /// Something on the command line or in the environment is wrong.
    Usage = 64,
    /// A file or folder that was named can't be read.
    Input = 66,
    /// A port or an address can't be had.
    Unavailable = 69,
    /// A fault of this program.
    Internal = 70,
    /// The system refused something else: threads, sockets, standard output.
    System = 71,
    /// The content of a file is wrong, or two settings contradict each other.
    Config = 78,
}

impl Exit {
    /// All of them with words, for `--help`.
    pub(crate) const TABLE: &[(u8, &str)] = &[
        (0, "ended as asked (SIGINT, SIGTERM), or --help, --version, --check done"),
        (Self::Usage as u8, "an unknown flag, or a bad value in a flag or in the environment"),
        (Self::Input as u8, "a file or folder that was named cannot be read"),
        (Self::Unavailable as u8, "a port or an address cannot be had"),
        (Self::Internal as u8, "a fault of this program: please report it"),
        (Self::System as u8, "the system refused threads, sockets or output"),
        (Self::Config as u8, "a bad settings file or key file, or settings that contradict each other"),
        (130, "ended at once by a second SIGINT"),
        (143, "ended at once by a second SIGTERM"),
    ];
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// The end of the program with words for the person who started it. Never holds a secret.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) exit: Exit,
    pub(crate) words: String,
}

impl Failure {
    pub(crate) fn new(exit: Exit, words: impl Into<String>) -> Self {
        Self { exit, words: words.into() }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.words)
    }
}
