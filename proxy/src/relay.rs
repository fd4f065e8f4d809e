//! `nws relay`: the tunnel relay as a program of its own, or beside the proxy. Its settings have one name each, in the file
//! and as flags: flags beat the environment (`NWS_RELAY_SECRET`), which beats the file.

use crate::{
    announce, command_line,
    exit::{Exit, Failure},
    open_files, service,
};
use clap::{Arg, ArgMatches, Command};
use nws_relay::{Builder, Limits, Relay, RelayConfig, StartError};
use std::{ffi::OsString, fmt, net::SocketAddr, process::ExitCode};
use tokio_util::sync::CancellationToken;

/// The word that chooses it.
pub(crate) const NAME: &str = "relay";

/// Where the secret may come from, so that it is not in a list of processes.
pub(crate) const SECRET: &str = "NWS_RELAY_SECRET";

/// Runs it with the words after `nws`, the first of which is its name.
///
/// # Errors
/// With the exit code and what to do.
pub(crate) fn run(words: Vec<OsString>) -> Result<ExitCode, Failure> {
    let matches = match command_line::parse(command(), words, Exit::Usage.into()) {
        Ok(matches) => matches,
        Err(code) => return Ok(code),
    };
    command_line::start_log(&matches)?;
    let config = settings(&matches, command_line::environment)?;
    open_files::make_room_for(config.limits.parties, "--max-parties");
    let builder = config.builder().map_err(|error| Failure::new(Exit::Config, error.to_string()))?;
    command_line::on_one_thread(async {
        let relay = bind(builder)?;
        let (address, handle, shutdown) = (relay.local_addr(), relay.handle(), CancellationToken::new());
        service::serve(Place(address), || handle.reload(), relay.run(shutdown.clone()), shutdown).await
    })
}

/// The relay of the section `[relay]`, whose secret may come from the environment.
///
/// # Errors
/// With the exit code and what to do.
pub(crate) fn beside(mut config: RelayConfig) -> Result<Builder, Failure> {
    if let Some(secret) = command_line::environment(SECRET) {
        config.set("secret", &secret).map_err(|words| Failure::new(Exit::Usage, format!("{SECRET}: {words}")))?;
    }
    config.builder().map_err(|error| Failure::new(Exit::Config, format!("[relay]: {error}")))
}

/// Binds its port.
///
/// # Errors
/// With the exit code and what to do.
pub(crate) fn bind(builder: Builder) -> Result<Relay, Failure> {
    builder.bind().map_err(|error| refusal(&error))
}

/// Says where it is.
pub(crate) fn announce(address: SocketAddr) {
    announce::line(Place(address));
}

struct Place(SocketAddr);

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "relay: servers and clients at any path, on {}", self.0)
    }
}

fn refusal(error: &StartError) -> Failure {
    let (exit, advice) = match error {
        StartError::Listen { .. } => (Exit::Unavailable, "; is another relay running? Choose another port with --port"),
        StartError::Tls(_) => (Exit::Input, ""),
        _ => (Exit::Config, ""),
    };
    Failure::new(exit, format!("{error}{advice}"))
}

/// What the file, the environment and the flags say together.
fn settings(matches: &ArgMatches, environment: impl Fn(&str) -> Option<String>) -> Result<RelayConfig, Failure> {
    let mut config = command_line::file(matches, RelayConfig::parse)?;
    if let Some(secret) = environment(SECRET) {
        config.set("secret", &secret).map_err(|words| Failure::new(Exit::Usage, format!("{SECRET}: {words}")))?;
    }
    for (name, _) in names() {
        if let Some(value) = matches.get_one::<String>(name) {
            config.set(name, value).map_err(|words| Failure::new(Exit::Usage, format!("--{name}: {words}")))?;
        }
    }
    Ok(config)
}

/// Every setting, with what it is.
fn names() -> impl Iterator<Item = &'static (&'static str, &'static str)> {
    RelayConfig::NAMES.iter().chain(Limits::NAMES)
}

fn command() -> Command {
    let flag = |name: &'static str, help: &'static str| {
        Arg::new(name).long(name).value_name("VALUE").help(help.trim()).allow_hyphen_values(true)
    };
    Command::new("nws relay")
        .bin_name("nws relay")
        .version(env!("CARGO_PKG_VERSION"))
        .about(
            "A tunnel relay: pages and programs become servers on it, and others connect to them. For clients of our own \
             library and of nws tunnel (nws-relay-1), and for those of the relay of 2017.",
        )
        .after_help(
            "The secret may be in NWS_RELAY_SECRET. Sizes are in bytes, times are a number and a unit: 500ms, 30s, 5m. A file \
             has the same names. The relay listens on all addresses, so anybody who can reach this machine can use it; \
             GET /health and GET /metrics are public as well. It sees all that is sent through it, and opens no connection.",
        )
        .max_term_width(100)
        .arg(Arg::new("file").value_name("FILE").help("Settings file: JSON as {\"port\": 8087}, or TOML."))
        .args(names().map(|(name, help)| flag(name, help)))
        .arg(flag("log", "What is logged. info."))
        .arg(flag("log-format", "text or json. text."))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

    use super::*;
    use std::time::Duration;

    fn given(words: &[&str], environment: &[(&str, &str)]) -> Result<RelayConfig, Failure> {
        let matches = command().try_get_matches_from([&["relay"], words].concat()).unwrap();
        let find =
            |name: &str| environment.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
        settings(&matches, find)
    }

    #[test]
    fn flags_beat_the_file_and_have_its_names() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config.json");
        std::fs::write(&path, r#"{"port": 1, "grace": "1m", "delimiter": "::"}"#).unwrap();
        let file = path.to_str().unwrap();
        let config = given(&[file, "--port", "2", "--max-servers", "3"], &[(SECRET, "x")]).unwrap();
        assert_eq!((config.port, config.limits.servers, config.delimiter.as_str()), (2, 3, "::"));
        assert_eq!(config.limits.grace, Duration::from_secs(60));
        assert!(config.secret.is_some() && given(&[file], &[]).unwrap().secret.is_none());
    }

    #[test]
    fn bad_values_are_refused_with_the_name_of_the_flag() {
        for words in [&["--port", "high"], &["--listen", "here"], &["--grace", "30"], &["--window", "-1"]] {
            let failure = given(words, &[]).unwrap_err();
            assert_eq!(failure.exit, Exit::Usage);
            assert!(failure.to_string().starts_with(words[0]), "{failure}");
        }
        assert_eq!(given(&["/no/such/file"], &[]).unwrap_err().exit, Exit::Input);
        command().debug_assert();
    }
}
