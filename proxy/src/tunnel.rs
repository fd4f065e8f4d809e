//! `nws tunnel`: the native ends of a tunnel through a relay. Its settings are few, so they are read here.

use crate::{
    announce, command_line,
    exit::{Exit, Failure},
    open_files,
    signals::Signals,
};
use clap::{Arg, ArgAction, ArgMatches, Command};
use nws_tunnel::{Connect, Forward, Relay, RelayError, Serve, Told, TunnelError};
use std::{
    collections::BTreeMap,
    ffi::OsString,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::Path,
    process::ExitCode,
};
use tokio_util::sync::CancellationToken;

/// The word that chooses it.
pub(crate) const NAME: &str = "tunnel";

/// TCP connections to make room for. A relay gives a server 8192 channels, if it is not set otherwise.
const CONNECTIONS: usize = 8192;

/// Which end, with its settings checked.
#[derive(Debug)]
enum End {
    Serve(Serve),
    Connect { relay: Relay, server: u64, forwards: Vec<Forward> },
}

/// Runs it with the words after `nws`, the first of which is its name.
///
/// # Errors
/// With the exit code and what to do.
pub(crate) fn run(words: Vec<OsString>) -> Result<ExitCode, Failure> {
    let matches = match command_line::parse(command(), words, Exit::Usage.into()) {
        Ok(matches) => matches,
        Err(code) => return Ok(code),
    };
    let Some((end, matches)) = matches.subcommand() else {
        return Err(Failure::new(
            Exit::Usage,
            "say \"nws tunnel serve\" or \"nws tunnel connect\"; see nws tunnel --help",
        ));
    };
    command_line::start_log(matches)?;
    let end = settings(end, matches)?;
    open_files::make_room_for(CONNECTIONS, "the number of connections");
    // One thread: nothing that goes from a socket to the other has to wake another thread up. The relay is slower than one.
    command_line::on_one_thread(live(end))
}

async fn live(end: End) -> Result<ExitCode, Failure> {
    let mut signals = Signals::listen()?;
    let shutdown = CancellationToken::new();
    let mut running = Box::pin(forward(end, shutdown.clone()));
    let wish = tokio::select! {
        ended = &mut running => return ended.map(|()| ExitCode::SUCCESS).map_err(|error| refusal(&error)),
        wish = signals.next() => wish,
    };
    tracing::info!(signal = wish.name(), "letting open connections end; a second signal ends at once");
    shutdown.cancel();
    tokio::select! {
        _ = running => Ok(ExitCode::SUCCESS),
        wish = signals.next() => Ok(wish.exit_code()),
    }
}

async fn forward(end: End, shutdown: CancellationToken) -> Result<(), TunnelError> {
    let mut ready = Ready::default();
    match end {
        End::Serve(serve) => {
            let ports: Vec<_> = serve.ports.iter().map(|(port, target)| (*port, target.clone())).collect();
            let told = move |told| {
                if let Told::Registered { server } | Told::Resumed { server } = told {
                    let first = !ready.is();
                    if first {
                        for (port, target) in &ports {
                            announce::line(format_args!("port {port}: {target}"));
                        }
                    }
                    // A relay that was started anew gives another id, which clients have to be told.
                    if first || matches!(told, Told::Registered { .. }) {
                        announce::line(format_args!("server: {server}"));
                    }
                    ready.say();
                }
                log(&told);
            };
            serve.run(told, shutdown).await
        }
        End::Connect { relay, server, forwards } => {
            let connect = Connect::bind(relay, server, &forwards).await?;
            let addresses: Vec<_> = connect.addresses().collect();
            let told = move |told| {
                if told == Told::Connected {
                    if !ready.is() {
                        for (port, address) in &addresses {
                            announce::line(format_args!("port {port}: {address}"));
                        }
                    }
                    ready.say();
                }
                log(&told);
            };
            connect.run(told, shutdown).await
        }
    }
}

/// Whether it was said that everything is ready.
#[derive(Debug, Default)]
struct Ready(bool);

impl Ready {
    const fn is(&self) -> bool {
        self.0
    }

    fn say(&mut self) {
        if !std::mem::replace(&mut self.0, true) {
            announce::line("ready");
        }
    }
}

fn log(told: &Told) {
    match told {
        Told::Registered { server } => tracing::info!(server, "registered"),
        Told::Resumed { server } => tracing::info!(server, "resumed: open connections go on"),
        Told::Connected => tracing::info!("connected to the relay"),
        Told::Lost { words } => tracing::warn!("{words}; trying again"),
        _ => {}
    }
}

fn refusal(error: &TunnelError) -> Failure {
    let (exit, advice) = match error {
        TunnelError::Listen { .. } => (Exit::Unavailable, "; choose another address with --listen"),
        TunnelError::ResumeFile { .. } => (Exit::Input, ""),
        _ => (Exit::Unavailable, ""),
    };
    Failure::new(exit, format!("{error}{advice}"))
}

fn settings(end: &str, matches: &ArgMatches) -> Result<End, Failure> {
    let usage = |words: String| Failure::new(Exit::Usage, words);
    let text = |name: &str| matches.get_one::<String>(name).map(String::as_str);
    let all = |name: &str| matches.get_many::<String>(name).unwrap_or_default().map(String::as_str);
    let url = text("relay").unwrap_or_default();
    let relay = Relay::new(url, text("relay-ca").map(Path::new)).map_err(|error| {
        let exit = if matches!(error, RelayError::Url { .. }) { Exit::Usage } else { Exit::Input };
        Failure::new(exit, format!("--relay: {error}"))
    })?;
    if end == "serve" {
        let mut ports = BTreeMap::new();
        for given in all("port") {
            let (port, target) = target(given).map_err(&usage)?;
            if ports.insert(port, target).is_some() {
                return Err(usage(format!("--port: {port} is given twice")));
            }
        }
        let resume_file = text("resume-file").map(Into::into);
        return Ok(End::Serve(Serve { relay, ports, resume_file }));
    }
    let server = text("server").unwrap_or_default();
    let server = server.parse().map_err(|_| usage(format!("--server: {server:?} is no id of a server")))?;
    let (ports, listens): (Vec<_>, Vec<_>) = (all("port").collect(), all("listen").collect());
    if ports.len() != listens.len() {
        return Err(usage(format!("--port is given {} times, --listen {} times", ports.len(), listens.len())));
    }
    let forwards = ports
        .into_iter()
        .zip(listens)
        .map(|(port, listen)| Ok(Forward { port: number(port, port)?, listen: address(listen)? }));
    Ok(End::Connect { relay, server, forwards: forwards.collect::<Result<_, _>>().map_err(usage)? })
}

/// Reads `80=127.0.0.1:8080`, or `80` for the same port of this machine.
fn target(given: &str) -> Result<(u16, String), String> {
    let Some((port, target)) = given.split_once('=') else {
        let port = number(given, given)?;
        return Ok((port, SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port).to_string()));
    };
    let port = number(port, given)?;
    match target.rsplit_once(':') {
        Some((host, at)) if !host.is_empty() && number(at, given)? != 0 => Ok((port, target.to_owned())),
        _ => Err(format!("--port: {given:?} is not like 80=127.0.0.1:8080")),
    }
}

fn number(port: &str, given: &str) -> Result<u16, String> {
    port.parse().map_err(|_| format!("--port: {given:?}: {port:?} is not a number up to 65535"))
}

/// Reads `127.0.0.1:9000`, or `9000` for a port of loopback.
fn address(given: &str) -> Result<SocketAddr, String> {
    let loopback = given.parse().map(|port| SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port));
    let address = given.parse().or(loopback);
    address.map_err(|_| format!("--listen: {given:?} is not an address with a port, like 127.0.0.1:9000"))
}

fn command() -> Command {
    let flag = |name: &'static str, value: &'static str, help: &'static str| {
        Arg::new(name).long(name).value_name(value).help(help)
    };
    let end = |name: &'static str| {
        Command::new(name)
            .max_term_width(100)
            .arg(flag("relay", "URL", "The relay: ws://HOST:8087/ or wss://….").required(true))
            .arg(flag("relay-ca", "FILE", "Trust the certificates of this file (PEM) too, for wss://."))
            .arg(flag("log", "FILTER", "What is logged [default: info]."))
            .arg(flag("log-format", "FORMAT", "text or json [default: text]."))
    };
    let port = |value, help| flag("port", value, help).required(true).action(ArgAction::Append);
    Command::new("nws tunnel")
        .bin_name("nws tunnel")
        .version(env!("CARGO_PKG_VERSION"))
        .about("Gives local TCP services to others through a relay, and brings theirs here.")
        .max_term_width(100)
        .subcommand(
            end("serve")
                .about("Become a server at the relay whose ports are local TCP services; says the server's id.")
                .after_help(
                    "Whoever can reach the relay can reach the named services, and only these: an id is no secret. When the \
                     connection to the relay is lost, open connections wait and go on after it is back.",
                )
                .arg(port("PORT=TARGET", "A port, and the service that it is, like 80=127.0.0.1:8080; may be repeated."))
                .arg(flag("resume-file", "FILE", "Keep the id and its secret here, to be the same server when started again.")),
        )
        .subcommand(
            end("connect")
                .about("Listen on local TCP ports that lead to ports of a server at the relay.")
                .after_help("The first --port belongs to the first --listen, and so on.")
                .arg(flag("server", "ID", "The server, as nws tunnel serve said it.").required(true))
                .arg(port("PORT", "A port of the server; may be repeated, each with a --listen."))
                .arg(
                    flag("listen", "ADDRESS", "Where it is to be had here, like 127.0.0.1:9000.")
                        .required(true)
                        .action(ArgAction::Append),
                ),
        )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic, reason = "a test may stop at the first surprise")]

    use super::*;

    fn given(words: &[&str]) -> Result<End, Failure> {
        let matches = command().try_get_matches_from([&["tunnel"], words].concat()).unwrap();
        let (end, matches) = matches.subcommand().unwrap();
        settings(end, matches)
    }

    #[test]
    fn ports_and_targets_are_read() {
        let relay = ["serve", "--relay", "ws://127.0.0.1:8087/"];
        let words = [&relay[..], &["--port", "80=127.0.0.1:8080", "--port", "22", "--port", "5=[::1]:6"]].concat();
        let End::Serve(serve) = given(&words).unwrap() else { panic!("another end") };
        let ports: Vec<_> = serve.ports.into_iter().collect();
        assert_eq!(
            ports,
            [(5, "[::1]:6".to_owned()), (22, "127.0.0.1:22".to_owned()), (80, "127.0.0.1:8080".to_owned())]
        );
        for bad in ["http", "80=", "80=localhost", "80=:80", "80=localhost:0", "80=localhost:x", "99999=a:1", "=a:1"] {
            let failure = given(&[&relay[..], &["--port", bad]].concat()).unwrap_err();
            assert_eq!(failure.exit, Exit::Usage, "{bad}");
            assert!(failure.words.contains("--port"), "{bad}: {failure}");
        }
        let twice = [&relay[..], &["--port", "80=a:1", "--port", "80=a:2"]].concat();
        assert!(given(&twice).unwrap_err().words.contains("twice"));
    }

    #[test]
    fn forwards_are_read_in_pairs() {
        let words = ["connect", "--relay", "ws://127.0.0.1:8087/", "--server", "7", "--port", "80", "--listen", "9000"];
        let more = ["--port", "81", "--listen", "[::1]:9001"];
        let End::Connect { server, forwards, .. } = given(&[&words[..], &more].concat()).unwrap() else {
            panic!("another end")
        };
        assert_eq!(server, 7);
        let read: Vec<_> = forwards.iter().map(|forward| (forward.port, forward.listen.to_string())).collect();
        assert_eq!(read, [(80, "127.0.0.1:9000".to_owned()), (81, "[::1]:9001".to_owned())]);
        assert!(given(&[&words[..], &more[..2]].concat()).unwrap_err().words.contains("--listen"));
        assert!(given(&[&words[..], &["--port", "1", "--listen", "here"]].concat()).is_err());
    }

    #[test]
    fn a_bad_relay_is_refused_with_words() {
        for (relay, words) in [("http://localhost/", "ws://"), ("localhost:80", "ws://"), ("ws://a:b@c/", "password")] {
            let failure = given(&["serve", "--relay", relay, "--port", "80=a:1"]).unwrap_err();
            assert!(failure.words.contains(words), "{failure}");
        }
        command().debug_assert();
    }
}
