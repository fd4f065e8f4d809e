//! `nws bootstrap`: the WebRTC bootstrap server as a program of its own, or beside the proxy. Its settings are few and those of the
//! original, so they are read here: flags beat the environment (`SECRET`, `PORT`), which beats the file.

use crate::{
    announce, command_line,
    exit::{Exit, Failure},
    open_files, service,
    settings::Span,
};
use clap::{Arg, ArgMatches, Command};
use nws_bootstrap::{BootstrapConfig, Builder, Limits, Secret, Server, StartError};
use std::{ffi::OsString, fmt, net::SocketAddr, process::ExitCode};
use tokio_util::sync::CancellationToken;

/// The word that chooses it.
pub(crate) const NAME: &str = "bootstrap";

/// Where the secret may come from, as with the original.
const SECRET: &str = "SECRET";

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
    open_files::make_room_for(connections(&config), "max-joiners");
    let builder = config.builder().map_err(|error| Failure::new(Exit::Config, error.to_string()))?;
    command_line::on_one_thread(async {
        let server = bind(builder)?;
        let (address, handle, shutdown) = (server.local_addr(), server.handle(), CancellationToken::new());
        service::serve(Place(address), || handle.reload(), server.run(shutdown.clone()), shutdown).await
    })
}

/// How many connections it may have.
pub(crate) fn connections(config: &BootstrapConfig) -> usize {
    config.max_joiners.unwrap_or(Limits::DEFAULT.joiners)
}

/// The server of the section `[bootstrap]`, whose secret may come from the environment.
///
/// # Errors
/// With the exit code and what to do.
pub(crate) fn beside(mut config: BootstrapConfig) -> Result<Builder, Failure> {
    if let Some(secret) = command_line::environment(SECRET) {
        config.secret = Some(Secret::new(secret).map_err(|error| Failure::new(Exit::Usage, error.to_string()))?);
    }
    config.builder().map_err(|error| Failure::new(Exit::Config, format!("[bootstrap]: {error}")))
}

/// Binds its port.
///
/// # Errors
/// With the exit code and what to do.
pub(crate) fn bind(builder: Builder) -> Result<Server, Failure> {
    builder.bind().map_err(|error| refusal(&error))
}

/// Says where it is.
pub(crate) fn announce(address: SocketAddr) {
    announce::line(Place(address));
}

struct Place(SocketAddr);

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "bootstrap: joiners at /join, the root at /SECRET/webrtc-bootstrap-root, on {}", self.0)
    }
}

fn refusal(error: &StartError) -> Failure {
    let (exit, advice) = match error {
        StartError::Listen { .. } => {
            (Exit::Unavailable, "; is another server running? Choose another port with --port")
        }
        StartError::Public { .. } | StartError::Tls(_) => (Exit::Input, ""),
        _ => (Exit::Config, ""),
    };
    Failure::new(exit, format!("{error}{advice}"))
}

/// What the file, the environment and the flags say together.
fn settings(matches: &ArgMatches, environment: impl Fn(&str) -> Option<String>) -> Result<BootstrapConfig, Failure> {
    let mut config = command_line::file(matches, BootstrapConfig::parse)?;
    let flag = |name: &str| matches.get_one::<String>(name).cloned();
    if let Some(secret) = flag("secret").or_else(|| environment(SECRET)) {
        config.secret = Some(Secret::new(secret).map_err(|error| Failure::new(Exit::Usage, error.to_string()))?);
    }
    if let Some(port) = flag("port").or_else(|| environment("PORT")) {
        config.port = port
            .parse()
            .map_err(|_| Failure::new(Exit::Usage, format!("the port {port:?} is not a number up to 65535")))?;
    }
    if let Some(address) = flag("listen") {
        let parsed = address.parse();
        let words = || Failure::new(Exit::Usage, format!("--listen: {address:?} is not an IP address"));
        config.listen = Some(parsed.map_err(|_| words())?);
    }
    if let Some(seed) = flag("seed") {
        let parsed = seed.parse();
        config.seed = Some(parsed.map_err(|_| Failure::new(Exit::Usage, format!("--seed: {seed:?} is not a number")))?);
    }
    if let Some(timeout) = command_line::value::<Span>(matches, "timeout")? {
        config.timeout = timeout.get();
    }
    config.public = flag("public").map(Into::into).or(config.public);
    config.tls_cert = flag("tls-cert").map(Into::into).or(config.tls_cert);
    config.tls_key = flag("tls-key").map(Into::into).or(config.tls_key);
    Ok(config)
}

fn command() -> Command {
    let flag = |name: &'static str, value: &'static str, help: &'static str| {
        Arg::new(name).long(name).value_name(value).help(help)
    };
    Command::new("nws bootstrap")
        .bin_name("nws bootstrap")
        .version(env!("CARGO_PKG_VERSION"))
        .about("A signalling server for WebRTC, for clients of the npm package webrtc-bootstrap and of our own library.")
        .after_help(
            "It listens on all addresses, so anybody who can reach this machine can join; only who knows the secret can \
             be the root. GET /health and GET /metrics are public as well; they show figures, never the secret.",
        )
        .max_term_width(100)
        .arg(Arg::new("file").value_name("FILE").help("Settings file: JSON as {\"secret\": \"…\"}, or TOML."))
        .arg(flag("secret", "SECRET", "By which the root is known [environment: SECRET]."))
        .arg(flag("port", "PORT", "Port to listen on [environment: PORT] [default: 5000]."))
        .arg(flag("listen", "ADDRESS", "Listen on this address alone [default: all]."))
        .arg(flag("public", "DIR", "Serve the files of this folder."))
        .arg(flag("timeout", "TIME", "How long a joiner may stay [default: 30s]."))
        .arg(flag("seed", "NUMBER", "Repeatable ids, for tests.").allow_hyphen_values(true))
        .arg(flag("tls-cert", "FILE", "Serve wss:// with this certificate (PEM); SIGHUP reads it again."))
        .arg(flag("tls-key", "FILE", "The certificate's key (PEM)."))
        .arg(flag("log", "FILTER", "What is logged [default: info]."))
        .arg(flag("log-format", "FORMAT", "text or json [default: text]."))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

    use super::*;

    fn given(words: &[&str], environment: &[(&str, &str)]) -> Result<BootstrapConfig, Failure> {
        let matches = command().try_get_matches_from([&["bootstrap"], words].concat()).unwrap();
        let find =
            |name: &str| environment.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
        settings(&matches, find)
    }

    #[test]
    fn flags_beat_the_environment_which_beats_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config.json");
        std::fs::write(&path, r#"{"secret": "of-the-file"}"#).unwrap();
        let file = path.to_str().unwrap();
        let secret = |config: BootstrapConfig| config.secret.unwrap().reveal().to_owned();
        assert_eq!(secret(given(&[file], &[]).unwrap()), "of-the-file");
        assert_eq!(secret(given(&[file], &[("SECRET", "of-the-environment")]).unwrap()), "of-the-environment");
        let all = given(&[file, "--secret", "of-the-flag", "--port", "1"], &[("SECRET", "x"), ("PORT", "2")]).unwrap();
        assert_eq!((all.port, secret(all)), (1, "of-the-flag".to_owned()));
        assert_eq!(given(&[], &[("PORT", "2")]).unwrap().port, 2);
    }

    #[test]
    fn bad_values_are_refused_without_showing_the_secret() {
        for words in [
            &["--secret", "s3cr3t/"][..],
            &["--port", "high"],
            &["--listen", "here"],
            &["--timeout", "30"],
            &["--seed", "x"],
            &["/no/such/file"],
        ] {
            let failure = given(words, &[]).unwrap_err().to_string();
            assert!(!failure.contains("s3cr3t"), "{failure}");
        }
        command().debug_assert();
    }
}
