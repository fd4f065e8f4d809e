//! What the programs beside the proxy do alike: read their words, start the log, read a settings file, and run. What the
//! settings mean is known to each of them.

use crate::{
    exit::{Exit, Failure},
    logging,
    settings::{Filter, LogFormat, Value},
};
use clap::{ArgMatches, Command};
use std::{ffi::OsString, future::Future, path::Path, process::ExitCode};

/// What the words say, the first of which is the program's name.
///
/// # Errors
/// Help or what is wrong was printed; the code to end with, `usage` if something was wrong.
pub(crate) fn parse(command: Command, words: Vec<OsString>, usage: ExitCode) -> Result<ArgMatches, ExitCode> {
    command.try_get_matches_from(words).map_err(|help| {
        let _ = help.print();
        if help.use_stderr() { usage } else { ExitCode::SUCCESS }
    })
}

/// Starts the log as the flags `log` and `log-format` say.
///
/// # Errors
/// With the exit code and what to do.
pub(crate) fn start_log(matches: &ArgMatches) -> Result<(), Failure> {
    let filter = value::<Filter>(matches, "log")?.unwrap_or_else(|| Filter("info".to_owned()));
    logging::start(&filter, value::<LogFormat>(matches, "log-format")?.unwrap_or(LogFormat::Text));
    Ok(())
}

/// The value of a flag, if it was given.
///
/// # Errors
/// With the name of the flag and what is wrong.
pub(crate) fn value<V: Value>(matches: &ArgMatches, name: &str) -> Result<Option<V>, Failure> {
    let Some(text) = matches.get_one::<String>(name) else { return Ok(None) };
    V::read(text).map(Some).map_err(|words| Failure::new(Exit::Usage, format!("--{name}: {words}")))
}

/// A variable of the environment; an empty one is one that was not given.
pub(crate) fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// What a settings file says, if one was named.
///
/// # Errors
/// With its name and what is wrong.
pub(crate) fn file<C: Default, E: std::fmt::Display>(
    matches: &ArgMatches,
    read: impl FnOnce(&str) -> Result<C, E>,
) -> Result<C, Failure> {
    let Some(name) = matches.get_one::<String>("file") else { return Ok(C::default()) };
    let text = std::fs::read_to_string(Path::new(name))
        .map_err(|error| Failure::new(Exit::Input, format!("the settings file {name} cannot be read: {error}")))?;
    read(&text).map_err(|error| Failure::new(Exit::Config, format!("{name}: {error}")))
}

/// Runs on this thread alone: there and back takes less time when no message waits for another thread to wake up, and a message
/// costs less (`tests/benches/README.md`).
///
/// # Errors
/// Those of `work`, and if there is no runtime.
pub(crate) fn on_one_thread(work: impl Future<Output = Result<ExitCode, Failure>>) -> Result<ExitCode, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::new(Exit::System, format!("the threads cannot be had: {error}")))?;
    let end = runtime.block_on(work);
    runtime.shutdown_background();
    end
}
