//! The real `nws` binary as a process: on this machine without discovery, or on a host of the laboratory.

use crate::{
    netns::{Host, is_on_host},
    program::{Program, SOON, built},
};
use std::{
    ffi::OsString,
    net::SocketAddr,
    ops::{Deref, DerefMut},
    path::PathBuf,
    process::Command,
    time::Duration,
};

/// Where the binary is: `NWS_BIN`, or beside the running test.
#[must_use]
pub fn binary() -> PathBuf {
    std::env::var_os("NWS_BIN").map_or_else(|| built("nws"), PathBuf::from)
}

/// A proxy that is ready.
#[derive(Debug)]
pub struct Proxy {
    program: Program,
    port: u16,
    links: Vec<(String, SocketAddr)>,
}

impl Proxy {
    /// On this machine, with ports that are free, its links on loopback, and without discovery. `more` are further
    /// command-line words.
    ///
    /// # Panics
    /// If it isn't ready soon.
    #[must_use]
    #[track_caller]
    pub fn local(more: &[&str]) -> Self {
        let mut command = Command::new(binary());
        command.args(["--port=0", "--link-listen=127.0.0.1:0", "--discovery=off"]).args(more);
        Self::start("nws", command)
    }

    /// On a host of the laboratory, with the program's own defaults: port 9009, links on any port, and discovery.
    ///
    /// # Panics
    /// If it isn't ready soon.
    #[must_use]
    #[track_caller]
    pub fn on(host: &Host, more: &[&str]) -> Self {
        let mut command = host.command(binary());
        command.args(more);
        Self::start(&format!("nws on host {}", host.number()), command)
    }

    /// Any command that becomes a proxy. Settings in the environment of the test don't count.
    ///
    /// # Panics
    /// If it isn't ready soon, or if it is neither on a host of the laboratory nor has the word `--discovery=off`.
    #[must_use]
    #[track_caller]
    pub fn start(name: &str, mut command: Command) -> Self {
        let silent = command.get_args().any(|word| word == "--discovery=off");
        assert!(
            silent || is_on_host(&command),
            "{name} would speak multicast DNS on this machine's network: {command:?}"
        );
        let given: Vec<OsString> = command.get_envs().map(|(name, _)| name.to_owned()).collect();
        for (name, _) in std::env::vars_os() {
            if name.to_str().is_some_and(|name| name.starts_with("NWS_")) && !given.contains(&name) {
                command.env_remove(name);
            }
        }
        let mut program = Program::start(name, &mut command);
        let mut port = None;
        let mut links = Vec::new();
        program.wait("ready", SOON, |line| {
            if let Some(console) = line.text.strip_prefix("console: http://localhost:") {
                port = console.trim_end_matches('/').parse().ok();
            } else if let Some(each) = line.text.strip_prefix("links: ") {
                links.extend(each.split(", ").filter_map(|one| {
                    let (kind, address) = one.split_once(" on ")?;
                    Some((kind.to_owned(), address.parse().ok()?))
                }));
            }
            (!line.error && line.text == "ready").then_some(())
        });
        let port = port.unwrap_or_else(|| panic!("{name} did not say where its console is\n{program:?}"));
        Self { program, port, links }
    }

    /// Where clients join, on loopback.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// The port for links; the same for each transport.
    ///
    /// # Panics
    /// If it accepts none.
    #[must_use]
    #[track_caller]
    pub fn link_port(&self) -> u16 {
        match self.links.first() {
            Some((_, address)) => address.port(),
            None => panic!("accepts no links\n{:?}", self.program),
        }
    }

    /// Where links are accepted: transport (`quic`, `tcp`) and address.
    #[must_use]
    pub fn links(&self) -> &[(String, SocketAddr)] {
        &self.links
    }

    /// Asks it to end, and waits until it has. `true`: it says that all is well.
    ///
    /// # Panics
    /// If it doesn't end in time.
    #[track_caller]
    pub fn stop(&mut self, within: Duration) -> bool {
        self.program.signal("TERM");
        self.program.ended(within).success()
    }
}

impl Deref for Proxy {
    type Target = Program;
    fn deref(&self) -> &Program {
        &self.program
    }
}

impl DerefMut for Proxy {
    fn deref_mut(&mut self) -> &mut Program {
        &mut self.program
    }
}
