//! `nws conformance`: plays a proxy against the one under test and writes a report. What it checks is in the crate of that name;
//! here are the words of the command line, and how it ends.

use crate::{
    command_line,
    exit::{Exit, Failure},
    settings::{self, Span, Value},
};
use clap::{Arg, ArgAction, ArgMatches, Command};
use nws_conformance::{ClientAddress, Format, Kind, Options, Outcome, Report, RunError};
use nws_protocol::{ChannelName, NetworkKey};
use std::{
    ffi::OsString,
    io::Write,
    net::{SocketAddr, ToSocketAddrs},
    path::Path,
    process::ExitCode,
    time::Duration,
};

/// The word that chooses it.
pub(crate) const NAME: &str = "conformance";

/// A requirement is not met.
const FAILED: u8 = 1;
/// Something on the command line is wrong.
const USAGE: u8 = 2;
/// Nobody answers as a proxy, or no address to listen on can be had.
const UNREACHABLE: u8 = 3;
/// Nothing failed, but checks that were asked for could not be run.
const INCOMPLETE: u8 = 4;

/// Runs it with the words after `nws`, the first of which is its name.
///
/// # Errors
/// With the exit code and what to do, for what has nothing to do with the target.
pub(crate) fn run(words: Vec<OsString>) -> Result<ExitCode, Failure> {
    let matches = match command_line::parse(command(), words, ExitCode::from(USAGE)) {
        Ok(matches) => matches,
        Err(code) => return Ok(code),
    };
    let given = match Given::read(&matches) {
        Ok(given) => given,
        Err(words) => return Ok(complain(USAGE, &words)),
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::new(Exit::System, format!("the threads cannot be had: {error}")))?;
    let end = runtime.block_on(judge(&given));
    runtime.shutdown_background();
    end
}

fn note(words: &str) {
    let _ = writeln!(std::io::stderr(), "nws conformance: {words}");
}

fn complain(code: u8, words: &str) -> ExitCode {
    note(words);
    ExitCode::from(code)
}

/// What the command line says.
struct Given {
    options: Options,
    format: Format,
    output: Option<String>,
}

async fn judge(given: &Given) -> Result<ExitCode, Failure> {
    let started = match nws_conformance::start(&given.options).await {
        Ok(started) => started,
        Err(error @ RunError::NoSuchCheck(_)) => return Ok(complain(USAGE, &error.to_string())),
        Err(error) => return Ok(complain(UNREACHABLE, &error.to_string())),
    };
    let mut notes = std::io::stderr();
    for address in &started.listening {
        let _ = writeln!(notes, "waiting for the target to dial {address}: start it with --peer {address}");
    }
    let told = started.run(|line| {
        if let Outcome::Failed { seen, .. } = &line.outcome {
            let _ = writeln!(
                std::io::stderr(),
                "failed: {} ({}): {}",
                line.id,
                line.numbers.join(" "),
                seen.escape_debug()
            );
        }
    });
    let report = match told.await {
        Ok(report) => report,
        Err(error) => return Ok(complain(UNREACHABLE, &error.to_string())),
    };
    write(given, &report)?;
    Ok(ExitCode::from(verdict(&report)))
}

/// What was left out because the user did not ask for it is no lack.
fn verdict(report: &Report) -> u8 {
    let counts = report.counts();
    if counts.failed > 0 {
        return FAILED;
    }
    if report.is_incomplete() || counts.passed == 0 { INCOMPLETE } else { 0 }
}

fn write(given: &Given, report: &Report) -> Result<(), Failure> {
    let text = report.write(given.format);
    match &given.output {
        None => {
            let _ = std::io::stdout().write_all(text.as_bytes());
            Ok(())
        }
        Some(path) => {
            let unwritten = |error| Failure::new(Exit::System, format!("the report {path} cannot be written: {error}"));
            std::fs::write(path, &text).map_err(unwritten)?;
            let counts = report.counts();
            let _ = writeln!(
                std::io::stderr(),
                "{} passed, {} failed, {} not run; the report is in {path}",
                counts.passed,
                counts.failed,
                counts.not_run
            );
            Ok(())
        }
    }
}

/// One address of `HOST:PORT`.
fn look_up(text: &str, what: &str) -> Result<SocketAddr, String> {
    let found = text
        .to_socket_addrs()
        .map_err(|error| format!("{what}: {text:?} cannot be looked up as HOST:PORT ({error})"))?;
    let mut found: Vec<SocketAddr> = found.collect();
    // `localhost` may have two addresses, and a proxy under test one.
    found.sort_by_key(|address| !address.is_ipv4());
    found.first().copied().ok_or_else(|| format!("{what}: {text:?} has no address"))
}

impl Given {
    fn read(matches: &ArgMatches) -> Result<Self, String> {
        let flag = |name: &str| matches.get_one::<String>(name);
        let all = |name: &str| matches.get_many::<String>(name).unwrap_or_default();
        let target = flag("target").ok_or("--target is missing")?;
        let (kind, place) = match target.split_once("://") {
            Some(("tcp", place)) => (Kind::Tcp, place),
            Some(("quic", place)) => (Kind::Quic, place),
            _ => return Err(format!("--target: {target:?} is neither quic://HOST:PORT nor tcp://HOST:PORT")),
        };
        let address = look_up(place.trim_end_matches('/'), "--target")?;
        let name = flag("channel").ok_or("--channel is missing")?;
        let channel = ChannelName::new(name).map_err(|error| format!("--channel: {error}"))?;
        let client = flag("client").map(|url| client(url, name)).transpose()?;
        let network_key = match flag("network-key-file") {
            None => NetworkKey::default(),
            Some(path) => settings::read_network_key(Path::new(path)).map_err(|failure| failure.to_string())?.0,
        };
        let format = match flag("format").map_or("text", String::as_str) {
            "text" => Format::Text,
            "junit" => Format::Junit,
            "json" => Format::Json,
            other => return Err(format!("--format: {other:?} is none of text, junit, json")),
        };
        let mut listen = Vec::new();
        if !matches.get_flag("no-dialled") {
            for text in all("listen") {
                listen.push(look_up(text, "--listen")?);
            }
            if listen.is_empty() {
                listen.push((std::net::Ipv4Addr::LOCALHOST, 0).into());
            }
        }
        let time = |name: &str, default: u64| match flag(name) {
            None => Ok(Duration::from_secs(default)),
            Some(text) => Span::read(text).map(Span::get).map_err(|words| format!("--{name}: {words}")),
        };
        let (dial_wait, busy_wait) = (time("dial-wait", 45)?, time("busy-wait", 600)?);
        let only = all("only").flat_map(|text| text.split(',')).map(|word| word.trim().to_owned());
        let only = only.filter(|word| !word.is_empty()).collect();
        let slow = matches.get_flag("slow");
        let options =
            Options { kind, address, channel, network_key, client, listen, dial_wait, only, slow, busy_wait, note };
        Ok(Self { options, format, output: flag("output").cloned() })
    }
}

/// Where clients join; the channel in the URL must be the one of `--channel`.
fn client(url: &str, channel: &str) -> Result<ClientAddress, String> {
    let place = url.strip_prefix("ws://").ok_or_else(|| format!("--client: {url:?} does not begin with ws://"))?;
    let (host, path) = place.split_once('/').unwrap_or((place, channel));
    if path != channel && !path.is_empty() {
        return Err(format!("--client: {path:?} is another channel than --channel {channel:?}"));
    }
    Ok(ClientAddress { address: look_up(host, "--client")?, host: host.to_owned() })
}

fn command() -> Command {
    let flag = |name: &'static str, value: &'static str, help: &'static str| {
        Arg::new(name).long(name).value_name(value).help(help)
    };
    Command::new("nws conformance")
        .bin_name("nws conformance")
        .version(env!("CARGO_PKG_VERSION"))
        .about("Plays a proxy against the proxy under test, and checks the numbered requirements of the documents in spec/.")
        .after_help(
            "The target must run with the settings that the documents have, without discovery, and must hold the channel: a \
             client of its own is in it, or --client says where the runner can join by itself. For the checks in which the \
             target dials, it must be told to dial the addresses of --listen (--peer at nws). With twenty of them a run takes about \
             a minute; with one it takes long, as the target waits longer and longer between its dials. So does another run \
             against the same process, which begins where these waits are longest: some minutes.\n\n\
             A run costs the target some thousands of its guesses. Two runs in a row find enough of them; a later one is \
             told Busy, waits (see --busy-wait) and says for how long. A target that is started anew has all of them.\n\n\
             Exit status: 0 no requirement failed; 1 at least one failed; 2 something on the command line is wrong; 3 the \
             target cannot be reached, or an address to listen on cannot be had; 4 nothing failed, but the target did not \
             dial (see --no-dialled), did not offer the channel or was Busy, or nothing was checked at all. Checks that were not run are in the report, with the reason.",
        )
        .max_term_width(100)
        .arg(flag("target", "URL", "The proxy under test: quic://HOST:PORT or tcp://HOST:PORT.").required(true))
        .arg(flag("channel", "NAME", "A channel that the target holds.").required(true))
        .arg(flag("client", "URL", "Where clients join the target: ws://HOST:PORT/NAME. Without it, what clients see is not checked."))
        .arg(flag("network-key-file", "FILE", "The target's network key."))
        .arg(
            flag("listen", "ADDRESS:PORT", "Where the target dials the runner; may be given several times [default: 127.0.0.1:0].")
                .action(ArgAction::Append),
        )
        .arg(flag("dial-wait", "TIME", "How long to wait for a dial [default: 45s]."))
        .arg(flag("busy-wait", "TIME", "How long to wait, all in all, for guesses that earlier runs have used up [default: 10m]."))
        .arg(Arg::new("no-dialled").long("no-dialled").action(ArgAction::SetTrue).help("Leave out the checks in which the target dials."))
        .arg(Arg::new("slow").long("slow").action(ArgAction::SetTrue).help("Run the checks that take more than a minute too."))
        .arg(
            flag("only", "LIST", "Requirements (L-12), documents (M) or names of checks, with commas between.")
                .action(ArgAction::Append),
        )
        .arg(flag("format", "FORMAT", "text, junit or json [default: text]."))
        .arg(flag("output", "FILE", "Write the report to this file."))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

    use super::*;

    fn given(words: &[&str]) -> Result<Given, String> {
        let all = [&["conformance", "--target", "tcp://127.0.0.1:9", "--channel", "x"], words].concat();
        Given::read(&command().try_get_matches_from(all).map_err(|error| error.to_string())?)
    }

    #[test]
    fn the_words_of_the_command_line_are_read() {
        let plain = given(&[]).unwrap().options;
        assert_eq!((plain.kind, plain.address.port(), plain.listen.len()), (Kind::Tcp, 9, 1));
        assert!(plain.client.is_none() && plain.only.is_empty() && !plain.slow);
        let more = given(&[
            "--client",
            "ws://localhost:9009/x",
            "--only",
            "L-12, M",
            "--only=C-1",
            "--listen",
            "127.0.0.1:1",
            "--listen",
            "127.0.0.1:2",
            "--format",
            "junit",
        ])
        .unwrap();
        assert_eq!(more.options.only, ["L-12", "M", "C-1"]);
        assert_eq!(more.options.listen.len(), 2);
        assert_eq!(more.options.client.unwrap().host, "localhost:9009");
        assert_eq!(more.format, Format::Junit);
        assert!(given(&["--no-dialled", "--listen", "127.0.0.1:1"]).unwrap().options.listen.is_empty());
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (words, expected) in [
            (["--client", "http://localhost:1/x"], "ws://"),
            (["--client", "ws://localhost:1/y"], "another channel"),
            (["--format", "yaml"], "text, junit, json"),
            (["--network-key-file", "/nowhere"], "cannot be read"),
            (["--listen", "nothing"], "HOST:PORT"),
        ] {
            let error = given(&words).err().unwrap();
            assert!(error.contains(expected), "{words:?}: {error}");
        }
    }
}
