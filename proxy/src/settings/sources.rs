//! Where settings come from and which counts: flags beat the environment, the environment beats the
//! file, the file beats the defaults. A list given at one level replaces the list below it.

use super::{
    Settings, TABLE, environment_name,
    file::{self, FileEntry, FileSettings},
    nearest,
};
use crate::{
    beside::Sections,
    exit::{Exit, Failure},
    programs, relay,
};
use clap::{Arg, ArgAction, ArgMatches, Command};
use std::{ffi::OsString, fmt, path::PathBuf};

/// What was given for one setting, and where.
#[derive(Debug, Clone)]
struct Given {
    source: Source,
    values: Vec<String>,
}

#[derive(Debug, Clone)]
enum Source {
    Default,
    File { path: PathBuf, line: usize },
    Environment,
    CommandLine,
}

/// The settings that count, and what else was learnt while reading them.
#[derive(Debug)]
pub(crate) struct Loaded {
    pub(crate) settings: Settings,
    /// The settings of servers that are to run beside the proxy.
    pub(crate) beside: Sections,
    /// `--check` was given: nothing is to be started.
    pub(crate) only_check: bool,
    /// Words about variables of the environment that look like settings and are none.
    pub(crate) warnings: Vec<String>,
}

/// Reads all sources.
///
/// # Errors
/// A clap error for `--help`, `--version` and what clap refuses; a failure for all else.
pub(crate) fn load(
    arguments: impl IntoIterator<Item = OsString>,
    environment: &[(OsString, OsString)],
) -> Result<Loaded, LoadError> {
    let matches = command().try_get_matches_from(arguments)?;
    let from_environment = Environment::read(environment)?;
    let config = match matches.get_one::<String>("config") {
        Some(path) => Some(path.clone()),
        None => from_environment.config.clone(),
    };
    let FileSettings { entries, beside } = match &config {
        Some(path) => file::read(path.as_ref())?,
        None => FileSettings::default(),
    };
    let all: Vec<(&'static str, Given)> = TABLE
        .iter()
        .map(|setting| {
            let given = on_command_line(&matches, setting.name)
                .or_else(|| from_environment.given(setting.name, setting.repeatable))
                .or_else(|| in_file(&entries, config.as_deref(), setting.name))
                .unwrap_or_else(|| Given {
                    source: Source::Default,
                    values: setting.default.iter().map(ToString::to_string).collect(),
                });
            (setting.name, given)
        })
        .collect();
    let given = |name| all.iter().find(|(known, _)| *known == name).map(|(_, given)| given);
    let settings =
        Settings::read(|name| given(name).map_or(&[], |given| given.values.as_slice())).map_err(|(name, words)| {
            match given(name) {
                Some(given) => given.refuse(name, &words),
                None => Failure::new(Exit::Internal, words),
            }
        })?;
    settings.check().map_err(|words| Failure::new(Exit::Config, words))?;
    Ok(Loaded { settings, beside, only_check: matches.get_flag("check"), warnings: from_environment.warnings })
}

/// Why there are no settings.
#[derive(Debug)]
pub(crate) enum LoadError {
    /// Clap has words of its own: help, version, or a flag that it refuses.
    Clap(clap::Error),
    /// All else.
    Failure(Failure),
}

impl From<clap::Error> for LoadError {
    fn from(error: clap::Error) -> Self {
        Self::Clap(error)
    }
}

impl From<Failure> for LoadError {
    fn from(failure: Failure) -> Self {
        Self::Failure(failure)
    }
}

impl Given {
    fn refuse(&self, name: &str, words: &str) -> Failure {
        let exit = if matches!(self.source, Source::File { .. }) { Exit::Config } else { Exit::Usage };
        Failure::new(exit, format!("{}: {words}", Place { source: &self.source, name }))
    }
}

/// A setting as the person who wrote it would look for it.
struct Place<'a> {
    source: &'a Source,
    name: &'a str,
}

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.source {
            Source::Default => write!(f, "{}", self.name),
            Source::File { path, line } => write!(f, "{} line {line}: {}", path.display(), self.name),
            Source::Environment => write!(f, "{} in the environment", environment_name(self.name)),
            Source::CommandLine => write!(f, "--{}", self.name),
        }
    }
}

fn on_command_line(matches: &ArgMatches, name: &str) -> Option<Given> {
    let values: Vec<String> = matches.get_many::<String>(name)?.cloned().collect();
    Some(Given { source: Source::CommandLine, values })
}

fn in_file(entries: &[FileEntry], path: Option<&str>, name: &str) -> Option<Given> {
    let entry = entries.iter().find(|entry| entry.name == name)?;
    let path = PathBuf::from(path.unwrap_or_default());
    Some(Given { source: Source::File { path, line: entry.line }, values: entry.values.clone() })
}

/// What the environment says: variables that begin with `NWS_`.
struct Environment {
    config: Option<String>,
    values: Vec<(&'static str, String)>,
    warnings: Vec<String>,
}

impl Environment {
    fn read(variables: &[(OsString, OsString)]) -> Result<Self, Failure> {
        let known: Vec<(&'static str, String)> = TABLE.iter().map(|s| (s.name, environment_name(s.name))).collect();
        let mut read = Self { config: None, values: Vec::new(), warnings: Vec::new() };
        for (key, value) in variables {
            // The relay beside the proxy reads its secret by itself.
            let ours = |key: &&str| key.starts_with("NWS_") && *key != relay::SECRET;
            let Some(key) = key.to_str().filter(ours) else { continue };
            let setting = known.iter().find(|(_, variable)| variable == key);
            if setting.is_none() && key != "NWS_CONFIG" {
                // Without the beginning that all of them share, which would make any two look alike.
                let bare = |name: &str| name.trim_start_matches("NWS_").to_owned();
                let valid: Vec<String> =
                    known.iter().map(|(_, variable)| bare(variable)).chain(["CONFIG".to_owned()]).collect();
                let near = nearest(&bare(key), valid.iter().map(String::as_str));
                read.warnings.push(format!("{key} in the environment is not a setting; the nearest one is NWS_{near}"));
                continue;
            }
            let Some(value) = value.to_str() else {
                return Err(Failure::new(Exit::Usage, format!("{key} in the environment is not valid UTF-8")));
            };
            match setting {
                Some((name, _)) => read.values.push((name, value.to_owned())),
                None => read.config = Some(value.to_owned()).filter(|path| !path.is_empty()),
            }
        }
        Ok(read)
    }

    /// A list is written with commas. An empty variable is one that was not given.
    fn given(&self, name: &str, repeatable: bool) -> Option<Given> {
        let (_, value) = self.values.iter().find(|(known, value)| *known == name && !value.is_empty())?;
        let values = if repeatable {
            value.split(',').map(str::trim).filter(|one| !one.is_empty()).map(str::to_owned).collect()
        } else {
            vec![value.clone()]
        };
        Some(Given { source: Source::Environment, values })
    }
}

/// The command line, made of the table.
fn command() -> Command {
    let mut command = Command::new("nws")
        .version(env!("CARGO_PKG_VERSION"))
        .about("Network Web Sockets: named, encrypted broadcast channels for the pages, programs and devices of a local network.")
        .long_about(
            "Network Web Sockets: named, encrypted broadcast channels for the pages, programs and devices of a local \
             network. Run it, then open ws://localhost:9009/<channel>: everybody on this network who opens the same \
             name is in the same channel.",
        )
        .max_term_width(100)
        .after_help("`nws --help` says more: settings files, the environment, how times and sizes are written, exit codes.")
        .after_long_help(epilogue());
    for setting in TABLE {
        let mut help: String = setting.help.iter().map(|line| line.trim()).collect::<Vec<_>>().join(" ");
        if setting.repeatable {
            help.push_str(" May be given several times.");
        }
        if !setting.default.is_empty() {
            help.push_str(&format!(" [default: {}]", setting.default.join(", ")));
        }
        let action = if setting.repeatable { ArgAction::Append } else { ArgAction::Set };
        command = command.arg(
            Arg::new(setting.name)
                .long(setting.name)
                .value_name(setting.value)
                .help_heading(setting.heading)
                .help(help)
                .action(action),
        );
    }
    let program = "The program";
    command
        .arg(Arg::new("config").long("config").value_name("PATH").help_heading(program).help("Settings file (TOML)."))
        .arg(
            Arg::new("check")
                .long("check")
                .help_heading(program)
                .action(ArgAction::SetTrue)
                .help("Check all settings, print those that count as TOML, and start nothing."),
        )
}

fn epilogue() -> String {
    let codes: Vec<String> = Exit::TABLE.iter().map(|(code, words)| format!("  {code:>3}  {words}")).collect();
    format!(
        "{}\n\nSettings:\n  A flag beats the environment, the environment beats the file, the file beats the default.\n  \
         --log-format json is NWS_LOG_FORMAT=json in the environment and log-format = \"json\" in the file.\n  \
         Several values: repeat the flag; in the environment a,b; in the file [\"a\", \"b\"].\n\n\
         Times are written 500ms, 30s, 5m, 2h. Sizes are written 512B, 64KiB, 1MiB.\n\n\
         Exit codes:\n{}",
        programs::list(),
        codes.join("\n")
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic, reason = "a test may stop at the first surprise")]
    use super::*;

    fn load_with(arguments: &[&str], environment: &[(&str, &str)]) -> Result<Loaded, LoadError> {
        let environment: Vec<(OsString, OsString)> = environment.iter().map(|(k, v)| (k.into(), v.into())).collect();
        load(["nws"].iter().chain(arguments).map(OsString::from), &environment)
    }

    fn refusal(arguments: &[&str], environment: &[(&str, &str)]) -> Failure {
        match load_with(arguments, environment) {
            Err(LoadError::Failure(failure)) => failure,
            other => panic!("not refused here: {other:?}"),
        }
    }

    #[test]
    fn clap_finds_no_fault_with_the_command() {
        command().debug_assert();
    }

    #[test]
    fn a_flag_beats_the_environment() {
        let loaded = load_with(&["--port", "1"], &[("NWS_PORT", "2"), ("NWS_MAX_CLIENTS", "3")]).unwrap();
        assert_eq!((loaded.settings.port, loaded.settings.max_clients.0), (1, 3));
    }

    #[test]
    fn a_list_replaces_the_one_below() {
        let loaded = load_with(&["--peer", "a:1", "--peer", "b:2"], &[("NWS_PEER", "c:3")]).unwrap();
        assert_eq!(loaded.settings.peer.iter().map(ToString::to_string).collect::<Vec<_>>(), ["a:1", "b:2"]);
        let loaded = load_with(&[], &[("NWS_PEER", "c:3, d:4,")]).unwrap();
        assert_eq!(loaded.settings.peer.len(), 2);
    }

    #[test]
    fn an_empty_variable_is_not_given() {
        let loaded = load_with(&[], &[("NWS_PORT", ""), ("NWS_CONFIG", ""), ("NWS_PEER", "")]).unwrap();
        assert_eq!((loaded.settings.port, loaded.settings.peer.len()), (9009, 0));
    }

    #[test]
    fn a_refusal_names_the_place() {
        let failure = refusal(&["--port", "high"], &[]);
        assert!(failure.exit == Exit::Usage && failure.words.starts_with("--port: \"high\""), "{failure}");
        let failure = refusal(&[], &[("NWS_CLIENT_STALL", "2")]);
        assert!(
            failure.exit == Exit::Usage && failure.words.starts_with("NWS_CLIENT_STALL in the environment"),
            "{failure}"
        );
    }

    #[test]
    fn an_unknown_variable_is_warned_about() {
        let loaded = load_with(&[], &[("NWS_PROT", "1"), ("OTHER", "2"), ("NWS_RELAY_SECRET", "x")]).unwrap();
        assert_eq!(loaded.warnings.len(), 1);
        assert!(
            loaded.warnings.iter().all(|w| w.contains("NWS_PROT") && w.contains("NWS_PORT")),
            "{:?}",
            loaded.warnings
        );
    }

    #[test]
    fn clap_refuses_unknown_flags_and_repetition() {
        for arguments in [&["--prot", "1"][..], &["--port"], &["--port", "1", "--port", "2"], &["extra"]] {
            assert!(matches!(load_with(arguments, &[]), Err(LoadError::Clap(_))), "{arguments:?}");
        }
    }
}
